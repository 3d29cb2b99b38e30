package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"crmsync"
	"crmsync/pipeline"
	"crmsync/pipeline/postgres"
	"crmsync/pipeline/sealed"
	"crmsync/pipeline/sqlite"
)

// stateStore is what both databases offer beside their contracts.
type stateStore interface {
	crmsync.StateStore
	crmsync.Ownership
	crmsync.WaitingRoom
	crmsync.SealedStore
	Close() error
}

// openStore opens the database of links. A SQLite file is the process's own, so
// it is brought up to date; a server's database is migrated by an operator.
func openStore(ctx context.Context, c stateConfig) (stateStore, error) {
	url := c.URL.Reveal()
	if !strings.HasPrefix(url, "sqlite:") {
		return postgres.Open(ctx, url, postgres.Options{Insecure: c.Insecure})
	}
	s, err := sqlite.Open(ctx, url, sqlite.Options{AnyVersion: true})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(bringUpToDate(ctx, s), s.Close()); err != nil {
		return nil, err
	}
	return sqlite.Open(ctx, url, sqlite.Options{}) // refuses one that is newer than this program
}

// bringUpToDate applies the migrations that a file lacks. It is read first: of a
// damaged one that tells more than a change that fails.
func bringUpToDate(ctx context.Context, s *sqlite.Store) error {
	if _, err := s.Status(ctx); err != nil {
		return err
	}
	return s.Migrate(ctx)
}

func (w *wired) openState(ctx context.Context, c *config, _ *watcher) error {
	store, err := openStore(ctx, c.State)
	if err != nil {
		return err
	}
	w.later(store.Close)
	w.State, w.Ownership, w.Waiting = store, store, store
	credentials, err := openCredentials(c, store)
	if err != nil {
		return err
	}
	w.Credentials = pipeline.NewCredentialCache(credentials, credentialKept, time.Now)
	return nil
}

// openCredentials opens the credential store over a file or the state store.
func openCredentials(c *config, state crmsync.SealedStore) (crmsync.CredentialStore, error) {
	ring, err := sealed.LoadRing(c.Credentials.KeyFile)
	if err != nil {
		return nil, err
	}
	if c.Credentials.URL == "state" {
		return sealed.New(state, ring), nil
	}
	file, err := sealed.OpenFile(c.Credentials.URL)
	if err != nil {
		return nil, err
	}
	return sealed.New(file, ring), nil
}

// openAsItIs opens a database of links that must be there and up to date.
func openAsItIs(ctx context.Context, c stateConfig) (stateStore, error) {
	url := c.URL.Reveal()
	file, ok := strings.CutPrefix(url, "sqlite:")
	if !ok {
		return postgres.Open(ctx, url, postgres.Options{Insecure: c.Insecure})
	}
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open state: there is no %s yet: crmsync run makes it; else correct state.url", file)
	}
	return sqlite.Open(ctx, url, sqlite.Options{})
}
