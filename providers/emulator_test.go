package providers_test

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/providers"
	"crmsync/providers/emulator"
	"crmsync/providers/emulator/hubspot"
)

const (
	portal = 44237313
	token  = "pat-na1-44237313"
)

// openEmulator returns a HubSpot that knows nothing of our provider file, and
// the provider speaking to it.
func openEmulator(t testing.TB, limits hubspot.Limits) (*hubspot.Server, *providers.Provider) {
	t.Helper()
	server, err := hubspot.New(hubspot.Config{Seed: 1, StrictValues: true})
	require.NoError(t, err)
	require.NoError(t, server.AddPortal(hubspot.Portal{ID: portal, Token: token, UniqueProperty: "crmsync_id", Limits: limits}))
	listening := httptest.NewServer(server)
	t.Cleanup(listening.Close)
	all, ds := providers.Load(providers.Options{BaseURL: map[string]string{"hubspot": listening.URL}})
	require.Empty(t, ds)
	p, ok := all["hubspot"].(*providers.Provider)
	require.True(t, ok)
	t.Cleanup(p.Close)
	return server, p
}

// contacts returns a batch of n contacts with match values "c-1", "c-2", …
func contacts(op crmsync.Operation, n int) crmsync.Batch {
	b := crmsync.Batch{
		Connection: crmsync.Connection{ID: crmsync.ConnectionID{Org: "acme", Name: "hubspot"}},
		Credential: crmsync.NewSecret(token), Object: "contacts", Operation: op, Deadline: time.Now().Add(time.Minute),
	}
	for i := range n {
		id := fmt.Sprintf("c-%d", i+1)
		b.Calls = append(b.Calls, crmsync.Call{
			Key:    crmsync.RecordKey{Org: "acme", Type: "contact", ID: id},
			Match:  crmsync.Match{Field: "crmsync_id", Value: id},
			Fields: fmt.Appendf(nil, `{"email":"Person.%d@Example.com","firstname":"Ada \"%d\"","lifecyclestage":"lead","jobtitle":null}`, i+1, i+1),
		})
	}
	return b
}

// done requires success for all and returns the ids.
func done(t testing.TB, a crmsync.Answer, created bool) []string {
	t.Helper()
	ids := make([]string, len(a.Results))
	for i, r := range a.Results {
		require.Nil(t, r.Fault, "call %d: %+v", i, r.Fault)
		require.Equal(t, created, r.Created, "call %d", i)
		ids[i] = r.ExternalID
	}
	return ids
}

// withIDs names the objects of a batch.
func withIDs(b crmsync.Batch, ids []string) crmsync.Batch {
	for i, id := range ids {
		b.Calls[i].ExternalID = id
	}
	return b
}

func TestEmulatorLife(t *testing.T) {
	server, p := openEmulator(t, hubspot.Limits{TenSecondly: -1, Daily: -1})
	ids := done(t, p.Apply(t.Context(), contacts(crmsync.Upsert, 100)), true)
	require.Equal(t, ids, done(t, p.Apply(t.Context(), contacts(crmsync.Upsert, 100)), false))
	require.Equal(t, ids, done(t, p.Apply(t.Context(), contacts(crmsync.Find, 100)), false))

	update := withIDs(contacts(crmsync.Update, 100), ids)
	for i := range update.Calls {
		update.Calls[i].Fields = []byte(`{"firstname":null,"numemployees":"5-25"}`)
	}
	require.Equal(t, ids, done(t, p.Apply(t.Context(), update), false))
	objects := server.Objects(portal, "contacts")
	require.Len(t, objects, 100)

	gone := withIDs(contacts(crmsync.Archive, 50), ids[:50])
	done(t, p.Apply(t.Context(), gone), false)
	done(t, p.Apply(t.Context(), gone), false)

	found := p.Apply(t.Context(), contacts(crmsync.Find, 100))
	changed := p.Apply(t.Context(), update)
	for i := range found.Results {
		if i < 50 {
			require.Equal(t, crmsync.Missing, found.Results[i].Fault.Kind)
			require.Equal(t, crmsync.Missing, changed.Results[i].Fault.Kind)
			continue
		}
		require.Equal(t, crmsync.Result{ExternalID: ids[i]}, found.Results[i])
		require.Equal(t, crmsync.Result{ExternalID: ids[i]}, changed.Results[i])
	}
}

func TestEmulatorCreate(t *testing.T) {
	_, p := openEmulator(t, hubspot.Limits{TenSecondly: -1, Daily: -1})
	first := done(t, p.Apply(t.Context(), contacts(crmsync.Create, 2)), true)
	a := p.Apply(t.Context(), contacts(crmsync.Create, 4))
	for i, id := range first {
		require.Equal(t, crmsync.Conflict, a.Results[i].Fault.Kind)
		require.Equal(t, id, a.Results[i].Fault.ExistingID)
		require.False(t, a.Results[i].Fault.Whole)
	}
	require.True(t, a.Results[2].Created)
	require.True(t, a.Results[3].Created)
	require.Equal(t, first, done(t, p.Apply(t.Context(), contacts(crmsync.Find, 2)), false))
}

// TestEmulatorMixed: what one record is to blame for must not touch the others.
func TestEmulatorMixed(t *testing.T) {
	_, p := openEmulator(t, hubspot.Limits{TenSecondly: -1, Daily: -1})
	b := contacts(crmsync.Upsert, 5)
	b.Calls[0].Fields = []byte(`{"lifecyclestage":"no such stage"}`)
	b.Calls[1].Fields = []byte(`{"no_such_property":"x"}`)
	b.Calls[2].Fields = []byte(`{"email":"no email"}`)
	b.Calls[3].Fields = []byte(`{"address":{"street":"nested"}}`)
	a := p.Apply(t.Context(), b)
	require.Equal(t, 207, a.Status)
	for i, code := range []string{"INVALID_OPTION", "PROPERTY_DOESNT_EXIST", "INVALID_EMAIL", "nested_value"} {
		f := a.Results[i].Fault
		require.NotNil(t, f, "call %d", i)
		require.Equal(t, crmsync.Rejected, f.Kind, "call %d: %+v", i, f)
		require.Equal(t, code, f.Code, "call %d: %+v", i, f)
		require.False(t, f.Whole, "call %d", i)
		require.NotEmpty(t, f.Message)
	}
	require.Nil(t, a.Results[4].Fault)
}

