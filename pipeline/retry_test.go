package pipeline_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline"
)

// first lets the first n requests fail in a way.
func first(n int, f crmsync.Fault) func(int, crmsync.Batch) *crmsync.Fault {
	return func(request int, _ crmsync.Batch) *crmsync.Fault {
		if request <= n {
			f := f
			return &f
		}
		return nil
	}
}

// TestFaultsThatPass: whatever the kind, once it is over the record arrives, and
// arrives once.
func TestFaultsThatPass(t *testing.T) {
	cases := map[string]struct {
		fault    crmsync.Fault
		requests int
		least    time.Duration // between the first and the second request
		most     time.Duration
	}{
		"transient":               {crmsync.Fault{Kind: crmsync.Transient, Code: "503", Whole: true}, 2, 0, time.Second},
		"throttled, with hint":    {crmsync.Fault{Kind: crmsync.Throttled, Code: "429", After: 10 * time.Second, Whole: true}, 2, 10 * time.Second, 12 * time.Second},
		"throttled, without hint": {crmsync.Fault{Kind: crmsync.Throttled, Code: "429", Whole: true}, 2, time.Second, 2 * time.Second},
		"quota":                   {crmsync.Fault{Kind: crmsync.Quota, Code: "daily", After: time.Hour, Whole: true}, 2, time.Hour, 67 * time.Minute},
		"denied once":             {crmsync.Fault{Kind: crmsync.Denied, Code: "401", Whole: true}, 2, 0, time.Second},
		"ambiguous":               {crmsync.Fault{Kind: crmsync.Ambiguous, Code: "timeout", Whole: true}, 2, 39 * time.Second, 42 * time.Second},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, mappings(), func(t *testing.T, w *world) {
				w.crm.script = first(1, c.fault)
				w.write(update("a", 1))
				require.Equal(t, map[string]int64{"synced": 1}, outcomes(w.runFor(c.most+time.Minute)))
				require.Len(t, w.crm.requests, c.requests)
				waited := w.crm.requests[1].at.Sub(w.crm.requests[0].at)
				require.GreaterOrEqual(t, waited, c.least)
				require.LessOrEqual(t, waited, c.most)
				require.Equal(t, 1, w.crm.made)
				require.Empty(t, w.dead.all())
			})
		})
	}
}

// TestDeniedAccountRests: a credential that stays refused costs few requests,
// and no dead letter.
func TestDeniedAccountRests(t *testing.T) {
	inWorld(t, mappings("birch"), func(t *testing.T, w *world) {
		w.crm.script = func(_ int, b crmsync.Batch) *crmsync.Fault {
			if b.Connection.ID.Org == "acme" {
				return &crmsync.Fault{Kind: crmsync.Denied, Code: "401", Whole: true}
			}
			return nil
		}
		stop := w.start()
		for i := range 20 {
			w.write(update(fmt.Sprint("a", i), 1), event("birch", fmt.Sprint("b", i), 1, "create", map[string]any{"email": "x@y.example"}))
		}
		w.pass(30 * time.Minute)
		synctest.Wait()
		for i := range 20 {
			require.Equal(t, int64(1), w.crm.holds("birch", fmt.Sprint("b", i)), "the other org is not held up")
		}
		refused := len(slices.DeleteFunc(slices.Clone(w.crm.requests), func(r request) bool { return r.org != "acme" }))
		require.Less(t, refused, 70)
		stop()
		require.Empty(t, w.dead.all())
	})
}

// TestRefusedTogether: requests that are under way together and are refused
// together close the account for as long as one would.
func TestRefusedTogether(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		w.crm.limits.Items = 1
		w.crm.script = first(8, crmsync.Fault{Kind: crmsync.Denied, Code: "401", Whole: true})
		for i := range 4 {
			w.write(update(fmt.Sprint("a", i), 1))
		}
		require.Equal(t, map[string]int64{"synced": 4}, outcomes(w.runFor(20*time.Second)), "one pause of 15 s")
	})
}

