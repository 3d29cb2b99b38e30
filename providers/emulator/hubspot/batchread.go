package hubspot

import (
	"net/http"
	"strings"

	"crmsync/providers/emulator"
)

// names checks the inputs of a batch that only names records. HubSpot refuses
// a record that is named twice. Not documented: that it does so for reads and
// archives as well.
func (x *exchange) names(b *batch) (ids []string, r *refusal) {
	seen := make(map[string]bool, len(b.inputs))
	var twice []string
	for i := range b.inputs {
		id := b.inputs[i].id
		if id == "" {
			return nil, refused("Some required fields were not set: [id]")
		}
		if seen[id] {
			twice = append(twice, id)
		}
		seen[id] = true
		ids = append(ids, id)
	}
	if len(twice) > 0 {
		return nil, duplicateIDs(twice)
	}
	return ids, nil
}

// batchRead reads records by id or by a unique property.
func (x *exchange) batchRead(b *batch) *answer {
	ids, r := x.names(b)
	if r != nil {
		return r.answer()
	}
	archived := x.request.URL.Query().Get("archived") == "true"
	p, k, started := x.token.portal, x.route.kind, x.server.now()

	p.mu.Lock()
	t := p.tables[k]
	slot, ok := t.schema.uniqueSlot(b.idProperty)
	if !ok {
		p.mu.Unlock()
		return notUnique(k, b.idProperty).answer()
	}
	schema, found, missing := t.schema, make([]snapshot, 0, len(ids)), []string(nil)
	records := make([]emulator.Record, len(ids))
	for i, id := range ids {
		var o *object
		o, records[i] = t.lookup(slot, id, archived)
		if o == nil {
			missing = append(missing, id)
			continue
		}
		found = append(found, o.snapshot())
	}
	order := disorder(p.rng, len(found))
	x.record(records)
	p.mu.Unlock()

	e := newEncoder(schema, len(found))
	e.raw(`{"status":"COMPLETE","results":[`)
	slots := schema.read(b.properties)
	for n, i := range order {
		if n > 0 {
			e.raw(",")
		}
		e.object(shown{state: found[i], slots: slots, named: -1})
	}
	e.raw("]")
	var errors []itemError
	if len(missing) > 0 {
		errors = []itemError{someNotFound(k, missing).itemError(nil)}
	}
	return e.close(started, x.server.now(), false, errors)
}

// lookup finds a record to read and tells the log of it. Archived records are
// found by their id only, and only by those who ask for archived ones.
func (t *table) lookup(slot int, id string, archived bool) (*object, emulator.Record) {
	r := emulator.Record{Outcome: emulator.Missing}
	o := t.living(slot, id)
	if archived {
		if o = nil; slot < 0 {
			if held := t.byID[id]; held != nil && !held.archived.IsZero() {
				o = held
			}
		}
	}
	if slot >= 0 {
		r.UniqueProperty, r.UniqueValue = t.schema.props[slot].Name, strings.Clone(id)
	} else {
		r.ID = strings.Clone(id)
	}
	if o == nil {
		return nil, r
	}
	r.ID, r.Outcome = o.id, emulator.Found
	if r.UniqueProperty == "" {
		r.UniqueProperty, r.UniqueValue = t.schema.ownName(o.values)
	}
	return o, r
}

// batchArchive archives records by id. Not documented: what it says about
// ids that are not there. Here nothing, as with a single archive.
func (x *exchange) batchArchive(b *batch) *answer {
	ids, r := x.names(b)
	if r != nil {
		return r.answer()
	}
	x.archive(ids)
	return &answer{status: http.StatusNoContent}
}

// archive hides the records with these ids and logs it.
func (x *exchange) archive(ids []string) {
	p, now := x.token.portal, x.server.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.tables[x.route.kind]
	records := make([]emulator.Record, len(ids))
	for i, id := range ids {
		records[i] = t.archiveByID(id, now)
	}
	x.record(records)
}
