package pipeline

import (
	"context"
	"slices"
	"time"

	"crmsync"
)

// connect takes the connection as the mappings in force describe it, and says
// whether it may be used.
func (b *batch) connect(p *Parts) *crmsync.Fault {
	now := p.Mappings.Current().Connections(b.Connection.ID.Org)
	i := slices.IndexFunc(now, func(c crmsync.Connection) bool { return c.ID == b.Connection.ID })
	if i >= 0 {
		b.Connection = now[i]
	}
	if i < 0 || b.Connection.Paused { // one that is gone may come back
		return &crmsync.Fault{Kind: crmsync.Throttled, Code: Paused, After: pausedRecheck, Whole: true}
	}
	if p.Providers[b.Connection.Provider] == nil {
		return &crmsync.Fault{Kind: crmsync.Internal, Code: "unknown_provider"}
	}
	return nil
}

// pausedRecheck is how soon a paused connection is looked at again.
const pausedRecheck = 2 * time.Second

// authorize fetches the credential. The store may keep it for a while; fresh
// says that the one it gave last was refused.
func (b *batch) authorize(ctx context.Context, p *Parts) *crmsync.Fault {
	ids := []crmsync.CredentialID{b.Connection.CredentialID()}
	store := p.Credentials
	if c, ok := store.(*CredentialCache); ok && b.fresh {
		c.Forget(ids)
	}
	found, err := store.Credentials(ctx, ids)
	switch {
	case err != nil && crmsync.KindOf(err) == crmsync.Denied:
		return &crmsync.Fault{Kind: crmsync.Denied, Code: "credential_unusable", Whole: true, Err: err}
	case err != nil:
		return &crmsync.Fault{Kind: crmsync.Transient, Code: "credential_store", Whole: true, Err: err}
	case found[0].Secret.IsZero():
		return &crmsync.Fault{Kind: crmsync.Denied, Code: "no_credential", Whole: true}
	}
	b.Credential, b.credentialAt = found[0].Secret, found[0].UpdatedAt
	return nil
}

// call sends the batch once and corrects the budgets by what the CRM tells.
func (b *batch) call(ctx context.Context, p *Parts) crmsync.Answer {
	answer := p.Providers[b.Connection.Provider].Apply(ctx, b.Batch)
	if len(answer.Readings) > 0 {
		p.Rate.Correct(ctx, answer.Readings)
	}
	return answer
}