// TestThrottledAccountHoldsOnlyItself: while one account is closed, others work.
func TestThrottledAccountHoldsOnlyItself(t *testing.T) {
	inWorld(t, mappings("birch"), func(t *testing.T, w *world) {
		w.crm.script = func(_ int, b crmsync.Batch) *crmsync.Fault {
			if b.Connection.ID.Org == "acme" {
				return &crmsync.Fault{Kind: crmsync.Throttled, Code: "429", After: time.Minute, Whole: true}
			}
			return nil
		}
		stop := w.start()
		w.write(update("a", 1), event("birch", "b", 1, "create", map[string]any{"email": "x@y.example"}))
		w.pass(2 * time.Second)
		synctest.Wait()
		require.Equal(t, int64(1), w.crm.holds("birch", "b"))
		stop()
	})
}

// TestRejectedBatchIsHalved: one bad record in a batch that the CRM refuses as a
// whole comes to stand alone; the others arrive.
func TestRejectedBatchIsHalved(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		w.crm.script = func(_ int, b crmsync.Batch) *crmsync.Fault {
			if slices.ContainsFunc(b.Calls, func(c crmsync.Call) bool { return c.Key.ID == "bad" }) {
				return &crmsync.Fault{Kind: crmsync.Rejected, Code: "VALIDATION_ERROR", Field: "email", Whole: true}
			}
			return nil
		}
		for i := range 9 {
			w.write(update(fmt.Sprint("a", i), 1))
		}
		w.write(update("bad", 1))
		require.Equal(t, map[string]int64{"synced": 9, "dead": 1}, outcomes(w.once()))
		require.LessOrEqual(t, len(w.crm.requests), 12)
		letters := w.dead.all()
		require.Len(t, letters, 1)
		require.Equal(t, "bad", letters[0].Key.ID)
		require.Equal(t, "VALIDATION_ERROR", letters[0].Fault.Code)
		require.Equal(t, "mappings/_global/fake/contact.yaml:9:10", letters[0].Fault.Where)
	})
}

func TestRejectedItem(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		w.crm.item = func(c crmsync.Call) *crmsync.Fault {
			if c.Key.ID == "bad" && c.Version == 2 {
				return &crmsync.Fault{Kind: crmsync.Rejected, Code: "INVALID_EMAIL"}
			}
			return nil
		}
		w.write(update("bad", 2), update("good", 1))
		require.Equal(t, map[string]int64{"synced": 1, "dead": 1}, outcomes(w.once()))
		w.parts.Idempotency = forgetful{}
		w.write(update("bad", 1))
		require.Equal(t, map[string]int64{"stale": 1}, outcomes(w.once()), "a dead version supersedes older ones")
		w.write(update("bad", 3))
		require.Equal(t, map[string]int64{"synced": 1}, outcomes(w.once()), "a newer one is handled as ever")
		require.Equal(t, int64(3), w.crm.holds("acme", "bad"))
	})
}

// TestItemThatKeepsFailing is a dead letter in the end, as long as its account
// works for others, and doesn't spoil their batches.
func TestItemThatKeepsFailing(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		w.crm.item = func(c crmsync.Call) *crmsync.Fault {
			if c.Key.ID == "sick" {
				return &crmsync.Fault{Kind: crmsync.Transient, Code: "lock"}
			}
			return nil
		}
		stop := w.start()
		w.write(update("sick", 1))
		for i := range 200 {
			w.write(update("a", int64(i+1)))
			w.pass(time.Second)
		}
		sum := stop()
		require.Equal(t, int64(1), outcomes(sum)["dead"])
		letter := w.dead.all()[0]
		require.Equal(t, "lock", letter.Fault.Code)
		require.Equal(t, 8, letter.Attempts)
	})
}

// TestProviderDown: nothing is a dead letter while all requests fail, and the
// account is asked ever less often.
func TestProviderDown(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		w.crm.script = first(1_000_000, crmsync.Fault{Kind: crmsync.Transient, Code: "connection_refused", Whole: true})
		stop := w.start()
		for i := range 50 {
			w.write(update(fmt.Sprint("a", i), 1))
		}
		w.pass(10 * time.Minute)
		synctest.Wait()
		require.Less(t, len(w.crm.requests), 200)
		w.crm.mu.Lock()
		w.crm.script = nil
		w.crm.mu.Unlock()
		w.pass(2 * time.Minute)
		require.Equal(t, map[string]int64{"synced": 50}, outcomes(stop()))
		require.Empty(t, w.dead.all())
	})
}

