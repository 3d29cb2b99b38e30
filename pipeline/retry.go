package pipeline

import (
	"time"

	"crmsync"
)

// failed does what a fault asks for. These are the only retries there are.
func (e *Engine) failed(a *account, b *batch, r *record, f *crmsync.Fault) {
	switch f.Kind {
	case crmsync.Throttled, crmsync.Quota, crmsync.Denied:
		e.again(r) // the account is closed; the record has done nothing wrong
	case crmsync.Transient, crmsync.Dependency:
		e.later(a, r, f, e.now.Add(e.pause(a, r)))
	case crmsync.Ambiguous:
		e.doubt(a, b, r, f)
	case crmsync.Conflict:
		e.adopt(b, r, f)
	case crmsync.Missing:
		e.missing(b, r, f)
	default:
		e.reject(r, f, r.tries+1)
	}
}

// again puts what r carried back in its queue.
func (e *Engine) again(r *record) {
	e.back(r)
	e.advance(r)
}

// later lets r wait for another try. One that keeps failing while its account
// works for others travels alone, so as not to spoil its companions, and is a
// dead letter after its last attempt.
func (e *Engine) later(a *account, r *record, f *crmsync.Fault, at time.Time) {
	if f.Code == "batch_full" {
		e.again(r)
		return
	}
	if v := r.flying.event.Version; v != r.tried {
		r.tried, r.tries, r.triedAt = v, 0, time.Time{} // another delivery than the one that failed before
	}
	r.distrust()                     // an answer that didn't account for the call proves nothing
	if a.workedAt.After(r.triedAt) { // else all fail, and the record is not to blame
		r.tries++
	}
	r.triedAt = e.now
	if r.tries >= e.cfg.Attempts {
		e.reject(r, f, r.tries)
		return
	}
	r.alone = r.alone || r.tries >= suspectAfter
	r.notBefore = at
	e.again(r)
}

// pause is how long r waits for another try: the longer, the more often it
// failed, or its account.
func (e *Engine) pause(a *account, r *record) time.Duration {
	return e.backoff(max(r.tries, a.failed-1))
}

// suspectAfter is after how many failures a record is kept from others' batches.
const suspectAfter = 3

// doubt holds a record of which nobody knows whether the call happened, or still
// will: until the CRM must be done with it, nothing else is sent for the record.
// Then its newest version goes, or, after a create, the object is looked for.
func (e *Engine) doubt(a *account, b *batch, r *record, f *crmsync.Fault) {
	at := b.Deadline.Add(b.limits.MaxInflight)
	if b.Operation == crmsync.Create || b.Operation == crmsync.Upsert {
		r.seek = r.seek || b.Operation == crmsync.Create
		at = at.Add(b.limits.SearchLag) // what is looked for next may be this object
	}
	if b.Operation != crmsync.Find { // which changes nothing
		r.hazard = latest(r.hazard, at)
		r.distrust()
	} else {
		at = e.now.Add(e.pause(a, r))
	}
	e.later(a, r, f, at)
}

// adopt takes over the object that is there already, and updates it.
func (e *Engine) adopt(b *batch, r *record, f *crmsync.Fault) {
	if v := r.flying.event.Version; v != r.tried {
		r.tried, r.tries = v, 0
	}
	if r.tries++; r.tries >= e.cfg.Attempts {
		e.reject(r, f, r.tries)
		return
	}
	if f.ExistingID != "" && f.ExistingID != r.link.ExternalID {
		r.link.ExternalID, r.link.Deleted, r.link.Hash = f.ExistingID, false, 0
	} else {
		r.link.ExternalID, r.seek = "", true
		r.notBefore = e.now.Add(max(e.backoff(r.tries), b.limits.SearchLag))
	}
	e.again(r)
}

// missing ends a delete whose object isn't there: that is what it asks for. An
// update whose object is gone, because somebody deleted it in the CRM, makes it
// anew if the mapping says so; else it is a dead letter, and a person decides.
func (e *Engine) missing(b *batch, r *record, f *crmsync.Fault) {
	switch {
	case r.flying.event.Op == crmsync.Deleted:
		r.seek = false
		r.link.Object, r.link.ExternalID, r.link.Hash, r.link.Deleted = b.Object, "", 0, true
		e.settle(r, crmsync.Unchanged)
	case b.Operation == crmsync.Find: // what was in doubt has not happened
		r.seek = false
		e.again(r)
	case b.Operation == crmsync.Update && r.flying.program.Recreates():
		r.link.ExternalID, r.link.Hash = "", 0
		e.again(r)
	default:
		e.reject(r, f, r.tries+1)
	}
}
