package dsl

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"crmsync/dsl/document"
)

// secretForms are how the secrets look that people paste into a file by mistake.
var secretForms = []struct {
	what string
	form *regexp.Regexp
}{
	{"a HubSpot token", regexp.MustCompile(`\bpat-(na|eu|ap)\d-[0-9a-f-]{20,}`)},
	{"a private key", regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY`)},
	{"a signed token (JWT)", regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.`)},
	{"an AWS access key", regexp.MustCompile(`\b(AKIA|ASIA)[0-9A-Z]{16}\b`)},
	{"a GitHub token", regexp.MustCompile(`\b(ghp|gho|ghs|github_pat)_[A-Za-z0-9_]{20,}`)},
	{"a Slack token", regexp.MustCompile(`\bxox[abpr]-[A-Za-z0-9-]{10,}`)},
	{"a Stripe key", regexp.MustCompile(`\b[sr]k_(live|test)_[A-Za-z0-9]{16,}`)},
	{"a Salesforce session", regexp.MustCompile(`\b00D[A-Za-z0-9]{12,15}![A-Za-z0-9._]{20,}`)},
	{"an authorization header", regexp.MustCompile(`(?i)\b(bearer|basic) +[A-Za-z0-9+/_.=-]{16,}`)},
	{"a URL with a password", regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s@]+@`)},
}

// address is how a URL begins. None may stand in org.yaml: an org must not be
// able to send its token, or anybody's, to a place of its choice.
var address = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://|^//`)

// secretKeys are the names under which people keep secrets.
var secretKeys = []string{
	"password", "passwd", "secret", "token", "api_key", "apikey", "access_key", "access_token", "refresh_token",
	"private_key", "client_secret", "authorization",
}

// addressKeys are the names under which people write addresses.
var addressKeys = []string{"url", "base_url", "host", "endpoint", "instance_url", "api_url", "domain"}

const (
	secretHelp  = "take it out, make it invalid at the CRM, and keep its successor with: crmsync credentials set"
	addressHelp = "take it out: the provider's description knows where its API is"
)

// secrets reports secrets, and in org.yaml addresses too. Messages never hold
// the text that was found.
func (s *source) secrets() {
	if s.root == nil {
		return
	}
	var found document.Diagnostics
	walk(s.root, func(n *document.Node) {
		if what, help := s.suspect(n); what != "" {
			found = append(found, diagnose(n, "CM405", n.Range(), what, help))
		}
	})
	for _, d := range found { // one mistake, one diagnostic
		s.wrong = slices.DeleteFunc(s.wrong, func(o document.Diagnostic) bool { return o.Pointer == d.Pointer })
	}
	s.wrong = append(s.wrong, found...)
}

// suspect returns what is wrong with a node's presence in the file, "" if
// nothing is.
func (s *source) suspect(n *document.Node) (what, help string) {
	value, ok := n.Scalar()
	if !ok || n.Kind() == document.Null || n.Kind() == document.Boolean {
		return "", ""
	}
	for _, f := range secretForms {
		if f.form.MatchString(value) {
			return "this looks like " + f.what, secretHelp
		}
	}
	name := strings.ToLower(n.Key())
	constant := s.kind == orgFile || strings.HasPrefix(n.Pointer(), "/vars/")
	if constant && slices.Contains(secretKeys, name) {
		return fmt.Sprintf("%q is the name of a secret", n.Key()), secretHelp
	}
	if s.kind == orgFile && (slices.Contains(addressKeys, name) || address.MatchString(value)) {
		return "an address does not belong here", addressHelp
	}
	if constant && random(value) {
		return "this looks like a secret: long and random", secretHelp
	}
	return "", ""
}

// random tells whether a text is one word of 32 or more characters in which
// small letters, capitals and digits are mixed, as no name is.
func random(s string) bool {
	if len(s) < 32 {
		return false
	}
	var kinds [3]bool
	changes, last := 0, -1
	for _, r := range s {
		kind := 0
		switch {
		case unicode.IsSpace(r):
			return false
		case unicode.IsDigit(r):
			kind = 1
		case unicode.IsUpper(r):
			kind = 2
		}
		kinds[kind] = true
		if kind != last {
			changes, last = changes+1, kind
		}
	}
	return kinds[0] && kinds[1] && kinds[2] && changes > len(s)/4
}

// walk calls do for each scalar below n.
func walk(n *document.Node, do func(*document.Node)) {
	if k := n.Kind(); k == document.Mapping || k == document.List {
		for _, item := range n.Items() {
			walk(item, do)
		}
		return
	}
	do(n)
}