func TestConflictAdoptsTheObject(t *testing.T) {
	cases := map[string]struct {
		existing string
		asked    []string
	}{
		"with its id":    {"77", []string{"upsert[a]", "update[a]"}},
		"without its id": {"", []string{"upsert[a]", "find[a]", "update[a]"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, mappings(), func(t *testing.T, w *world) {
				w.crm.objects["77"] = &object{id: "77", org: "acme", key: "a", fields: map[string]any{}}
				w.crm.script = first(1, crmsync.Fault{Kind: crmsync.Conflict, Code: "CONFLICT", ExistingID: c.existing})
				w.write(update("a", 1))
				require.Equal(t, map[string]int64{"synced": 1}, outcomes(w.once()))
				require.Equal(t, c.asked, w.crm.asked())
				require.Equal(t, 0, w.crm.made)
			})
		})
	}
}

func TestUpdateOfAMissingObject(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		w.write(update("a", 1))
		w.once()
		w.crm.objects["1"].archived = true // somebody deleted it in the CRM
		w.write(update("a", 2))
		require.Equal(t, map[string]int64{"dead": 1}, outcomes(w.once()))
		require.Equal(t, "OBJECT_NOT_FOUND", w.dead.all()[0].Fault.Code)
		require.Equal(t, 1, w.crm.made, "nothing is created again behind their back")
	})
}

func TestRateCheckSpreadsRequests(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		w.crm.limits.Items = 1
		w.crm.limits.Budgets = []crmsync.Budget{{Name: "burst", Limit: 10, Window: 10 * time.Second, Cost: func(int) int64 { return 1 }}}
		for i := range 40 {
			w.write(update(fmt.Sprint("a", i), 1))
		}
		began := time.Now()
		require.Equal(t, map[string]int64{"synced": 40}, outcomes(w.once()))
		require.GreaterOrEqual(t, time.Since(began), 29*time.Second)
		require.Len(t, w.crm.requests, 40)
	})
}

func TestLinkChangedByAnother(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		w.parts.Idempotency = forgetful{}
		w.crm.item = func(c crmsync.Call) *crmsync.Fault { // another process saves version 9 while we send 1
			if c.Version == 1 {
				_, err := w.state.Save(t.Context(), []crmsync.Link{{
					LinkKey: crmsync.LinkKey{Key: c.Key, Connection: "fake"}, Revision: 1, Applied: 9, ExternalID: "5",
				}})
				require.NoError(t, err)
			}
			return nil
		}
		w.write(update("a", 1))
		require.Equal(t, map[string]int64{"stale": 1}, outcomes(w.once()))
	})
}

func TestPausedConnectionWaits(t *testing.T) {
	files := mappings()
	files["acme/org.yaml"].Data = []byte("version: 1\nconnections:\n  fake: {provider: fake, credential: main, plan: standard, paused: true}\n")
	inWorld(t, files, func(t *testing.T, w *world) {
		stop := w.start()
		w.write(update("a", 1))
		w.pass(time.Minute)
		sum := stop()
		require.Empty(t, w.crm.requests)
		require.Equal(t, map[string]int64{"waiting": 1}, outcomes(sum))
		require.Equal(t, pipeline.Paused, w.state.All()[0].Wait.Reason)
	})
}

func TestMissingCredential(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		id := crmsync.CredentialID{Org: "acme", Name: "main"}
		require.NoError(t, w.parts.Credentials.Delete(t.Context(), []crmsync.CredentialID{id}))
		stop := w.start()
		w.write(update("a", 1))
		w.pass(time.Minute)
		synctest.Wait()
		require.Empty(t, w.crm.requests)
		require.NoError(t, w.parts.Credentials.Put(t.Context(), []crmsync.Credential{{ID: id, Secret: crmsync.NewSecret("token"), UpdatedAt: time.Now()}}))
		w.pass(7 * time.Second) // it is looked for every 5 s, however long the account rests
		require.Equal(t, map[string]int64{"synced": 1}, outcomes(stop()))
	})
}
