package pipeline

import (
	"context"
	"slices"
	"time"

	"crmsync"
	"crmsync/dsl"
)

// haul is what a poll brought, decoded.
type haul struct {
	news    crmsync.News
	decoded [][]decoded // per fetch, per message
}

type decoded struct {
	event  crmsync.Event
	fault  *crmsync.Fault
	routes []route
}

// route is a connection that an event goes to, and the program that renders it;
// nil: no mapping is for it.
type route struct {
	connection crmsync.Connection
	program    *dsl.Program
}

// poll asks the log for news, always.
func (e *Engine) poll() {
	if e.stopping && len(e.partitions) == 0 || !e.polls.due(e.now) {
		return
	}
	rooms, decoder := e.rooms(), e.decoder // one poll at a time: it has the decoder for itself
	away(e, "poll", func(ctx context.Context, p *Parts) (haul, error) {
		news, err := p.Source.Poll(ctx, rooms)
		return haul{news, decodeAll(news, decoder, p.Mappings.Current())}, err
	}, func(h haul, err error) {
		e.polls.done(e, nil, err)
		if k := crmsync.KindOf(err); err != nil && (k == crmsync.Denied || k == crmsync.Internal) {
			e.err = err
			return
		}
		e.heard(&h)
	})
}

// decodeAll decodes what a poll brought and finds the way of each event.
func decodeAll(news crmsync.News, d *Decoder, set *dsl.Set) [][]decoded {
	all := make([][]decoded, len(news.Fetched))
	for i := range news.Fetched {
		messages := news.Fetched[i].Messages
		all[i] = make([]decoded, len(messages))
		for j := range messages {
			v := &all[i][j]
			if v.event, v.fault = d.decode(&messages[j]); v.fault == nil {
				v.routes = routes(set, v.event.Key)
			}
		}
	}
	return all
}

func routes(set *dsl.Set, key crmsync.RecordKey) []route {
	connections := set.Connections(key.Org)
	rs := make([]route, len(connections))
	for i, c := range connections {
		rs[i] = route{c, set.Program(c, key.Type)}
	}
	return rs
}

// rooms tells how much more of each partition may be taken in. Counting from
// what is committed bounds what a next owner reads again.
func (e *Engine) rooms() (rooms []crmsync.Room) {
	if e.stopping {
		return nil
	}
	share := max(1, len(e.partitions))
	left := e.cfg.InFlightMiB<<20 - e.bytes
	if left <= 0 {
		return nil
	}
	messages := (e.cfg.InFlight - e.messages) / share
	bytes := max(int(left)/share, leastRoom)
	for _, p := range e.partitions {
		n := min(messages, max(e.cfg.Window, p.most)-p.taken())
		if n > 0 && p.epoch > 0 && !p.closing() {
			rooms = append(rooms, crmsync.Room{Partition: p.id, Term: p.term.Term, Messages: n, Bytes: bytes})
		}
	}
	return rooms
}

// leastRoom in bytes is more than any message takes, so that none can get stuck.
const leastRoom = 4 << 20

func (e *Engine) heard(h *haul) {
	for _, id := range h.news.Lost {
		e.lose(e.partition(id))
	}
	for _, id := range h.news.Revoked {
		e.drain(e.partition(id))
	}
	for _, a := range h.news.Assigned {
		e.assign(a)
	}
	for i, f := range h.news.Fetched {
		p := e.partition(f.Partition)
		if p == nil || p.term.Term != f.Term || p.closing() {
			continue
		}
		for j := range f.Messages {
			e.accept(p, f.Messages[j], &h.decoded[i][j])
		}
		if len(f.Messages) == 0 {
			p.readTo = max(p.readTo, f.End) // the last offsets may hold no message
		}
		p.end = max(p.end, f.End)
	}
	if len(h.news.Assigned) > 0 {
		e.assignedAt = e.now
	}
	if e.cfg.Once && e.dry() {
		e.Stop(e.now)
	}
}

// gatherFor is how long after an assignment others of the same share may follow:
// a source tells of each as soon as it knows where it stands.
const gatherFor = time.Second

// dry says whether all that the log held has come in and ended.
func (e *Engine) dry() bool {
	if e.now.Sub(e.assignedAt) < gatherFor {
		return false
	}
	for _, p := range e.partitions {
		if p.term.Gap == nil && (p.window.Len() > 0 || !p.open || max(p.window.Next(), p.readTo) < p.end || e.hopes(p)) {
			return false
		}
	}
	return len(e.partitions) > 0
}

// hopeFor is how long a process that is to stop at the log's end waits for those
// who wait: longer than any CRM may take for a request.
const hopeFor = 5 * time.Minute

// hopes says whether somebody waits in p who will be let out by time alone.
func (e *Engine) hopes(p *partition) bool {
	return slices.ContainsFunc(p.wards, func(w *ward) bool {
		a := e.accounts[w.id]
		given := a != nil && e.shut(a) && (a.why == Denied || a.why == OutOfQuota)
		return w.entries > 0 && !w.shut && !given && w.due.Sub(e.now) <= hopeFor
	})
}

// accept takes a message in: its place opens, its deliveries join their records.
func (e *Engine) accept(p *partition, m crmsync.Message, d *decoded) {
	place, ok := p.window.Open(m.Offset)
	if !ok {
		return
	}
	a := &arrival{part: p, place: place, message: m, event: d.event, replay: isReplay(&m), open: max(1, len(d.routes))}
	e.counts.Messages++
	e.counts.Deliveries += int64(a.open)
	e.messages++
	e.bytes += int64(m.Size())
	switch {
	case d.fault != nil:
		p.busy++
		e.burials.add(letter{item: item{arrival: a}, fault: d.fault})
	case len(d.routes) == 0:
		e.finish(item{arrival: a}, crmsync.Unmapped, nil)
	}
	for _, r := range d.routes {
		e.deliver(item{arrival: a, connection: r.connection, program: r.program})
	}
}

// deliver lets an item join its record.
func (e *Engine) deliver(it item) {
	if it.program == nil {
		e.finish(it, crmsync.Unmapped, nil)
		return
	}
	key := it.delivery().LinkKey()
	r := it.part.records[key]
	if r == nil {
		r = e.newRecord(key, it.part, it.connection)
	}
	r.account.connection = it.connection // the newest mappings' word
	if e.wakeUp(r); !it.part.open {
		e.overshadow(r, &it)
	}
	e.join(r, it)
	e.advance(r)
}
