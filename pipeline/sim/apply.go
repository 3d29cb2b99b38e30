package sim

import (
	"context"
	"time"

	"crmsync"
)

// api is a CRM as one process reaches it.
type api struct {
	*process
	provider string
}

// Name returns the CRM's name.
func (a api) Name() string { return a.provider }

// Limits returns the bounds of one request.
func (a api) Limits(_, object string, op crmsync.Operation) crmsync.Limits {
	return a.w.limits(crmsync.Connection{Provider: a.provider}, object, op)
}

// Apply sends the batch once. It may be refused, or done in part, or the answer
// is lost: then each call lands now, later or never.
func (a api) Apply(_ context.Context, b crmsync.Batch) crmsync.Answer {
	w := a.w
	if a.clock().After(b.Deadline) {
		w.trace("%s is too late for a request", a.name)
		return whole(&b, &crmsync.Fault{Kind: crmsync.Transient, Code: "deadline", Whole: true})
	}
	b.Deadline = b.Deadline.Add(-a.skew) // by the world's clock
	w.judgeRequest(a.process, &b)
	if f := a.refusal(&b); f != nil {
		w.trace("%s is refused by %v: %s %s", a.name, b.Connection.ID, f.Kind, f.Code)
		return whole(&b, f)
	}
	if w.happens(AnswerLost) {
		a.scatter(&b)
		return whole(&b, &crmsync.Fault{Kind: crmsync.Ambiguous, Code: "reset", Whole: true})
	}
	if kind := kindOf(a.provider); w.plan.whole[kind] && flawed(&b) {
		w.note(WholeRefusal)
		w.trace("%v refuses %s of %d calls as a whole", b.Connection.ID, b.Operation, len(b.Calls))
		return whole(&b, &crmsync.Fault{Kind: crmsync.Rejected, Code: "INVALID_INPUT", Whole: true})
	}
	answer := crmsync.Answer{Status: 200, Results: make([]crmsync.Result, len(b.Calls))}
	for i := range b.Calls {
		answer.Results[i] = a.one(&b, &b.Calls[i])
	}
	return answer
}

func whole(b *crmsync.Batch, f *crmsync.Fault) crmsync.Answer {
	answer := crmsync.Answer{Results: make([]crmsync.Result, len(b.Calls))}
	for i := range answer.Results {
		answer.Results[i].Fault = f
	}
	return answer
}

// refusal is a fault of the whole request before anything was done, nil if there is none.
func (a api) refusal(b *crmsync.Batch) *crmsync.Fault {
	w, s := a.w, a.w.crm.state(b.Connection.ID)
	switch {
	case s.down.After(w.Now):
		if w.dice.N(3) == 2 { // nothing of it arrives, but who could know
			for i := range b.Calls {
				a.airborne(b, &b.Calls[i], true)
			}
			return &crmsync.Fault{Kind: crmsync.Ambiguous, Code: "timeout", Whole: true}
		}
		return &crmsync.Fault{Kind: crmsync.Transient, Code: "refused", Whole: true}
	case b.Credential.Reveal() != s.secret(s.accepted):
		return &crmsync.Fault{Kind: crmsync.Denied, Code: "INVALID_TOKEN", Whole: true}
	case s.quota.After(w.Now):
		return &crmsync.Fault{Kind: crmsync.Quota, Code: "DAILY_LIMIT", After: s.quota.Sub(w.Now), Whole: true}
	case w.happens(RequestRefused):
		return &crmsync.Fault{Kind: crmsync.Transient, Code: "refused", Whole: true}
	case w.happens(ThrottledHint):
		return &crmsync.Fault{Kind: crmsync.Throttled, Code: "RATE_LIMIT", After: w.span(60 * ms), Whole: true}
	case w.happens(ThrottledBare):
		return &crmsync.Fault{Kind: crmsync.Throttled, Code: "RATE_LIMIT", Whole: true}
	case w.happens(QuotaUsed):
		return &crmsync.Fault{Kind: crmsync.Quota, Code: "DAILY_LIMIT", After: w.span(300 * ms), Whole: true}
	}
	return nil
}

func flawed(b *crmsync.Batch) bool {
	for i := range b.Calls {
		if said := read(&b.Calls[i]); said.flawed() {
			return true
		}
	}
	return false
}

// airborne notes a call that may land until the CRM must be done with it. The
// engine's hearing of its answer ends that, unless the answer is ambiguous.
func (a api) airborne(b *crmsync.Batch, call *crmsync.Call, ambiguous bool) (till time.Time) {
	air := &airborne{
		key:  crmsync.LinkKey{Key: call.Key, Connection: b.Connection.ID.Name},
		till: b.Deadline.Add(a.w.inflight(a.provider)), flight: a.moving,
	}
	if ambiguous {
		air.flight = nil
	}
	if b.Operation != crmsync.Find || !ambiguous {
		a.w.crm.air = append(a.w.crm.air, air)
	}
	return air.till
}

// one is the fate of one call whose answer arrives.
func (a api) one(b *crmsync.Batch, call *crmsync.Call) crmsync.Result {
	w := a.w
	said := read(call)
	switch {
	case said.flawed():
		return crmsync.Result{Fault: &crmsync.Fault{Kind: crmsync.Rejected, Code: "INVALID_VALUE"}}
	case w.happens(ItemTransient):
		return crmsync.Result{Fault: &crmsync.Fault{Kind: crmsync.Transient, Code: "ROW_LOCK"}}
	case w.happens(ItemAmbiguous):
		a.throw(b, call)
		return crmsync.Result{Fault: &crmsync.Fault{Kind: crmsync.Ambiguous, Code: "not_accounted_for"}}
	}
	if f := a.conflict(b, call); f != nil {
		return crmsync.Result{Fault: f}
	}
	a.airborne(b, call, false)
	result := w.crm.land(b, call)
	if f := result.Fault; f != nil && b.Operation == crmsync.Archive {
		w.note(GoneOnArchive)
	}
	return result
}

// conflict is a CRM's upsert that finds another writer at the same object.
func (a api) conflict(b *crmsync.Batch, call *crmsync.Call) *crmsync.Fault {
	if b.Operation != crmsync.Upsert {
		return nil
	}
	o := a.w.crm.find(b, call.Match)
	switch {
	case o != nil && a.w.happens(ItemConflict):
		return &crmsync.Fault{Kind: crmsync.Conflict, Code: "DUPLICATE_VALUE", ExistingID: o.id}
	case a.w.happens(ItemConflictBare):
		return &crmsync.Fault{Kind: crmsync.Conflict, Code: "DUPLICATE_VALUE"}
	}
	return nil
}

// scatter lets each call of a batch land now, later or never.
func (a api) scatter(b *crmsync.Batch) {
	for i := range b.Calls {
		if said := read(&b.Calls[i]); said.flawed() {
			a.airborne(b, &b.Calls[i], true)
			continue
		}
		a.throw(b, &b.Calls[i])
	}
}

// throw lets one call land now, later or never.
func (a api) throw(b *crmsync.Batch, call *crmsync.Call) {
	w := a.w
	till := a.airborne(b, call, true)
	if b.Operation == crmsync.Find {
		return
	}
	switch w.dice.N(3) {
	case 0:
		w.crm.land(b, call)
	case 1:
		w.note(LandsLate)
		late, one := *b, *call
		w.later(till, func() {
			w.trace("late:")
			w.crm.land(&late, &one)
		})
	case 2:
		w.note(LandsNever)
	}
}
