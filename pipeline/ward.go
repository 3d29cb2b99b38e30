package pipeline

import (
	"time"

	"crmsync"
)

// ward is those who wait for one connection, of one partition. Their rows are in
// the state store; what is due is let out little by little.
type ward struct {
	id      crmsync.ConnectionID
	entries int64     // as far as is known
	out     int       // of them, those that are in memory
	next    time.Time // when to ask for those that are due
	due     time.Time // when the first of those is due that are not in memory, as far as is known
	shut    bool      // the connection was paused, or gone, when last looked at
	moves   int       // rows that came or went, ever
	asked   int       // what moves was when it was last asked
}

// How many records of a ward are let out at a time: enough to keep the account
// busy, or to see whether it works again.
const (
	outAtMost = 500
	outToTry  = 10
)

// askAgain is how long a ward is believed in which nothing was due: an operator
// may have released some.
const askAgain = 30 * time.Second

func (p *partition) wardOf(id crmsync.ConnectionID) *ward {
	w := p.ward[id]
	if w == nil {
		w = &ward{id: id}
		p.ward[id] = w
		p.wards = append(p.wards, w)
	}
	return w
}

// expect counts entries in, the first of which is due at next.
func (w *ward) expect(entries int64, next time.Time) {
	if w.entries <= 0 || next.Before(w.next) {
		w.next = next
	}
	if w.entries <= 0 || w.due.IsZero() || next.Before(w.due) {
		w.due = next
	}
	w.entries = max(0, w.entries) + entries
	w.moves++
}

// enterWard and leaveWard keep count of the records that wait and are in memory.
func (e *Engine) enterWard(r *record) {
	if r.ward == nil {
		r.ward = r.part.wardOf(crmsync.ConnectionID{Org: r.key.Key.Org, Name: r.key.Connection})
		r.ward.out++
	}
}

func (e *Engine) leaveWard(r *record) {
	if r.ward != nil {
		r.ward.out--
		r.ward = nil
	}
}

// recount follows what was written of r into its ward.
func (e *Engine) recount(r *record) {
	was, is := r.link.Wait, r.row.Wait
	if was == nil && is == nil {
		return
	}
	w := r.part.wardOf(crmsync.ConnectionID{Org: r.key.Key.Org, Name: r.key.Connection})
	switch {
	case was == nil:
		w.expect(1, is.Until)
	case is != nil:
		w.expect(0, is.Until)
		w.entries = max(1, w.entries)
	default:
		w.entries--
		w.moves++
		e.leaveWard(r)
	}
}
