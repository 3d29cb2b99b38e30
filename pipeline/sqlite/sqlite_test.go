package sqlite_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/pipelinetest"
	"crmsync/pipeline/sqlite"
)

// open returns a migrated store in a file of its own.
func open(t testing.TB) *sqlite.Store {
	return openAt(t, "sqlite:"+filepath.Join(t.TempDir(), "crmsync.db"))
}

func openAt(t testing.TB, url string) *sqlite.Store {
	store, err := sqlite.Open(t.Context(), url, sqlite.Options{AnyVersion: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	require.NoError(t, store.Migrate(t.Context()))
	return store
}

func TestStateStore(t *testing.T) {
	pipelinetest.StateStore(t, func(t testing.TB) pipelinetest.State { return open(t) })
}

func TestWaitingRoom(t *testing.T) {
	pipelinetest.WaitingRoom(t, func(t testing.TB) pipelinetest.State { return open(t) })
}

func TestOwnership(t *testing.T) {
	pipelinetest.Ownership(t, func(t testing.TB) pipelinetest.OwnershipHarness {
		store := open(t)
		return pipelinetest.OwnershipHarness{State: store, Lose: func(t testing.TB) { store.Execute(t, "DELETE FROM epochs") }}
	})
}

func TestSealedStore(t *testing.T) {
	pipelinetest.SealedStore(t, func(t testing.TB) crmsync.SealedStore { return open(t) })
}

func link(id string) crmsync.Link {
	key := crmsync.LinkKey{Key: crmsync.RecordKey{Org: "acme", Type: "contact", ID: id}, Connection: "hubspot"}
	return crmsync.Link{LinkKey: key, Revision: 1, ExternalID: "9", Hash: 1<<63 + 5, UpdatedAt: time.Unix(1, 2000).UTC()}
}

func TestReopened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "with %41 ?#&.db") // what a URL would read differently
	store, err := sqlite.Open(t.Context(), "sqlite:"+path, sqlite.Options{AnyVersion: true})
	require.NoError(t, err)
	require.NoError(t, store.Migrate(t.Context()))
	_, err = store.Save(t.Context(), []crmsync.Link{link("c-1")})
	require.NoError(t, err)
	require.NoError(t, store.Close())

	again, err := sqlite.Open(t.Context(), "sqlite:"+path, sqlite.Options{})
	require.NoError(t, err)
	links, err := again.Links(t.Context(), []crmsync.LinkKey{link("c-1").LinkKey})
	require.NoError(t, err)
	require.Equal(t, []crmsync.Link{link("c-1")}, links)
	require.Equal(t, "sqlite:"+path, again.String())
	require.NoError(t, again.Close())
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
}

func TestTwoProcessesOneFile(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "crmsync.db")
	a, b := openAt(t, url), openAt(t, url)
	for i, store := range []*sqlite.Store{a, b, a} {
		shared := link("shared")
		shared.Owner.Partition = int32(i) // or a repeat would count as written
		saved, err := store.Save(t.Context(), []crmsync.Link{link(fmt.Sprint(i)), shared})
		require.NoError(t, err)
		require.Equal(t, []crmsync.Saved{crmsync.Written, min(crmsync.Saved(i), crmsync.Moved)}, saved)
	}
	counts, err := b.Count(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"acme": 4}, counts)
}

func TestSettingsOfTheFile(t *testing.T) {
	store := open(t)
	require.Equal(t, "wal", store.Pragma(t, "journal_mode"))
	require.Equal(t, "2", store.Pragma(t, "synchronous"), "2 is FULL: a commit is on the disk when it returns")
	require.Equal(t, "5000", store.Pragma(t, "busy_timeout"))
}

