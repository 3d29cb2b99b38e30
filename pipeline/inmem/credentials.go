package inmem

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"

	"crmsync"
)

// Credentials is a crmsync.CredentialStore whose secrets lie open in memory.
type Credentials struct {
	mu   sync.Mutex // guards rows
	rows map[crmsync.CredentialID]crmsync.Credential
}

// NewCredentials returns an empty store.
func NewCredentials() *Credentials {
	return &Credentials{rows: map[crmsync.CredentialID]crmsync.Credential{}}
}

// Credentials answers one credential per id, in the ids' order. It never fails.
func (s *Credentials) Credentials(_ context.Context, ids []crmsync.CredentialID) ([]crmsync.Credential, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answers := make([]crmsync.Credential, len(ids))
	for i, id := range ids {
		answers[i] = s.rows[id]
		answers[i].ID = id
	}
	return answers, nil
}

// Put stores credentials, over what was there. It never fails.
func (s *Credentials) Put(_ context.Context, credentials []crmsync.Credential) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range credentials {
		s.rows[c.ID] = c
	}
	return nil
}

// Delete forgets credentials. It never fails.
func (s *Credentials) Delete(_ context.Context, ids []crmsync.CredentialID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		delete(s.rows, id)
	}
	return nil
}

// Sealed is a crmsync.SealedStore.
type Sealed struct {
	mu   sync.Mutex // guards rows
	rows map[crmsync.CredentialID]crmsync.SealedCredential
}

// NewSealed returns an empty store.
func NewSealed() *Sealed {
	return &Sealed{rows: map[crmsync.CredentialID]crmsync.SealedCredential{}}
}

// Sealed answers one row per id, in the ids' order; for nil ids all rows, ordered by id. It never
// fails.
func (s *Sealed) Sealed(_ context.Context, ids []crmsync.CredentialID) ([]crmsync.SealedCredential, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ids == nil {
		ids = slices.SortedFunc(maps.Keys(s.rows), func(a, b crmsync.CredentialID) int {
			return cmp.Or(cmp.Compare(a.Org, b.Org), cmp.Compare(a.Name, b.Name))
		})
	}
	answers := make([]crmsync.SealedCredential, len(ids))
	for i, id := range ids {
		answers[i] = s.rows[id]
		answers[i].ID = id
		answers[i].Box = slices.Clone(answers[i].Box)
	}
	return answers, nil
}

// PutSealed stores rows, over what was there. It never fails.
func (s *Sealed) PutSealed(_ context.Context, rows []crmsync.SealedCredential) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range rows {
		row.Box = slices.Clone(row.Box)
		s.rows[row.ID] = row
	}
	return nil
}

// DeleteSealed forgets rows. It never fails.
func (s *Sealed) DeleteSealed(_ context.Context, ids []crmsync.CredentialID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		delete(s.rows, id)
	}
	return nil
}
