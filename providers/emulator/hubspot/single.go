package hubspot

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"crmsync/providers/emulator"
)

// writeOne creates or updates one record.
func (x *exchange) writeOne() *answer {
	in, r := decodeSingle(x.body, x.server.config.StrictValues)
	if r != nil {
		return r.answer()
	}
	in.id, in.idProperty = x.route.id, x.request.URL.Query().Get("idProperty")
	p := x.token.portal
	p.mu.Lock()
	w := newWriter(p, p.tables[x.route.kind], x.route.op, x.server.now(), []input{in})
	r = x.write(w)
	schema, c := w.table.schema, &w.changes[0]
	x.record(w.records())
	p.mu.Unlock()

	switch {
	case r != nil:
		return r.answer()
	case c.missing:
		return notFound(in.id).answer()
	}
	v, status := shown{state: c.result, sets: c.sets, named: c.slot}, http.StatusOK
	if x.route.op == opCreate {
		status = http.StatusCreated
		v.url = fmt.Sprintf("https://app.hubspot.com/contacts/%d/record/%s/%s", p.id, x.route.kind.typeID, c.result.object.id)
	}
	e := newEncoder(schema, 1)
	e.object(v)
	return &answer{status: status, body: e.out}
}

// archiveOne answers 204 even for records that never were.
func (x *exchange) archiveOne() *answer {
	x.archive([]string{x.route.id})
	return &answer{status: http.StatusNoContent}
}

// names of a comma-separated query parameter that may be repeated.
func listed(query url.Values, name string) (out []string) {
	for _, part := range query[name] {
		for item := range strings.SplitSeq(part, ",") {
			if item = strings.TrimSpace(item); item != "" {
				out = append(out, item)
			}
		}
	}
	return out
}

// readOne reads one record by id or by a unique property. Not documented:
// whether its 404 has the words of an update's, which are used here.
func (x *exchange) readOne() *answer {
	query := x.request.URL.Query()
	if query.Has("associations") {
		return refused("associations are not part of this emulator").answer()
	}
	p := x.token.portal
	p.mu.Lock()
	t := p.tables[x.route.kind]
	slot, ok := t.schema.uniqueSlot(query.Get("idProperty"))
	if !ok {
		p.mu.Unlock()
		return notUnique(x.route.kind, query.Get("idProperty")).answer()
	}
	o, record := t.lookup(slot, x.route.id, query.Get("archived") == "true")
	schema, state := t.schema, snapshot{}
	if o != nil {
		state = o.snapshot()
	}
	x.record([]emulator.Record{record})
	p.mu.Unlock()

	if o == nil {
		return notFound(x.route.id).answer()
	}
	e := newEncoder(schema, 1)
	e.object(shown{state: state, slots: schema.read(listed(query, "properties")), named: -1})
	return &answer{status: http.StatusOK, body: e.out}
}

const (
	listLimit    = 10
	listLimitMax = 100
)

// list returns records page by page, in the order of their ids.
func (x *exchange) list() *answer {
	query := x.request.URL.Query()
	limit := listLimit
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > listLimitMax {
			return refused(fmt.Sprintf("limit must be a number from 1 to %d", listLimitMax)).answer() // Not documented.
		}
		limit = n
	}
	p := x.token.portal
	p.mu.Lock()
	t := p.tables[x.route.kind]
	schema := t.schema
	page, more := t.after(query.Get("after"), limit, query.Get("archived") == "true")
	states := make([]snapshot, len(page))
	for i, o := range page {
		states[i] = o.snapshot()
	}
	x.record(nil)
	p.mu.Unlock()

	e := newEncoder(schema, len(states))
	e.raw(`{"results":[`)
	slots := schema.read(listed(query, "properties"))
	for i, state := range states {
		if i > 0 {
			e.raw(",")
		}
		e.object(shown{state: state, slots: slots, named: -1})
	}
	e.raw("]")
	if more {
		e.paging(states[len(states)-1].object.id)
	}
	e.raw("}")
	return &answer{status: http.StatusOK, body: e.out}
}

func (e *encoder) paging(after string) {
	e.text(`,"paging":{"next":{"after":`, after)
	e.raw("}}")
}
