package dsl

import (
	"crmsync"
	"crmsync/dsl/expr"
)

// Renderer turns events into calls. It keeps scratch memory from one event to
// the next and is not for concurrent use; the zero Renderer is ready.
type Renderer struct {
	scope expr.Scope
	buf   []byte
}

// Render returns the call that the event asks of the connection whose link is
// given; a nil link is that of a record never heard of.
//
// ok is false when there is nothing to do: `when` says no, or a delete is not
// to be followed (see [Program.Operation]). `when` is not asked about deletes:
// what was synced is cleaned up.
//
// err is a *crmsync.Fault of kind Rejected that names code, place in the
// mapping and CRM field. The call keeps nothing of the renderer's memory.
func (r *Renderer) Render(p *Program, ev *crmsync.Event, link *crmsync.Link) (call crmsync.Call, ok bool, err error) {
	return crmsync.Call{Key: ev.Key, Version: ev.Version}, false, nil
}
