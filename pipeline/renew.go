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
	var refused []refusal
	for _, a := range e.inOrder {
		if a.why == Denied && a.opensAt.After(e.now) && len(refused) < renewsAtMost {
			accounts, refused = append(accounts, a), append(refused, refusal{a.connection, a.credentialAt})
		}
	}
	if e.denied = len(refused); len(refused) == 0 {
		e.renewals.running = false
		return
	}
	away(e, "renew", func(ctx context.Context, p *Parts) ([]bool, error) {
		return replaced(ctx, p, refused)
	}, func(anew []bool, err error) {
		if e.renewals.done(e, nil, err); err != nil {
			return
		}
		e.renewals.retryAt = e.now.Add(renewEvery)
		for i, a := range accounts {
			if anew[i] && a.why == Denied {
				a.opensAt, a.refused, a.fresh = e.now, 1, true
				e.reopen(a)
			}
		}
	})
}

// refusal is a connection whose credential is refused, and when that was stored.
type refusal struct {
	connection crmsync.Connection
	storedAt   time.Time
}

// replaced tells whose credential is another one now, and ends the waits of
// their records. One that can't be opened must not hide the others.
func replaced(ctx context.Context, p *Parts, refused []refusal) ([]bool, error) {
	anew := make([]bool, len(refused))
	for i, r := range refused {
		ids := []crmsync.CredentialID{r.connection.CredentialID()}
		if c, ok := p.Credentials.(*CredentialCache); ok {
			c.Forget(ids)
		}
		found, err := p.Credentials.Credentials(ctx, ids)
		if err != nil || found[0].Secret.IsZero() || found[0].UpdatedAt.Equal(r.storedAt) {
			continue
		}
		id := r.connection.ID
		if _, err := p.Waiting.Release(ctx, crmsync.WaitFilter{Key: crmsync.RecordKey{Org: id.Org}, Connection: id.Name, Reason: Denied}); err != nil {
			return nil, err
		}
		anew[i] = true
	}
	return anew, nil
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
