package pipeline

import (
	"context"

	"crmsync"
)

// commit makes watermarks durable, all partitions in one task.
func (e *Engine) commit() {
	if e.commits.running || e.leaves.running || e.now.Before(e.commits.retryAt) {
		return
	}
	marks, parts := e.marks()
	if len(marks) == 0 {
		return
	}
	e.commits.running = true
	away(e, "commit", func(ctx context.Context, p *Parts) (struct{}, error) {
		return struct{}{}, p.Source.Commit(ctx, marks)
	}, func(_ struct{}, err error) {
		if !e.commits.done(e, nil, err) {
			return
		}
		e.commits.retryAt = e.now.Add(e.cfg.CommitEvery)
		for i, p := range parts {
			p.committed = max(p.committed, marks[i].Offset)
			e.observe.Noticed(Notice{What: "committed", Partition: p.id, Offset: p.committed, End: p.end})
		}
	})
}

// marks tells how far partitions have come that stand further than committed.
func (e *Engine) marks() (marks []crmsync.Mark, parts []*partition) {
	for _, p := range e.partitions {
		if at := p.window.Watermark(); at > p.committed && !p.draining && p.term.Gap == nil {
			marks = append(marks, crmsync.Mark{Partition: p.id, Term: p.term.Term, Offset: at})
			parts = append(parts, p)
		}
	}
	return marks, parts
}

// leave hands back revoked partitions that have come to rest or run out of
// time, each with a last commit.
func (e *Engine) leave() {
	if e.commits.running || e.leaves.running {
		return // the source takes one commit at a time
	}
	var marks []crmsync.Mark
	for i := 0; i < len(e.partitions); i++ {
		p := e.partitions[i]
		if !p.draining || p.busy > 0 && e.now.Before(p.drainBy) {
			continue
		}
		if p.term.Gap == nil {
			marks = append(marks, crmsync.Mark{Partition: p.id, Term: p.term.Term, Offset: p.window.Watermark()})
		}
		e.lose(p)
		e.leaves.add(p.term)
		i--
	}
	terms := e.leaves.take(e.now, e.cfg.Rows)
	if terms == nil {
		return
	}
	away(e, "leave", func(ctx context.Context, p *Parts) (struct{}, error) {
		if len(marks) > 0 {
			if err := p.Source.Commit(ctx, marks); err != nil {
				p.Observer.Noticed(Notice{Task: "commit", Err: err}) // the next owner starts further back
			}
		}
		return struct{}{}, p.Source.Release(ctx, terms)
	}, func(_ struct{}, err error) { e.leaves.done(e, terms, err) })
}
