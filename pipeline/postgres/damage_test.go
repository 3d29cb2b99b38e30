package postgres_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/postgres"
)

// TestServerDiskFull lets the server answer what it answers when a file can't grow. What was saved
// before stays, what was refused can be saved when there is room again.
func TestServerDiskFull(t *testing.T) {
	url := database(t)
	store := openAt(t, url)
	_, err := store.Claim(t.Context(), topic, partitions())
	require.NoError(t, err)
	all := owned(links(20, 1))
	_, err = store.Save(t.Context(), all[:10])
	require.NoError(t, err)
	execute(t, url, `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		RAISE EXCEPTION 'could not extend file "base/5/16384": No space left on device' USING ERRCODE = '53100';
	END $$`)
	execute(t, url, "CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON links FOR EACH ROW EXECUTE FUNCTION full_disk()")
	_, err = store.Save(t.Context(), all[10:])
	require.EqualError(t, err, `transient disk_full: save links: `+store.String()+`: could not extend file "base/5/16384": No space left on device (53100): make room on the server's disk`)
	require.Equal(t, crmsync.Transient, crmsync.KindOf(err))
	_, err = store.Release(t.Context(), crmsync.WaitFilter{})
	require.NoError(t, err, "nothing waits, so nothing is written")
	execute(t, url, "DROP TRIGGER full_disk ON links")
	saved, err := store.Save(t.Context(), all[10:])
	require.NoError(t, err)
	require.NotContains(t, saved, crmsync.Moved)
	got, err := store.Links(t.Context(), keys(all))
	require.NoError(t, err)
	require.Equal(t, all, got)
}

// TestRowsOfAnOlderProgram brings a database with rows to the newest shape.
func TestRowsOfAnOlderProgram(t *testing.T) {
	url := database(t)
	store, err := postgres.Open(t.Context(), url, postgres.Options{AnyVersion: true})
	require.NoError(t, err)
	defer store.Close()
	require.NoError(t, store.MigrateTo(t.Context(), 2))
	execute(t, url, `INSERT INTO links (org, record_type, record_id, connection, object, external_id, applied_version, dead_version, hash, deleted, revision, updated_at)
		VALUES ('acme', 'contact', 'c-1', 'hubspot', 'contacts', '9', 7, 8, -1, true, 3, '2026-11-22T10:00:00.000005Z')`)
	require.NoError(t, store.Migrate(t.Context()))
	want := crmsync.Link{
		LinkKey:  crmsync.LinkKey{Key: crmsync.RecordKey{Org: "acme", Type: "contact", ID: "c-1"}, Connection: "hubspot"},
		Revision: 3, Object: "contacts", ExternalID: "9", Applied: 7, Dead: 8, Hash: 1<<64 - 1, Deleted: true,
		UpdatedAt: time.Date(2026, 11, 22, 10, 0, 0, 5000, time.UTC),
	}
	got, err := store.Links(t.Context(), []crmsync.LinkKey{want.LinkKey})
	require.NoError(t, err)
	require.Equal(t, []crmsync.Link{want}, got)
	_, err = store.Claim(t.Context(), topic, []int32{5})
	require.NoError(t, err)
	want.Owner, want.Revision = crmsync.Owner{Topic: topic, Partition: 5, Epoch: 1}, 4
	saved, err := store.Save(t.Context(), []crmsync.Link{want})
	require.NoError(t, err)
	require.Equal(t, []crmsync.Saved{crmsync.Written}, saved)
}

// TestClaimBehindASaveThatHangs holds an epoch as a save does whose server process stands still. The
// claim gives up in time, saves of others go on, and a later claim gets through.
func TestClaimBehindASaveThatHangs(t *testing.T) {
	url := database(t)
	store := openAt(t, url)
	_, err := store.Claim(t.Context(), topic, []int32{1, 65, 2})
	require.NoError(t, err)
	hung := begin(t, url)
	_, err = hung.Exec(t.Context(), "SELECT pg_advisory_xact_lock_shared(hashtext('"+topic+"'), 1), epoch FROM epochs WHERE partition = 1 FOR SHARE")
	require.NoError(t, err)
	require.NoError(t, save(t, store, 1), "saves don't wait for each other")

	_, err = store.Claim(t.Context(), topic, []int32{1})
	require.EqualError(t, err, "transient locked: claim partitions: "+store.String()+": canceling statement due to lock timeout (55P03)")
	require.NoError(t, save(t, store, 65), "through the same gate")
	claims, err := store.Claim(t.Context(), topic, []int32{2})
	require.NoError(t, err)
	require.Equal(t, int64(2), claims[0].Epoch)

	require.NoError(t, hung.Rollback(t.Context()))
	claims, err = store.Claim(t.Context(), topic, []int32{1})
	require.NoError(t, err)
	require.Equal(t, int64(2), claims[0].Epoch, "the claim that gave up has raised nothing")
}

// save writes a row of a partition's first epoch that nobody else writes.
func save(t *testing.T, store *postgres.Store, partition int32) error {
	link := links(1, 1)[0]
	link.Key.ID = strconv.Itoa(int(partition))
	link.Owner = crmsync.Owner{Topic: topic, Partition: partition, Epoch: 1}
	saved, err := store.Save(t.Context(), []crmsync.Link{link})
	if err == nil {
		require.Equal(t, []crmsync.Saved{crmsync.Written}, saved)
	}
	return err
}
