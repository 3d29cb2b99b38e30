package pipeline

import (
	"context"
	"slices"
	"time"

	"crmsync"
)

// commit makes watermarks durable, all partitions in one task.
func (e *Engine) commit() {
	e.watchCommits()
	if e.commits.running || e.leaves.running || e.now.Before(e.commits.retryAt) && !e.crowded() {
		return
	}
	marks, parts, spent := e.marks()
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
		defer e.tellWaiting()
		for i, p := range parts {
			if p.gone {
				continue
			}
			p.committed, p.spent = max(p.committed, marks[i].Offset), max(p.spent, spent[i])
			if p.movedAt = e.now; p.window.Watermark() <= p.committed {
				p.movedAt = time.Time{}
			}
			e.observe.Noticed(Notice{What: "committed", Partition: p.id, Offset: p.committed, End: p.end})
		}
	})
}

// tellWaiting tells how many wait, where that has changed.
func (e *Engine) tellWaiting() {
	for _, p := range e.partitions {
		if n := p.waits(); n != p.told {
			p.told = n
			e.observe.Noticed(Notice{What: "waiting", Partition: p.id, Entries: n})
		}
	}
}

// marks tells how far partitions have come that stand further than committed,
// and how many of their windows' places that is.
func (e *Engine) marks() (marks []crmsync.Mark, parts []*partition, spent []int) {
	for _, p := range e.partitions {
		if at := p.window.Watermark(); at > p.committed && !p.draining && p.term.Gap == nil {
			marks = append(marks, crmsync.Mark{Partition: p.id, Term: p.term.Term, Offset: at, Note: e.note(p)})
			parts, spent = append(parts, p), append(spent, p.window.Spent())
		}
	}
	return marks, parts, spent
}

// crowded says whether a partition has little room left until the next commit,
// and commits work.
func (e *Engine) crowded() bool {
	return e.commits.tries == 0 && slices.ContainsFunc(e.partitions, func(p *partition) bool { return p.taken() > e.cfg.Window/2 })
}

// note tells the next owner how the partition is left. Only when it is handed
// back is it clean: what comes after a commit would make it a lie.
func (e *Engine) note(p *partition) string {
	if p.epoch == 0 {
		return p.term.Note // never begun: left as it was found
	}
	return note{epoch: p.epoch, window: max(e.cfg.Window, p.most), lease: max(e.cfg.Lease, time.Millisecond), clean: p.draining && p.clean(e.now)}.String()
}

// watchCommits raises an alarm when what is finished does not get committed.
func (e *Engine) watchCommits() {
	for _, p := range e.partitions {
		switch late := p.window.Watermark() > p.committed && p.term.Gap == nil; {
		case !late && p.stalled:
			p.movedAt, p.stalled = time.Time{}, false
			e.observe.Noticed(Notice{Partition: p.id, What: "commit_resumed", Offset: p.committed})
		case !late:
			p.movedAt = time.Time{}
		case p.movedAt.IsZero():
			p.movedAt = e.now
		case !p.stalled && e.now.Sub(p.movedAt) >= e.cfg.CommitAlarm:
			p.stalled = true
			e.observe.Noticed(Notice{Partition: p.id, What: "commit_stalled", Offset: p.committed, End: p.window.Watermark()})
		}
	}
}

// leave hands back revoked partitions that have come to rest or run out of
// time, each with a last commit.
func (e *Engine) leave() {
	if e.commits.running || e.leaves.running || e.now.Before(e.leaves.retryAt) {
		return // the source takes one commit at a time
	}
	var marks []crmsync.Mark
	for i := 0; i < len(e.partitions); i++ {
		p := e.partitions[i]
		if !p.draining || (p.busy > 0 || p.claiming) && e.now.Before(p.drainBy) {
			continue
		}
		if p.term.Gap == nil || p.window.Next() != p.term.Offset {
			marks = append(marks, crmsync.Mark{Partition: p.id, Term: p.term.Term, Offset: p.window.Watermark(), Note: e.note(p)})
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
