package sealed

import (
	"context"
	"errors"
	"fmt"

	"crmsync"
)

// secretMax is how many bytes a secret may have.
const secretMax = 256 << 10

// Keeper seals secrets and opens boxes. A Ring is one; a key management service can be another.
// Implementations may be called concurrently, and put no secret into an error.
type Keeper interface {
	// Seal answers one row per credential, in their order, bound to its id.
	Seal(ctx context.Context, credentials []crmsync.Credential) ([]crmsync.SealedCredential, error)
	// Open answers one credential per row, in their order. It refuses a row whose box was sealed
	// under another id or key with a fault of kind Denied, for all rows.
	Open(ctx context.Context, rows []crmsync.SealedCredential) ([]crmsync.Credential, error)
}

// Store is a crmsync.CredentialStore whose rows lie sealed in another store.
type Store struct {
	rows   crmsync.SealedStore
	keeper Keeper
}

// New returns a store over rows that the keeper seals.
func New(rows crmsync.SealedStore, keeper Keeper) *Store { return &Store{rows: rows, keeper: keeper} }

// Credentials answers one credential per id, in the ids' order. One that can't be opened is an
// error of kind Denied for the whole slice.
func (s *Store) Credentials(ctx context.Context, ids []crmsync.CredentialID) ([]crmsync.Credential, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := s.rows.Sealed(ctx, ids)
	if err != nil {
		return nil, err
	}
	answers := make([]crmsync.Credential, len(ids))
	var found []crmsync.SealedCredential
	var places []int
	for i, row := range rows {
		answers[i].ID = ids[i]
		if row.Box != nil {
			row.ID = ids[i] // the id that was asked for is what the box must be bound to
			found, places = append(found, row), append(places, i)
		}
	}
	opened, err := s.keeper.Open(ctx, found)
	if err != nil {
		return nil, err
	}
	for i, place := range places {
		answers[place] = opened[i]
	}
	return answers, nil
}

// Put seals and stores credentials, over what was there. A credential without a secret, or with
// one of over 256 KiB, is refused with a fault of kind Rejected, and then none is stored.
func (s *Store) Put(ctx context.Context, credentials []crmsync.Credential) error {
	if len(credentials) == 0 {
		return nil
	}
	for _, c := range credentials {
		if c.Secret.IsZero() {
			return &crmsync.Fault{Kind: crmsync.Rejected, Code: "no_secret", Err: fmt.Errorf("put credential %s: it has no secret: delete it instead", c.ID)}
		}
		if n := len(c.Secret.Reveal()); n > secretMax {
			return &crmsync.Fault{Kind: crmsync.Rejected, Code: "too_large", Err: fmt.Errorf("put credential %s: its secret has %d bytes, at most %d are taken", c.ID, n, secretMax)}
		}
	}
	rows, err := s.keeper.Seal(ctx, credentials)
	if err != nil {
		return err
	}
	return s.rows.PutSealed(ctx, rows)
}

// Delete forgets credentials. One that isn't there is no error.
func (s *Store) Delete(ctx context.Context, ids []crmsync.CredentialID) error {
	if len(ids) == 0 {
		return nil
	}
	return s.rows.DeleteSealed(ctx, ids)
}

// Rewrap seals every row anew whose key is not the one that seals now, and returns how many it
// did. Rows that can't be opened are left as they are and reported together at the end. A
// credential that is put in the same instant as it is rewrapped can be lost: don't put any
// meanwhile.
func (s *Store) Rewrap(ctx context.Context) (int, error) {
	rows, err := s.rows.Sealed(ctx, nil)
	if err != nil {
		return 0, err
	}
	done := 0
	var failures []error
	for i := range rows {
		changed, err := s.rewrap(ctx, rows[i].ID)
		if err != nil {
			failures = append(failures, err)
		}
		if changed {
			done++
		}
	}
	return done, errors.Join(failures...)
}

// rewrap reads a row again before it writes it: time has passed since all were listed.
func (s *Store) rewrap(ctx context.Context, id crmsync.CredentialID) (bool, error) {
	rows, err := s.rows.Sealed(ctx, []crmsync.CredentialID{id})
	if err != nil || rows[0].Box == nil {
		return false, err
	}
	opened, err := s.keeper.Open(ctx, rows)
	if err != nil {
		return false, err
	}
	again, err := s.keeper.Seal(ctx, opened)
	if err != nil || again[0].KeyID == rows[0].KeyID {
		return false, err
	}
	return true, s.rows.PutSealed(ctx, again)
}

// Keys returns how many rows each key seals: a key that seals none can leave the ring.
func (s *Store) Keys(ctx context.Context) (map[string]int, error) {
	rows, err := s.rows.Sealed(ctx, nil)
	if err != nil {
		return nil, err
	}
	keys := map[string]int{}
	for _, row := range rows {
		keys[row.KeyID]++
	}
	return keys, nil
}
