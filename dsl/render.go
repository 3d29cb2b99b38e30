package dsl

import (
	"fmt"

	"github.com/cespare/xxhash/v2"

	"crmsync"
	"crmsync/dsl/expr"
)

// maxFieldBytes bounds one field's JSON: no CRM takes longer ones, and a loop
// in an expression must not fill the memory.
const maxFieldBytes = 64 << 10

// Renderer turns events into calls. It keeps scratch memory from one event to
// the next and is not for concurrent use; the zero Renderer is ready.
type Renderer struct {
	scope expr.Scope
	buf   []byte
	at    *field   // what is being rendered, for the fault of a panic
	seen  observer // nil but in tests of mappings
}

// observer is told which parts of a mapping an event exercised.
type observer interface {
	guarded(p *Program, passed bool)
	wrote(p *Program, f *field, v expr.Value)
}

// Render returns the call that the event asks of the connection whose link is
// given; a nil link is that of a record never heard of.
//
// ok is false when there is nothing to do: `when` is not true, or a delete is
// not to be followed (see [Program.Operation]). `when` is not asked about
// deletes: what was synced is cleaned up. A delete of a record without a link
// is not followed either when there is no value to find its object by: the
// mapping never wrote that object.
//
// err is a *crmsync.Fault of kind Rejected that names code, place in the
// mapping and CRM field. The call keeps nothing of the renderer's memory.
func (r *Renderer) Render(p *Program, ev *crmsync.Event, link *crmsync.Link) (call crmsync.Call, ok bool, err error) {
	defer r.recovered(p, &ok, &err)
	operation, act := p.Operation(ev.Op, link)
	if !act {
		return call, false, nil
	}
	if err := r.scope.Reset(ev, p.vars); err != nil {
		return call, false, &crmsync.Fault{Kind: crmsync.Rejected, Code: CodeInvalidData, Where: p.file, Message: "the event's data is no JSON object", Err: err}
	}
	call = crmsync.Call{Key: ev.Key, Version: ev.Version}
	if operation == crmsync.Update || operation == crmsync.Archive {
		call.ExternalID = link.ExternalID
	}
	if ev.Op == crmsync.Deleted {
		return r.deleted(p, operation, len(ev.Data) > 0, call)
	}
	if pass, fault := r.passes(p); fault != nil || !pass {
		return call, false, asError(fault)
	}
	if operation == crmsync.Upsert {
		var fault *crmsync.Fault
		if call.Match, fault = r.matched(p); fault != nil {
			return call, false, fault
		}
	}
	fault := r.fields(p, operation == crmsync.Upsert, &call)
	return call, fault == nil, asError(fault)
}

// deleted renders the call of a delete.
func (r *Renderer) deleted(p *Program, operation crmsync.Operation, withData bool, call crmsync.Call) (crmsync.Call, bool, error) {
	switch operation {
	case crmsync.Find:
		match, fault := r.matched(p)
		if fault != nil && (!withData || fault.Code == CodeMissingMatch) {
			return call, false, nil
		}
		call.Match = match
		return call, fault == nil, asError(fault)
	case crmsync.Update:
		call.Fields = p.onDelete.fields
		call.Hash = hashOf(p.object, call.Fields, nil)
	default:
		call.Hash = hashOf(p.object, nil, []byte("archive"))
	}
	return call, true, nil
}

// passes asks `when`. Missing and null are not true.
func (r *Renderer) passes(p *Program) (bool, *crmsync.Fault) {
	if p.when == nil {
		return true, nil
	}
	v, fault := p.when.eval(&r.scope)
	if fault != nil {
		return false, fault
	}
	b, isBool := v.Bool()
	if !isBool && !v.IsNull() && !v.IsMissing() {
		return false, &crmsync.Fault{Kind: crmsync.Rejected, Code: CodeWrongType, Where: p.when.at.String(), Message: "when is neither true nor false"}
	}
	if r.seen != nil {
		r.seen.guarded(p, b)
	}
	return b, nil
}

// matched returns how the CRM finds the object.
func (r *Renderer) matched(p *Program) (crmsync.Match, *crmsync.Fault) {
	m := crmsync.Match{Field: p.match.field}
	v, fault := p.match.value.eval(&r.scope)
	if fault != nil {
		fault.Field = m.Field
		return m, fault
	}
	text, ok := v.Text()
	if !ok || text == "" {
		return m, &crmsync.Fault{Kind: crmsync.Rejected, Code: CodeMissingMatch, Where: p.match.at.String(), Field: m.Field, Message: "there is no value to find the object by"}
	}
	if len(text) > maxFieldBytes {
		return m, &crmsync.Fault{Kind: crmsync.Rejected, Code: CodeTooLong, Where: p.match.at.String(), Field: m.Field, Message: "the value to find the object by is over 64 KiB"}
	}
	m.Value = string([]byte(text)) // a copy: the text may be the scope's
	return m, nil
}

