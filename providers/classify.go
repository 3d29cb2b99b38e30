package providers

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"crmsync"
	"crmsync/dsl/expr"
)

// Bounds of what is taken over from an answer.
const (
	codeMax    = 64
	fieldMax   = 256
	idMax      = 512
	messageMax = 2000
)

// rule says what one kind of failure asks of the caller.
type rule struct {
	when       *expr.Program
	kind       crmsync.Kind
	gone       bool // already_gone, in place of kind
	code       string
	existingID []selector
	after      time.Duration
	midnight   bool // until: midnight_utc
	atMost     time.Duration
}

// errorPaths say where a failure keeps what.
type errorPaths struct{ code, message, field []selector }

// fault says what the failure in the view asks of the caller; nil when what was
// asked for is so already. item tells that an entry of the answer failed, and
// not the request.
func (p *Provider) fault(v *view, item bool) *crmsync.Fault {
	v.code, v.message = "", ""
	v.message = firstText(p.errors.message, v, messageMax)
	v.code = word(firstText(p.errors.code, v, codeMax))
	f := &crmsync.Fault{Code: v.code, Message: v.message, Field: firstText(p.errors.field, v, fieldMax)}
	r := p.match(v)
	if r != nil && r.gone {
		return nil
	}
	if r != nil {
		p.follow(r, v, f)
	} else {
		f.Kind = kindOf(v.status, item, v.operation)
	}
	if f.Code == v.code && repeats(v.sent, f.Code) {
		f.Code = "" // a CRM that puts a word of the record there: a datum is no code
	}
	if f.Code == "" {
		f.Code = fmt.Sprintf("http_%d", v.status)
	}
	f.Kind = settled(f.Kind, v.operation)
	f.After = p.after(v, r, f.Kind)
	return f
}

// match returns the first rule that holds, nil if none does.
func (p *Provider) match(v *view) *rule {
	for i := range p.rules {
		if p.rules[i].holds(v) {
			return &p.rules[i]
		}
	}
	return nil
}

func (r *rule) holds(v *view) bool {
	b, _ := v.eval(r.when).Bool()
	return b
}

// follow fills in what a rule says.
func (p *Provider) follow(r *rule, v *view, f *crmsync.Fault) {
	f.Kind = r.kind
	if r.code != "" {
		f.Code = r.code
	}
	if r.kind == crmsync.Conflict {
		f.ExistingID = firstText(r.existingID, v, idMax)
	}
}

// settled corrects a kind by what the operation can do: one that changes
// nothing leaves nothing uncertain.
func settled(k crmsync.Kind, op crmsync.Operation) crmsync.Kind {
	if k == crmsync.Ambiguous && op == crmsync.Find {
		return crmsync.Transient
	}
	return k
}

// kindOf is the table below the rules. item tells that the status is that of an
// answer which reports on the calls one by one: a failed one of those did not
// happen, and only the CRM's own words could say more.
//
// A 5xx is uncertain, 503 too: proxies send it as well when they lost the CRM in
// the middle of a request. A provider's file knows which of its own are not.
func kindOf(status int, item bool, op crmsync.Operation) crmsync.Kind {
	if item && status < 300 {
		return crmsync.Rejected
	}
	switch status {
	case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden, http.StatusProxyAuthRequired:
		return crmsync.Denied
	case http.StatusNotFound, http.StatusGone:
		if op == crmsync.Upsert || op == crmsync.Create {
			return crmsync.Rejected
		}
		return crmsync.Missing
	case http.StatusConflict, http.StatusPreconditionFailed:
		return crmsync.Conflict
	case http.StatusRequestTimeout, http.StatusLocked, http.StatusTooEarly:
		return crmsync.Transient
	case http.StatusTooManyRequests:
		return crmsync.Throttled
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return crmsync.Rejected
	}
	switch {
	case status >= http.StatusMovedPermanently && status <= http.StatusSeeOther:
		return crmsync.Ambiguous // not followed; but many a server acts first and then sends one elsewhere
	case status >= 300 && status < 400: // it asks to do the same elsewhere, so nothing was done
		return crmsync.Transient
	case status >= 400 && status < 500:
		return crmsync.Rejected
	}
	return crmsync.Ambiguous
}

// blames tells whether a fault of that kind may be the fault of one call, so
// that the request could pass without it.
func blames(k crmsync.Kind) bool {
	switch k {
	case crmsync.Internal, crmsync.Rejected, crmsync.Missing, crmsync.Conflict, crmsync.Dependency:
		return true
	default:
		return false
	}
}

// repeats says whether a call that was sent has the code as a word, in capitals
// or not.
func repeats(sent []crmsync.Call, code string) bool {
	word := []byte(code)
	return slices.ContainsFunc(sent, func(c crmsync.Call) bool {
		return hasWord(c.Fields, word) || hasWord([]byte(c.Match.Value), word) || hasWord([]byte(c.Key.ID), word)
	})
}

// hasWord looks for a word of ASCII letters without lowering the text first.
func hasWord(text, word []byte) bool {
	if len(word) == 0 {
		return false
	}
	first := word[0] | 0x20
	inside := func(c byte) bool { return inWord(c) || c >= 0x80 } // a letter of another alphabet, most likely
	for i := 0; i+len(word) <= len(text); i++ {
		if text[i]|0x20 != first || i > 0 && inside(text[i-1]) {
			continue
		}
		end := i + len(word)
		if (end == len(text) || !inside(text[end])) && bytes.EqualFold(text[i:end], word) {
			return true
		}
	}
	return false
}

// inWord says whether a code can have that character.
func inWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.'
}

// word returns s if it can be a fault's code, else "". Codes go into metrics:
// they must not hold a datum.
func word(s string) string {
	for i := range len(s) {
		if !inWord(s[i]) {
			return ""
		}
	}
	return s
}

// tellingPart is how much of a secret's beginning is no longer taken for chance.
const tellingPart = 4

// scrub takes a secret out of all texts of a fault: some CRMs repeat what they
// were sent. A text that was cut may end in the middle of it.
func scrub(f *crmsync.Fault, secret string) {
	if secret == "" {
		return
	}
	for _, text := range []*string{&f.Code, &f.Message, &f.Field, &f.ExistingID} {
		if strings.Contains(*text, secret) {
			*text = strings.ReplaceAll(*text, secret, crmsync.Secret{}.String())
		}
		for n := min(len(secret)-1, len(*text)); n >= tellingPart; n-- {
			if rest, cut := strings.CutSuffix(*text, secret[:n]); cut {
				*text = rest + crmsync.Secret{}.String()
				break
			}
		}
	}
}
