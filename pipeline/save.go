package pipeline

import (
	"context"

	"crmsync"
)

// write has r's row written; what r carries ends with it.
func (e *Engine) write(r *record, row crmsync.Link, ends crmsync.Outcome, f *crmsync.Fault) {
	row.LinkKey = r.key
	row.Revision++
	row.UpdatedAt = e.now
	r.begin()
	r.row, r.ends, r.fault = row, ends, f
	e.saves.add(r)
}

// save writes links, and marks their deliveries as finished: one round trip to
// the state store and one to the cache for the whole slice.
func (e *Engine) save() {
	records := e.saves.take(e.now, e.cfg.Rows)
	if records == nil {
		return
	}
	rows := make([]crmsync.Link, len(records))
	deliveries := make([]crmsync.Delivery, len(records))
	for i, r := range records {
		rows[i], deliveries[i] = r.row, r.flying.delivery()
	}
	away(e, "save", func(ctx context.Context, p *Parts) ([]crmsync.Saved, error) {
		written, err := p.State.Save(ctx, rows)
		if err == nil {
			p.Idempotency.Mark(ctx, marked(deliveries, written))
		}
		return written, err
	}, func(saved []crmsync.Saved, err error) {
		if !e.saves.done(e, records, err) {
			return
		}
		for i, r := range records {
			e.saved(r, saved[i] == crmsync.Written)
		}
	})
}

func marked(deliveries []crmsync.Delivery, saved []crmsync.Saved) []crmsync.Delivery {
	some := make([]crmsync.Delivery, 0, len(deliveries))
	for i, d := range deliveries {
		if saved[i] == crmsync.Written {
			some = append(some, d)
		}
	}
	return some
}

// saved ends what r carried. If the row was not as it was read, another process
// wrote it, or an earlier save of ours did whose answer was lost: it is read
// again, and the version gate decides.
func (e *Engine) saved(r *record, written bool) {
	r.end()
	switch {
	case r.part.gone:
		e.forsake(r)
	case !written:
		r.known = false
		e.again(r)
	default:
		r.learn(r.row)
		r.tries, r.alone = 0, false
		it := r.flying
		r.flying = item{}
		e.finish(it, r.ends, r.fault)
		r.fault = nil
		e.advance(r)
	}
}
