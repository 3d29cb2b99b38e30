package dsl

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"crmsync"
	"crmsync/dsl/document"
	"crmsync/dsl/expr"
)

// What a test's event has where the test says nothing.
const (
	testOrg      = "example"
	testRecordID = "r-1"
	testEventID  = "e-1"
)

func testTime() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// testCase is one test of a mapping.
type testCase struct {
	name   string
	event  crmsync.Event
	link   *crmsync.Link
	node   *document.Node // of the test
	expect *document.Node
}

// casesOf returns the tests of a file that has no errors.
func casesOf(s *source) []testCase {
	var out []testCase
	for _, n := range s.root.Get("tests").Items() {
		c := testCase{name: text(n, "name"), event: testEvent(s.slot, n.Get("event")), node: n, expect: n.Get("expect")}
		if l := n.Get("link"); l.Kind() == document.Mapping {
			deleted, _ := l.Get("deleted").Value().(bool)
			c.link = &crmsync.Link{
				LinkKey:    crmsync.LinkKey{Key: c.event.Key},
				ExternalID: text(l, "external_id"), Deleted: deleted,
			}
		}
		out = append(out, c)
	}
	return out
}

// testEvent returns the event that a test describes.
func testEvent(at slot, n *document.Node) crmsync.Event {
	ev := crmsync.Event{
		ID:         orElse(text(n, "event_id"), testEventID),
		Key:        crmsync.RecordKey{Org: orElse(text(n, "org_id"), at.org), Type: at.record, ID: orElse(text(n, "record_id"), testRecordID)},
		Version:    1,
		OccurredAt: testTime(),
	}
	if ev.Key.Org == Global {
		ev.Key.Org = testOrg
	}
	ev.Op, _ = crmsync.ParseOp(orElse(text(n, "op"), crmsync.Upserted.String()))
	if v, ok := n.Get("version").Value().(int64); ok {
		ev.Version = v
	}
	if t, err := time.Parse(time.RFC3339, text(n, "occurred_at")); err == nil {
		ev.OccurredAt = t
	}
	for _, c := range n.Get("changed").Items() {
		name, _ := c.Text()
		ev.Changed = append(ev.Changed, name)
	}
	if r := n.Get("record"); r.Kind() == document.Mapping {
		ev.Data = marshal(r.Value())
	}
	return ev
}

// orElse returns s, or other if s is empty.
func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// checkTests reports what is wrong with the files of tests.
func (l *loader) checkTests() {
	for at, s := range l.tests {
		if s.root == nil {
			continue
		}
		if l.maps[at] == nil {
			n := s.root.Get("tests")
			s.wrong = append(s.wrong, diagnose(n, "CM501", key(n), "there is no "+at.record+".yaml beside this file", "rename the file after the mapping it tests"))
			continue
		}
		seen := map[string]bool{}
		for _, n := range s.root.Get("tests").Items() {
			name := text(n, "name")
			if seen[name] && name != "" {
				at := n.Get("name")
				s.wrong = append(s.wrong, diagnose(at, "CM502", at.Range(), fmt.Sprintf("another test of this file is called %q", name), "say what is different"))
			}
			seen[name] = true
			s.checkRecord(l.records[at.record], n.Get("event").Get("record"))
		}
	}
	l.requireTests()
}

// maxUnknown bounds what is told of the fields of one record.
const maxUnknown = 100

// checkRecord reports fields that no record of the type has.
func (s *source) checkRecord(schema *expr.Schema, record *document.Node) {
	if schema == nil || schema.Open() {
		return
	}
	var names []string
	for _, f := range schema.Fields() {
		names = append(names, f.Name)
	}
	unknown := 0
	for _, n := range record.Items() {
		if _, ok := schema.Field(n.Key()); ok || n.Key() == "" {
			continue
		}
		if unknown++; unknown > maxUnknown {
			return
		}
		d := diagnose(n, "CM503", key(n), fmt.Sprintf("%s has no field %q", schema.Name(), n.Key()), "fields: "+list(names))
		if near := document.Suggest(n.Key(), names); near != "" {
			d.Help = fmt.Sprintf("did you mean %q?  %s", near, d.Help)
			d.Fix = &document.Fix{Range: key(n), Text: near}
		}
		s.wrong = append(s.wrong, d)
	}
}

