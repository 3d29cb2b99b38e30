package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

func TestNewestVersionWins(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		w.write(update("a", 1), update("a", 3), update("a", 2), update("a", 3), update("b", 1))
		sum := w.once()
		require.Equal(t, map[string]int64{"synced": 2, "superseded": 2, "duplicate": 1}, outcomes(sum))
		require.Equal(t, int64(3), w.crm.holds("acme", "a"))
		require.Equal(t, int64(1), w.crm.holds("acme", "b"))
		require.Equal(t, int64(5), sum.Messages)
	})
}

func TestOneRequestForManyRecords(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		for _, id := range []string{"a", "b", "c", "d"} {
			w.write(update(id, 1))
		}
		w.once()
		require.Len(t, w.crm.asked(), 1)
	})
}

func TestAgainCausesNoRequest(t *testing.T) {
	cases := map[string]struct {
		forget func(w *world)
		want   string
	}{
		"the cache knows": {func(*world) {}, "duplicate"},
		"the link knows": {func(w *world) {
			w.parts.Idempotency = forgetful{}
		}, "duplicate"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, mappings(), func(t *testing.T, w *world) {
				w.write(update("a", 1), update("b", 1))
				w.once()
				c.forget(w)
				before := len(w.crm.asked())
				w.write(update("a", 1), update("b", 1))
				require.Equal(t, map[string]int64{c.want: 2}, outcomes(w.once()))
				require.Len(t, w.crm.asked(), before)
			})
		})
	}
}

func TestStaleAndUnchanged(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		w.parts.Idempotency = forgetful{}
		w.write(update("a", 5))
		w.once()
		w.write(update("a", 4))
		require.Equal(t, map[string]int64{"stale": 1}, outcomes(w.once()))
		require.Equal(t, int64(5), w.crm.holds("acme", "a"))
	})
	files := mappings()
	files["_global/fake/contact.yaml"].Data = []byte("version: 1\nrecord_type: contact\nprovider: fake\nobject: contacts\n" +
		"match: {field: key, value: record_id}\nfields: {email: record.email, version: \"1\"}\n")
	inWorld(t, files, func(t *testing.T, w *world) {
		w.write(event("acme", "a", 1, "create", map[string]any{"email": "x@y.example"}))
		w.once()
		w.write(event("acme", "a", 2, "update", map[string]any{"email": "x@y.example", "score": 3}))
		require.Equal(t, map[string]int64{"unchanged": 1}, outcomes(w.once()), "nothing that the mapping reads has changed")
		require.Equal(t, []string{"upsert[a]"}, w.crm.asked())
	})
}

func TestOutcomesWithoutRequest(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		w.write(
			event("nobody", "a", 1, "create", map[string]any{"email": "a@b.example"}),
			event("acme", "b", 1, "create", map[string]any{"email": "a@b.example", "status": "internal"}),
			crmsync.Message{Key: []byte("x"), Value: []byte("{broken")},
		)
		require.Equal(t, map[string]int64{"unmapped": 1, "filtered": 1, "dead": 1}, outcomes(w.once()))
		require.Empty(t, w.crm.asked())
		letters := w.dead.all()
		require.Len(t, letters, 1)
		require.Equal(t, "invalid_json", letters[0].Fault.Code)
		require.Equal(t, "{broken", string(letters[0].Message.Value), "the bytes are untouched")
	})
}

// TestFilteredVersionCounts: what `when` skips is still the newest version; an
// older one that comes late must not be written over it.
func TestFilteredVersionCounts(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		w.write(event("acme", "a", 5, "update", map[string]any{"email": "a@b.example", "status": "internal"}))
		w.once()
		w.write(update("a", 4))
		require.Equal(t, map[string]int64{"stale": 1}, outcomes(w.once()))
		require.Empty(t, w.crm.asked())
	})
}

