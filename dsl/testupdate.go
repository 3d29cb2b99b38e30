package dsl

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"crmsync"
	"crmsync/dsl/document"
)

// Update is a test file with its expectations rewritten.
type Update struct {
	File    string // as messages call it
	Path    string // below the mappings folder
	Source  []byte // the whole file
	Changed int    // tests
}

// UpdateTests returns the files whose tests don't pass, with what they expect
// replaced by what the mappings make. The rest of each file stays as it is,
// comments too, but for those inside an expectation that has to be written
// anew. Nothing is written to disk.
func (s *Set) UpdateTests(names ...string) ([]Update, error) {
	files, err := s.selected(names)
	if err != nil {
		return nil, err
	}
	var out []Update
	for _, f := range files {
		u := Update{File: f.name, Path: f.path, Source: f.doc.Source()}
		cases := s.cases(f)
		for _, c := range slices.Backward(cases) { // from the end, so that places above stay true
			g := s.programs[f.slot].result(c, nil)
			if len(c.compare(g)) == 0 {
				continue
			}
			if u.Source, err = rewrite(u.Source, c, g); err != nil {
				return nil, fmt.Errorf("%s:%s: update test %q: %w", f.name, c.node.Range().Start, c.name, err)
			}
			u.Changed++
		}
		if u.Changed > 0 {
			out = append(out, u)
		}
	}
	return out, nil
}

// rewrite returns the source in which the test expects the result.
func rewrite(src []byte, c testCase, g got) ([]byte, error) {
	if fixed, ok := rewriteValues(src, c, g); ok {
		return fixed, nil
	}
	fix := document.Fix{Range: c.expect.Range(), Text: expectation(c, g)}
	fixed := ApplyFix(src, fix)
	if len(recheck(fixed, c, g)) != 0 {
		return nil, fmt.Errorf("the file's layout is too unusual: write the expectation by hand")
	}
	return fixed, nil
}

// rewriteValues replaces only the values that differ, which keeps layout and
// comments. ok is false where that is not enough.
func rewriteValues(src []byte, c testCase, g got) (fixed []byte, ok bool) {
	type edit struct {
		at   document.Range
		text string
	}
	var edits []edit
	for _, d := range c.compare(g) {
		name, isField := strings.CutPrefix(d.Path, "fields.")
		n := c.expect.Get("fields").Get(name)
		if n.Kind() == document.Invalid {
			n = c.expect.Get("fields_include").Get(name)
		}
		if !isField || d.Want == "" || d.Got == "" || n.Kind() == document.Invalid || n.Kind() == document.Mapping || n.Kind() == document.List {
			return nil, false
		}
		edits = append(edits, edit{n.Range(), flowJSON([]byte(d.Got))})
	}
	slices.SortFunc(edits, func(a, b edit) int { return b.at.Start.Compare(a.at.Start) })
	fixed = src
	for _, e := range edits {
		fixed = ApplyFix(fixed, document.Fix{Range: e.at, Text: e.text})
	}
	return fixed, len(recheck(fixed, c, g)) == 0
}

// recheck compares the result with what the changed source expects.
func recheck(src []byte, c testCase, g got) []Difference {
	doc, ds := document.Parse("", src, document.DefaultLimits())
	if doc == nil || ds.HasErrors() {
		return []Difference{{Path: "syntax"}}
	}
	n := at(doc.Root(), c.expect)
	if n.Kind() != document.Mapping {
		return []Difference{{Path: "expect"}}
	}
	return testCase{expect: n}.compare(g)
}

// expectation returns the text of an `expect` that the result meets, in the
// layout of the one it replaces.
func expectation(c testCase, g got) string {
	parts := expected(c, g)
	if strings.HasPrefix(source1(c.expect), "{") {
		return flow(parts)
	}
	indent := strings.Repeat(" ", c.expect.Range().Start.Column-1)
	return block(parts, indent)
}

// source1 returns the first character of the node's text.
func source1(n *document.Node) string {
	src := n.Document().Source()
	from := offset(src, n.Range().Start)
	return string(src[from:min(len(src), from+1)])
}

// part is one key of an expectation: a JSON value, or parts below it.
type part struct {
	key   string
	json  []byte
	parts []part
}