func TestEmulatorFaults(t *testing.T) {
	for _, c := range []struct {
		fault emulator.FaultKind
		want  crmsync.Kind
		code  string
		after time.Duration
		whole bool
	}{
		{emulator.Throttled, crmsync.Throttled, "TEN_SECONDLY_ROLLING", 10 * time.Second, true},
		{emulator.Denied, crmsync.Denied, "INVALID_AUTHENTICATION", 0, true},
		{emulator.Expired, crmsync.Denied, "EXPIRED_AUTHENTICATION", 0, true},
		{emulator.ServerError, crmsync.Ambiguous, "http_500", 0, true},
		{emulator.BadGateway, crmsync.Ambiguous, "http_502", 0, true},
		{emulator.BadGatewayAfter, crmsync.Ambiguous, "http_502", 0, true},
		{emulator.Unavailable, crmsync.Ambiguous, "http_503", 0, true},
		{emulator.Locked, crmsync.Transient, "LOCKED", 2 * time.Second, true},
		{emulator.Migrating, crmsync.Throttled, "ACCOUNT_MIGRATING", 90 * time.Second, true},
		{emulator.ResetBefore, crmsync.Ambiguous, "connection_lost", 0, true},
		{emulator.ResetAfter, crmsync.Ambiguous, "connection_lost", 0, true},
		{emulator.Silent, crmsync.Transient, "unaccounted", 0, false},
	} {
		t.Run(string(c.fault), func(t *testing.T) {
			server, p := openEmulator(t, hubspot.Limits{TenSecondly: -1, Daily: -1})
			require.NoError(t, server.QueueFault(emulator.QueuedFault{Fault: emulator.Fault{Kind: c.fault, Delay: 90 * time.Second}, Times: 1}))
			a := p.Apply(t.Context(), contacts(crmsync.Upsert, 3))
			for i, r := range a.Results {
				require.NotNil(t, r.Fault, "call %d", i)
				f := *r.Fault
				f.Message, f.Err = "", nil
				require.Equal(t, crmsync.Fault{Kind: c.want, Code: c.code, After: c.after, Whole: c.whole}, f)
			}
			again := p.Apply(t.Context(), contacts(crmsync.Upsert, 3))
			for i, r := range again.Results {
				require.Nil(t, r.Fault, "call %d", i)
			}
			require.Len(t, server.Objects(portal, "contacts"), 3)
		})
	}
}

// TestEmulatorHalves: a request that one record spoils is told from one that
// nobody can be blamed for.
func TestEmulatorHalves(t *testing.T) {
	server, p := openEmulator(t, hubspot.Limits{TenSecondly: -1, Daily: -1})
	require.NoError(t, server.QueueFault(emulator.QueuedFault{Fault: emulator.Fault{Kind: emulator.BadRecord}, Times: 1}))
	for i, r := range p.Apply(t.Context(), contacts(crmsync.Upsert, 4)).Results {
		require.NotNil(t, r.Fault, "call %d", i)
		require.Equal(t, crmsync.Rejected, r.Fault.Kind)
		require.True(t, r.Fault.Whole)
	}
	require.NoError(t, server.QueueFault(emulator.QueuedFault{Fault: emulator.Fault{Kind: emulator.Partial}, Times: 1}))
	var failed int
	for _, r := range p.Apply(t.Context(), contacts(crmsync.Upsert, 4)).Results {
		if r.Fault != nil {
			failed++
			require.False(t, r.Fault.Whole, "%+v", r.Fault)
		}
	}
	require.Positive(t, failed)
	require.Less(t, failed, 4)
}

func TestEmulatorLimits(t *testing.T) {
	_, p := openEmulator(t, hubspot.Limits{TenSecondly: 3, Daily: 5})
	id := crmsync.ConnectionID{Org: "acme", Name: "hubspot"}
	for left := int64(2); left >= 0; left-- {
		a := p.Apply(t.Context(), contacts(crmsync.Upsert, 1))
		require.Equal(t, []crmsync.Reading{
			{Key: crmsync.BudgetKey{Connection: id, Budget: "ten_secondly"}, Limit: 3, Remaining: left, Window: 10 * time.Second},
			{Key: crmsync.BudgetKey{Connection: id, Budget: "daily"}, Limit: 5, Remaining: left + 2, Window: 24 * time.Hour},
		}, a.Readings)
	}
	f := p.Apply(t.Context(), contacts(crmsync.Upsert, 1)).Results[0].Fault
	require.Equal(t, crmsync.Throttled, f.Kind)
	require.Equal(t, 10*time.Second, f.After)
}

func TestEmulatorQuota(t *testing.T) {
	_, p := openEmulator(t, hubspot.Limits{TenSecondly: -1, Daily: 1})
	done(t, p.Apply(t.Context(), contacts(crmsync.Upsert, 1)), true)
	f := p.Apply(t.Context(), contacts(crmsync.Upsert, 1)).Results[0].Fault
	require.Equal(t, crmsync.Quota, f.Kind)
	require.Equal(t, "DAILY", f.Code)
	require.Positive(t, f.After)
	require.LessOrEqual(t, f.After, time.Hour)
}
