package providers_test

import (
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/dsl/document"
	"crmsync/providers"
	"crmsync/providers/emulator"
	"crmsync/providers/emulator/hubspot"
)

// compilePlain returns the provider of a CRM without upsert.
func compilePlain(t testing.TB, opt providers.Options) *providers.Provider {
	t.Helper()
	file := filepath.Join("testdata", "createonly", "hubspot_plain.yaml")
	src, err := os.ReadFile(file)
	require.NoError(t, err)
	p, ds := providers.Compile(file, src, opt)
	require.Equal(t, 0, ds.Count(document.Error), ds.Error())
	require.Empty(t, ds, ds.Error())
	t.Cleanup(p.Close)
	return p
}

// plainWorld is that provider and the CRM that it speaks to, whose clock stands
// until it is moved.
type plainWorld struct {
	*testing.T
	crm *hubspot.Server
	p   *providers.Provider

	mu  sync.Mutex // guards now
	now time.Time
}

func (w *plainWorld) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *plainWorld) forward(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// newPlainWorld has a portal where crmsync_key is not unique and crmsync_id is.
func newPlainWorld(t *testing.T) *plainWorld {
	t.Helper()
	w := &plainWorld{T: t, now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	var err error
	w.crm, err = hubspot.New(hubspot.Config{Seed: 1, StrictValues: true, SearchLag: 10 * time.Second, Now: w.clock})
	require.NoError(t, err)
	require.NoError(t, w.crm.AddPortal(hubspot.Portal{
		ID: portal, Token: token, KeyProperty: "crmsync_key", UniqueProperty: "crmsync_id",
		Limits: hubspot.Limits{TenSecondly: -1, Daily: -1, Searches: -1},
	}))
	listening := httptest.NewServer(w.crm)
	t.Cleanup(listening.Close)
	w.p = compilePlain(t, providers.Options{BaseURL: map[string]string{"hubspot_plain": listening.URL}})
	return w
}

// ask applies a batch of calls with these keys and returns its results.
func (w *plainWorld) ask(op crmsync.Operation, keys ...string) []crmsync.Result {
	w.Helper()
	b := crmsync.Batch{
		Connection: crmsync.Connection{ID: crmsync.ConnectionID{Org: "acme", Name: "crm"}}, Credential: crmsync.NewSecret(token),
		Object: "contacts", Operation: op, Deadline: time.Now().Add(time.Minute),
	}
	for _, key := range keys {
		id, field := "", "crmsync_key"
		if op == crmsync.Update || op == crmsync.Archive {
			id = key
		}
		b.Calls = append(b.Calls, call(id, field, key, `{"firstname":"Ada"}`))
	}
	results := w.p.Apply(w.Context(), b).Results
	require.Len(w, results, len(keys))
	for i := range results {
		if f := results[i].Fault; f != nil {
			f.Message, f.Err = "", nil
		}
	}
	return results
}

// create makes an object and returns its id.
func (w *plainWorld) create(key string) string {
	w.Helper()
	r := w.ask(crmsync.Create, key)[0]
	require.Nil(w, r.Fault)
	require.True(w, r.Created)
	return r.ExternalID
}

var absent = failed(crmsync.Fault{Kind: crmsync.Missing, Code: "OBJECT_NOT_FOUND"})

func TestPlainLimits(t *testing.T) {
	p := compilePlain(t, providers.Options{MaxInflight: map[string]time.Duration{"hubspot_plain": time.Second}})
	require.Zero(t, p.Limits("", "contacts", crmsync.Upsert).Items, "the CRM has no upsert")
	for op, items := range map[crmsync.Operation]int{crmsync.Create: 1, crmsync.Update: 1, crmsync.Archive: 1, crmsync.Find: 5} {
		l := p.Limits("", "contacts", op)
		require.Equal(t, items, l.Items, op)
		require.Equal(t, time.Second, l.MaxInflight)
		require.Equal(t, 10*time.Second, l.SearchLag)
	}
}

func TestPlainLife(t *testing.T) {
	w := newPlainWorld(t)
	id := w.create("c-1")
	require.Equal(t, []crmsync.Result{absent}, w.ask(crmsync.Find, "c-1"), "search doesn't know it yet")
	w.forward(10*time.Second - time.Millisecond)
	require.Equal(t, []crmsync.Result{absent}, w.ask(crmsync.Find, "c-1"), "nor just before its lag is over")
	w.forward(time.Millisecond)
	require.Equal(t, []crmsync.Result{{ExternalID: id}}, w.ask(crmsync.Find, "c-1"))
	require.Equal(t, []crmsync.Result{{ExternalID: id}}, w.ask(crmsync.Update, id))
	require.Equal(t, []crmsync.Result{{ExternalID: id}}, w.ask(crmsync.Archive, id))
	require.Equal(t, []crmsync.Result{{ExternalID: id}}, w.ask(crmsync.Archive, id), "what is gone already is archived")
	require.Equal(t, crmsync.Missing, w.ask(crmsync.Update, id)[0].Fault.Kind)
	require.Equal(t, []crmsync.Result{absent}, w.ask(crmsync.Find, "c-1"), "archived objects are not found")
}

// TestPlainFind: one search for several, of which some are there once, some
// several times, some in another case and some not.
func TestPlainFind(t *testing.T) {
	w := newPlainWorld(t)
	once, first := w.create("c-1"), w.create("c-2")
	upper, lower := w.create("KEY"), w.create("key")
	for range 3 {
		require.NotEqual(t, first, w.create("c-2"))
	}
	folded := w.create("C-5")
	w.forward(time.Minute)
	require.Equal(t, []crmsync.Result{{ExternalID: once}, {ExternalID: first}, {ExternalID: lower}, absent, {ExternalID: folded}},
		w.ask(crmsync.Find, "c-1", "c-2", "key", "c-4", "c-5"))
	require.Equal(t, []crmsync.Result{{ExternalID: upper}, {ExternalID: lower}}, w.ask(crmsync.Find, "KEY", "key"))
	require.Equal(t, []crmsync.Result{absent}, w.ask(crmsync.Find, `c-1" OR "c-2`))
}

// TestPlainFindPages: what a first page doesn't hold is not said to be missing:
// it may stand on the next.
func TestPlainFindPages(t *testing.T) {
	w := newPlainWorld(t)
	first := w.create("c-1")
	for range 200 {
		w.create("c-1")
	}
	second := w.create("c-2")
	w.forward(time.Minute)
	require.Equal(t, []crmsync.Result{{ExternalID: first}, failed(crmsync.Fault{Kind: crmsync.Transient, Code: "unaccounted"})}, w.ask(crmsync.Find, "c-1", "c-2"))
	require.Equal(t, []crmsync.Result{{ExternalID: second}}, w.ask(crmsync.Find, "c-2"))
}

// TestPlainFindManyEntries: nor what stands behind more entries than are read.
func TestPlainFindManyEntries(t *testing.T) {
	w := newPlainWorld(t)
	first := w.create("c-1")
	for range 40 {
		w.create("c-1")
	}
	w.create("c-2")
	w.forward(time.Minute)
	require.Equal(t, []crmsync.Result{{ExternalID: first}, failed(crmsync.Fault{Kind: crmsync.Transient, Code: "unaccounted"})}, w.ask(crmsync.Find, "c-1", "c-2"))
}

// TestPlainFindOldest: of several objects the oldest is the one, in whatever
// order the CRM names them.
func TestPlainFindOldest(t *testing.T) {
	ids := []string{"1000", "999", "99", "1001", "9", "10", "00009"}
	random := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		random.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		var entries []string
		for _, id := range ids {
			entries = append(entries, fmt.Sprintf(`{"id":%q,"properties":{"crmsync_key":"c-1"}}`, id))
		}
		p := compilePlain(t, providers.Options{Transport: &transport{status: 200, body: `{"results":[` + strings.Join(entries, ",") + `]}`}})
		b := upserts(call("", "crmsync_key", "c-1", ""))
		b.Operation = crmsync.Find
		require.Equal(t, []crmsync.Result{{ExternalID: "9"}}, p.Apply(t.Context(), b).Results)
	}
}

// TestPlainConflict: a create that clashes names the object that is there.
func TestPlainConflict(t *testing.T) {
	w := newPlainWorld(t)
	create := func(field, value, fields string) crmsync.Result {
		b := upserts(call("", field, value, fields))
		b.Operation, b.Credential = crmsync.Create, crmsync.NewSecret(token)
		return w.p.Apply(t.Context(), b).Results[0]
	}
	id := create("crmsync_id", "r-1", `{"email":"ada@example.com"}`).ExternalID
	require.NotEmpty(t, id)
	for name, c := range map[string]struct{ field, value, fields, code string }{
		"the key":         {"crmsync_id", "r-1", `{"lastname":"L"}`, "VALUE_TAKEN"},
		"another unique":  {"crmsync_key", "c-1", `{"email":"Ada@Example.com"}`, "CONFLICT"},
		"both, and alike": {"crmsync_id", "r-1", `{"email":"ada@example.com"}`, "CONFLICT"},
	} {
		t.Run(name, func(t *testing.T) {
			f := create(c.field, c.value, c.fields).Fault
			require.NotNil(t, f)
			f.Message = ""
			require.Equal(t, crmsync.Fault{Kind: crmsync.Conflict, Code: c.code, ExistingID: id}, *f)
		})
	}
}

// TestPlainUncertainCreate: whether a create whose answer was lost took place is
// known when search must see it, and then the object is found and not made twice.
func TestPlainUncertainCreate(t *testing.T) {
	for _, c := range []struct {
		fault  emulator.FaultKind
		landed bool
	}{
		{emulator.ResetAfter, true}, {emulator.ResetBefore, false}, {emulator.BadGatewayAfter, true}, {emulator.BadGateway, false},
		{emulator.ServerError, false}, {emulator.Unavailable, false},
	} {
		t.Run(string(c.fault), func(t *testing.T) {
			w := newPlainWorld(t)
			require.NoError(t, w.crm.QueueFault(emulator.QueuedFault{Fault: emulator.Fault{Kind: c.fault}, Times: 1}))
			require.Equal(t, crmsync.Ambiguous, w.ask(crmsync.Create, "c-1")[0].Fault.Kind)
			require.Equal(t, []crmsync.Result{absent}, w.ask(crmsync.Find, "c-1"), "too early to know")
			w.forward(w.p.Limits("", "contacts", crmsync.Find).SearchLag)
			found := w.ask(crmsync.Find, "c-1")[0]
			objects := w.crm.Objects(portal, "contacts")
			if !c.landed {
				require.Empty(t, objects)
				require.Equal(t, absent, found)
				return
			}
			require.Len(t, objects, 1)
			require.Equal(t, crmsync.Result{ExternalID: objects[0].ID}, found)
		})
	}
}
