package postgres_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/pipelinetest"
	"crmsync/pipeline/postgres"
)

func TestStateStore(t *testing.T) {
	url := database(t)
	pipelinetest.StateStore(t, func(t testing.TB) pipelinetest.State { return openAt(t, schema(t, url)) })
}

func TestWaitingRoom(t *testing.T) {
	url := database(t)
	pipelinetest.WaitingRoom(t, func(t testing.TB) pipelinetest.State { return openAt(t, schema(t, url)) })
}

func TestOwnership(t *testing.T) {
	url := database(t)
	pipelinetest.Ownership(t, func(t testing.TB) pipelinetest.OwnershipHarness {
		own := schema(t, url)
		return pipelinetest.OwnershipHarness{State: openAt(t, own), Lose: func(t testing.TB) { execute(t, own, "DELETE FROM epochs") }}
	})
}

func TestSharedClock(t *testing.T) {
	url := database(t)
	execute(t, url, "ALTER DATABASE "+strings.TrimPrefix(parsed(t, url).Path, "/")+" SET TimeZone TO 'America/New_York'") // with days of 23 and 25 hours
	pipelinetest.SharedClock(t, func(t testing.TB, ahead, behind func() time.Time) (pipelinetest.State, pipelinetest.State) {
		own := schema(t, url)
		return openWith(t, own, ahead), openWith(t, own, behind)
	})
}

func TestSealedStore(t *testing.T) {
	url := database(t)
	pipelinetest.SealedStore(t, func(t testing.TB) crmsync.SealedStore { return openAt(t, schema(t, url)) })
}

func links(n int, revision int64) []crmsync.Link {
	links := make([]crmsync.Link, n)
	for i := range links {
		links[i] = crmsync.Link{
			LinkKey: crmsync.LinkKey{
				Key:        crmsync.RecordKey{Org: fmt.Sprintf("org-%02d", i%50), Type: "contact", ID: fmt.Sprintf("c-%06d", i)},
				Connection: "hubspot",
			},
			Revision: revision, Object: "contacts", ExternalID: fmt.Sprint(1_000_000 + i), Applied: revision, Hash: 1<<63 + 5,
			UpdatedAt: time.Unix(1, 2000).UTC(),
		}
	}
	return links
}

const topic = "crmsync.events"

// partitions are those that owned shares links out to.
func partitions() []int32 {
	partitions := make([]int32, 16)
	for i := range partitions {
		partitions[i] = int32(i)
	}
	return partitions
}

// owned gives the links owners: partitions that were claimed once.
func owned(links []crmsync.Link) []crmsync.Link {
	for i := range links {
		links[i].Owner = crmsync.Owner{Topic: topic, Partition: int32(i % 16), Epoch: 1}
	}
	return links
}

// parked lets every link wait for an hour.
func parked(links []crmsync.Link) []crmsync.Link {
	for i := range links {
		links[i].Wait = &crmsync.Wait{Version: 1, Reason: "paused", Until: time.Now().Add(time.Hour), Body: []byte("what waits")}
	}
	return links
}

// asks are asks for links of owned, with repeats.
func asks(n int) []crmsync.WaitAsk {
	asks := make([]crmsync.WaitAsk, n)
	for i := range asks {
		asks[i] = crmsync.WaitAsk{Partition: int32(i % 16), Connection: crmsync.ConnectionID{Org: fmt.Sprintf("org-%02d", i%50), Name: "hubspot"}, Limit: 100}
	}
	return asks
}

func keys(links []crmsync.Link) []crmsync.LinkKey {
	keys := make([]crmsync.LinkKey, len(links))
	for i := range links {
		keys[i] = links[i].LinkKey
	}
	return keys
}