// expected returns the parts of an expectation that the result meets. Of a call
// it says what the old one said, and the fields.
func expected(c testCase, g got) []part {
	switch {
	case g.fault != nil:
		p := part{key: "error", parts: []part{{key: "code", json: jsonString(g.fault.Code)}}}
		if g.fault.Field != "" {
			p.parts = append(p.parts, part{key: "field", json: jsonString(g.fault.Field)})
		}
		return []part{p}
	case !g.ok:
		return []part{{key: "outcome", json: jsonString(crmsync.Filtered.String())}}
	}
	has := func(key string) bool { return c.expect.Get(key).Kind() != document.Invalid }
	fresh := has("outcome") || has("error")
	var out []part
	if has("operation") || fresh {
		out = append(out, part{key: "operation", json: jsonString(g.operation.String())})
	}
	if has("object") {
		out = append(out, part{key: "object", json: jsonString(g.object)})
	}
	if g.call.ExternalID != "" && (has("external_id") || fresh) {
		out = append(out, part{key: "external_id", json: jsonString(g.call.ExternalID)})
	}
	if g.call.Match.Field != "" && (has("match") || fresh) {
		out = append(out, part{key: "match", parts: []part{
			{key: "field", json: jsonString(g.call.Match.Field)}, {key: "value", json: jsonString(g.call.Match.Value)},
		}})
	}
	return append(out, expectedFields(c.expect, g, fresh)...)
}

// expectedFields returns the keys of an expectation that speak of fields.
func expectedFields(old *document.Node, g got, fresh bool) []part {
	include := old.Get("fields_include")
	omit := old.Get("fields_omit")
	if include.Kind() == document.Invalid && omit.Kind() == document.Invalid {
		if g.call.Fields == nil || !fresh && old.Get("fields").Kind() == document.Invalid {
			return nil
		}
		return []part{fieldsPart("fields", g.fields, slices.Sorted(maps.Keys(g.fields)))}
	}
	var out []part
	var names []string
	for _, name := range include.Keys() {
		if g.fields[name] != nil {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		out = append(out, fieldsPart("fields_include", g.fields, names))
	}
	var gone []string
	for _, n := range omit.Items() {
		if name, _ := n.Text(); g.fields[name] == nil {
			gone = append(gone, name)
		}
	}
	for _, name := range include.Keys() {
		if g.fields[name] == nil {
			gone = append(gone, name)
		}
	}
	if len(gone) > 0 {
		out = append(out, part{key: "fields_omit", json: marshal(gone)})
	}
	return out
}

// fieldsPart returns the values of those fields below a key.
func fieldsPart(key string, values map[string]json.RawMessage, names []string) part {
	p := part{key: key, parts: []part{}}
	for _, name := range names {
		p.parts = append(p.parts, part{key: name, json: values[name]})
	}
	return p
}

// flow writes parts as {a: 1, b: {c: 2}}.
func flow(parts []part) string {
	texts := make([]string, len(parts))
	for i, p := range parts {
		value := flowJSON(p.json)
		if p.parts != nil {
			value = flow(p.parts)
		}
		texts[i] = word(p.key) + ": " + value
	}
	return "{" + strings.Join(texts, ", ") + "}"
}

// block writes parts one a line; the first line is where the text goes and has
// no indent.
func block(parts []part, indent string) string {
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			b.WriteString("\n" + indent)
		}
		b.WriteString(word(p.key) + ":")
		switch {
		case len(p.parts) > 0 && strings.HasPrefix(p.key, "fields"):
			b.WriteString("\n" + indent + "  " + block(p.parts, indent+"  "))
		case p.parts != nil:
			b.WriteString(" " + flow(p.parts))
		default:
			b.WriteString(" " + flowJSON(p.json))
		}
	}
	return b.String()
}

// bare is text that YAML reads as text without quotes, also in a flow.
var bare = regexp.MustCompile(`^[A-Za-z_]([A-Za-z0-9_ .@/+-]*[A-Za-z0-9_.@/+-])?$`)

// notText are words that YAML, or an older reader of it, takes for something
// else than text.
var notText = []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n", ".inf", ".nan"}

// word returns text as YAML, in quotes only where it needs them.
func word(s string) string {
	if bare.MatchString(s) && !slices.Contains(notText, strings.ToLower(s)) {
		return s
	}
	return string(jsonString(s))
}

// flowJSON returns a JSON value as YAML.
func flowJSON(js []byte) string {
	var s string
	if json.Unmarshal(js, &s) == nil && len(js) > 0 && js[0] == '"' {
		return word(s)
	}
	return string(js)
}
