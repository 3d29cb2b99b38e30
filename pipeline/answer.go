package pipeline

import (
	"time"

	"crmsync"
)

// answered looks at the batch as a whole, then does per record what its answer
// asks for.
func (e *Engine) answered(a *account, b *batch, all []sent) {
	e.weigh(a, b, all)
	if e.halve(a, b, all) {
		return
	}
	for i, r := range b.records {
		r.end()
		switch s := &all[i]; {
		case r.part.gone:
			e.forsake(r)
		case s.result.Fault != nil:
			e.failed(a, b, r, s.result.Fault)
		case s.ends != crmsync.Synced:
			e.settle(r, s.ends)
		case b.Operation == crmsync.Find:
			e.found(r, s.result.ExternalID)
		default:
			e.applied(b, r, s)
		}
	}
}

// weigh draws the account's conclusions: close it, or note that it works.
func (e *Engine) weigh(a *account, b *batch, all []sent) {
	if len(b.Calls) > 0 && allFailed(all) {
		a.failed++
	}
	for i := range all {
		f := all[i].result.Fault
		switch {
		case f == nil && all[i].ends == crmsync.Synced, f != nil && (f.Kind == crmsync.Rejected || f.Kind == crmsync.Missing) && !f.Whole:
			a.failed, a.refused, a.workedAt, a.downSince = 0, 0, e.now, time.Time{}
			return
		case f == nil:
			continue
		case f.Kind == crmsync.Throttled || f.Kind == crmsync.Quota || f.Kind == crmsync.Denied:
			e.refuse(a, b, f)
			return
		case f.Whole && (f.Kind == crmsync.Transient || f.Kind == crmsync.Ambiguous):
			e.close(a, e.now.Add(e.backoff(max(0, a.failed-1))), f)
			return
		}
	}
}

// allFailed says that no call of a batch did what it should, for reasons that
// lie with the CRM or the way to it.
func allFailed(all []sent) bool {
	for i := range all {
		f := all[i].result.Fault
		switch {
		case f == nil && all[i].ends != crmsync.Synced: // it needed no request
		case f == nil || f.Kind != crmsync.Transient && f.Kind != crmsync.Ambiguous:
			return false
		}
	}
	return true
}

// refuse closes an account that the CRM, or our own rate check, wants no more
// of for a while. A refused credential is read anew once before that. What was
// under way already when the account was refused tells nothing new.
func (e *Engine) refuse(a *account, b *batch, f *crmsync.Fault) {
	wait := f.After
	if f.Code == RateCheck || f.Code == Paused {
		e.close(a, e.now.Add(wait), f)
		return
	}
	if b.formed.Before(a.refusedAt) {
		return
	}
	a.refusedAt = e.now
	switch {
	case f.Kind == crmsync.Denied && a.refused == 0:
		a.refused, a.fresh = 1, true
		return
	case f.Kind == crmsync.Denied:
		a.fresh, a.credentialAt = true, b.credentialAt
		e.denied++
		wait = max(wait, min(e.cfg.DeniedPause<<min(a.refused-1, 4), 4*e.cfg.DeniedPause))
	case wait == 0:
		wait = min(time.Second<<min(a.refused, 6), time.Minute)
	}
	a.refused++
	e.close(a, e.now.Add(wait+time.Duration(e.rand.Int64N(int64(wait/10)+1))), f)
}

// close shuts the account until a time, if it isn't shut for longer already.
func (e *Engine) close(a *account, until time.Time, f *crmsync.Fault) {
	if !until.After(a.opensAt) {
		return
	}
	if a.opensAt, a.why = until, reason(f); a.why != RateCheck && a.downSince.IsZero() {
		a.downSince = e.now
	}
	if e.shut(a) {
		for _, r := range a.empty() {
			e.advance(r) // to the waiting room: they need not hold up their partitions
		}
	}
	if a.why != RateCheck && a.why != Paused {
		e.observe.Noticed(Notice{What: "closed", Account: a.connection.ID, Provider: a.connection.Provider, Fault: f, Until: until})
	}
}

// reason is what those who wait for an account are told that closed for f.
func reason(f *crmsync.Fault) string {
	switch {
	case f.Code == RateCheck || f.Code == Paused:
		return f.Code
	case f.Kind == crmsync.Denied:
		return Denied
	case f.Kind == crmsync.Quota:
		return OutOfQuota
	case f.Kind == crmsync.Throttled:
		return Throttled
	}
	return Unavailable
}

// halve splits a batch that was refused as a whole for what one of its records
// is: so the bad one comes to stand alone, and pays for itself only.
func (e *Engine) halve(a *account, b *batch, all []sent) bool {
	var some []*record
	for i, r := range b.records {
		if f := all[i].result.Fault; f != nil && f.Whole && spoils(f.Kind) && !r.part.gone {
			some = append(some, r)
		}
	}
	if len(b.Calls) < 2 || len(some) < 2 {
		return false
	}
	half := len(some) / 2
	e.isolate(a, b, some[:half])
	e.isolate(a, b, some[half:])
	rest := b.records[:0]
	left := all[:0]
	for i, r := range b.records {
		if r.queue == nil {
			rest, left = append(rest, r), append(left, all[i])
		}
	}
	b.records = rest
	if len(rest) > 0 {
		b.Calls = nil // weighed already, and nothing left to split
		e.answered(a, b, left)
	}
	return true
}

// spoils says whether a fault of that kind lies with a record, so that its
// companions may pass without it.
func spoils(k crmsync.Kind) bool {
	switch k {
	case crmsync.Rejected, crmsync.Missing, crmsync.Conflict, crmsync.Dependency, crmsync.Internal:
		return true
	}
	return false
}

// isolate lets records go in a batch of their own.
func (e *Engine) isolate(a *account, b *batch, records []*record) {
	q := e.line(a, b.Object, b.Operation)
	for _, r := range records {
		r.end()
		r.readyAt = e.now
		r.queue = q
		e.back(r)
	}
	a.halves = append(a.halves, records)
}

// found goes on with a record whose object had to be looked for.
func (e *Engine) found(r *record, externalID string) {
	r.link.ExternalID, r.link.Deleted, r.link.Hash = externalID, false, 0
	r.seek = false
	e.again(r)
}

// applied has it written that the CRM holds what r carries.
func (e *Engine) applied(b *batch, r *record, s *sent) {
	row := r.link
	row.Applied, row.EventHash, row.Object, row.Hash = r.flying.event.Version, r.flying.event.Hash, b.Object, s.call.Hash
	row.ExternalID, row.Deleted = s.result.ExternalID, b.Operation == crmsync.Archive // one that is only marked lives on
	if row.ExternalID == "" {
		row.ExternalID = s.call.ExternalID
	}
	e.conclude(r, row, crmsync.Synced, nil)
}
