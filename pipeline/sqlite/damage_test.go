package sqlite_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/sqlite"
)

const damaged = ": database disk image is malformed (11): stop, keep a copy of it and of its -wal file, and restore it from a backup"

// TestDamagedFile spoils pages of a file that was closed in order. What was damaged is named, by
// whoever first reads it, and the file is left as it is.
func TestDamagedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "crmsync.db")
	store, err := sqlite.Open(t.Context(), "sqlite:"+path, sqlite.Options{AnyVersion: true})
	require.NoError(t, err)
	require.NoError(t, store.Migrate(t.Context()))
	slice := make([]crmsync.Link, 1000)
	keys := make([]crmsync.LinkKey, len(slice))
	for i := range slice {
		slice[i] = link(fmt.Sprint("c-", i))
		keys[i] = slice[i].LinkKey
	}
	_, err = store.Save(t.Context(), slice)
	require.NoError(t, err)
	require.NoError(t, store.Close())
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for at := 16 * 4096; at+4096 <= len(whole); at += 4096 { // behind the schema and the small tables
		copy(whole[at:], "these are no rows of a table")
	}
	require.NoError(t, os.WriteFile(path, whole, 0o600))

	store, err = sqlite.Open(t.Context(), "sqlite:"+path, sqlite.Options{})
	require.NoError(t, err, "to open it reads none of the damaged pages")
	defer store.Close()
	_, err = store.Links(t.Context(), keys)
	require.EqualError(t, err, "denied damaged: read links: sqlite "+path+damaged)
	require.Equal(t, crmsync.Denied, crmsync.KindOf(err))
	_, err = store.Save(t.Context(), slice)
	require.EqualError(t, err, "denied damaged: save links: sqlite "+path+damaged)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, whole, after)
}

func TestTruncatedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "crmsync.db")
	store, err := sqlite.Open(t.Context(), "sqlite:"+path, sqlite.Options{AnyVersion: true})
	require.NoError(t, err)
	require.NoError(t, store.Migrate(t.Context()))
	require.NoError(t, store.Close())
	require.NoError(t, os.Truncate(path, 2*4096))
	_, err = sqlite.Open(t.Context(), "sqlite:"+path, sqlite.Options{})
	require.EqualError(t, err, "denied damaged: open: sqlite "+path+damaged)
}

// TestDiskFull lets the file grow no further. What was saved before stays, what was refused can be
// saved when there is room again.
func TestDiskFull(t *testing.T) {
	store := open(t)
	before := link("before")
	_, err := store.Save(t.Context(), []crmsync.Link{before})
	require.NoError(t, err)
	store.Execute(t, "PRAGMA max_page_count = "+store.Pragma(t, "page_count"))
	big := link("big")
	big.Wait = &crmsync.Wait{Version: 1, Reason: "paused", Until: time.Unix(2, 0).UTC(), Body: make([]byte, 1<<20)}
	_, err = store.Save(t.Context(), []crmsync.Link{link("beside"), big})
	require.EqualError(t, err, "transient disk_full: save links: "+"sqlite "+store.String()[len("sqlite:"):]+": database or disk is full (13): make room on its disk")
	require.Equal(t, crmsync.Transient, crmsync.KindOf(err))
	beside := link("beside").LinkKey
	links, err := store.Links(t.Context(), []crmsync.LinkKey{before.LinkKey, big.LinkKey, beside})
	require.NoError(t, err)
	require.Equal(t, []crmsync.Link{before, {LinkKey: big.LinkKey}, {LinkKey: beside}}, links, "of the refused slice nothing is there")

	store.Execute(t, "PRAGMA max_page_count = 1000000")
	saved, err := store.Save(t.Context(), []crmsync.Link{link("beside"), big})
	require.NoError(t, err)
	require.Equal(t, []crmsync.Saved{crmsync.Written, crmsync.Written}, saved)
	links, err = store.Links(t.Context(), []crmsync.LinkKey{big.LinkKey})
	require.NoError(t, err)
	require.Equal(t, []crmsync.Link{big}, links)
}

// TestRowsOfAnOlderProgram brings a file with rows to the newest shape.
func TestRowsOfAnOlderProgram(t *testing.T) {
	store, err := sqlite.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "crmsync.db"), sqlite.Options{AnyVersion: true})
	require.NoError(t, err)
	defer store.Close()
	require.NoError(t, store.MigrateTo(t.Context(), 2))
	store.Execute(t, `INSERT INTO links (org, record_type, record_id, connection, object, external_id, applied_version, dead_version, hash, deleted, revision, updated_at)
		VALUES ('acme', 'contact', 'c-1', 'hubspot', 'contacts', '9', 7, 8, -1, 1, 3, '2026-11-22T10:00:00.000005Z')`)
	require.NoError(t, store.Migrate(t.Context()))
	want := crmsync.Link{
		LinkKey: link("c-1").LinkKey, Revision: 3, Object: "contacts", ExternalID: "9", Applied: 7, Dead: 8, Hash: 1<<64 - 1, Deleted: true,
		UpdatedAt: time.Date(2026, 11, 22, 10, 0, 0, 5000, time.UTC),
	}
	links, err := store.Links(t.Context(), []crmsync.LinkKey{want.LinkKey})
	require.NoError(t, err)
	require.Equal(t, []crmsync.Link{want}, links)
	_, err = store.Claim(t.Context(), "crmsync.events", []int32{5})
	require.NoError(t, err)
	want.Owner, want.Revision = crmsync.Owner{Topic: "crmsync.events", Partition: 5, Epoch: 1}, 4
	saved, err := store.Save(t.Context(), []crmsync.Link{want})
	require.NoError(t, err)
	require.Equal(t, []crmsync.Saved{crmsync.Written}, saved)
}