func TestOneRoundTripPerSlice(t *testing.T) {
	proxy, url := through(t, edit(t, database(t), func(u *url.URL) {
		query := u.Query()
		query.Set("pool_max_conns", "1") // each connection prepares a statement once
		u.RawQuery = query.Encode()
	}))
	store := openAt(t, url)
	ids := []crmsync.CredentialID{{Org: "acme", Name: "main"}}
	rows := []crmsync.SealedCredential{{ID: ids[0], KeyID: "k", Box: []byte("box")}}
	tests := []struct {
		name string
		call func(round int64) error
	}{
		{"Save", func(round int64) error { _, err := store.Save(t.Context(), owned(links(1000, round))); return err }},
		{"Save of nobody", func(round int64) error { _, err := store.Save(t.Context(), links(1000, round)); return err }},
		{"Claim", func(int64) error { _, err := store.Claim(t.Context(), topic, partitions()); return err }},
		{"Epochs", func(int64) error { _, err := store.Epochs(t.Context(), topic, partitions()); return err }},
		{"Due", func(int64) error { _, err := store.Due(t.Context(), topic, asks(1000)); return err }},
		{"Waiting", func(int64) error { _, err := store.Waiting(t.Context(), crmsync.WaitFilter{}, 100); return err }},
		{"Release", func(int64) error {
			_, err := store.Release(t.Context(), crmsync.WaitFilter{Reason: "quota"})
			return err
		}},
		{"Links", func(int64) error { _, err := store.Links(t.Context(), keys(links(1000, 1))); return err }},
		{"PutSealed", func(int64) error { return store.PutSealed(t.Context(), rows) }},
		{"Sealed", func(int64) error { _, err := store.Sealed(t.Context(), ids); return err }},
		{"DeleteSealed", func(int64) error { return store.DeleteSealed(t.Context(), ids) }},
	}
	for _, test := range tests {
		require.NoError(t, test.call(1), test.name)
		before := proxy.trips.Load()
		for round := range int64(10) {
			require.NoError(t, test.call(round+2), test.name)
		}
		require.Equal(t, int64(10), proxy.trips.Load()-before, test.name)
	}
}

func TestLookUpUsesTheKeyAlsoWithoutStatistics(t *testing.T) {
	url := database(t)
	store := openAt(t, url)
	_, err := store.Claim(t.Context(), topic, partitions())
	require.NoError(t, err)
	for part := range 20 {
		slice := owned(links(20_000, 1))[part*1000 : (part+1)*1000]
		if part == 7 {
			parked(slice)
		}
		_, err := store.Save(t.Context(), slice)
		require.NoError(t, err)
	}
	one := crmsync.WaitFilter{Key: links(7001, 1)[7000].Key}
	page := crmsync.WaitFilter{After: links(7501, 1)[7500].LinkKey}
	for range 20 { // past the five executions after which PostgreSQL may choose a generic plan
		_, err := store.Links(t.Context(), keys(links(1000, 1)))
		require.NoError(t, err)
		_, err = store.Save(t.Context(), owned(links(1000, 1)))
		require.NoError(t, err)
		_, err = store.Due(t.Context(), topic, asks(100))
		require.NoError(t, err)
		_, err = store.Waiting(t.Context(), page, 10)
		require.NoError(t, err)
		released, err := store.Release(t.Context(), one)
		require.NoError(t, err)
		require.Equal(t, int64(1), released)
		_, err = store.Claim(t.Context(), "other", []int32{1, 2})
		require.NoError(t, err)
	}
	require.NoError(t, store.Close()) // what a backend counted is reported when it ends
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	var scanned, fetched int64
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT seq_tup_read, idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'links'").Scan(&scanned, &fetched))
	require.Zero(t, scanned, "the whole table was read")
	require.GreaterOrEqual(t, fetched, int64(40_000), "statistics that count nothing prove nothing")
}