func TestDeletes(t *testing.T) {
	cases := map[string]struct {
		before, after []crmsync.Message
		outcomes      map[string]int64
		asked         []string
		version       int64
	}{
		"of a known object":       {[]crmsync.Message{update("a", 1)}, []crmsync.Message{remove("a", 2)}, map[string]int64{"synced": 1}, []string{"upsert[a]", "archive[a]"}, 0},
		"of none":                 {nil, []crmsync.Message{remove("a", 2)}, map[string]int64{"unchanged": 1}, []string{"find[a]"}, 0},
		"before it was sent":      {nil, []crmsync.Message{update("a", 1), remove("a", 2)}, map[string]int64{"superseded": 1, "unchanged": 1}, []string{"find[a]"}, 0},
		"then it comes back":      {[]crmsync.Message{update("a", 1)}, []crmsync.Message{remove("a", 2), update("a", 3)}, map[string]int64{"synced": 2}, []string{"upsert[a]", "archive[a]", "upsert[a]"}, 3},
		"an older update follows": {[]crmsync.Message{update("a", 1), remove("a", 3)}, []crmsync.Message{update("a", 2)}, map[string]int64{"stale": 1}, []string{"find[a]"}, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, mappings(), func(t *testing.T, w *world) {
				w.write(c.before...)
				if len(c.before) > 0 {
					w.once()
				}
				w.write(c.after...)
				require.Equal(t, c.outcomes, outcomes(w.once()))
				require.Equal(t, c.asked, w.crm.asked())
				require.Equal(t, c.version, w.crm.holds("acme", "a"))
			})
		})
	}
}

// TestDeleteOfAnUnknownObject: the state was lost, the object is there.
func TestDeleteOfAnUnknownObject(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		w.crm.objects["77"] = &object{id: "77", org: "acme", key: "a", fields: map[string]any{"version": 1.0}}
		w.write(remove("a", 2))
		require.Equal(t, map[string]int64{"synced": 1}, outcomes(w.once()))
		require.Equal(t, []string{"find[a]", "archive[a]"}, w.crm.asked())
		require.True(t, w.crm.objects["77"].archived)
	})
}

func TestDeadLetterQueueDown(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		w.cfg.Window = 3
		w.dead.repair(errors.New("no leader"))
		stop := w.start()
		for range 10 {
			w.log.Append(0, crmsync.Message{Key: []byte("x"), Value: []byte("{")})
		}
		w.pass(10 * time.Second)
		synctest.Wait()
		require.Empty(t, w.dead.all())
		_, _, committed := w.log.Committed(0)
		require.False(t, committed, "nothing is committed that is nowhere safe")
		require.LessOrEqual(t, w.engine.Counts().Messages, int64(3), "intake stops")
		w.dead.repair(nil)
		w.pass(time.Minute)
		sum := stop()
		require.Len(t, w.dead.all(), 10)
		require.Equal(t, map[string]int64{"dead": 10}, outcomes(sum))
		offset, _, _ := w.log.Committed(0)
		require.Equal(t, int64(10), offset)
	})
}

func TestStopDrains(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		stop := w.start()
		for _, id := range []string{"a", "b", "c"} {
			w.write(update(id, 1))
		}
		w.pass(160 * time.Millisecond) // the partitions are claimed, the request is under way
		stop()
		for _, id := range []string{"a", "b", "c"} {
			require.Equal(t, int64(1), w.crm.holds("acme", id))
		}
		require.Equal(t, map[string]int64{}, outcomes(w.once()), "all was committed")
	})
}

func TestGapIsNotRead(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		w.write(update("a", 1), update("b", 1))
		w.once()
		for i := range 5 {
			w.write(update("a", int64(10+i)), update("b", int64(10+i)))
		}
		w.log.Truncate(0, w.log.End(0)-1)
		sum := w.once()
		offset, _, _ := w.log.Committed(0)
		require.Equal(t, int64(1), offset, "the partition with the gap stands still")
		require.Equal(t, int64(5), sum.Messages)
		var gaps []crmsync.Gap
		for _, n := range w.seen.notices {
			if n.What == "assigned" && n.Gap != nil {
				gaps = append(gaps, *n.Gap)
			}
		}
		require.Equal(t, []crmsync.Gap{{Committed: 1, Start: 5, End: 6}}, gaps)
	})
}

// forgetful is an idempotency store without its memory.
type forgetful struct{}

func (forgetful) Seen(_ context.Context, d []crmsync.Delivery) []bool { return make([]bool, len(d)) }
func (forgetful) Mark(context.Context, []crmsync.Delivery)            {}
