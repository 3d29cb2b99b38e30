package pipeline

import (
	"context"
	"slices"
	"time"

	"crmsync"
	"crmsync/dsl"
)

// release lets out of the waiting room what is due and may be sent.
func (e *Engine) release() {
	asks, wards, parts := e.asks()
	if len(asks) == 0 || !e.releases.due(e.now) {
		return
	}
	topic, from := e.cfg.Topic, e.cfg.VersionFrom
	e.touched = map[crmsync.LinkKey]bool{}
	known := e.mappings
	away(e, "release", func(ctx context.Context, p *Parts) (round, error) {
		return letDue(ctx, p, topic, asks, from, known)
	}, func(r round, err error) {
		touched := e.touched
		e.touched = nil
		if !e.releases.done(e, nil, err) {
			return
		}
		e.mappings, e.heft = r.mappings, r.heft()
		defer e.tellWaiting()
		e.releases.retryAt = e.now.Add(e.cfg.ReleaseEvery)
		for i := range r.outings {
			if !parts[i].gone {
				e.letIn(parts[i], wards[i], asks[i].Limit, &r.outings[i], touched)
			}
		}
	})
}

// round is what asking the waiting room brought.
type round struct {
	outings  []outing // per ask
	mappings string   // the hash of the mappings in force then
}

// asks picks the wards that may be asked now.
func (e *Engine) asks() (asks []crmsync.WaitAsk, wards []*ward, parts []*partition) {
	if e.releases.running || e.now.Before(e.releases.retryAt) {
		return nil, nil, nil
	}
	if e.messages >= max(1, e.cfg.InFlight/2) || e.bytes >= e.cfg.InFlightMiB<<20/2 {
		return nil, nil, nil // the other half is for what is new
	}
	left, waits := roundBytes/max(e.heft, leastHeft), false
	for _, p := range e.partitions {
		if !p.open || p.closing() {
			continue
		}
		for _, w := range p.wards {
			waits = true
			if n := min(e.allowance(w), left-w.out); n > 0 && len(asks) < e.cfg.Rows {
				left -= w.out + n
				asks = append(asks, crmsync.WaitAsk{Partition: p.id, Connection: w.id, Limit: w.out + n})
				wards, parts = append(wards, w), append(parts, p)
				w.asked = w.moves
			}
		}
	}
	if len(asks) == 0 && waits {
		e.releases.retryAt = e.now.Add(e.cfg.ReleaseEvery) // not each time that the engine starts
	}
	return asks, wards, parts
}

// allowance is how many more of a ward may be let out now. Those first in line
// may be in memory already, and are answered again.
func (e *Engine) allowance(w *ward) int {
	a, most := e.accounts[w.id], outAtMost
	switch {
	case w.entries <= 0 || e.now.Before(w.next):
		return 0
	case a != nil && a.opensAt.After(e.now):
		return 0
	case a != nil && !a.downSince.IsZero():
		most = outToTry
	}
	return most - w.out
}

// outing is what a ward's ask brought.
type outing struct {
	let  []let
	next time.Time
	shut bool // the connection is paused or gone: nobody was asked
}

// let is a link, and what waits in it.
type let struct {
	link       crmsync.Link
	connection crmsync.Connection
	program    *dsl.Program // nil: no mapping is for it now
	messages   []crmsync.Message
	events     []crmsync.Event
	unreadable bool
}

// What one round lets out is bounded by about these bytes, judged by what those
// of the last round weighed.
const (
	roundBytes = 64 << 20
	leastHeft  = 64 << 10
)

// heft is what a link of the round weighs, on average.
func (r *round) heft() int {
	bytes, n := 0, 1
	for i := range r.outings {
		for j := range r.outings[i].let {
			bytes, n = bytes+len(r.outings[i].let[j].link.Wait.Body), n+1
		}
	}
	return bytes / n
}

