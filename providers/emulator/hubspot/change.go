package hubspot

import (
	"fmt"
	"slices"
	"time"

	"crmsync/providers/emulator"
)

// set is one property of an input, checked and in the form it is stored in.
type set struct {
	slot  int
	value string
}

// change is one input of a write on its way through a writer.
type change struct {
	in      *input
	slot    int     // the unique property that names the record; -1 for its id
	target  *object // nil for one that is to be created
	sets    []set
	missing bool // an update of a record that is not there
	refusal *refusal
	outcome emulator.Outcome
	result  snapshot
	before  snapshot // what to go back to when the whole batch fails
}

// writer carries out the inputs of one write under the portal's lock: first
// it checks all, then it applies them one after the other.
type writer struct {
	portal  *portal
	table   *table
	op      operation
	now     time.Time
	changes []change
	// partial is set when one bad input does not fail the others.
	partial bool
}

func newWriter(p *portal, t *table, op operation, now time.Time, inputs []input) *writer {
	w := &writer{portal: p, table: t, op: op, now: now, changes: make([]change, len(inputs))}
	pairs := 0
	for i := range inputs {
		w.changes[i] = change{in: &inputs[i], slot: -1, outcome: emulator.Untouched}
		pairs += len(inputs[i].props) + 1
	}
	room := make([]set, 0, pairs)
	for i := range w.changes {
		n := len(inputs[i].props) + 1
		w.changes[i].sets = room[len(room) : len(room) : len(room)+n]
		room = room[:len(room)+n]
	}
	return w
}

// find looks up the record of each input. A refusal here is one of the whole
// request.
func (w *writer) find() *refusal {
	if w.op.creates() && !w.op.updates() {
		return nil
	}
	for i := range w.changes {
		c := &w.changes[i]
		slot, ok := w.table.schema.uniqueSlot(c.in.idProperty)
		if !ok {
			return notUnique(w.table.schema.kind, c.in.idProperty)
		}
		if c.in.id == "" {
			return refused("Some required fields were not set: [id]") // Not documented.
		}
		c.slot = slot
		c.target = w.table.living(slot, c.in.id)
	}
	return w.duplicates()
}

// duplicates refuses a request that names a record twice, with trace ids or
// without. Not documented: whether values of custom unique properties are
// told apart by case. Here they are.
func (w *writer) duplicates() *refusal {
	type name struct {
		slot int
		id   string
	}
	seen := make(map[name]bool, len(w.changes))
	var twice []string
	for i := range w.changes {
		c := &w.changes[i]
		n := name{c.slot, c.in.id}
		if c.slot >= 0 && c.slot == w.table.schema.email {
			n.id = lowerEmail(n.id)
		}
		if seen[n] && !slices.Contains(twice, n.id) {
			twice = append(twice, n.id)
		}
		seen[n] = true
	}
	if len(twice) == 0 {
		return nil
	}
	return duplicateIDs(twice)
}

// check validates each input on its own and notes its refusal.
func (w *writer) check() {
	for i := range w.changes {
		c := &w.changes[i]
		switch {
		case c.in.associated:
			c.refusal = refused("associations are not part of this emulator")
			continue
		case c.target == nil && !w.op.creates():
			c.missing = true
		case c.target == nil && w.op.updates() && c.slot < 0:
			// Not documented: an upsert by a record id that is not there.
			c.refusal = someNotFound(w.table.schema.kind, []string{c.in.id})
			continue
		}
		if faults := w.values(c); len(faults) > 0 {
			c.refusal = invalidProperties(w.portal.id, faults)
		}
	}
}

// values turns the properties of an input into sets.
func (w *writer) values(c *change) (faults []invalid) {
	s := w.table.schema
	named := false // the unique property is among the properties
	for _, p := range c.in.props {
		slot := s.slot(p.name)
		if slot < 0 {
			faults = append(faults, unknownProperty(p.name))
			continue
		}
		value, fault := s.props[slot].stored(p.value, slot == s.email)
		if fault != nil {
			faults = append(faults, *fault)
			continue
		}
		named = named || slot == c.slot
		c.sets = append(c.sets, set{slot, value})
	}
	if c.target != nil || c.missing {
		return faults
	}
	if c.slot >= 0 && !named {
		value, fault := s.props[c.slot].stored(c.in.id, c.slot == s.email)
		if fault != nil {
			return append(faults, *fault)
		}
		c.sets = append(c.sets, set{c.slot, value})
	}
	return append(faults, w.lacking(c)...)
}

// lacking finds what a new object needs and the input does not bring. Not
// documented: the words of the answer.
func (w *writer) lacking(c *change) (faults []invalid) {
	s := w.table.schema
	brings := func(name string) bool {
		slot := s.slot(name)
		return slices.ContainsFunc(c.sets, func(v set) bool { return v.slot == slot && v.value != "" })
	}
	require := func(name string) {
		faults = append(faults, invalid{name, "REQUIRED_FIELD", fmt.Sprintf("Property %q is required", name)})
	}
	if !slices.ContainsFunc(s.kind.oneOf, brings) {
		require(s.kind.oneOf[0])
	}
	if w.op.updates() {
		return faults // an upsert
	}
	for _, name := range s.kind.needs {
		if !brings(name) {
			require(name)
		}
	}
	return faults
}

// spoiled returns why the whole request is refused before anything is
// written, or nil. Values that are not valid come first, those of all inputs
// in one answer.
func (w *writer) spoiled() *refusal {
	var first *refusal
	var values []invalid
	for i := range w.changes {
		c := &w.changes[i]
		if c.refusal == nil || w.forgives(c.refusal) {
			continue
		}
		c.outcome = emulator.Rejected
		values = append(values, c.refusal.invalid...)
		if first == nil {
			first = c.refusal
		}
	}
	if len(values) > 0 {
		return invalidProperties(w.portal.id, values)
	}
	return first
}

// forgives says whether a refusal stays with its input. In an update a wrong
// property name fails the whole request even with trace ids. Not documented:
// whether wrong values in an update do. Here they stay with their input.
func (w *writer) forgives(r *refusal) bool {
	if w.op.updates() && !w.op.creates() {
		unknown := func(v invalid) bool { return v.code == codeUnknownProperty }
		return w.partial && !slices.ContainsFunc(r.invalid, unknown)
	}
	return w.partial
}