func TestStatus(t *testing.T) {
	path := filepath.Join(t.TempDir(), "crmsync.db")
	store, err := sqlite.Open(t.Context(), "sqlite:"+path, sqlite.Options{AnyVersion: true})
	require.NoError(t, err)
	defer store.Close()
	status, err := store.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, []sqlite.Migration{{Version: 1, Name: "links"}, {Version: 2, Name: "credentials"}, {Version: 3, Name: "owners_and_waits"}}, status)

	_, err = sqlite.Open(t.Context(), "sqlite:"+path, sqlite.Options{})
	require.EqualError(t, err, `denied not_migrated: sqlite `+path+` lacks 3 of 3 migrations: run "crmsync db migrate"`)
	require.Equal(t, crmsync.Denied, crmsync.KindOf(err))

	require.NoError(t, store.Migrate(t.Context()))
	require.NoError(t, store.Migrate(t.Context()), "again")
	status, err = store.Status(t.Context())
	require.NoError(t, err)
	for _, m := range status {
		require.WithinDuration(t, time.Now(), m.AppliedAt, time.Minute)
	}

	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), "INSERT INTO crmsync_migrations (version_id, is_applied) VALUES (7, 1)")
	require.NoError(t, err)
	_, err = sqlite.Open(t.Context(), "sqlite:"+path, sqlite.Options{})
	require.EqualError(t, err, `denied newer_database: sqlite `+path+` has migration 7, which this program does not know: use a newer crmsync`)
	status, err = store.Status(t.Context())
	require.NoError(t, err)
	require.Len(t, status, 4)
	require.Empty(t, status[3].Name)
	require.Equal(t, int64(7), status[3].Version)
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "notes.txt")
	require.NoError(t, os.WriteFile(text, []byte("this is no database, but long enough to be read as a header of one, isn't it? "+
		"It goes on, so that it has the hundred bytes of a header."), 0o600))
	tests := []struct {
		name, url, want string
	}{
		{"another scheme", "postgres://h/db", `denied bad_url: open state: a SQLite URL reads "sqlite:PATH", for example "sqlite:crmsync.db"`},
		{"no path", "sqlite:", `denied bad_url: open state: a SQLite URL reads "sqlite:PATH", for example "sqlite:crmsync.db"`},
		{"memory", "sqlite::memory:", `denied bad_url: open state: a SQLite URL reads "sqlite:PATH", for example "sqlite:crmsync.db"`},
		{"missing folder", "sqlite:" + dir + "/none/x.db", "denied cannot_open: open sqlite: open " + dir + "/none/x.db: no such file or directory"},
		{"a folder", "sqlite:" + dir, "denied cannot_open: open sqlite: open " + dir + ": is a directory"},
		{"another file", "sqlite:" + text, "denied damaged: open: sqlite " + text + ": file is not a database (26): stop, keep a copy of it and of its -wal file, and restore it from a backup"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := sqlite.Open(t.Context(), test.url, sqlite.Options{AnyVersion: true})
			require.EqualError(t, err, test.want)
			require.Equal(t, crmsync.Denied, crmsync.KindOf(err))
		})
	}
}

func TestLockedByAnotherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "crmsync.db")
	openAt(t, "sqlite:"+path)
	store, err := sqlite.Open(t.Context(), "sqlite:"+path, sqlite.Options{BusyTimeout: 10 * time.Millisecond})
	require.NoError(t, err)
	defer store.Close()
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer db.Close()
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	require.NoError(t, err)
	_, err = store.Save(t.Context(), []crmsync.Link{link("c-1")})
	require.EqualError(t, err, "transient sqlite_busy: save links: sqlite "+path+": database is locked (5) (SQLITE_BUSY)")
	_, err = store.Links(t.Context(), []crmsync.LinkKey{link("c-1").LinkKey})
	require.NoError(t, err, "readers don't wait for the writer")
	_, err = conn.ExecContext(t.Context(), "ROLLBACK")
	require.NoError(t, err)
	written, err := store.Save(t.Context(), []crmsync.Link{link("c-1")})
	require.NoError(t, err)
	require.Equal(t, []crmsync.Saved{crmsync.Written}, written)
}

func BenchmarkSave1000(b *testing.B) {
	store := open(b)
	owner := crmsync.Owner{Topic: "crmsync.events", Partition: 1, Epoch: 1}
	_, err := store.Claim(b.Context(), owner.Topic, []int32{owner.Partition})
	require.NoError(b, err)
	links := make([]crmsync.Link, 1000)
	for i := range links {
		links[i] = link(fmt.Sprint("c-", i))
		links[i].Owner, links[i].Revision = owner, 0
	}
	for b.Loop() {
		for i := range links {
			links[i].Revision++
		}
		written, err := store.Save(b.Context(), links)
		require.NoError(b, err)
		require.Equal(b, crmsync.Written, written[999])
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "links/s")
}

// BenchmarkDue1000 asks a thousand times at once for what is due, where 10,000 links wait and none is.
func BenchmarkDue1000(b *testing.B) {
	store := open(b)
	until := time.Now().Add(time.Hour)
	links := make([]crmsync.Link, 10_000)
	for i := range links {
		links[i] = link(fmt.Sprint("c-", i))
		links[i].Owner.Partition = int32(i % 100)
		links[i].Wait = &crmsync.Wait{Version: 1, Reason: "paused", Until: until, Body: []byte("what waits")}
	}
	for slice := range slices.Chunk(links, 1000) {
		_, err := store.Save(b.Context(), slice)
		require.NoError(b, err)
	}
	asks := make([]crmsync.WaitAsk, 1000)
	for i := range asks {
		asks[i] = crmsync.WaitAsk{Partition: int32(i % 100), Connection: crmsync.ConnectionID{Org: "acme", Name: "hubspot"}, Limit: 100}
	}
	for b.Loop() {
		answers, err := store.Due(b.Context(), "", asks)
		require.NoError(b, err)
		require.False(b, answers[999].Next.IsZero())
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "asks/s")
}

func BenchmarkLinks1000(b *testing.B) {
	store := open(b)
	links := make([]crmsync.Link, 1000)
	keys := make([]crmsync.LinkKey, 1000)
	for i := range links {
		links[i] = link(fmt.Sprint("c-", i))
		keys[i] = links[i].LinkKey
	}
	_, err := store.Save(b.Context(), links)
	require.NoError(b, err)
	for b.Loop() {
		got, err := store.Links(b.Context(), keys)
		require.NoError(b, err)
		require.Len(b, got, 1000)
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "links/s")
}
