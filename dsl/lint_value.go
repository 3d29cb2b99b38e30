package dsl

import (
	"fmt"
	"slices"
	"strings"

	"crmsync/dsl/document"
	"crmsync/dsl/expr"
)

// lintValues compares the tables of fields with what the record's schema says
// their values are.
func (b *build) lintValues() {
	for i := range b.program.fields {
		f := &b.program.fields[i]
		n := b.fields[f.name]
		if m := n.Get("map"); f.value != nil && f.listed != nil && !b.inherited(n) {
			b.lintMap(f, m)
		}
	}
}

// lintMap reports values that `map` forgot (CM214) and keys that no record has
// (CM215).
func (b *build) lintMap(f *field, m *document.Node) {
	values := b.values(f.value)
	if values == nil {
		return
	}
	var missing []string
	for _, v := range values {
		if _, ok := f.listed[v]; !ok && f.instead == nil {
			missing = append(missing, v)
		}
	}
	if missing != nil {
		b.wrong = append(b.wrong, diagnose(m, "CM214", key(m), fmt.Sprintf("map does not list %s, which %s may be", quoteAll(missing), f.value.prog.Text()), "list it, or add a default; as it is, such a record goes to the dead-letter queue"))
	}
	for _, n := range m.Items() {
		if slices.Contains(values, n.Key()) {
			continue
		}
		d := diagnose(n, "CM215", key(n), fmt.Sprintf("%s is never %q", f.value.prog.Text(), n.Key()), "values: "+list(values))
		if near := document.Suggest(n.Key(), unlisted(values, f)); near != "" {
			d.Help = fmt.Sprintf("did you mean %q?  %s", near, d.Help)
			d.Fix = &document.Fix{Range: key(n), Text: near}
		}
		b.wrong = append(b.wrong, d)
	}
}

// unlisted returns the values that the field's map doesn't list yet.
func unlisted(values []string, f *field) []string {
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { _, ok := f.listed[v]; return ok })
}

// values returns what an expression may give, by the record's schema; nil where
// that is not known. Only a field that is read as it is tells.
func (b *build) values(s *snippet) []string {
	if f, ok := b.plain(s); ok && f.Type == expr.String {
		return f.Enum
	}
	return nil
}

// plain returns the record's field when the expression does nothing but read it.
func (b *build) plain(s *snippet) (expr.Field, bool) {
	p, ok := strings.CutPrefix(strings.TrimSpace(s.prog.Text()), "record.")
	if !ok {
		return expr.Field{}, false
	}
	return b.record.Field(p)
}

// quoteAll returns the words in quotes, joined by commas.
func quoteAll(words []string) string {
	q := make([]string, len(words))
	for i, w := range words {
		q[i] = fmt.Sprintf("%q", w)
	}
	return strings.Join(q, ", ")
}
