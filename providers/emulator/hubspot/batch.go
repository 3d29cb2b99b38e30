package hubspot

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"crmsync/providers/emulator"
)

// itemError is one line of the errors of a 207.
type itemError struct {
	Status   string              `json:"status"`
	Category string              `json:"category"`
	Message  string              `json:"message"`
	Context  map[string][]string `json:"context"`
}

// now is the portal's time, in the precision and zone of its answers.
func (s *Server) now() time.Time { return s.config.Now().UTC().Truncate(time.Millisecond) }

// batch answers all batch calls. Not documented: the bodies for too many
// inputs and for none.
func (x *exchange) batch() *answer {
	b, r := decodeBatch(x.body, x.server.config.StrictValues)
	switch {
	case r != nil:
		return r.answer()
	case !b.present || b.count == 0:
		return refused("Some required fields were not set: [inputs]").answer()
	case b.count > maxInputs:
		return refused(fmt.Sprintf("The maximum number of inputs supported in a batch request is %d. Inputs received: %d", maxInputs, b.count)).answer()
	}
	switch x.route.op {
	case opBatchRead:
		return x.batchRead(b)
	case opBatchArchive:
		return x.batchArchive(b)
	default:
		return x.batchWrite(b.inputs)
	}
}

// batchWrite creates, updates or upserts: all inputs or none, unless each has
// a trace id of its own.
func (x *exchange) batchWrite(inputs []input) *answer {
	p := x.token.portal
	p.mu.Lock()
	w := newWriter(p, p.tables[x.route.kind], x.route.op, x.server.now(), inputs)
	w.partial = traced(inputs)
	refusal := x.write(w)
	schema := w.table.schema
	order := disorder(p.rng, len(w.changes))
	x.record(w.records())
	p.mu.Unlock()

	if refusal != nil {
		return refusal.whole()
	}
	return x.written(w, schema, order)
}

// traced says whether each input has a trace id that no other one has.
func traced(inputs []input) bool {
	seen := make(map[string]bool, len(inputs))
	for i := range inputs {
		id := inputs[i].traceID
		if id == "" || seen[id] {
			return false
		}
		seen[id] = true
	}
	return true
}

// write runs the writer, with the faults that strike in its middle, and
// returns the refusal of the whole batch.
func (x *exchange) write(w *writer) *refusal {
	if r := w.find(); r != nil {
		x.spareBatch()
		for i := range w.changes {
			w.changes[i].outcome, w.changes[i].refusal = emulator.Rejected, r
		}
		return r
	}
	w.check()
	if r := w.spoiled(); r != nil {
		x.spareBatch()
		return r
	}
	switch x.fault.Kind {
	case emulator.BadRecord:
		// By chance it leaves single records alone: otherwise a client that
		// looks for the bad one would find one that is good.
		if x.fault.Drawn && len(w.changes) == 1 {
			x.spareBatch()
			break
		}
		return w.spoil()
	case emulator.Partial:
		if !w.partial && w.op.creates() {
			x.spareBatch() // a batch without trace ids has no item errors
			break
		}
		w.failSome()
	case emulator.Silent:
		for i := range w.changes {
			w.changes[i].refusal = nil
		}
		return nil
	default: // the others strike before or after the effect
	}
	return w.apply()
}

// spoil has one input, chosen by chance, fail the batch.
func (w *writer) spoil() *refusal {
	c := &w.changes[w.portal.rng.IntN(len(w.changes))]
	name := "hs_object_id"
	if len(c.in.props) > 0 {
		name = c.in.props[0].name
	}
	c.outcome = emulator.Rejected
	c.refusal = invalidProperties(w.portal.id, []invalid{{name, "INVALID_OPTION", fmt.Sprintf("The value of %q was refused on demand", name)}})
	return c.refusal
}

// failSome has about a third of the inputs fail, at least one. Not
// documented: item errors that are nobody's fault; the category is a guess.
func (w *writer) failSome() {
	internal := &refusal{status: http.StatusInternalServerError, category: "INTERNAL_ERROR", message: "internal error"}
	sure := w.portal.rng.IntN(len(w.changes))
	for i := range w.changes {
		c := &w.changes[i]
		if c.refusal == nil && !c.missing && (i == sure || w.portal.rng.IntN(3) == 0) {
			c.refusal = internal
		}
	}
}

// disorder returns the numbers below n so that none stands in its own place
// (Sattolo's shuffle): results never come in the order of the inputs.
func disorder(rng *rand.Rand, n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	for i := n - 1; i > 0; i-- {
		j := rng.IntN(i)
		order[i], order[j] = order[j], order[i]
	}
	return order
}

// written encodes what became of the inputs.
func (x *exchange) written(w *writer, s *schema, order []int) *answer {
	e := newEncoder(s, len(order))
	e.raw(`{"status":"COMPLETE","results":[`)
	first := true
	for _, i := range order {
		c := &w.changes[i]
		if c.refusal != nil || c.result.object == nil || x.fault.Kind == emulator.Silent {
			continue
		}
		if !first {
			e.raw(",")
		}
		first = false
		v := shown{state: c.result, sets: c.sets, named: c.slot}
		if w.op == opBatchUpsert {
			isNew := c.outcome == emulator.Created
			v.isNew = &isNew
		}
		e.object(v)
	}
	e.raw("]")
	errors := w.itemErrors()
	if x.fault.Kind == emulator.Silent {
		errors = nil
	}
	return e.close(w.now, x.server.now(), w.op == opBatchCreate, errors)
}

// close ends the body of a batch answer: 207 when there are errors.
func (e *encoder) close(started, completed time.Time, create bool, errors []itemError) *answer {
	status := http.StatusOK
	if create {
		status = http.StatusCreated
	}
	if len(errors) > 0 {
		status = http.StatusMultiStatus
		e.raw(`,"numErrors":`)
		e.out = append(e.out, encoded(len(errors))...)
		e.raw(`,"errors":`)
		e.out = append(e.out, encoded(errors)...)
	}
	e.raw(`,"startedAt":`)
	e.time(started)
	e.raw(`,"completedAt":`)
	e.time(completed)
	e.raw("}")
	return &answer{status: status, body: e.out}
}

// itemErrors lists the inputs that failed. Records that an update did not
// find share one error, as with HubSpot; all others have their own.
func (w *writer) itemErrors() (out []itemError) {
	var missing []string
	for i := range w.changes {
		c := &w.changes[i]
		switch {
		case c.refusal != nil:
			out = append(out, c.itemError(w.op))
		case c.missing:
			missing = append(missing, c.in.id)
		}
	}
	if len(missing) > 0 {
		out = append(out, someNotFound(w.table.schema.kind, missing).itemError(nil))
	}
	return out
}

func (c *change) itemError(op operation) itemError {
	context := map[string][]string{}
	if c.in.traceID != "" {
		context["objectWriteTraceId"] = []string{c.in.traceID}
	}
	if op == opBatchUpdate {
		context["ids"] = []string{c.in.id}
	}
	return c.refusal.itemError(context)
}

func (r *refusal) itemError(context map[string][]string) itemError {
	if context == nil {
		context = map[string][]string{}
	}
	for name, values := range r.context {
		context[name] = values
	}
	return itemError{"error", r.category, r.message, context}
}