func TestCountAndReadable(t *testing.T) {
	url := database(t)
	store := openAt(t, url)
	_, err := store.Save(t.Context(), links(120, 1))
	require.NoError(t, err)
	counts, err := store.Count(t.Context())
	require.NoError(t, err)
	require.Len(t, counts, 50)
	require.Equal(t, int64(3), counts["org-19"])
	require.Equal(t, int64(2), counts["org-20"])

	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	var line string
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT concat_ws(' ', org, record_type, record_id, connection, object,
		external_id, applied_version, dead_version, deleted, revision) FROM links WHERE record_id = 'c-000007'`).Scan(&line))
	require.Equal(t, "org-07 contact c-000007 hubspot contacts 1000007 1 0 f 1", line)
}

func TestStatus(t *testing.T) {
	url := database(t)
	store, err := postgres.Open(t.Context(), url, postgres.Options{AnyVersion: true})
	require.NoError(t, err)
	defer store.Close()
	status, err := store.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, []postgres.Migration{{Version: 1, Name: "links"}, {Version: 2, Name: "credentials"}, {Version: 3, Name: "owners_and_waits"}}, status)

	_, err = postgres.Open(t.Context(), url, postgres.Options{})
	require.EqualError(t, err, `denied not_migrated: `+store.String()+` lacks 3 of 3 migrations: run "crmsync db migrate"`)
	_, err = store.Links(t.Context(), keys(links(1, 1)))
	require.EqualError(t, err, `denied not_migrated: read links: `+store.String()+`: relation "links" does not exist (42P01): run "crmsync db migrate"`)

	require.NoError(t, store.Migrate(t.Context()))
	require.NoError(t, store.Migrate(t.Context()), "again")
	again, err := postgres.Open(t.Context(), url, postgres.Options{})
	require.NoError(t, err)
	require.NoError(t, again.Close())
	status, err = store.Status(t.Context())
	require.NoError(t, err)
	for _, m := range status {
		require.WithinDuration(t, time.Now(), m.AppliedAt, time.Minute)
	}

	execute(t, url, "INSERT INTO crmsync_migrations (version_id, is_applied) VALUES (7, true)")
	_, err = postgres.Open(t.Context(), url, postgres.Options{})
	require.EqualError(t, err, `denied newer_database: `+store.String()+` has migration 7, which this program does not know: use a newer crmsync`)
	require.Equal(t, crmsync.Denied, crmsync.KindOf(err))
}

func TestProcessesMigrateAtTheSameTime(t *testing.T) {
	url := database(t)
	errs := make([]error, 3)
	var wg sync.WaitGroup
	for i := range errs {
		store, err := postgres.Open(t.Context(), url, postgres.Options{AnyVersion: true})
		require.NoError(t, err)
		defer store.Close()
		wg.Go(func() { errs[i] = store.Migrate(t.Context()) })
	}
	wg.Wait()
	require.Equal(t, make([]error, 3), errs)
	openAt(t, url)
}

func TestOpenRefuses(t *testing.T) {
	server := pipelinetest.Server(t, serverEnv)
	u, err := url.Parse(server)
	require.NoError(t, err)
	closed := listen(t)
	require.NoError(t, closed.Close())
	at := "postgres at " + u.Host + ", database "
	tests := []struct {
		name   string
		change func(*url.URL)
		kind   crmsync.Kind
		want   string
	}{
		{"wrong password", func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), canary) }, crmsync.Denied,
			`denied wrong_password: open state: ` + at + `postgres: password authentication failed for user "crmsync" (28P01): check user and password, and the server's pg_hba.conf`},
		{"unknown database", func(u *url.URL) { u.Path = "/nobody" }, crmsync.Denied,
			`denied unknown_database: open state: ` + at + `nobody: database "nobody" does not exist (3D000): create it, or correct the URL`},
		{"nobody listens", func(u *url.URL) {
			u.Host, u.User = closed.Addr().String(), url.UserPassword("crmsync", canary)
		}, crmsync.Transient,
			`transient unreachable: open state: postgres at ` + closed.Addr().String() + `, database postgres: connection refused: check that it runs and that the address is right`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := postgres.Open(t.Context(), edit(t, server, test.change), postgres.Options{})
			require.EqualError(t, err, test.want)
			require.Equal(t, test.kind, crmsync.KindOf(err))
		})
	}
}

func TestConnectionBreaks(t *testing.T) {
	proxy, url := through(t, database(t))
	store := openAt(t, url)
	proxy.cut()
	_, err := store.Links(t.Context(), keys(links(1, 1)))
	if err != nil { // a pool that noticed has connected again
		require.Equal(t, crmsync.Transient, crmsync.KindOf(err), "%v", err)
		require.NotContains(t, err.Error(), "\n")
	}
	_, err = store.Links(t.Context(), keys(links(1, 1)))
	require.NoError(t, err, "the next call connects again")
	proxy.close()
	require.Eventually(t, func() bool { err = store.Ping(t.Context()); return err != nil }, 10*time.Second, time.Millisecond)
	require.Equal(t, crmsync.Transient, crmsync.KindOf(err), "%v", err)
}

func TestBackendIsTerminated(t *testing.T) {
	url := database(t)
	store := openAt(t, url)
	execute(t, url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	_, err := store.Save(t.Context(), links(1, 1))
	if err != nil {
		require.Equal(t, crmsync.Transient, crmsync.KindOf(err), "%v", err)
	}
	_, err = store.Save(t.Context(), links(1, 1))
	require.NoError(t, err)
}

func TestKeysThatPostgreSQLCannotHold(t *testing.T) {
	store := open(t)
	tests := []struct{ name, id, want string }{
		{"NUL", "a\x00b", `rejected bad_value: save links: ` + store.String() + `: invalid byte sequence for encoding "UTF8": 0x00 (22021)`},
		{"not UTF-8", "a\xffb", `rejected bad_value: save links: ` + store.String() + `: invalid byte sequence for encoding "UTF8": 0xff (22021)`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			link := links(1, 1)
			link[0].Key.ID = test.id
			_, err := store.Save(t.Context(), link)
			require.EqualError(t, err, test.want)
		})
	}
	link := links(1, 1)
	var long strings.Builder
	for i := range 900 { // digits that compression can't shorten below the limit
		fmt.Fprintf(&long, "%x", (i*2654435761)%(1<<31))
	}
	link[0].Key.ID = long.String()
	_, err := store.Save(t.Context(), link)
	require.Error(t, err)
	require.Equal(t, crmsync.Rejected, crmsync.KindOf(err), "%v", err)
}
