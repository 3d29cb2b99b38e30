package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/dsl"
	"crmsync/pipeline"
	"crmsync/pipeline/history"
	"crmsync/pipeline/inmem"
	"crmsync/providers"
	"crmsync/providers/emulator"
	"crmsync/providers/emulator/hubspot"
)

// The times of a CRM without upsert, and of the engine that speaks to it: as in
// production to each other, but short. The CRM is done with a request well
// within plainInflight after its deadline.
const (
	plainSend     = 300 * time.Millisecond
	plainLate     = 400 * time.Millisecond
	plainInflight = 1000 * time.Millisecond
	plainLag      = 250 * time.Millisecond
	plainLease    = 600 * time.Millisecond
	plainPark     = 200 * time.Millisecond
)

// What a run is made of.
const (
	plainOrgs       = 4
	plainPartitions = 4
	plainDeaths     = 6
	plainNewcomers  = 40  // records that each life hears of first
	plainChanges    = 120 // of any record, in each life
	plainTopic      = "crmsync.events"
)

const plainMapping = `version: 1
record_type: contact
provider: hubspot_plain
object: contacts
match: {field: crmsync_key, value: record_id}
on_delete: archive
fields:
  firstname: record.first_name
  jobtitle: string(event.version)
`

// plainFaults are how the CRM fails: mostly after it did what it was asked to.
func plainFaults() emulator.FaultRates {
	return emulator.FaultRates{
		emulator.ResetAfter: 0.1, emulator.BadGatewayAfter: 0.1, emulator.Timeout: 0.05, emulator.Late: 0.05,
		emulator.ResetBefore: 0.03, emulator.ServerError: 0.03,
	}
}

// ServeHTTP stands before the CRM. Each write that comes has another change
// written, so that there is always something going on; and at the last create
// that an engine may live to see, it dies before that is carried out.
func (w *plainWorld) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	if !strings.HasSuffix(r.URL.Path, "/search") {
		w.came(r.Method == http.MethodPost)
	}
	w.crm.ServeHTTP(out, r)
}

func (w *plainWorld) came(create bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.changes > 0 {
		if w.changes--; w.changes == 0 && w.die == nil {
			_ = w.crm.SetFaults(nil) // or the last records would take long; no rates are never wrong
		}
		n := w.rng.IntN(len(w.newest))
		w.write(n, max(1, w.newest[n]+[...]int64{1, 1, 1, 1, 2, 0, -1}[w.rng.IntN(7)]))
	}
	if create && w.die != nil {
		if w.creates--; w.creates == 0 {
			w.die()
		}
	}
}

// plainStore is what a run's state rows stand in.
type plainStore interface {
	crmsync.StateStore
	crmsync.Ownership
	crmsync.WaitingRoom
}

// plainWorld is one run: a log, a CRM without upsert, a state store, and the
// engines that live one after the other.
type plainWorld struct {
	t           *testing.T
	log         *inmem.Log
	state       plainStore
	crm         *hubspot.Server
	served      *emulator.Running
	mappings    *dsl.Registry
	credentials *inmem.Credentials
	witness     plainWitness
	letters     plainLetters

	mu      sync.Mutex // guards what follows
	rng     *rand.Rand
	newest  []int64 // by record
	events  []history.Event
	changes int    // still to be written in this life
	creates int    // until the engine dies
	die     func() // has it die; nil: it is the last one
}

func newPlainWorld(t *testing.T, seed uint64, state plainStore) *plainWorld {
	t.Helper()
	w := &plainWorld{t: t, rng: rand.New(rand.NewPCG(seed, 1)), state: state, credentials: inmem.NewCredentials()}
	w.log = inmem.NewLog(plainTopic, plainPartitions, time.Now)
	var err error
	w.crm, err = hubspot.New(hubspot.Config{
		Seed: seed, StrictValues: true, SearchLag: plainLag, Faults: plainFaults(), SlowFor: plainLate, HoldFor: plainLate,
	})
	require.NoError(t, err)
	files := fstest.MapFS{"_global/hubspot_plain/contact.yaml": {Data: []byte(plainMapping)}}
	for n := range plainOrgs {
		org, token := plainOrg(n), fmt.Sprintf("pat-%d", n+1)
		files[org+"/org.yaml"] = &fstest.MapFile{Data: []byte("version: 1\nconnections:\n  crm: {provider: hubspot_plain, credential: main, plan: professional}\n")}
		require.NoError(t, w.credentials.Put(t.Context(), []crmsync.Credential{
			{ID: crmsync.CredentialID{Org: org, Name: "main"}, Secret: crmsync.NewSecret(token)},
		}))
		require.NoError(t, w.crm.AddPortal(hubspot.Portal{
			ID: int64(n + 1), Token: token, KeyProperty: "crmsync_key", Limits: hubspot.Limits{TenSecondly: -1, Daily: -1, Searches: -1},
		}))
	}
	set, found := dsl.Load(files, dsl.Options{})
	require.False(t, found.HasErrors(), found.Error())
	w.mappings = dsl.Hold(set)
	w.served, err = emulator.Listen("127.0.0.1:0", w)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.served.Close()) })
	return w
}

func plainOrg(n int) string { return fmt.Sprintf("o%d", n) }

func plainKey(record int) crmsync.RecordKey {
	return crmsync.RecordKey{Org: plainOrg(record % plainOrgs), Type: "contact", ID: fmt.Sprintf("r-%d", record)}
}