// letDue asks for those who are due. Other mappings than those that are known may
// serve whoever waits for want of one.
func letDue(ctx context.Context, p *Parts, topic string, asks []crmsync.WaitAsk, from VersionFrom, known string) (round, error) {
	set := p.Mappings.Current()
	all := make([]outing, len(asks))
	r := round{outings: all, mappings: set.Hash()}
	if r.mappings != known {
		if _, err := p.Waiting.Release(ctx, crmsync.WaitFilter{Reason: Unmapped}); err != nil {
			return r, err
		}
	}
	open := make([]crmsync.WaitAsk, 0, len(asks))
	var of []int
	for i, ask := range asks {
		c, ok := connectionOf(set, ask.Connection)
		if all[i].shut = !ok || c.Paused; !all[i].shut {
			open, of = append(open, ask), append(of, i)
		}
	}
	if len(open) == 0 {
		return r, nil
	}
	answers, err := p.Waiting.Due(ctx, topic, open)
	if err != nil {
		return r, err
	}
	for n, i := range of {
		all[i].next = answers[n].Next
		for j := range answers[n].Links {
			all[i].let = append(all[i].let, letOut(&answers[n].Links[j], set, from))
		}
	}
	return r, nil
}

func connectionOf(set *dsl.Set, id crmsync.ConnectionID) (crmsync.Connection, bool) {
	all := set.Connections(id.Org)
	i := slices.IndexFunc(all, func(c crmsync.Connection) bool { return c.ID == id })
	if i < 0 {
		return crmsync.Connection{}, false
	}
	return all[i], true
}

// letOut reads what waits in a link, with the mappings in force now.
func letOut(l *crmsync.Link, set *dsl.Set, from VersionFrom) let {
	o := let{link: *l}
	if l.Wait == nil {
		return o
	}
	var ok bool
	if o.connection, ok = connectionOf(set, crmsync.ConnectionID{Org: l.Key.Org, Name: l.Connection}); ok {
		o.program = set.Program(o.connection, l.Key.Type)
	}
	var err error
	if o.messages, err = unpack(l.Wait.Body); err != nil {
		o.unreadable = true
		return o
	}
	decoder := &Decoder{From: from}
	o.events = make([]crmsync.Event, len(o.messages))
	for i := range o.messages {
		var f *crmsync.Fault
		o.events[i], f = decoder.decode(&o.messages[i])
		o.unreadable = o.unreadable || f != nil || o.events[i].Key != l.Key
	}
	return o
}

// letIn lets what a ward gave join its records, but for rows that were written
// meanwhile: they are not as they were read.
func (e *Engine) letIn(p *partition, w *ward, limit int, o *outing, touched map[crmsync.LinkKey]bool) {
	if w.shut = o.shut; !o.shut {
		w.due = o.next
	}
	switch {
	case o.shut:
		w.next = e.now.Add(pausedRecheck)
		return
	case w.moves != w.asked: // the answer is older than what came and went meanwhile
		w.next = e.now
	case len(o.let) < limit && o.next.IsZero():
		if w.next = e.now.Add(askAgain); w.out == 0 {
			w.entries = int64(len(o.let)) // these are all; with one in memory its row may have been written unheard
		}
	case len(o.let) < limit:
		w.next = latest(e.now, o.next)
		if again := e.now.Add(askAgain); again.Before(w.next) {
			w.next = again
		}
	}
	for i := range o.let {
		l := &o.let[i]
		if p.closing() || p.records[l.link.LinkKey] != nil || touched[l.link.LinkKey] {
			continue // it is in memory, or was
		}
		r := e.newRecord(l.link.LinkKey, p, l.connection)
		e.meet(r, l)
		e.advance(r)
	}
}

// meet takes in a link as it was read. What waits in it stands in front of what
// came meanwhile.
func (e *Engine) meet(r *record, l *let) {
	e.learn(r, l.link)
	if l.link.Wait == nil {
		e.leaveWard(r)
		return
	}
	e.enterWard(r)
	if l.unreadable {
		e.keep(r, l)
		return
	}
	if w := l.link.Wait; w.Attempts > r.tries {
		r.tries, r.tried, r.triedAt = w.Attempts, l.events[0].Version, w.Since
	}
	later := r.pending
	r.pending = nil
	for i := range l.messages {
		a := &arrival{part: r.part, message: l.messages[i], event: l.events[i], replay: isReplay(&l.messages[i]), kept: true, open: 1}
		e.messages++
		e.bytes += int64(a.message.Size())
		e.join(r, item{arrival: a, connection: l.connection, program: l.program})
	}
	for _, it := range later {
		e.join(r, it)
	}
}
