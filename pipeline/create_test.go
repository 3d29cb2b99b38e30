package pipeline_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// createOnly is a CRM without upsert, whose search sees an object 5 s after its
// creation.
type createOnly struct{ *crm }

func (c *createOnly) Limits(_, _ string, op crmsync.Operation) crmsync.Limits {
	l := c.crm.Limits("", "", op)
	l.SearchLag = 5 * time.Second
	if op == crmsync.Upsert {
		l.Items = 0
	}
	return l
}

// TestCreateWithoutUpsert: the create is announced in the row before it leaves.
func TestCreateWithoutUpsert(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		w.parts.Providers["fake"] = &createOnly{crm: w.crm}
		var announced crmsync.Link
		w.crm.item = func(call crmsync.Call) *crmsync.Fault {
			if call.Version == 1 {
				announced = w.state.All()[0]
			}
			return nil
		}
		w.write(update("a", 1))
		require.Equal(t, map[string]int64{"synced": 1}, outcomes(w.once()))
		require.True(t, announced.Seek)
		require.Equal(t, w.cfg.SendTimeout+30*time.Second+5*time.Second, announced.Unsure.Sub(announced.UpdatedAt))
		l := w.state.All()[0]
		require.False(t, l.Seek)
		require.Zero(t, l.Unsure)
		w.write(update("a", 2))
		w.once()
		require.Equal(t, []string{"create[a]", "update[a]"}, w.crm.asked())
	})
}

// TestUncertainCreate: the object is looked for once search must see it, and
// adopted, by this process or by the next one.
func TestUncertainCreate(t *testing.T) {
	for name, crash := range map[string]bool{"by this process": false, "by the next one": true} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, mappings(), func(t *testing.T, w *world) {
				w.parts.Providers["fake"] = &createOnly{crm: w.crm}
				w.crm.script = lost(1)
				began := time.Now()
				a := w.join(1)
				w.write(update("a", 1))
				w.pass(time.Second)
				synctest.Wait()
				if crash {
					a.source.Evict()
					require.Error(t, <-a.ended)
					a = w.join(2)
				}
				w.pass(3 * time.Minute)
				a.leave(t)
				require.Equal(t, []string{"create[a]", "find[a]", "update[a]"}, w.crm.asked())
				require.GreaterOrEqual(t, w.crm.requests[1].at.Sub(began), 45*time.Second, "deadline, max_inflight and search_lag")
				require.Equal(t, 1, w.crm.made)
				require.Equal(t, int64(1), w.crm.holds("acme", "a"))
			})
		})
	}
}

// TestCreateThatNeverHappened: the object is looked for, not found, and made.
func TestCreateThatNeverHappened(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		w.parts.Providers["fake"] = &createOnly{crm: w.crm}
		w.crm.item = func(call crmsync.Call) *crmsync.Fault {
			if len(w.crm.requests) == 1 {
				return &crmsync.Fault{Kind: crmsync.Ambiguous, Code: "reset"}
			}
			return nil
		}
		w.write(update("a", 1))
		require.Equal(t, map[string]int64{"synced": 1}, outcomes(w.once()))
		require.Equal(t, []string{"create[a]", "find[a]", "create[a]"}, w.crm.asked())
		require.Equal(t, 1, w.crm.made)
	})
}

// TestRecreate: an object that somebody deleted in the CRM is made again where
// the mapping says so, but never by a delete.
func TestRecreate(t *testing.T) {
	files := mappings()
	files["_global/fake/contact.yaml"].Data = append([]byte("on_missing: recreate\n"), contactYAML...)
	inWorld(t, files, func(t *testing.T, w *world) {
		w.write(update("a", 1), update("b", 1))
		w.once()
		w.crm.find("acme", "a").archived = true
		w.crm.find("acme", "b").archived = true
		w.write(update("a", 2), remove("b", 2))
		require.Equal(t, map[string]int64{"synced": 2}, outcomes(w.once()))
		require.Equal(t, int64(2), w.crm.holds("acme", "a"))
		require.Zero(t, w.crm.holds("acme", "b"))
		require.Equal(t, 3, w.crm.made)
		w.parts.Idempotency = forgetful{}
		w.write(update("b", 1))
		require.Equal(t, map[string]int64{"stale": 1}, outcomes(w.once()), "its tombstone is newer")
	})
}

// TestVersionConflict: two events of one version that say different things.
func TestVersionConflict(t *testing.T) {
	same := func(version int64, email string) crmsync.Message {
		return event("acme", "a", version, "update", map[string]any{"email": email, "status": "active"})
	}
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		w.write(same(1, "x"), same(1, "y"), same(1, "x"))
		require.Equal(t, map[string]int64{"synced": 1, "dead": 1, "duplicate": 1}, outcomes(w.once()), "both in memory")
		w.write(same(1, "z"))
		require.Equal(t, map[string]int64{"dead": 1}, outcomes(w.once()), "one in the link")
		w.write(same(1, "x"))
		require.Equal(t, map[string]int64{"duplicate": 1}, outcomes(w.once()))
		for _, letter := range w.dead.all() {
			require.Equal(t, "version_conflict", letter.Fault.Code)
		}
		w.write(same(2, "y"))
		require.Equal(t, map[string]int64{"synced": 1}, outcomes(w.once()))
		require.Equal(t, "y", w.crm.find("acme", "a").fields["email"])
	})
}
