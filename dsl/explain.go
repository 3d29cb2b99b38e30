package dsl

import (
	"cmp"
	"fmt"
	"path"
	"slices"

	"crmsync"
)

// CandidateState is what became of one file that could have served.
type CandidateState string

// The states of a candidate.
const (
	Used       CandidateState = "used"
	Inherited  CandidateState = "inherited" // the one used extends it
	Shadowed   CandidateState = "shadowed"  // a better one was found first
	NotPresent CandidateState = "not present"
)

// Candidate is one file that was looked for.
type Candidate struct {
	File   string
	State  CandidateState
	Fields int // of Inherited: how many of the fields come from it
}

// Origin is where a part of a mapping comes from.
type Origin struct {
	Name      string
	Where     string // file:line:col
	Text      string // the expression, or the constant's JSON
	Options   string // "type: number, on_error: omit"; may be empty
	Inherited bool
	Removed   bool // the mapping takes the inherited field out
}

// Explanation says which mapping serves a record type of an org at a provider,
// and what it is made of.
type Explanation struct {
	Org, Provider, RecordType string
	Connections               []crmsync.Connection // of that provider; none: the mapping is not used
	Chain                     []Candidate          // in the order they are looked for
	Program                   *Program             // nil: unmapped
	When, Match               *Origin              // nil: none
	OnDelete, OnMissing       Origin
	Vars                      []string // names, sorted
	Fields                    []Origin // sorted by name, removed ones too
}

// Explain says which mapping serves the records and why. The org Global asks
// for the fallback itself.
func (s *Set) Explain(org, provider, recordType string) *Explanation {
	at := slot{org, provider, recordType}
	e := &Explanation{Org: org, Provider: provider, RecordType: recordType}
	for _, c := range s.orgs[org] {
		if c.Provider == provider {
			e.Connections = append(e.Connections, c)
		}
	}
	seen := map[slot]bool{} // Global and AnyProvider stand for themselves too
	for _, c := range at.candidates() {
		if seen[c] {
			continue
		}
		seen[c] = true
		found := Candidate{File: path.Join(s.dir, c.file()), State: NotPresent}
		switch p := s.programs[c]; {
		case p == nil:
		case e.Program == nil:
			found.State, e.Program = Used, p
		default:
			found.State = Shadowed
		}
		e.Chain = append(e.Chain, found)
	}
	if e.Program != nil {
		e.effective()
	}
	return e
}

// effective fills in what the program is made of.
func (e *Explanation) effective() {
	p := e.Program
	for i := range p.fields {
		e.Fields = append(e.Fields, p.fields[i].origin())
	}
	for _, r := range p.removed {
		e.Fields = append(e.Fields, Origin{Name: r.name, Where: r.at.String(), Removed: true})
	}
	slices.SortFunc(e.Fields, func(a, b Origin) int { return cmp.Compare(a.Name, b.Name) })
	if p.when != nil {
		e.When = p.when.origin("when", p.file)
	}
	if p.match.value != nil {
		e.Match = p.match.value.origin(p.match.field, p.file)
	}
	e.OnDelete, e.OnMissing = p.onDelete.origin(p.file), p.missing.origin(p.file)
	e.Vars = p.varNames
	for i := range e.Chain {
		if c := &e.Chain[i]; c.File == p.base {
			c.State = Inherited
			for _, f := range p.fields {
				if f.inherited {
					c.Fields++
				}
			}
		}
	}
}

// origin tells where the field comes from.
func (f *field) origin() Origin {
	o := Origin{Name: f.name, Where: f.at.String(), Text: string(f.fixed), Options: f.options, Inherited: f.inherited}
	if f.value != nil {
		o.Text = f.value.prog.Text()
	}
	return o
}

// origin tells where the expression comes from.
func (s *snippet) origin(name, own string) *Origin {
	return &Origin{Name: name, Where: s.at.String(), Text: s.prog.Text(), Inherited: s.at.file != own}
}

// origin tells what deletes do, and where that is said.
func (d onDelete) origin(own string) Origin {
	o := Origin{Name: "on_delete", Where: d.at.String(), Text: "ignore", Inherited: d.at.file != "" && d.at.file != own}
	switch d.action {
	case archiveObject:
		o.Text = "archive"
	case setFields:
		o.Text = fmt.Sprintf("set %s", d.fields)
	}
	return o
}

// origin tells what updates without an object do, and where that is said.
func (m onMissing) origin(own string) Origin {
	o := Origin{Name: "on_missing", Where: m.at.String(), Text: "fail", Inherited: m.at.file != "" && m.at.file != own}
	if m.recreate {
		o.Text = "recreate"
	}
	return o
}
