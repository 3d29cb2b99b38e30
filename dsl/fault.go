package dsl

import (
	"errors"
	"fmt"

	"crmsync"
	"crmsync/dsl/expr"
)

// The codes of a renderer's faults.
const (
	CodeExpression    = "cel_error"      // an expression gave no value
	CodeTooCostly     = "too_costly"     // an expression took too long
	CodeUnlistedValue = "unlisted_value" // `map` doesn't list the value
	CodeWrongType     = "wrong_type"     // the value can't become the field's type
	CodeTooLong       = "too_long"       // the field's value is over 64 KiB
	CodeMissingMatch  = "missing_match"  // there is no value to find the object by
	CodeInvalidData   = "invalid_data"   // the event's data is no JSON object
	CodePanic         = "panic"          // our own mistake, contained to this event
)

// asError turns a nil fault into a nil error.
func asError(f *crmsync.Fault) error {
	if f == nil {
		return nil
	}
	return f
}

// recovered turns a panic into a fault of this event. Its text may hold a part
// of the record, and so is kept out of the error, which may be logged; the
// place in our code is not.
func (r *Renderer) recovered(p *Program, ok *bool, err *error) {
	if cause := recover(); cause != nil {
		fault := &crmsync.Fault{
			Kind: crmsync.Rejected, Code: CodePanic, Where: p.file, Message: fmt.Sprintf("rendering panicked: %v", cause),
			Err: errors.New("a mistake in crmsync itself: rendering panicked in " + expr.PanicPlace()),
		}
		if r.at != nil {
			fault.Where, fault.Field = r.at.at.String(), r.at.name
		}
		*ok, *err = false, fault
		seen := r.seen
		*r = Renderer{seen: seen} // its memory may be half written
	}
}

// fault returns a fault at the field's value.
func (f *field) fault(code, message string) *crmsync.Fault {
	return &crmsync.Fault{Kind: crmsync.Rejected, Code: code, Where: f.at.String(), Field: f.name, Message: message}
}

// failed returns the fault of a failed evaluation.
func (s *snippet) failed(err error) *crmsync.Fault {
	fault := &crmsync.Fault{Kind: crmsync.Rejected, Code: CodeExpression, Where: s.at.String(), Message: err.Error(), Err: err}
	if e, ok := errors.AsType[*expr.EvalError](err); ok {
		fault.Where = s.at.rune(e.Start)
		switch {
		case e.Panicked:
			fault.Code = CodePanic
		case e.Costly:
			fault.Code = CodeTooCostly
		}
	}
	return fault
}

// shorten cuts a text for a message.
func shorten(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
