package hubspot

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"crmsync/providers/emulator"
)

// apply writes all inputs that were not refused, in their order. When one
// clashes and the batch is not partial, it takes back what it did and returns
// why.
func (w *writer) apply() *refusal {
	for i := range w.changes {
		c := &w.changes[i]
		if c.missing || c.refusal != nil {
			c.outcome = emulator.Rejected
			continue
		}
		if c.target == nil {
			c.refusal = w.create(c)
		} else {
			c.refusal = w.update(c)
		}
		if c.refusal == nil {
			continue
		}
		if !w.partial {
			w.undo(i)
			c.outcome = emulator.Rejected
			return c.refusal
		}
		c.outcome = emulator.Rejected
	}
	w.commit()
	return nil
}

// commit lets search know of the changes and takes the results.
func (w *writer) commit() {
	for i := range w.changes {
		c := &w.changes[i]
		if c.outcome == emulator.Created || c.outcome == emulator.Updated {
			w.table.changed(c.target, w.now.Add(w.portal.lag))
		}
		if c.target != nil {
			c.result = c.target.snapshot()
		}
	}
	w.table.index(w.now)
}

func (w *writer) create(c *change) *refusal {
	s := w.table.schema
	if len(w.table.order) >= w.portal.maxObjects {
		return refused(fmt.Sprintf("This account has reached its limit of %d %s", w.portal.maxObjects, s.kind.name))
	}
	o := &object{number: w.portal.nextID, created: w.now, updated: w.now}
	o.id = strconv.FormatInt(o.number, 10)
	w.portal.nextID++
	for name, value := range s.kind.defaults {
		if slot := s.slot(name); !slices.ContainsFunc(c.sets, func(v set) bool { return v.slot == slot }) {
			c.sets = append(c.sets, set{slot, value})
		}
	}
	values := make([]string, len(s.props))
	for i, v := range c.sets {
		c.sets[i].value = strings.Clone(s.props[v.slot].joined("", v.value))
		values[v.slot] = c.sets[i].value
	}
	if r := w.clash(o, values); r != nil {
		return r
	}
	w.table.put(o, values)
	w.table.add(o)
	c.target, c.outcome = o, emulator.Created
	return nil
}

func (w *writer) update(c *change) *refusal {
	s, o := w.table.schema, c.target
	values := make([]string, len(s.props))
	copy(values, o.values)
	kept := c.sets[:0]
	changed := false
	for _, v := range c.sets {
		old := values[v.slot]
		if v.slot == s.stage && !w.portal.anyLifecycle && s.props[v.slot].backwards(old, v.value) {
			continue // Not documented: what the caller is told. Here nothing, and the stage stays.
		}
		v.value = s.props[v.slot].joined(old, v.value)
		if v.value == old {
			v.value = old // one copy is enough
		} else {
			v.value, changed = strings.Clone(v.value), true
			values[v.slot] = v.value
		}
		kept = append(kept, v)
	}
	c.sets, c.before, c.outcome = kept, o.snapshot(), emulator.Unchanged
	if !changed {
		return nil // Not documented: lastmodifieddate of such a write. Here it stays.
	}
	if r := w.clash(o, values); r != nil {
		return r
	}
	w.table.put(o, values)
	o.updated, c.outcome = w.now, emulator.Updated
	return nil
}

// clash is the refusal of unique values that another object holds.
func (w *writer) clash(o *object, values []string) *refusal {
	slot, holder := w.table.clash(o, values)
	s := w.table.schema
	switch {
	case holder == nil:
		return nil
	case slot == s.email:
		return alreadyExists(s.kind, holder.id)
	}
	return alreadyHeld(w.portal.id, s.kind, s.props[slot].Name, values[slot], o.id, holder.id)
}

// undo takes back the first n changes, the last one first.
func (w *writer) undo(n int) {
	for i := n - 1; i >= 0; i-- {
		c := &w.changes[i]
		switch c.outcome {
		case emulator.Created:
			w.table.put(c.target, nil)
			w.table.undoAdd(c.target)
			c.target = nil
		case emulator.Updated:
			w.table.put(c.target, c.before.values)
			c.target.updated = c.before.updated
		default: // it changed nothing
		}
		if c.outcome != emulator.Rejected {
			c.outcome = emulator.Untouched
		}
	}
}

// records tells the log what became of each input.
func (w *writer) records() []emulator.Record {
	out := make([]emulator.Record, len(w.changes))
	for i := range w.changes {
		out[i] = w.record(&w.changes[i])
	}
	return out
}

func (w *writer) record(c *change) emulator.Record {
	s := w.table.schema
	r := emulator.Record{Outcome: c.outcome}
	if c.refusal != nil {
		r.Reason = c.refusal.category
	} else if c.missing && c.outcome == emulator.Rejected {
		r.Reason = "OBJECT_NOT_FOUND"
	}
	if c.slot >= 0 {
		r.UniqueProperty, r.UniqueValue = s.props[c.slot].Name, strings.Clone(c.in.id)
		if c.slot == s.email {
			r.UniqueValue = lowerEmail(c.in.id)
		}
	} else {
		r.ID = strings.Clone(c.in.id)
	}
	if c.target != nil {
		r.ID = c.target.id
		if r.UniqueProperty == "" {
			r.UniqueProperty, r.UniqueValue = s.ownName(c.target.values)
		}
	}
	if c.outcome != emulator.Created && c.outcome != emulator.Updated && c.outcome != emulator.Unchanged {
		return r
	}
	r.Properties = make(emulator.Values, len(c.sets))
	for i, v := range c.sets {
		r.Properties[i] = emulator.Value{Name: s.props[v.slot].Name, Value: v.value}
	}
	return r
}
