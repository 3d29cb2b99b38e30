package pipeline

import (
	"context"
	"time"

	"crmsync"
)

// purpose is what a row is written for.
type purpose uint8

const (
	ends    purpose = iota // what the record carries ends with it
	parks                  // what is pending moves to the waiting room
	intends                // a create is about to leave
	clears                 // nothing waits any more
)

// conclude has r's row written; what r carries ends with it.
func (e *Engine) conclude(r *record, row crmsync.Link, o crmsync.Outcome, f *crmsync.Fault) {
	r.ends, r.fault = o, f
	e.write(r, row, ends)
}

// settle ends what r carries without a request, or with one that changed
// nothing. Its version is noted, so that no older one is applied after it.
func (e *Engine) settle(r *record, o crmsync.Outcome) {
	row := r.link
	row.Applied, row.EventHash = r.flying.event.Version, r.flying.event.Hash
	e.conclude(r, row, o, nil)
}

// write has r's row written. It keeps what is pending and safe nowhere else.
func (e *Engine) write(r *record, row crmsync.Link, why purpose) {
	row.LinkKey = r.key
	row.Owner = crmsync.Owner{Topic: e.cfg.Topic, Partition: r.part.id, Epoch: r.part.epoch}
	row.Revision++
	row.UpdatedAt = e.now
	if why != intends {
		row.Seek, row.Unsure, r.intentBy = r.seek, time.Time{}, time.Time{} // the row announces no create any more
		if r.hazard.After(e.now) {
			row.Unsure = r.hazard
		}
	}
	e.stow(r, &row, why)
	r.begin()
	r.row, r.purpose = row, why
	e.saves.add(r)
}

// saving is a slice of rows on their way. What Do reads of the records is copied here.
type saving struct {
	rows       []crmsync.Link
	bodies     [][]crmsync.Message // what is to be packed into a row's Wait
	deliveries []crmsync.Delivery  // that end when their row is written
	of         []int               // which row each delivery is of
}

// save writes links, and marks their deliveries as finished: one round trip to
// the state store and one to the cache for the whole slice.
func (e *Engine) save() {
	records := e.saves.take(e.now, e.cfg.Rows)
	if records == nil {
		return
	}
	s := &saving{rows: make([]crmsync.Link, len(records)), bodies: make([][]crmsync.Message, len(records))}
	for i, r := range records {
		s.rows[i] = r.row
		for _, it := range r.stowed {
			s.bodies[i] = append(s.bodies[i], it.message)
		}
		if r.purpose == ends {
			s.deliveries, s.of = append(s.deliveries, r.flying.delivery()), append(s.of, i)
		}
	}
	away(e, "save", s.do, func(saved []crmsync.Saved, err error) {
		if !e.saves.done(e, records, err) {
			e.saves.drop(e.forsaken)
			return
		}
		for i, r := range records {
			e.saved(r, saved[i])
		}
	})
}

func (s *saving) do(ctx context.Context, p *Parts) ([]crmsync.Saved, error) {
	for i, messages := range s.bodies {
		if len(messages) > 0 {
			w := *s.rows[i].Wait
			w.Body = pack(messages)
			s.rows[i].Wait = &w
		}
	}
	saved, err := p.State.Save(ctx, s.rows)
	if err != nil {
		return nil, err
	}
	some := make([]crmsync.Delivery, 0, len(s.deliveries))
	for n, i := range s.of {
		if saved[i] == crmsync.Written {
			some = append(some, s.deliveries[n])
		}
	}
	if len(some) > 0 {
		p.Idempotency.Mark(ctx, some)
	}
	return saved, nil
}

// saved ends what r carried. If the row was not as it was read, another process
// wrote it: it is read again, and the version gate decides.
func (e *Engine) saved(r *record, s crmsync.Saved) {
	r.end()
	r.frozen = 0
	switch {
	case r.part.gone:
		e.forsake(r)
	case s == crmsync.Fenced:
		e.fenced(r.part)
	case s == crmsync.Moved:
		r.known, r.stowed = false, nil
		if r.flying.arrival != nil {
			e.back(r)
		}
		e.advance(r)
	default:
		e.recount(r)
		if e.touched != nil {
			e.touched[r.key] = true
		}
		r.link = r.row
		r.sure()
		e.wrote(r)
	}
}

// wrote goes on with a record whose row is as it is to be.
func (e *Engine) wrote(r *record) {
	switch r.purpose {
	case parks:
		e.parked(r)
		return
	case ends:
		r.tries, r.alone = 0, false
		it := r.flying
		r.flying = item{}
		e.finish(it, r.ends, r.fault)
		r.fault = nil
	}
	r.stowed = nil
	e.advance(r)
}
