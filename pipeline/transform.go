package pipeline

import (
	"errors"
	"fmt"
	"sync"

	"crmsync"
	"crmsync/dsl"
)

// renderers keeps scratch memory between batches.
var renderers = sync.Pool{New: func() any { return new(dsl.Renderer) }}

// transform makes calls of the batch's events. of tells which event each call
// is of; the others' fate stands in all already.
func (b *batch) transform(all []sent) (of []int) {
	r := renderers.Get().(*dsl.Renderer)
	defer renderers.Put(r)
	b.Calls = make([]crmsync.Call, 0, len(b.events))
	of = make([]int, 0, len(b.events))
	bytes := 0
	for i := range b.events {
		call, ok, err := b.render(r, i)
		switch {
		case err != nil:
			all[i].result.Fault = asFault(err)
		case !ok:
			all[i].ends = crmsync.Filtered
		case needless(b.Operation, &call, &b.links[i]):
			all[i].ends = crmsync.Unchanged
		case b.limits.Bytes > 0 && len(of) > 0 && bytes+len(call.Fields)+callOverhead > b.limits.Bytes:
			all[i].result.Fault = &crmsync.Fault{Kind: crmsync.Transient, Code: "batch_full"}
		default:
			bytes += len(call.Fields) + callOverhead
			all[i].call = call
			b.Calls, of = append(b.Calls, call), append(of, i)
		}
	}
	return of
}

// render renders one event. A panic costs that event and not the process.
func (b *batch) render(r *dsl.Renderer, i int) (call crmsync.Call, ok bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			*r = dsl.Renderer{} // nobody knows what is left in it
			err = panicked("render the mapping", v)
		}
	}()
	return r.Render(b.programs[i], &b.events[i], &b.links[i])
}

// panicked is the fault of an event at which our own code broke. What the panic
// says may hold the record: it goes to the dead letter only.
func panicked(doing string, v any) *crmsync.Fault {
	return &crmsync.Fault{Kind: crmsync.Internal, Code: "panic", Message: fmt.Sprintf("%s: %v", doing, v)}
}

// needless says that the CRM holds already what the call asks for: its payload
// hash is that of the last one applied.
func needless(op crmsync.Operation, call *crmsync.Call, l *crmsync.Link) bool {
	return (op == crmsync.Update || op == crmsync.Archive) && call.Hash != 0 && call.Hash == l.Hash
}

// callOverhead is about what a call takes in a request beside its fields.
const callOverhead = 256

// asFault returns err as a fault. One that is none is our own mistake.
func asFault(err error) *crmsync.Fault {
	if f, ok := errors.AsType[*crmsync.Fault](err); ok {
		return f
	}
	return &crmsync.Fault{Kind: crmsync.Internal, Code: "render", Err: fmt.Errorf("render: %w", err)}
}
