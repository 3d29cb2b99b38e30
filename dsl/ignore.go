package dsl

import (
	"fmt"
	"regexp"
	"strings"

	"crmsync/dsl/document"
)

// ignoreComment is how a file says that a diagnostic is meant to be so:
// `# crmsync:ignore CM211 the ERP never sends null`, above what it is about.
var ignoreComment = regexp.MustCompile(`^\s*#\s*crmsync:ignore\b\s*(CM\d{3})?\s*(.*?)\s*$`)

// ignore is one such comment.
type ignore struct {
	at        document.Range
	code      string
	reason    string
	from, end int // the lines it speaks for
	used      bool
}

// annotated returns what is wrong with a file, without what it says to ignore,
// and with what is known of the mapping as a whole.
func (l *loader) annotated(s *source) document.Diagnostics {
	ignores := ignoresOf(s)
	var out document.Diagnostics
	for _, d := range s.wrong {
		if !ignored(ignores, d) {
			out = append(out, d)
		}
	}
	for _, ig := range ignores {
		if d, ok := ig.complaint(s); ok {
			out = append(out, d)
		}
	}
	users := l.users(s)
	for i := range out {
		out[i].Org, out[i].Provider, out[i].Object = s.slot.org, s.slot.provider, s.slot.record
		if users > 0 && s.kind == mappingFile {
			out[i].Notes = append(out[i].Notes, fmt.Sprintf("fallback mapping: used by %s", count(users, "org")))
		}
	}
	return out
}

// count returns "1 org" or "3 orgs".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// users returns how many orgs a fallback mapping serves as it is.
func (l *loader) users(s *source) int {
	if s.slot.org != Global {
		return 0
	}
	n := 0
	for org := range l.orgs {
		for _, p := range l.providersOf(org) {
			if first, ok := l.first(slot{org, p, s.slot.record}); ok && first == s.slot {
				n++
				break
			}
		}
	}
	return n
}

// first returns the place of the mapping that serves the slot.
func (l *loader) first(at slot) (slot, bool) {
	for _, c := range at.candidates() {
		if l.maps[c] != nil {
			return c, true
		}
	}
	return slot{}, false
}

// ignorable tells whether a rule may be switched off at a place: one that only
// warns, or one that compares with a catalogue, which may be out of date.
func ignorable(r Rule) bool {
	return r.Severity == document.Warning || strings.HasPrefix(r.ID, "CM3")
}

// ignored tells whether a comment says to ignore the diagnostic.
func ignored(ignores []*ignore, d document.Diagnostic) bool {
	for _, ig := range ignores {
		line := d.Range.Start.Line
		if ig.code == d.Code && ig.reason != "" && ig.from <= line && line <= ig.end && (d.Severity == document.Warning || ignorable(ruleByID[d.Code])) {
			ig.used = true
			return true
		}
	}
	return false
}

// complaint returns what is wrong with the comment itself.
func (ig *ignore) complaint(s *source) (document.Diagnostic, bool) {
	rule, known := ruleByID[ig.code]
	var message, help string
	switch {
	case ig.code == "":
		message, help = "this does not say what to ignore", "write: # crmsync:ignore CM211 and the reason"
	case !known:
		message, help = "there is no rule "+ig.code, "see: crmsync mappings rules"
	case ig.used:
		return document.Diagnostic{}, false
	case !ignorable(rule) && !mayWarn(ig.code):
		message, help = fmt.Sprintf("%s %s can't be ignored: the mapping does not work with it", ig.code, rule.Slug), "mend what it reports"
	case ig.reason == "":
		message, help = "this gives no reason", fmt.Sprintf("write: # crmsync:ignore %s and why it is right here", ig.code)
	default:
		message, help = fmt.Sprintf("there is no %s %s here to ignore", ig.code, rule.Slug), "take the comment out"
	}
	return diagnose(s.root, "CM404", ig.at, message, help), true
}

// mayWarn tells that a rule that mostly reports errors warns in some cases.
func mayWarn(code string) bool { return code == "CM210" }

// ignoresOf returns the comments of a file, each with the lines it speaks for:
// those of what stands below it.
func ignoresOf(s *source) []*ignore {
	if s.root == nil || !strings.Contains(string(s.doc.Source()), "crmsync:ignore") {
		return nil
	}
	lines := strings.Split(string(s.doc.Source()), "\n")
	text := textLines(s.root)
	var out []*ignore
	for i, line := range lines {
		m := ignoreComment.FindStringSubmatch(line)
		if m == nil || text[i+1] {
			continue
		}
		indent := len(line) - len(strings.TrimLeft(line, " "))
		ig := &ignore{code: m[1], reason: m[2], from: i + 2}
		ig.at.Start = document.Position{Line: i + 1, Column: indent + 1}
		ig.at.End = document.Position{Line: i + 1, Column: len([]rune(strings.TrimRight(line, " \r"))) + 1}
		for ig.from <= len(lines) && isComment(lines[ig.from-1]) {
			ig.from++
		}
		ig.end = lastLine(s.root, ig.from)
		out = append(out, ig)
	}
	return out
}

// isComment tells whether a line holds nothing or a comment alone.
func isComment(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || strings.HasPrefix(line, "#")
}

// textLines returns the lines inside of scalars that span several.
func textLines(root *document.Node) map[int]bool {
	lines := map[int]bool{}
	walk(root, func(n *document.Node) {
		for l := n.Range().Start.Line + 1; l <= n.Range().End.Line; l++ {
			lines[l] = true
		}
	})
	return lines
}

// lastLine returns the last line of the largest node whose key stands in the
// given line, or that line.
func lastLine(n *document.Node, line int) int {
	last := line
	if n.Parent() != nil && n.KeyRange().Start.Line == line {
		last = max(last, endLine(n))
	}
	if k := n.Kind(); k == document.Mapping || k == document.List {
		for _, item := range n.Items() {
			last = max(last, lastLine(item, line))
		}
	}
	return last
}

// endLine returns the last line that the node's text reaches.
func endLine(n *document.Node) int {
	end := n.Range().End
	if end.Column == 1 && end.Line > n.Range().Start.Line {
		return end.Line - 1 // a block scalar ends where the next line starts
	}
	return end.Line
}
