package pipeline

import (
	"container/heap"
	"slices"
	"time"

	"crmsync"
)

// account is the queue of one connection: one line per kind of request. It
// holds records, not versions, so that a record can be in one batch only.
type account struct {
	connection   crmsync.Connection
	no           int // in order of coming
	queues       []*queue
	later        []*record   // must wait till their notBefore, soonest first
	halves       [][]*record // what a refused batch was split into; each goes by itself
	flying       int         // requests in flight
	servedAt     time.Time   // when it last sent
	opensAt      time.Time   // closed till then
	why          string      // the reason that those who wait for it are told
	downSince    time.Time   // since when nothing it was asked has worked; zero: it works
	refused      int         // throttles, or denials, in a row
	refusedAt    time.Time   // the last of them
	failed       int         // requests in a row that failed as a whole
	workedAt     time.Time   // when a request last did what it should
	fresh        bool        // the credential must be read anew
	credentialAt time.Time   // when the one that was refused had been stored
	due          time.Time   // its place in the agenda
	place        int
}

// queue is the line of one kind of request.
type queue struct {
	object    string
	operation crmsync.Operation
	limits    crmsync.Limits
	ready     []*record // in order of arrival
}

// items is how many calls a request of the line takes.
func (q *queue) items() int { return max(1, q.limits.Items) }

func (e *Engine) account(c crmsync.Connection) *account {
	a := e.accounts[c.ID]
	if a == nil {
		a = &account{connection: c, no: len(e.inOrder), place: -1}
		e.accounts[c.ID] = a
		e.inOrder = append(e.inOrder, a)
	}
	a.connection = c // the newest mappings' word
	return a
}

// line returns the account's queue of one kind of request.
func (e *Engine) line(a *account, object string, op crmsync.Operation) *queue {
	for _, q := range a.queues {
		if q.operation == op && q.object == object {
			return q
		}
	}
	q := &queue{object: object, operation: op}
	q.limits = e.limits(a.connection, object, op)
	a.queues = append(a.queues, q)
	return q
}

// wants says what the oldest pending item of r asks of the CRM. Where the CRM
// has no upsert, what is not known to exist must be created.
func (e *Engine) wants(r *record) (object string, op crmsync.Operation, act bool) {
	it := &r.pending[0]
	object = it.program.Object()
	if r.seek {
		return object, crmsync.Find, true
	}
	op, act = it.program.Operation(it.event.Op, &r.link)
	if op == crmsync.Upsert && e.line(r.account, object, op).limits.Items == 0 && e.line(r.account, object, crmsync.Create).limits.Items > 0 {
		op = crmsync.Create
	}
	return object, op, act
}

// enqueue lets r wait for its turn, in the line of what it wants.
func (e *Engine) enqueue(r *record) {
	object, op, act := e.wants(r)
	if !act {
		e.skip(r)
		return
	}
	a, q := r.account, e.line(r.account, object, op)
	if r.queue == q {
		return
	}
	e.dequeue(r)
	r.queue = q
	a.add(r, e.now)
	e.plan(a)
}

// skip ends what asks for nothing. Its version is noted, so that no older one
// is applied after it.
func (e *Engine) skip(r *record) {
	e.dequeue(r)
	r.flying = r.shift()
	e.settle(r, crmsync.Filtered)
}

// dequeue takes r out of its account.
func (e *Engine) dequeue(r *record) {
	if r.queue == nil {
		return
	}
	same := func(x *record) bool { return x == r }
	r.queue.ready = slices.DeleteFunc(r.queue.ready, same)
	r.account.later = slices.DeleteFunc(r.account.later, same)
	for i, half := range r.account.halves {
		r.account.halves[i] = slices.DeleteFunc(half, same)
	}
	r.account.halves = slices.DeleteFunc(r.account.halves, func(h []*record) bool { return len(h) == 0 })
	r.queue = nil
}

func (a *account) add(r *record, now time.Time) {
	if r.notBefore.After(now) {
		i, _ := slices.BinarySearchFunc(a.later, r.notBefore, func(x *record, t time.Time) int {
			if x.notBefore.After(t) {
				return 1
			}
			return -1
		})
		a.later = slices.Insert(a.later, i, r)
		return
	}
	r.readyAt = now
	if r.alone {
		a.halves = append(a.halves, []*record{r})
		return
	}
	r.queue.ready = append(r.queue.ready, r)
}

