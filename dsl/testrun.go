package dsl

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"crmsync"
)

// TestResult is how one test of a mapping ended.
type TestResult struct {
	File        string // of the test, as messages call it
	Line        int    // where the test begins
	Name        string
	Passed      bool
	Differences []Difference // sorted by path
	Because     []FieldTrace // how the fields that differ came about
}

// Coverage is what tests exercised of the mappings they are for.
type Coverage struct {
	Fields, FieldsHit     int      // of the mappings' own; inherited ones count where they stand
	Branches, BranchesHit int      // entries and defaults of map, both ways of when
	Missed                []string // "file:line:col: what", sorted
}

// TestReport is the result of a run, in the order of the files.
type TestReport struct {
	Results  []TestResult
	Coverage Coverage
}

// Failed returns how many tests did not pass.
func (r *TestReport) Failed() int {
	n := 0
	for i := range r.Results {
		if !r.Results[i].Passed {
			n++
		}
	}
	return n
}

// RunTests runs the tests in the given files and folders, which are named as
// messages name them; without any it runs all. The set must have been loaded
// with Options.Tests. It fails when a name stands for no tests.
func (s *Set) RunTests(names ...string) (*TestReport, error) {
	files, err := s.selected(names)
	if err != nil {
		return nil, err
	}
	report := &TestReport{}
	seen := newCoverage()
	for _, f := range files {
		p := s.programs[f.slot]
		seen.add(p)
		for _, c := range s.cases(f) {
			report.Results = append(report.Results, p.runCase(f, c, seen))
		}
	}
	report.Coverage = seen.report()
	return report, nil
}

// OnlyTests returns the set with those tests only whose names match.
func (s *Set) OnlyTests(match func(name string) bool) *Set {
	out := *s
	out.only = match
	return &out
}

// cases returns the tests of a file, as far as they are wanted.
func (s *Set) cases(f *source) []testCase {
	all := casesOf(f)
	if s.only == nil {
		return all
	}
	return slices.DeleteFunc(all, func(c testCase) bool { return !s.only(c.name) })
}

// selected returns the test files with those names or in those folders.
func (s *Set) selected(names []string) ([]*source, error) {
	if len(names) == 0 {
		return s.tests, nil
	}
	var out []*source
	for _, name := range names {
		clean := path.Clean(strings.ReplaceAll(name, `\`, "/"))
		before := len(out)
		for _, f := range s.tests {
			mapping := strings.TrimSuffix(f.name, "_test.yaml") + ".yaml"
			if f.name == clean || mapping == clean || strings.HasPrefix(f.name, clean+"/") {
				out = append(out, f)
			}
		}
		if len(out) == before {
			return nil, fmt.Errorf("no tests at %s: name a mapping, its _test.yaml, or a folder below %s that has some", name, s.dir)
		}
	}
	slices.SortFunc(out, func(a, b *source) int { return strings.Compare(a.name, b.name) })
	return slices.Compact(out), nil
}

// runCase runs one test.
func (p *Program) runCase(f *source, c testCase, seen observer) TestResult {
	res := TestResult{File: f.name, Line: c.node.Range().Start.Line, Name: c.name}
	res.Differences = c.compare(p.result(c, seen))
	res.Passed = len(res.Differences) == 0
	if !res.Passed {
		res.Because = p.because(c, res.Differences)
	}
	return res
}

// result renders a test's event.
func (p *Program) result(c testCase, seen observer) got {
	r := Renderer{seen: seen}
	g := got{object: p.object, fields: map[string]json.RawMessage{}}
	var err error
	g.operation, _ = p.Operation(c.event.Op, c.link)
	g.call, g.ok, err = r.Render(p, &c.event, c.link)
	if fault, ok := errors.AsType[*crmsync.Fault](err); ok {
		g.fault = fault
	}
	if len(g.call.Fields) > 0 && json.Unmarshal(g.call.Fields, &g.fields) != nil {
		g.fields = nil // impossible: it is our own JSON; then nothing compares equal
	}
	return g
}

// because returns the traces of what differs.
func (p *Program) because(c testCase, ds []Difference) []FieldTrace {
	t := p.Trace(&c.event, c.link)
	var out []FieldTrace
	for _, d := range ds {
		name, isField := strings.CutPrefix(d.Path, "fields.")
		switch {
		case isField:
			for _, f := range t.Fields {
				if f.Name == name {
					out = append(out, f)
				}
			}
		case d.Path == "match.value" && t.Match != nil:
			out = append(out, *t.Match)
		case t.When != nil && (d.Path == "outcome" || d.Path == "operation") && t.Fault == nil:
			out = append(out, *t.When)
		}
	}
	if t.Fault != nil {
		for _, f := range t.Fields {
			if f.Fault != nil && f.Name == t.Fault.Field {
				out = append(out, f)
			}
		}
	}
	return out
}
