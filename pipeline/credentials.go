package pipeline

import (
	"context"
	"sync"
	"time"

	"crmsync"
)

// CredentialCache keeps credentials for a while in front of a store, so that a
// batch doesn't cost a round trip for its credential.
type CredentialCache struct {
	crmsync.CredentialStore
	keep time.Duration
	now  func() time.Time

	mu   sync.Mutex // guards kept
	kept map[crmsync.CredentialID]keptCredential
}

type keptCredential struct {
	credential crmsync.Credential
	until      time.Time
}

// NewCredentialCache returns a cache that asks store again after keep.
func NewCredentialCache(store crmsync.CredentialStore, keep time.Duration, now func() time.Time) *CredentialCache {
	return &CredentialCache{CredentialStore: store, keep: keep, now: now, kept: map[crmsync.CredentialID]keptCredential{}}
}

// Credentials answers from memory what it can, and asks the store for the rest
// in one call. That there is none is not kept.
func (c *CredentialCache) Credentials(ctx context.Context, ids []crmsync.CredentialID) ([]crmsync.Credential, error) {
	out := make([]crmsync.Credential, len(ids))
	missing, at := c.lookUp(ids, out)
	if len(missing) == 0 {
		return out, nil
	}
	found, err := c.CredentialStore.Credentials(ctx, missing)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for n, i := range at {
		out[i] = found[n]
		if !found[n].Secret.IsZero() {
			c.kept[ids[i]] = keptCredential{found[n], c.now().Add(c.keep)}
		}
	}
	return out, nil
}

func (c *CredentialCache) lookUp(ids []crmsync.CredentialID, out []crmsync.Credential) (missing []crmsync.CredentialID, at []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	for i, id := range ids {
		if k, ok := c.kept[id]; ok && now.Before(k.until) {
			out[i] = k.credential
			continue
		}
		missing, at = append(missing, id), append(at, i)
	}
	return missing, at
}

// Forget lets the store be asked next time: the CRM has refused these.
func (c *CredentialCache) Forget(ids []crmsync.CredentialID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		delete(c.kept, id)
	}
}
