package dsl

import (
	"errors"

	"crmsync"
	"crmsync/dsl/expr"
)

// Trace is how one event became a call, or why it did not.
type Trace struct {
	Operation crmsync.Operation
	Call      crmsync.Call
	OK        bool           // there is a call
	Fault     *crmsync.Fault // why there is none; nil where none was asked for
	When      *FieldTrace    // nil: the mapping has no `when`
	Match     *FieldTrace    // nil: the operation finds by id
	Fields    []FieldTrace   // sorted by name; none for deletes
}

// FieldTrace is how one value came about.
type FieldTrace struct {
	Name       string // of the CRM's field
	Where      string // file:line:col
	Expression string // empty for a constant
	Steps      []expr.Step
	JSON       string         // what is written; empty: nothing
	Note       string         // why nothing is written
	Fault      *crmsync.Fault // also where on_error: omit leaves it without effect
}

// Trace renders the event like a [Renderer] and tells how. It is slow and
// shows values of the record: it is for explain and tests of mappings.
func (p *Program) Trace(ev *crmsync.Event, link *crmsync.Link) *Trace {
	var r Renderer
	t := &Trace{}
	var err error
	t.Operation, _ = p.Operation(ev.Op, link)
	t.Call, t.OK, err = r.Render(p, ev, link)
	if fault, ok := errors.AsType[*crmsync.Fault](err); ok {
		t.Fault = fault
	}
	if r.scope.Reset(ev, p.vars) != nil {
		return t
	}
	if t.Operation == crmsync.Upsert || t.Operation == crmsync.Find {
		t.Match = r.traceSnippet(p.match.field, p.match.value)
	}
	if ev.Op == crmsync.Deleted {
		return t
	}
	if p.when != nil {
		t.When = r.traceSnippet("when", p.when)
	}
	for i := range p.fields {
		t.Fields = append(t.Fields, r.traceField(&p.fields[i], t.Operation == crmsync.Upsert))
	}
	return t
}

// traceSnippet traces an expression that is no field.
func (r *Renderer) traceSnippet(name string, s *snippet) *FieldTrace {
	t := &FieldTrace{Name: name, Where: s.at.String(), Expression: s.prog.Text(), Steps: s.prog.Trace(&r.scope)}
	v, fault := s.eval(&r.scope)
	t.Fault = fault
	switch {
	case fault != nil:
	case v.IsMissing():
		t.Note = "missing"
	default:
		if js, err := v.AppendJSON(nil); err == nil {
			t.JSON = string(js)
		}
	}
	return t
}

// traceField traces one field.
func (r *Renderer) traceField(f *field, create bool) FieldTrace {
	t := FieldTrace{Name: f.name, Where: f.at.String()}
	if f.value != nil {
		t.Expression, t.Steps = f.value.prog.Text(), f.value.prog.Trace(&r.scope)
	}
	if !f.write.in(create) {
		t.Note = "written only by updates"
		if f.write == writeOnCreate {
			t.Note = "written only when the object is created"
		}
		return t
	}
	r.buf = r.buf[:0]
	_, written, fault := r.value(f)
	t.Fault = fault
	switch {
	case fault != nil && f.omit:
		t.Note = "left out by on_error: omit"
	case fault != nil:
	case !written:
		t.Note = "missing: the CRM's field is left alone"
	default:
		t.JSON = string(r.buf)
	}
	return t
}