// plainDeleted says whether that version of a record is its deletion.
func plainDeleted(record int, version int64) bool {
	return version > 1 && rand.New(rand.NewPCG(uint64(record), uint64(version))).IntN(3) == 0
}

// feed writes records never heard of, and prepares a life: changes of all of
// them will follow, among them deletions, new lives after those, repeats and old
// versions; and when so many creates have come, the engine dies.
func (w *plainWorld) feed(creates int, die func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for range plainNewcomers {
		w.newest = append(w.newest, 0)
		w.write(len(w.newest)-1, 1)
	}
	w.changes, w.creates, w.die = plainChanges, creates, die
}

// write appends an event to the log. The lock is held.
func (w *plainWorld) write(record int, version int64) {
	w.newest[record] = max(w.newest[record], version)
	e := history.Event{
		Key: plainKey(record), Version: version, Op: crmsync.Updated, Hash: uint64(version), At: time.Now(),
		Ways: []history.Way{{Connection: "crm", Fate: history.Lands}},
	}
	op := "update"
	if plainDeleted(record, version) {
		op, e.Op, e.Ways[0].Fate = "delete", crmsync.Deleted, history.Removes
	}
	e.Partition = int32(record / plainOrgs % plainPartitions)
	e.Offset = w.log.End(e.Partition)
	w.events = append(w.events, e)
	w.log.Append(e.Partition, crmsync.Message{Key: []byte(e.Key.String()), Value: fmt.Appendf(nil,
		`{"event_id":"%s@%d","org_id":%q,"record_type":"contact","record_id":%q,"version":%[2]d,"op":%[5]q,"occurred_at":"2026-11-22T10:00:00Z","data":{"first_name":"Name %[2]d"}}`,
		e.Key, version, e.Key.Org, e.Key.ID, op)})
}

// provider compiles the description of a CRM without upsert, with this test's
// times, and with budgets that don't hold it up.
func (w *plainWorld) provider() *providers.Provider {
	w.t.Helper()
	file := filepath.Join("..", "..", "providers", "testdata", "createonly", "hubspot_plain.yaml")
	src, err := os.ReadFile(file)
	require.NoError(w.t, err)
	text := string(src)
	for _, change := range [...][2]string{
		{"search_lag: 10s", "search_lag: " + plainLag.String()}, {"{ten_secondly: 190, searches: 5}", "{ten_secondly: 1000000, searches: 1000000}"},
	} {
		require.Equal(w.t, 1, strings.Count(text, change[0]), change[0])
		text = strings.Replace(text, change[0], change[1], 1)
	}
	p, found := providers.Compile(file, []byte(text), providers.Options{
		BaseURL:     map[string]string{"hubspot_plain": w.served.URL()},
		MaxInflight: map[string]time.Duration{"hubspot_plain": plainInflight},
	})
	require.Empty(w.t, found, found.Error())
	require.Zero(w.t, p.Limits("", "contacts", crmsync.Upsert).Items, "the CRM has no upsert")
	return p
}

// plainConfig is an engine's configuration with short times.
func plainConfig(once bool) pipeline.Config {
	c := pipeline.DefaultConfig()
	c.Topic, c.Once = plainTopic, once
	c.SendTimeout, c.MaxInflight, c.Lease, c.ParkAfter = plainSend, plainInflight+plainLag, plainLease, plainPark
	c.Linger, c.CommitEvery, c.ReleaseEvery = 5*time.Millisecond, 50*time.Millisecond, 50*time.Millisecond
	c.BackoffBase, c.BackoffMax = 10*time.Millisecond, 200*time.Millisecond
	c.Attempts = 100 // nothing becomes a dead letter for the CRM's faults
	return c
}

// live lets an engine live until so many creates have reached the CRM, and die
// there; or, with 0, until all is done.
func (w *plainWorld) live(creates int) {
	w.t.Helper()
	p := w.provider()
	defer p.Close()
	source := w.log.Open()
	defer source.Evict()
	parts := pipeline.Parts{
		Source: source, Horizon: source, State: w.state, Ownership: w.state, Waiting: w.state, DeadLetters: &w.letters,
		Idempotency: inmem.NewIdempotency(10_000), Credentials: pipeline.NewCredentialCache(w.credentials, time.Minute, time.Now),
		Rate: inmem.NewRate(time.Now), Providers: map[string]crmsync.Provider{"hubspot_plain": p},
		Mappings: w.mappings, Observer: &w.witness, Now: time.Now,
	}
	limits := func(c crmsync.Connection, object string, op crmsync.Operation) crmsync.Limits {
		return p.Limits(c.Plan, object, op)
	}
	last := creates == 0
	engine := pipeline.New(plainConfig(last), limits, &w.witness, rand.New(rand.NewPCG(uint64(len(w.newest)), 2)))
	ctx, die := context.WithTimeout(w.t.Context(), 5*time.Minute)
	defer die()
	if last {
		w.feed(0, nil)
	} else {
		w.feed(creates, die)
	}
	err := engine.Run(ctx, nil, &parts)
	if last {
		require.NoError(w.t, err, "the last engine ends by itself when all is done")
	} else {
		require.ErrorIs(w.t, err, context.Canceled, "an engine dies in the middle of its work")
	}
}
