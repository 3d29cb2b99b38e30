package pipeline

import (
	"context"

	"crmsync"
)

// known is what a check found: whether the newest pending version of a record
// is finished already, and else the record's link and what waits in it.
type known struct {
	seen  []bool
	links []let // of those not seen, in their order
}

// check asks, for records that the engine doesn't know, whether their newest
// version is finished already, and for the others' links: one round trip to
// the cache and one to the state store for the whole slice.
func (e *Engine) check() {
	records := e.reads.take(e.now, e.cfg.Rows)
	if records == nil {
		return
	}
	deliveries := make([]crmsync.Delivery, len(records))
	for i, r := range records {
		if n := len(r.pending); n > 0 {
			deliveries[i] = r.pending[n-1].delivery()
			if r.pending[n-1].replay {
				deliveries[i].Version = 0 // nothing was marked under it: the cache doesn't tell dead from applied
			}
		} else {
			deliveries[i] = crmsync.Delivery{Key: r.key.Key, Connection: r.key.Connection}
		}
	}
	from := e.cfg.VersionFrom
	away(e, "check", func(ctx context.Context, p *Parts) (known, error) {
		return ask(ctx, p, deliveries, from)
	}, func(k known, err error) {
		if !e.reads.done(e, records, err) {
			e.reads.drop(e.forsaken)
			return
		}
		next := 0
		for i, r := range records {
			r.end()
			switch {
			case r.part.gone:
				e.forsake(r)
			case k.seen[i]:
				e.repeated(r, deliveries[i].Version)
			default:
				e.meet(r, &k.links[next])
				e.advance(r)
			}
			if !k.seen[i] {
				next++
			}
		}
	})
}

func ask(ctx context.Context, p *Parts, deliveries []crmsync.Delivery, from VersionFrom) (k known, err error) {
	k.seen = p.Idempotency.Seen(ctx, deliveries)
	keys := make([]crmsync.LinkKey, 0, len(deliveries))
	for i, d := range deliveries {
		if !k.seen[i] {
			keys = append(keys, d.LinkKey())
		}
	}
	if len(keys) == 0 {
		return k, nil
	}
	links, err := p.State.Links(ctx, keys)
	if err != nil {
		return k, err
	}
	k.links = make([]let, len(links))
	for i := range links {
		k.links[i] = letOut(&links[i], p.Mappings.Current(), from)
	}
	return k, nil
}

// repeated ends what is pending up to a version that was finished before.
func (e *Engine) repeated(r *record, version int64) {
	for len(r.pending) > 0 && r.pending[0].event.Version <= version {
		it := r.shift()
		if it.event.Version == version {
			e.finish(it, crmsync.Duplicate, nil)
		} else {
			e.finish(it, crmsync.Stale, nil)
		}
	}
	if len(r.pending) > 0 {
		e.advance(r)
		return
	}
	e.drop(r) // nothing is known of it
}
