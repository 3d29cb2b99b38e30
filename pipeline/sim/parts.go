package sim

import (
	"context"
	"errors"
	"time"

	"crmsync"
	"crmsync/dsl"
	"crmsync/pipeline"
	"crmsync/pipeline/history"
)

// ---- the idempotency cache

// cache is the idempotency cache that all processes share.
type cache struct{ *process }

// Seen answers per delivery whether it was marked; nothing while the cache is gone.
func (c cache) Seen(_ context.Context, deliveries []crmsync.Delivery) []bool {
	seen := make([]bool, len(deliveries))
	if c.w.cacheGone.After(c.w.Now) {
		return seen
	}
	for i, d := range deliveries {
		seen[i] = c.w.cache[d]
	}
	return seen
}

// Mark remembers finished deliveries.
func (c cache) Mark(_ context.Context, deliveries []crmsync.Delivery) {
	if c.w.cacheGone.After(c.w.Now) {
		return
	}
	for _, d := range deliveries {
		c.w.cache[d] = true
	}
}

// ---- the dead-letter queue

// letters is the dead-letter queue as one process sees it.
type letters struct{ *process }

// Put keeps letters. After an error any of them may be there.
func (q letters) Put(_ context.Context, some []crmsync.DeadLetter) error {
	w := q.w
	if w.lettersDown.After(w.Now) {
		return errBroken
	}
	if len(some) > 1 && w.happens(LettersPartial) {
		q.keep(some[:w.dice.N(len(some))])
		return errBroken
	}
	return w.remote(LettersError, LettersAckLost, func() { q.keep(some) })
}

func (q letters) keep(some []crmsync.DeadLetter) {
	for i := range some {
		l := &some[i]
		d := way{place{l.Message.Partition, l.Message.Offset}, l.Connection}
		if q.w.tracing() {
			q.w.trace("%s buries %d/%d %v@%d %s: %s %s", q.name, d.partition, d.offset, l.Key, l.Version, l.Connection, l.Fault.Kind, l.Fault.Code)
		}
		q.w.judgeLetter(l, d)
		q.w.graves = append(q.w.graves, history.Letter{
			Partition: d.partition, Offset: d.offset, Connection: d.connection, Key: l.Key, Version: l.Version, Code: l.Fault.Code,
		})
		if !q.w.buried[d] {
			q.w.buried[d] = true
			q.w.letters = append(q.w.letters, d.place)
		}
	}
}

// ---- credentials

// vault is the credential store as one process sees it.
type vault struct{ *process }

// Credentials answers what is stored for each id.
func (v vault) Credentials(_ context.Context, ids []crmsync.CredentialID) ([]crmsync.Credential, error) {
	if v.w.happens(CredentialsError) {
		return nil, errBroken
	}
	found := make([]crmsync.Credential, len(ids))
	for i, id := range ids {
		s := v.w.crm.credential(id)
		if s.unusable.After(v.w.Now) {
			return nil, &crmsync.Fault{Kind: crmsync.Denied, Code: "sealed_with_other_key"}
		}
		found[i] = crmsync.Credential{ID: id, Secret: crmsync.NewSecret(s.secret(s.stored))}
	}
	return found, nil
}

var errOperatorsOnly = errors.New("only operators change credentials")

// Put stores nothing: no engine does.
func (v vault) Put(context.Context, []crmsync.Credential) error { return errOperatorsOnly }

// Delete forgets nothing: no engine does.
func (v vault) Delete(context.Context, []crmsync.CredentialID) error { return errOperatorsOnly }

// ---- the rate check

// rates is the rate check: now and then it says wait.
type rates struct{ *process }

// Check answers how long each request must wait.
func (r rates) Check(_ context.Context, requests [][]crmsync.Draw) []time.Duration {
	waits := make([]time.Duration, len(requests))
	for i := range requests {
		if r.w.happens(RateWait) {
			waits[i] = r.w.span(40 * ms)
		}
	}
	return waits
}

// Correct forgets what the CRM told: the check here follows no budget.
func (r rates) Correct(context.Context, []crmsync.Reading) {}

// ---- mappings

// folder is the mappings as one process has read them last.
type folder struct{ *process }

// Current returns the set in force.
func (f folder) Current() *dsl.Set { return f.w.setup.Sets.sets[f.variant] }

// ---- what the engine tells

// witness hears how deliveries end. What it hears is judged when the engine has
// come to rest again: an engine's own loop may run at the same time as another's.
type witness struct{ *process }

// Ended notes an outcome.
func (o witness) Ended(e pipeline.Ended) {
	e.Event = nil // good until the call returns
	o.heard = append(o.heard, func() { o.w.judgeEnd(o.process, &e) })
}

// Requested notes nothing: the CRM has seen the request.
func (o witness) Requested(pipeline.Requested) {}

// Noticed puts into the trace what concerns more than one delivery.
func (o witness) Noticed(n pipeline.Notice) {
	if !o.w.tracing() {
		return
	}
	o.heard = append(o.heard, func() {
		if n.Task != "" {
			o.w.trace("%s notices: %s %v", o.name, n.Task, n.Err)
		} else {
			o.w.trace("%s notices: %s, partition %d %v", o.name, n.What, n.Partition, n.Account)
		}
	})
}

// listen judges what an engine has told.
func (p *process) listen() {
	for _, tell := range p.heard {
		tell()
	}
	p.heard = p.heard[:0]
}
