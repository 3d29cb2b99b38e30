package pipeline

import (
	"context"
	"time"

	"crmsync"
	"crmsync/dsl"
)

// batch is one account's records on their way to the CRM. What Do reads of them
// is copied here.
type batch struct {
	crmsync.Batch
	limits       crmsync.Limits
	fresh        bool      // the credential must be read anew
	credentialAt time.Time // when the one that is used was stored
	formed       time.Time
	records      []*record
	events       []crmsync.Event
	links        []crmsync.Link
	programs     []*dsl.Program
}

// sent is how one record of a batch fared.
type sent struct {
	call   crmsync.Call
	result crmsync.Result
	ends   crmsync.Outcome // how it ends if there is no fault
}

// send lets accounts whose time has come send, the longest overdue first.
func (e *Engine) send() {
	for e.agenda.Len() > 0 && e.sends < e.cfg.Sends && !e.agenda.accounts[0].due.After(e.now) {
		a := e.agenda.accounts[0]
		b := e.batch(a)
		if b != nil {
			a.flying++
			e.sends++
			a.servedAt = e.now
			away(e, "send", b.send, func(all []sent, _ error) {
				a.flying--
				e.sends--
				e.answered(a, b, all)
				e.plan(a)
			})
		}
		e.plan(a)
	}
}

// batch takes the next batch out of an account's lines; nil if it came to nothing.
func (e *Engine) batch(a *account) *batch {
	a.ripen(e.now)
	object, op, records := e.pick(a)
	if len(records) == 0 {
		return nil
	}
	b := &batch{
		Batch: crmsync.Batch{
			Connection: a.connection, Object: object, Operation: op, Deadline: e.now.Add(e.cfg.SendTimeout),
		},
		limits: e.limits(a.connection, object, op), fresh: a.fresh, formed: e.now,
	}
	for _, r := range records {
		switch {
		case !r.part.sendBy.After(e.now):
			r.notBefore = e.now.Add(e.cfg.Lease / 4) // by then the partition is proven ours, or not
			e.enqueue(r)
		case op == crmsync.Create && !r.intentBy.After(e.now):
			e.intend(r, &b.limits)
		default:
			e.add(b, r)
		}
	}
	if len(b.records) == 0 {
		return nil
	}
	a.fresh = false
	return b
}

// intend has it written that a create may be under way, before it is: whoever
// comes after us then looks for the object instead of making another.
func (e *Engine) intend(r *record, limits *crmsync.Limits) {
	r.intentBy = e.now.Add(e.cfg.SendTimeout)
	row := r.link
	row.Seek = true
	row.Unsure = r.intentBy.Add(limits.MaxInflight + limits.SearchLag)
	e.write(r, row, intends)
}

// pick takes records that want the same: a half of a refused batch, or the head
// of a line.
func (e *Engine) pick(a *account) (object string, op crmsync.Operation, records []*record) {
	var some []*record
	if len(a.halves) > 0 {
		some, a.halves = a.halves[0], a.halves[1:]
		object, op, _ = e.wants(some[0])
	} else if q := a.next(e.now, e.cfg.Linger); q != nil {
		q.limits = e.limits(a.connection, q.object, q.operation)
		n := min(len(q.ready), q.items())
		some = append(some, q.ready[:n]...)
		if q.ready = q.ready[n:]; len(q.ready) == 0 {
			q.ready = nil
		}
		object, op = q.object, q.operation
	}
	for _, r := range some {
		r.queue = nil
		if r.part.closing() {
			continue
		}
		if o, p, act := e.wants(r); act && o == object && p == op {
			records = append(records, r)
		} else {
			e.enqueue(r) // what came meanwhile wants something else
		}
	}
	return object, op, records
}

// add takes a record along. The batch may leave no later than the proof lasts
// that its partition is ours, so that a next owner can know when it is alone,
// nor later than its intent says.
func (e *Engine) add(b *batch, r *record) {
	if r.part.sendBy.Before(b.Deadline) {
		b.Deadline = r.part.sendBy
	}
	if b.Operation == crmsync.Create && r.intentBy.Before(b.Deadline) {
		b.Deadline = r.intentBy
	}
	r.flying = r.shift()
	e.assert(r)
	r.begin()
	b.records = append(b.records, r)
	b.events = append(b.events, r.flying.event)
	b.links = append(b.links, r.link)
	b.programs = append(b.programs, r.flying.program)
}

// assert tells of what must never be: a record in two tasks, or a version sent
// that the link says is done. It is our own mistake, and shows in a metric.
func (e *Engine) assert(r *record) {
	if it := r.flying; r.busy || it.settled(&r.link) {
		e.observe.Noticed(Notice{Partition: r.part.id, What: "illegal_sequence", Key: r.key})
	}
}

// send is the straight way of one batch: transform, rate check, call. It answers
// per record, and its error is always nil: what goes wrong stands in the answers.
func (b *batch) send(ctx context.Context, p *Parts) ([]sent, error) {
	all := make([]sent, len(b.records))
	begun := p.Now()
	if f := b.connect(p); f != nil {
		fail(all, f)
		return all, nil
	}
	of := b.transform(all)
	seen := Requested{Batch: &b.Batch, Renders: p.Now().Sub(begun)}
	if len(of) == 0 {
		return all, nil
	}
	if seen.Waited = b.check(ctx, p); seen.Waited > 0 {
		p.Observer.Requested(seen)
		b.fault(all, of, &crmsync.Fault{Kind: crmsync.Throttled, Code: RateCheck, After: seen.Waited, Whole: true})
		return all, nil
	}
	if f := b.authorize(ctx, p); f != nil {
		b.fault(all, of, f)
		return all, nil
	}
	begun = p.Now()
	answer := b.call(ctx, p)
	seen.Answer, seen.Took = &answer, p.Now().Sub(begun)
	p.Observer.Requested(seen)
	for n, i := range of {
		all[i].result = answer.Results[n]
	}
	return all, nil
}

// fail gives all one fault.
func fail(all []sent, f *crmsync.Fault) {
	for i := range all {
		all[i].result.Fault = f
	}
}

// fault gives those that were to be sent one fault.
func (b *batch) fault(all []sent, of []int, f *crmsync.Fault) {
	for _, i := range of {
		all[i].result.Fault = f
	}
}