// requireTests reports mappings without tests, if that was asked for.
func (l *loader) requireTests() {
	if !l.RequireTests {
		return
	}
	for at, s := range l.maps {
		if l.tests[at] == nil && s.root != nil {
			n := s.root.Get("version")
			s.wrong = append(s.wrong, diagnose(n, "CM403", key(n), "this mapping has no tests", fmt.Sprintf("write %s/%s/%s/%s_test.yaml", l.Dir, at.org, at.provider, at.record)))
		}
	}
}

// Difference is one thing that came out otherwise than expected.
type Difference struct {
	Path      string // "operation", "fields.country", "error.code"
	Want, Got string // as JSON; empty: nothing
}

// got is what a mapping made of a test's event.
type got struct {
	call      crmsync.Call
	operation crmsync.Operation
	object    string
	ok        bool
	fault     *crmsync.Fault
	fields    map[string]json.RawMessage
}

// compare returns how the result differs from what the test expects.
func (c testCase) compare(g got) []Difference {
	if want := c.expect.Get("error"); want.Kind() == document.Mapping {
		return g.compareError(want)
	}
	if text(c.expect, "outcome") != "" {
		if g.fault == nil && !g.ok {
			return nil
		}
		return []Difference{{"outcome", `"filtered"`, g.ending()}}
	}
	if g.fault != nil || !g.ok {
		return []Difference{{"operation", quotedOr(text(c.expect, "operation"), "a call"), g.ending()}}
	}
	return g.compareCall(c.expect)
}

// quotedOr returns s as JSON, or other if s is empty.
func quotedOr(s, other string) string {
	if s == "" {
		return other
	}
	return string(jsonString(s))
}

// ending returns in a word or two how the event ended.
func (g got) ending() string {
	switch {
	case g.fault != nil:
		at := ""
		if g.fault.Field != "" {
			at = " of " + g.fault.Field
		}
		return fmt.Sprintf("error %s%s: %s", g.fault.Code, at, g.fault.Message)
	case !g.ok:
		return `"filtered"`
	default:
		return fmt.Sprintf("a call: %s %s", g.operation, g.object)
	}
}

// compareError compares a fault with what is expected of it.
func (g got) compareError(want *document.Node) []Difference {
	if g.fault == nil {
		return []Difference{{"error.code", string(jsonString(text(want, "code"))), g.ending()}}
	}
	var out []Difference
	for _, p := range []struct{ name, got string }{{"code", g.fault.Code}, {"field", g.fault.Field}} {
		if w := text(want, p.name); w != "" && w != p.got {
			out = append(out, Difference{"error." + p.name, string(jsonString(w)), string(jsonString(p.got))})
		}
	}
	if w := text(want, "message"); !strings.Contains(g.fault.Message, w) {
		out = append(out, Difference{"error.message", string(jsonString(w)), string(jsonString(g.fault.Message))})
	}
	return out
}

// compareCall compares a call with what is expected of it.
func (g got) compareCall(want *document.Node) []Difference {
	var out []Difference
	for _, p := range []struct {
		path, got string
		want      *document.Node
	}{
		{"operation", g.operation.String(), want.Get("operation")},
		{"object", g.object, want.Get("object")},
		{"external_id", g.call.ExternalID, want.Get("external_id")},
		{"match.field", g.call.Match.Field, want.Get("match").Get("field")},
		{"match.value", g.call.Match.Value, want.Get("match").Get("value")},
	} {
		if w, ok := p.want.Text(); ok && w != p.got {
			out = append(out, Difference{p.path, string(jsonString(w)), string(jsonString(p.got))})
		}
	}
	return append(out, g.compareFields(want)...)
}

// compareFields compares the fields of a call.
func (g got) compareFields(want *document.Node) []Difference {
	var out []Difference
	exact := want.Get("fields")
	for _, list := range []*document.Node{exact, want.Get("fields_include")} {
		for _, n := range list.Items() {
			w, js := marshal(n.Value()), g.fields[n.Key()]
			if !equalJSON(w, js) {
				out = append(out, Difference{"fields." + n.Key(), string(w), string(js)})
			}
		}
	}
	for name, js := range g.fields {
		unwanted := slices.ContainsFunc(want.Get("fields_omit").Items(), func(n *document.Node) bool { t, _ := n.Text(); return t == name })
		if unwanted || exact.Kind() == document.Mapping && exact.Get(name).Kind() == document.Invalid {
			out = append(out, Difference{"fields." + name, "", string(js)})
		}
	}
	slices.SortFunc(out, func(a, b Difference) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// equalJSON tells whether two texts hold the same JSON value; numbers are
// compared by value.
func equalJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	return string(marshal(x)) == string(marshal(y))
}
