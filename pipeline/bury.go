package pipeline

import (
	"context"
	"time"

	"crmsync"
)

// letter is a delivery for the dead-letter queue, and the record it holds up,
// if any.
type letter struct {
	item
	record   *record
	fault    *crmsync.Fault
	attempts int
}

// reject sends what r carries to the dead letters, after so many attempts.
func (e *Engine) reject(r *record, f *crmsync.Fault, attempts int) {
	r.begin()
	e.burials.add(letter{item: r.flying, record: r, fault: f, attempts: attempts})
}

// contradict sends an event to the dead letters that says something else than
// another one with its version. Nobody knows which of the two is true.
func (e *Engine) contradict(it item) {
	it.part.busy++
	e.burials.add(letter{item: it, fault: contradiction()})
}

func contradiction() *crmsync.Fault {
	return refuse("version_conflict", "the record has another event of this version, with other data")
}

// bury puts dead letters and waits until they are safe. While it fails nothing
// of them ends, windows fill up, and intake stops.
func (e *Engine) bury() {
	some := e.burials.take(e.now, e.cfg.Rows)
	if some == nil {
		return
	}
	letters := make([]crmsync.DeadLetter, len(some))
	for i := range some {
		letters[i] = some[i].dead(e.now)
	}
	away(e, "bury", func(ctx context.Context, p *Parts) (struct{}, error) {
		return struct{}{}, p.DeadLetters.Put(ctx, letters)
	}, func(_ struct{}, err error) {
		if !e.burials.done(e, some, err) {
			e.burials.drop(e.unburied)
			return
		}
		for i := range some {
			e.buried(&some[i])
		}
	})
}

// dead is the letter as the queue keeps it. It names the line of the mapping
// that is to blame, if the fault or the CRM's answer tells.
func (l *letter) dead(now time.Time) crmsync.DeadLetter {
	f := *l.fault
	if f.Where == "" && l.program != nil {
		f.Where = l.program.Where(f.Field)
	}
	return crmsync.DeadLetter{
		Message: l.message, Key: l.event.Key, Version: l.event.Version,
		Provider: l.connection.Provider, Connection: l.connection.ID.Name,
		Fault: &f, Attempts: l.attempts, At: now,
	}
}

// unburied lets go of a letter whose partition is gone.
func (e *Engine) unburied(l letter) bool {
	switch {
	case !l.part.gone:
		return false
	case l.record != nil:
		return e.forsaken(l.record)
	}
	e.abandon(l.item)
	return true
}

// buried ends a dead letter. Its record's row keeps the version: what is older
// has been superseded, also when it comes again.
func (e *Engine) buried(l *letter) {
	if l.record != nil {
		l.record.end()
	} else {
		l.part.busy--
	}
	switch {
	case l.part.gone && l.record != nil:
		e.forsake(l.record)
	case l.part.gone:
		e.abandon(l.item)
	case l.record == nil:
		e.finish(l.item, crmsync.Dead, l.fault)
	default:
		row := l.record.link
		row.Dead = max(row.Dead, l.event.Version)
		e.conclude(l.record, row, crmsync.Dead, l.fault)
	}
}
