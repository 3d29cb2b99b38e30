package dsl

import (
	"fmt"
	"slices"

	"crmsync/dsl/expr"
)

// coverage counts what the tests of mappings exercise. It is an observer.
type coverage struct {
	programs []*Program
	fields   map[*field]bool
	entries  map[entryKey]bool
	guards   map[guardKey]bool
}

// entryKey is one entry of a field's map; the default has value "" and isDefault.
type entryKey struct {
	field     *field
	value     string
	isDefault bool
}

// guardKey is one way through a mapping's `when`.
type guardKey struct {
	program *Program
	passed  bool
}

func newCoverage() *coverage {
	return &coverage{fields: map[*field]bool{}, entries: map[entryKey]bool{}, guards: map[guardKey]bool{}}
}

// add makes a program count.
func (c *coverage) add(p *Program) {
	if !slices.Contains(c.programs, p) {
		c.programs = append(c.programs, p)
	}
}

func (c *coverage) guarded(p *Program, passed bool) { c.guards[guardKey{p, passed}] = true }

func (c *coverage) wrote(_ *Program, f *field, v expr.Value) {
	c.fields[f] = true
	text, ok := v.Text()
	if f.listed == nil || f.value == nil || !ok {
		return
	}
	if _, ok := f.listed[text]; ok {
		c.entries[entryKey{f, text, false}] = true
	} else {
		c.entries[entryKey{f, "", true}] = true
	}
}

// report sums up.
func (c *coverage) report() Coverage {
	var out Coverage
	for _, p := range c.programs {
		if p.when != nil && p.when.at.file == p.file {
			for _, passed := range []bool{true, false} {
				out.branch(c.guards[guardKey{p, passed}], fmt.Sprintf("%s: when is %t", p.when.at, passed))
			}
		}
		for i := range p.fields {
			if f := &p.fields[i]; !f.inherited {
				c.field(&out, f)
			}
		}
	}
	slices.Sort(out.Missed)
	return out
}

// field counts one field and the entries of its map.
func (c *coverage) field(out *Coverage, f *field) {
	out.Fields++
	if c.fields[f] {
		out.FieldsHit++
	} else {
		out.Missed = append(out.Missed, fmt.Sprintf("%s: %s", f.at, f.name))
	}
	if f.value == nil {
		return
	}
	for value := range f.listed {
		out.branch(c.entries[entryKey{f, value, false}], fmt.Sprintf("%s: %s, map of %q", f.at, f.name, value))
	}
	if f.instead != nil {
		out.branch(c.entries[entryKey{f, "", true}], fmt.Sprintf("%s: %s, default", f.at, f.name))
	}
}

// branch counts one branch.
func (out *Coverage) branch(hit bool, name string) {
	out.Branches++
	if hit {
		out.BranchesHit++
		return
	}
	out.Missed = append(out.Missed, name)
}
