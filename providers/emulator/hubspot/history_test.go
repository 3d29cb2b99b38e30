package hubspot

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync/providers/emulator"
)

// replayed is the state of one portal as the log alone tells it.
type replayed map[string]map[string]string // by type and id

// replay carries out the log's effects in its order.
func replay(t testing.TB, entries []emulator.Entry) (live, archived replayed) {
	live, archived = replayed{}, replayed{}
	seq := int64(0)
	for _, e := range entries {
		require.Greater(t, e.Seq, seq)
		seq = e.Seq
		for _, r := range e.Records {
			key := e.ObjectType + "/" + r.ID
			switch r.Outcome {
			case emulator.Created:
				require.NotContains(t, live, key)
				live[key] = map[string]string{}
				write(live[key], r.Properties)
			case emulator.Updated, emulator.Unchanged:
				require.Contains(t, live, key)
				before := fmt.Sprint(live[key])
				write(live[key], r.Properties)
				require.Equal(t, r.Outcome == emulator.Unchanged, before == fmt.Sprint(live[key]))
			case emulator.Archived:
				require.Contains(t, live, key)
				archived[key] = live[key]
				delete(live, key)
			default:
				require.Empty(t, r.Properties)
			}
		}
	}
	return live, archived
}

func write(into map[string]string, values emulator.Values) {
	for _, v := range values {
		into[v.Name] = v.Value
		if v.Value == "" {
			delete(into, v.Name)
		}
	}
}

// held is the state of the portal as its objects tell it.
func (a *account) held() (live, archived replayed) {
	live, archived = replayed{}, replayed{}
	for _, k := range a.server.kinds {
		for _, o := range a.server.Objects(testPortal, k.name) {
			for _, name := range []string{"hs_object_id", "createdate", k.modified} {
				require.Contains(a.t, o.Properties, name)
				delete(o.Properties, name)
			}
			into := live
			if o.Archived {
				into = archived
			}
			into[k.name+"/"+o.ID] = o.Properties
		}
	}
	return live, archived
}

// TestLogTellsTheObjects: many clients write at once, with faults, clashes
// and archives; afterwards the effects in the log give exactly the objects,
// and no two living objects share a unique value.
func TestLogTellsTheObjects(t *testing.T) {
	const clients, calls, ids, emails = 8, 150, 30, 12
	a := open(t, Config{Seed: 11, Faults: emulator.FaultRates{
		emulator.ServerError: 0.03, emulator.BadGatewayAfter: 0.03, emulator.Partial: 0.05, emulator.BadRecord: 0.03,
		emulator.Silent: 0.03, emulator.Throttled: 0.03,
	}})
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(c), 2))
			own := &account{t: t, server: a.server, clock: a.clock, token: a.token}
			for range calls {
				own.randomCall(rng, ids, emails)
			}
		})
	}
	wg.Wait()

	live, archived := replay(t, a.server.Log())
	wantLive, wantArchived := a.held()
	require.Equal(t, wantLive, live)
	require.Equal(t, wantArchived, archived)
	require.NotEmpty(t, archived)
	unique := map[string]string{}
	for key, properties := range live {
		for _, name := range []string{"crmsync_id", "email"} {
			if value := properties[name]; value != "" {
				require.Empty(t, unique[name+value], key)
				unique[name+value] = key
			}
		}
	}
	counters := a.server.Counters()
	require.Equal(t, int64(clients*calls), counters.LastSeq)
	require.Zero(t, counters.Open)
	require.Equal(t, int64(len(live)+len(archived)), counters.Records[emulator.Created])
}

// randomCall sends one request of any kind about a few records.
func (a *account) randomCall(rng *rand.Rand, ids, emails int) {
	pair := func() (string, string) {
		return fmt.Sprint("r", rng.IntN(ids)), fmt.Sprintf("e%d@Example.com", rng.IntN(emails))
	}
	id, email := pair()
	record := fmt.Sprint(501 + rng.IntN(ids))
	switch rng.IntN(6) {
	case 0:
		a.call("POST", "/crm/v3/objects/contacts", fmt.Sprintf(`{"properties":{"email":%q,"crmsync_id":%q}}`, email, id))
	case 1:
		a.call("PATCH", "/crm/v3/objects/contacts/"+record, fmt.Sprintf(`{"properties":{"firstname":%q,"email":""}}`, email))
	case 2:
		a.call("DELETE", "/crm/v3/objects/contacts/"+record, "")
	default:
		var pairs []string
		for range 1 + rng.IntN(5) {
			id, email := pair()
			pairs = append(pairs, id, email)
		}
		a.call("POST", upsertPath, upsert(rng.IntN(2) == 0, pairs...))
	}
}