// fields renders the call's fields and its hash.
func (r *Renderer) fields(p *Program, create bool, call *crmsync.Call) *crmsync.Fault {
	r.buf = append(r.buf[:0], '{')
	var hash xxhash.Digest
	hash.Reset()
	hash.WriteString(p.object)
	if create && p.later {
		hash.WriteString("\x00create") // an equal update would write more
	}
	for i := range p.fields {
		f := &p.fields[i]
		if !f.write.in(create) {
			continue
		}
		start := len(r.buf)
		r.at = f
		fault := r.field(p, f)
		if r.at = nil; fault != nil {
			return fault
		}
		if f.write != writeOnCreate {
			hash.Write(r.buf[start:])
		}
	}
	r.buf = closeObject(r.buf)
	call.Fields = append(make([]byte, 0, len(r.buf)), r.buf...)
	call.Hash = max(hash.Sum64(), 1)
	return nil
}

// closeObject puts the closing brace in the place of the last comma.
func closeObject(b []byte) []byte {
	if b[len(b)-1] == ',' {
		b[len(b)-1] = '}'
		return b
	}
	return append(b, '}')
}

// field appends one field and a comma, or nothing when it is to be omitted.
func (r *Renderer) field(p *Program, f *field) *crmsync.Fault {
	start := len(r.buf)
	r.buf = append(r.buf, f.key...)
	v, written, fault := r.value(f)
	switch {
	case fault == nil && written:
		r.buf = append(r.buf, ',')
		if r.seen != nil {
			r.seen.wrote(p, f, v)
		}
		return nil
	case fault != nil && f.forgives(fault):
		fault = nil
	}
	r.buf = r.buf[:start]
	return fault
}

// forgives tells whether the field is left out for that fault. A panic is our
// mistake and not the value's, so no mapping can ask to hide it.
func (f *field) forgives(fault *crmsync.Fault) bool { return f.omit && fault.Code != CodePanic }

// value appends a field's JSON and returns what its expression gave. written is
// false when that is missing.
func (r *Renderer) value(f *field) (v expr.Value, written bool, fault *crmsync.Fault) {
	if f.value == nil {
		r.buf = append(r.buf, f.fixed...)
		return v, true, nil
	}
	start := len(r.buf)
	v, fault = f.value.eval(&r.scope)
	if fault == nil && v.IsMissing() {
		return v, false, nil
	}
	if fault == nil {
		r.buf, fault = f.finish(r.buf, v)
	}
	if fault == nil && len(r.buf)-start > maxFieldBytes {
		fault = f.fault(CodeTooLong, "the value is over 64 KiB")
	}
	if fault != nil {
		fault.Field = f.name
		return v, false, fault
	}
	return v, true, nil
}

// finish appends the JSON that a value becomes by the field's options. Null
// stays null: it clears the field.
func (f *field) finish(dst []byte, v expr.Value) ([]byte, *crmsync.Fault) {
	if v.IsNull() {
		return append(dst, "null"...), nil
	}
	if f.listed != nil {
		text, ok := v.Text()
		if !ok {
			return dst, f.fault(CodeWrongType, "map takes a string, a number or a boolean, and this is a "+v.Type().String())
		}
		js, ok := f.listed[text]
		if !ok {
			js = f.instead
		}
		if js == nil {
			return dst, f.fault(CodeUnlistedValue, fmt.Sprintf("map does not list %q", shorten(text)))
		}
		return append(dst, js...), nil
	}
	out, err := f.as.append(dst, v)
	if err != nil {
		return dst, f.fault(CodeWrongType, fmt.Sprintf("%s does not become %s", v.String(), err))
	}
	return out, nil
}

// eval computes the snippet. The fault stands where the expression failed.
func (s *snippet) eval(scope *expr.Scope) (expr.Value, *crmsync.Fault) {
	v, err := s.prog.Eval(scope)
	if err == nil {
		return v, nil
	}
	return v, s.failed(err)
}

// hashOf returns the hash of a call, never 0.
func hashOf(object string, fields, mark []byte) uint64 {
	var h xxhash.Digest
	h.Reset()
	h.WriteString(object)
	h.Write(fields)
	h.WriteString("\x00")
	h.Write(mark)
	return max(h.Sum64(), 1)
}
