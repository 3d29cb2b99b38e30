package pipeline

import (
	"time"

	"crmsync"
)

// unmappedFor is how long a record waits whose mapping is gone before the
// mappings are looked at again.
const unmappedFor = 10 * time.Minute

// Why a record is in the waiting room: Wait.Reason.
const (
	Paused      = "paused"      // its connection is, or is gone
	Denied      = "denied"      // the account's credential is refused
	OutOfQuota  = "quota"       // the account has used up a long budget
	Throttled   = "throttled"   // the account was told to wait
	Unavailable = "unavailable" // nothing works that the account is asked
	RateCheck   = "rate_check"  // our own count of the account's budgets
	Uncertain   = "uncertain"   // a call may still land of which nothing is known
	TakeOver    = "take_over"   // an earlier owner of its partition may have sent it
	Retry       = "retry"       // it failed, and is to be tried again
	Unmapped    = "unmapped"    // its mapping is gone
	Unreadable  = "unreadable"  // another version of crmsync has written it, or it is damaged
)

// unreadableFor is how long a waiting entry rests that this program can't read.
const unreadableFor = time.Hour

// waits says whether r would hold up its partition for too long, and till when.
func (e *Engine) waits(r *record) (reason string, until time.Time, ok bool) {
	if len(r.pending) == 0 {
		return "", until, false
	}
	if r.pending[0].program == nil {
		return Unmapped, e.now.Add(unmappedFor), true
	}
	a := r.account
	r.notBefore = latest(r.notBefore, r.hazard)
	until = latest(r.notBefore, a.opensAt)
	far := until.Sub(e.now) > e.cfg.ParkAfter
	switch {
	case !r.part.open:
		return TakeOver, latest(until, r.part.aloneAt), true
	case a.connection.Paused:
		return Paused, latest(until, e.now.Add(pausedRecheck)), true
	case far && until.Equal(r.hazard):
		return Uncertain, until, true
	case far && until.Equal(r.notBefore):
		return Retry, until, true
	case e.shut(a):
		return a.why, until, true
	}
	return "", until, false
}

// shut says whether an account keeps its records waiting for too long: it is
// closed for long, or nothing that it was asked has worked for long. Our own
// rate check closes for as long as a window lasts, which is no trouble.
func (e *Engine) shut(a *account) bool {
	left := a.opensAt.Sub(e.now)
	switch {
	case left <= 0:
		return false
	case a.why == RateCheck:
		return left > paceFor
	}
	return left > e.cfg.ParkAfter || !a.downSince.IsZero() && e.now.Sub(a.downSince) > e.cfg.ParkAfter
}

// paceFor is how long the rate check may hold an account's records in memory.
const paceFor = time.Minute

// park moves what is pending to the waiting room, so that its offsets can end.
// Whoever lets it out may send it and leave no word, so the row says already
// that the CRM may hold something else.
func (e *Engine) park(r *record, reason string, until time.Time) {
	e.dequeue(r)
	row := r.link
	forget(&row)
	row.Wait = &crmsync.Wait{Reason: reason, Since: e.now, Until: until}
	if r.tried == r.pending[0].event.Version {
		row.Wait.Attempts = r.tries
	}
	if old := r.link.Wait; old != nil {
		row.Wait.Since = old.Since
	}
	e.write(r, row, parks)
}

// stow puts what must stay in the waiting room into the row that is to be
// written: when r parks all that is pending, else what is safe nowhere else.
func (e *Engine) stow(r *record, row *crmsync.Link, why purpose) {
	r.stowed = nil
	for _, it := range r.pending {
		if why == parks || it.kept {
			r.stowed = append(r.stowed, it)
		}
	}
	if why == parks {
		r.frozen = len(r.pending)
	}
	switch {
	case len(r.stowed) > 0:
		w := crmsync.Wait{Reason: Retry, Since: e.now, Until: e.now}
		if row.Wait != nil {
			w = *row.Wait
		}
		w.Version, w.Body = r.stowed[len(r.stowed)-1].event.Version, nil
		row.Wait = &w
	case why != intends && why != parks:
		row.Wait = nil
	}
}

// keep leaves in the waiting room what this program can't read. What is newer
// takes its place, what is older is superseded by it.
func (e *Engine) keep(r *record, l *let) {
	e.observe.Noticed(Notice{Partition: r.part.id, What: "unreadable_wait", Key: r.key})
	w := *l.link.Wait
	for len(r.pending) > 0 && r.pending[0].event.Version <= w.Version {
		it := r.shift()
		e.finish(it, before(it.event.Version, w.Version), nil)
	}
	if len(r.pending) > 0 {
		return
	}
	row := r.link
	w.Reason, w.Until = Unreadable, e.now.Add(unreadableFor)
	row.Wait = &w
	e.write(r, row, parks)
}

// parked ends what is safe in the waiting room now. What came meanwhile goes on
// from the row.
func (e *Engine) parked(r *record) {
	for range r.stowed {
		switch it := r.shift(); {
		case it.kept:
			e.abandon(it) // as it was
		default:
			e.finish(it, crmsync.Waiting, &crmsync.Fault{Kind: crmsync.Transient, Code: r.row.Wait.Reason})
		}
	}
	r.stowed = nil
	if len(r.pending) == 0 {
		e.drop(r)
		return
	}
	e.leaveWard(r)
	r.known = false
	e.advance(r)
}

// drop forgets a record that nothing is to be done for.
func (e *Engine) drop(r *record) {
	r.sure()
	e.leaveWard(r)
	delete(r.part.records, r.key)
}