// TestOneObjectPerUniqueValue: however many clients upsert one new record at
// the same time, one creates it and all others update it.
func TestOneObjectPerUniqueValue(t *testing.T) {
	const clients, records = 16, 40
	a := open(t, Config{})
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			own := &account{t: t, server: a.server, clock: a.clock, token: a.token}
			for i := range records {
				id := fmt.Sprint((i + c) % records)
				own.call("POST", upsertPath, fmt.Sprintf(`{"inputs":[{"id":%q,"idProperty":"crmsync_id","properties":{"firstname":"from %d"}}]}`, id, c))
			}
		})
	}
	wg.Wait()
	require.Len(t, a.server.Objects(testPortal, "contacts"), records)
	counters := a.server.Counters()
	require.Equal(t, int64(records), counters.Records[emulator.Created])
	require.Equal(t, int64(records*(clients-1)), counters.Records[emulator.Updated]+counters.Records[emulator.Unchanged])
}

// TestPortalsAreApart: the same ids and unique values stand for different
// objects in each portal.
func TestPortalsAreApart(t *testing.T) {
	a := open(t, Config{})
	require.NoError(t, a.server.AddPortal(Portal{ID: 2, Token: "two", UniqueProperty: "crmsync_id"}))
	a.must(200, "POST", upsertPath, upsert(false, "1", "a@example.com"))
	a.token = "two"
	a.must(200, "POST", upsertPath, upsert(false, "1", "a@example.com"))
	require.Equal(t, "2", a.last().Account)
	a.must(204, "DELETE", "/crm/v3/objects/contacts/501", "")
	require.False(t, a.server.Objects(testPortal, "contacts")[0].Archived)
	require.True(t, a.server.Objects(2, "contacts")[0].Archived)
}

func TestReset(t *testing.T) {
	a := open(t, Config{Faults: emulator.FaultRates{emulator.ServerError: 0}}, func(p *Portal) { p.Limits = Limits{TenSecondly: 2, Daily: 2} })
	a.contact("ada@example.com")
	require.NoError(t, a.server.SetFaults(emulator.FaultRates{emulator.ServerError: 1}))
	a.must(500, "POST", upsertPath, upsert(false, "1", "a@example.com"))
	a.strike(emulator.Throttled)
	require.NoError(t, a.server.DenyToken(a.token, a.clock.Now().Add(1)))
	a.server.Reset()
	require.Empty(t, a.server.Objects(testPortal, "contacts"))
	require.Empty(t, a.server.Log())
	require.Equal(t, int64(2), a.server.Counters().LastSeq)
	require.Equal(t, "502", a.contact("ada@example.com"), "ids go on")
	require.Equal(t, int64(3), a.last().Seq)
}

// TestReadsAreLogged: what was asked for and what was there.
func TestReadsAreLogged(t *testing.T) {
	a := open(t, Config{})
	a.must(200, "POST", upsertPath, upsert(false, "1", "a@example.com"))
	a.must(200, "GET", "/crm/v3/objects/contacts/501", "")
	require.Equal(t, []emulator.Record{{ID: "501", UniqueProperty: "crmsync_id", UniqueValue: "1", Outcome: emulator.Found}}, a.last().Records)
	a.must(404, "GET", "/crm/v3/objects/contacts/2?idProperty=crmsync_id", "")
	require.Equal(t, []emulator.Record{{UniqueProperty: "crmsync_id", UniqueValue: "2", Outcome: emulator.Missing}}, a.last().Records)
	e := a.last()
	require.Equal(t, emulator.Entry{
		Seq: 3, Start: a.clock.Now(), End: a.clock.Now(), Account: "44237313", Method: "GET", Path: "/crm/v3/objects/contacts/2",
		Operation: "read", ObjectType: "contacts", Status: 404, Records: e.Records,
	}, e)
}
