package pipeline

import (
	"context"
	"time"

	"crmsync"
)

// renewEvery is how often a credential that the CRM refuses is looked at, for
// whether somebody has stored another one.
const renewEvery = 5 * time.Second

// renewsAtMost bounds one look.
const renewsAtMost = 100

// renew lets accounts try again at once whose refused credential was replaced,
// instead of when their rest is over.
func (e *Engine) renew() {
	if e.denied == 0 || !e.renewals.due(e.now) {
		return
	}
	var accounts []*account
	var ids []crmsync.CredentialID
	for _, a := range e.inOrder {
		if a.why == Denied && a.opensAt.After(e.now) && len(ids) < renewsAtMost {
			accounts, ids = append(accounts, a), append(ids, a.connection.CredentialID())
		}
	}
	if e.denied = len(ids); len(ids) == 0 {
		e.renewals.running = false
		return
	}
	away(e, "renew", func(ctx context.Context, p *Parts) ([]time.Time, error) {
		return stored(ctx, p, ids), nil
	}, func(at []time.Time, _ error) {
		e.renewals.done(e, nil, nil)
		e.renewals.retryAt = e.now.Add(renewEvery)
		for i, a := range accounts {
			if !at[i].IsZero() && !at[i].Equal(a.credentialAt) {
				a.credentialAt, a.opensAt, a.refused, a.fresh = at[i], e.now, 1, true
				e.reopen(a)
			}
		}
	})
}

// stored returns when each credential was stored; zero for one that isn't there,
// or can't be read. One that can't be opened must not hide the others.
func stored(ctx context.Context, p *Parts, ids []crmsync.CredentialID) []time.Time {
	if c, ok := p.Credentials.(*CredentialCache); ok {
		c.Forget(ids)
	}
	at := make([]time.Time, len(ids))
	for i := range ids {
		if found, err := p.Credentials.Credentials(ctx, ids[i:i+1]); err == nil && !found[0].Secret.IsZero() {
			at[i] = found[0].UpdatedAt
		}
	}
	return at
}

// reopen lets the account's records try.
func (e *Engine) reopen(a *account) {
	for _, p := range e.partitions {
		if w := p.ward[a.connection.ID]; w != nil {
			w.next = e.now
		}
	}
	e.releases.retryAt = time.Time{}
	e.plan(a)
}
