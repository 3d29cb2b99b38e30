package pipeline

import (
	"context"
	"time"

	"crmsync"
)

// claim raises the epochs of new partitions: from then on no row of an earlier
// owner can be written.
func (e *Engine) claim() {
	var parts []*partition
	var ids []int32
	for _, p := range e.partitions {
		if p.epoch == 0 && !p.closing() && p.term.Gap == nil {
			parts, ids = append(parts, p), append(ids, p.id)
		}
	}
	if len(ids) == 0 || !e.claims.due(e.now) {
		return
	}
	for _, p := range parts {
		p.claiming = true
	}
	asked, topic := e.now, e.cfg.Topic
	away(e, "claim", func(ctx context.Context, p *Parts) ([]crmsync.Claim, error) {
		return p.Ownership.Claim(ctx, topic, ids)
	}, func(claims []crmsync.Claim, err error) {
		ok := e.claims.done(e, nil, err)
		for i, p := range parts {
			p.claiming = false
			if ok && !p.gone {
				e.claimed(p, &claims[i], asked)
			}
		}
		e.tellWaiting()
	})
}

// claimed opens the partition if its last owner left it clean.
func (e *Engine) claimed(p *partition, c *crmsync.Claim, asked time.Time) {
	p.epoch, p.sendBy = c.Epoch, asked.Add(e.cfg.Lease)
	for _, w := range c.Waiting {
		p.wardOf(w.Connection).expect(w.Entries, e.now) // what it waits for may have come
	}
	left, understood := parseNote(p.term.Note)
	if p.term.Note != "" && !understood {
		e.observe.Noticed(Notice{Partition: p.id, What: "note_unknown"})
	}
	// The first epoch beside a note is none: the epochs were lost, not the owners.
	if p.epoch == 1 && p.term.Note == "" || left.clean && left.epoch == p.epoch-1 {
		e.opens(p)
		return
	}
	p.unclean = true
	p.aloneAt = e.now.Add(max(e.cfg.Lease, left.lease))
	p.calmAt = p.aloneAt.Add(e.cfg.MaxInflight)
	p.most = max(e.cfg.Window, left.window)
	e.observe.Noticed(Notice{Partition: p.id, What: "taking_over", Until: p.aloneAt})
}

// opens lets the partition's records be sent.
func (e *Engine) opens(p *partition) {
	p.open = true
	e.observe.Noticed(Notice{Partition: p.id, What: "opened"})
	e.releases.retryAt = time.Time{}
}

// prove asks from time to time whether the partitions are still ours. The proof
// is as old as the question.
func (e *Engine) prove() {
	var parts []*partition
	var ids []int32
	for _, p := range e.partitions {
		if p.epoch > 0 {
			parts, ids = append(parts, p), append(ids, p.id)
		}
	}
	if len(ids) == 0 || !e.proofs.due(e.now) {
		return
	}
	asked, topic := e.now, e.cfg.Topic
	away(e, "prove", func(ctx context.Context, p *Parts) ([]int64, error) {
		return p.Ownership.Epochs(ctx, topic, ids)
	}, func(epochs []int64, err error) {
		e.proofs.done(e, nil, err)
		soon := asked.Add(e.cfg.Lease / 4)
		if err == nil || e.proofs.retryAt.After(soon) {
			e.proofs.retryAt = soon
		}
		if err != nil {
			return
		}
		for i, p := range parts {
			switch {
			case p.gone:
			case epochs[i] != p.epoch:
				e.fenced(p)
			default:
				p.sendBy = asked.Add(e.cfg.Lease)
			}
		}
	})
}

// takeOver opens partitions that have waited long enough and read far enough.
func (e *Engine) takeOver() {
	var parts []*partition
	var ids []int32
	for _, p := range e.partitions {
		switch {
		case p.open || p.epoch == 0 || p.closing() || e.now.Before(p.aloneAt):
		case p.reach < 0:
			parts, ids = append(parts, p), append(ids, p.id)
		case max(p.window.Next(), p.readTo) >= p.reach || p.window.Places() >= p.most:
			e.opens(p)
		}
	}
	if len(ids) == 0 || !e.horizons.due(e.now) {
		return
	}
	away(e, "horizon", func(ctx context.Context, p *Parts) ([]int64, error) {
		return p.Horizon.Ends(ctx, ids)
	}, func(ends []int64, err error) {
		if !e.horizons.done(e, nil, err) {
			return
		}
		for i, p := range parts {
			p.reach = ends[i]
		}
	})
}
