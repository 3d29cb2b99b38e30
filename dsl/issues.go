package dsl

import (
	"strings"

	"crmsync/dsl/document"
	"crmsync/dsl/expr"
)

// maxFixes bounds how many edits are worked out for one file, because each is
// tried on the whole of it. Faults beyond still say what to do.
const maxFixes = 20

// placeIssues turns issues of an expression into diagnostics at their places
// in the file.
func (b *build) placeIssues(n *document.Node, issues []expr.Issue) document.Diagnostics {
	var out document.Diagnostics
	for _, is := range issues {
		d := diagnose(n, is.Code, n.Sub(is.Start, is.End), is.Message, is.Help)
		d.Severity = document.Error
		if is.Warning {
			d.Severity = document.Warning
		}
		if is.Fix != nil {
			d.Fix = b.fix(n, *is.Fix)
		}
		out = append(out, d)
	}
	return out
}

// fix is fixIn for the first faults of a file.
func (b *build) fix(n *document.Node, f expr.Fix) *document.Fix {
	if b.fixes++; b.fixes > maxFixes {
		return nil
	}
	return fixIn(n, f)
}

// fixIn places an edit of an expression in its file. It is nil where the
// scalar's style can't take the text as it is.
func fixIn(n *document.Node, f expr.Fix) *document.Fix {
	text, _ := n.Text()
	runes := []rune(text)
	want := string(runes[:f.Start]) + f.Text + string(runes[f.End:])
	for _, candidate := range [...]string{f.Text, quoted(f.Text, `"`), quoted(f.Text, `'`)} {
		fix := document.Fix{Range: n.Sub(f.Start, f.End), Text: candidate}
		if gives(n, fix, want) {
			return &fix
		}
	}
	return nil
}

// quoted escapes text for a scalar in those quotes.
func quoted(text, quote string) string {
	if quote == `'` {
		return strings.ReplaceAll(text, `'`, `''`)
	}
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text)
}

// gives tells whether the file with the fix reads want at the node's place.
func gives(n *document.Node, fix document.Fix, want string) bool {
	doc, ds := document.Parse(n.Document().File(), ApplyFix(n.Document().Source(), fix), document.DefaultLimits())
	if doc == nil || ds.HasErrors() {
		return false
	}
	got, _ := at(doc.Root(), n).Text()
	return got == want
}

// at returns the node of another document that stands where n does in its own.
func at(root, n *document.Node) *document.Node {
	parent := n.Parent()
	if parent == nil {
		return root
	}
	up := at(root, parent)
	if parent.Kind() == document.Mapping {
		return up.Get(n.Key())
	}
	for i, item := range parent.Items() {
		if items := up.Items(); item == n && i < len(items) {
			return items[i]
		}
	}
	return nil
}

// ApplyFix returns the source with the edit made.
func ApplyFix(src []byte, fix document.Fix) []byte {
	from, to := offset(src, fix.Range.Start), offset(src, fix.Range.End)
	out := append([]byte(nil), src[:from]...)
	return append(append(out, fix.Text...), src[max(from, to):]...)
}

// offset returns the byte offset of a position.
func offset(src []byte, p document.Position) int {
	line, col := 1, 1
	for i, r := range string(src) {
		if line == p.Line && col == p.Column || line > p.Line {
			return i
		}
		if col++; r == '\n' {
			line, col = line+1, 1
		}
	}
	return len(src)
}