// ripen moves records whose wait is over into their lines.
func (a *account) ripen(now time.Time) {
	n := 0
	for n < len(a.later) && !a.later[n].notBefore.After(now) {
		n++
	}
	ripe := a.later[:n:n]
	a.later = a.later[n:]
	for _, r := range ripe {
		a.add(r, now)
	}
}

// next picks the line to be served: of those that are due the one whose oldest
// record has waited longest.
func (a *account) next(now time.Time, linger time.Duration) *queue {
	var best *queue
	for _, q := range a.queues {
		if at := q.due(linger); at.IsZero() || at.After(now) {
			continue
		}
		if best == nil || q.ready[0].readyAt.Before(best.ready[0].readyAt) {
			best = q
		}
	}
	return best
}

// due is when the line's next batch may leave: at once when it is full, else
// when its oldest record has waited for company. Zero: it is empty.
func (q *queue) due(linger time.Duration) time.Time {
	switch n := len(q.ready); {
	case n == 0:
		return time.Time{}
	case n >= q.items():
		return q.ready[0].readyAt
	}
	return q.ready[0].readyAt.Add(linger)
}

// wake is when the account next has something to do; zero if an answer must
// come first, or nothing waits.
func (a *account) wake(cfg *Config) (at time.Time) {
	sooner := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	parallel := cfg.Parallel
	for _, q := range a.queues {
		if q.limits.Parallel > 0 {
			parallel = min(parallel, q.limits.Parallel)
		}
		if len(q.ready) > 0 {
			sooner(q.due(cfg.Linger))
		}
	}
	if a.flying >= parallel {
		return time.Time{}
	}
	if len(a.halves) > 0 {
		sooner(a.halves[0][0].readyAt)
	}
	if len(a.later) > 0 {
		sooner(a.later[0].notBefore)
	}
	if !at.IsZero() && at.Before(a.opensAt) {
		at = a.opensAt
	}
	return at
}

// plan gives a its place in the agenda. It is never due before it last sent: so
// of the overdue the one served longest ago goes first, and no org starves another.
func (e *Engine) plan(a *account) {
	at := a.wake(&e.cfg)
	if !at.IsZero() && at.Before(a.servedAt) {
		at = a.servedAt
	}
	e.agenda.set(a, at)
}

// empty takes everything out of the account's lines.
func (a *account) empty() (all []*record) {
	for _, half := range a.halves {
		all = append(all, half...)
	}
	for _, q := range a.queues {
		all = append(all, q.ready...)
		q.ready = nil
	}
	all = append(all, a.later...)
	a.halves, a.later = nil, nil
	for _, r := range all {
		r.queue = nil
	}
	return all
}

// purge drops records whose partition is gone.
func (a *account) purge() {
	gone := func(r *record) bool { return r.part.gone }
	for _, q := range a.queues {
		q.ready = slices.DeleteFunc(q.ready, gone)
	}
	a.later = slices.DeleteFunc(a.later, gone)
	for i := range a.halves {
		a.halves[i] = slices.DeleteFunc(a.halves[i], gone)
	}
	a.halves = slices.DeleteFunc(a.halves, func(h []*record) bool { return len(h) == 0 })
}

// agenda is a heap of accounts by when they are due.
type agenda struct{ accounts []*account }

// set moves a to at, or takes it off the agenda when at is zero.
func (g *agenda) set(a *account, at time.Time) {
	switch listed := a.place >= 0; {
	case listed && at.IsZero():
		heap.Remove(g, a.place)
	case listed:
		a.due = at
		heap.Fix(g, a.place)
	case !at.IsZero():
		a.due = at
		heap.Push(g, a)
	}
}

func (g *agenda) Len() int { return len(g.accounts) }
func (g *agenda) Less(i, j int) bool {
	a, b := g.accounts[i], g.accounts[j]
	return a.due.Before(b.due) || a.due.Equal(b.due) && a.no < b.no
}
func (g *agenda) Swap(i, j int) {
	g.accounts[i], g.accounts[j] = g.accounts[j], g.accounts[i]
	g.accounts[i].place, g.accounts[j].place = i, j
}
func (g *agenda) Push(x any) {
	a := x.(*account)
	a.place = len(g.accounts)
	g.accounts = append(g.accounts, a)
}
func (g *agenda) Pop() any {
	last := len(g.accounts) - 1
	a := g.accounts[last]
	a.place = -1
	g.accounts = g.accounts[:last]
	return a
}
