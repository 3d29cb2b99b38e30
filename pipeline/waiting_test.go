package pipeline_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/dsl"
	"crmsync/pipeline"
)

// denied lets the CRM refuse one org's credential for as long as it is true.
func (w *world) deny(org string, refuse *bool) {
	w.crm.script = func(_ int, b crmsync.Batch) *crmsync.Fault {
		if *refuse && b.Connection.ID.Org == org {
			return &crmsync.Fault{Kind: crmsync.Denied, Code: "401", Whole: true}
		}
		return nil
	}
}

// TestDeniedAccountMovesOut: a denied account's records end up in the waiting
// room, newest version only, so that its partition's offsets are committed; and
// flow when it is allowed again. Nobody else waits, and no letter is dead.
func TestDeniedAccountMovesOut(t *testing.T) {
	inWorld(t, mappings("birch"), func(t *testing.T, w *world) {
		refuse := true
		w.deny("acme", &refuse)
		stop := w.start()
		for version := range int64(3) {
			for i := range 30 {
				w.write(update(fmt.Sprint("a", i), version+1), event("birch", fmt.Sprint("b", i), version+1, "update", map[string]any{"email": "x@y.example"}))
			}
			w.pass(20 * time.Second)
		}
		synctest.Wait()
		for p := range int32(2) {
			offset, _, _ := w.log.Committed(p)
			require.Equal(t, w.log.End(p), offset)
		}
		waiting, err := w.state.Waiting(t.Context(), crmsync.WaitFilter{}, 100)
		require.NoError(t, err)
		require.Len(t, waiting, 30)
		for _, l := range waiting {
			require.Equal(t, int64(3), l.Wait.Version)
			require.Equal(t, pipeline.Denied, l.Wait.Reason)
		}
		for i := range 30 {
			require.Equal(t, int64(3), w.crm.holds("birch", fmt.Sprint("b", i)))
		}
		w.crm.mu.Lock()
		refuse = false
		w.crm.mu.Unlock()
		w.pass(3 * time.Minute)
		sum := stop()
		require.Equal(t, int64(30), sum.Released[crmsync.Synced])
		require.Equal(t, int64(90), sum.Outcomes[crmsync.Waiting]+sum.Outcomes[crmsync.Superseded])
		for i := range 30 {
			require.Equal(t, int64(3), w.crm.holds("acme", fmt.Sprint("a", i)))
		}
		require.Empty(t, w.dead.all())
		waiting, err = w.state.Waiting(t.Context(), crmsync.WaitFilter{}, 100)
		require.NoError(t, err)
		require.Empty(t, waiting)
	})
}

// TestWaitingOutlivesTheProcess: another process lets out what waits.
func TestWaitingOutlivesTheProcess(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		refuse := true
		w.deny("acme", &refuse)
		w.write(update("a", 1), remove("b", 4), update("b", 5))
		require.Equal(t, map[string]int64{"waiting": 3}, outcomes(w.once()))
		refuse = false
		sum := w.once()
		require.Zero(t, sum.Messages, "nothing is read again")
		require.Equal(t, int64(1), w.crm.holds("acme", "a"))
		require.Equal(t, int64(5), w.crm.holds("acme", "b"))
	})
}

// TestPausedConnectionResumes: a paused connection costs no request, and its
// records flow once the mappings say so.
func TestPausedConnectionResumes(t *testing.T) {
	files := mappings()
	files["acme/org.yaml"].Data = []byte("version: 1\nconnections:\n  fake: {provider: fake, credential: main, plan: standard, paused: true}\n")
	inWorld(t, files, func(t *testing.T, w *world) {
		set, found := dsl.Load(mappings(), dsl.Options{})
		require.Empty(t, found.Error())
		paused := w.parts.Mappings
		swap := swappable(paused.Current())
		w.parts.Mappings = swap
		stop := w.start()
		w.write(update("a", 1))
		w.pass(time.Minute)
		synctest.Wait()
		require.Empty(t, w.crm.requests)
		swap.set.Store(set)
		w.pass(10 * time.Second)
		require.Equal(t, map[string]int64{"synced": 1}, outcomes(stop()))
	})
}

// TestWaitingWithoutAMapping: what waits stays when its mapping is gone, and says
// why.
func TestWaitingWithoutAMapping(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		refuse := true
		w.deny("acme", &refuse)
		w.write(update("a", 1))
		w.once()
		refuse = false
		files := mappings()
		delete(files, "_global/fake/contact.yaml")
		none, found := dsl.Load(files, dsl.Options{})
		require.False(t, found.HasErrors())
		all := w.parts.Mappings
		w.parts.Mappings = dsl.Hold(none)
		w.runFor(5 * time.Minute)
		require.Equal(t, pipeline.Unmapped, w.state.All()[0].Wait.Reason)
		w.parts.Mappings = all
		w.runFor(time.Minute)
		require.Equal(t, int64(1), w.crm.holds("acme", "a"))
	})
}

// TestUnreadableWait: an entry that this program can't read stays, and a newer
// event takes its place.
func TestUnreadableWait(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		key := crmsync.LinkKey{Key: crmsync.RecordKey{Org: "acme", Type: "contact", ID: "a"}, Connection: "fake"}
		saved, err := w.state.Save(t.Context(), []crmsync.Link{{
			LinkKey: key, Owner: crmsync.Owner{Topic: w.cfg.Topic, Partition: partitionOf(key.Key)}, Revision: 1,
			Wait: &crmsync.Wait{Version: 5, Reason: pipeline.Denied, Since: time.Now(), Until: time.Now(), Body: []byte("9{}")},
		}})
		require.NoError(t, err)
		require.Equal(t, []crmsync.Saved{crmsync.Written}, saved)
		w.runFor(time.Minute)
		require.Equal(t, 1, w.seen.noticed("unreadable_wait"))
		l := w.state.All()[0]
		require.Equal(t, pipeline.Unreadable, l.Wait.Reason)
		require.Equal(t, []byte("9{}"), l.Wait.Body)
		w.write(update("a", 4), update("a", 6))
		require.Equal(t, map[string]int64{"synced": 1, "superseded": 1}, outcomes(w.runFor(time.Minute)))
		require.Nil(t, w.state.All()[0].Wait)
		require.Equal(t, int64(6), w.crm.holds("acme", "a"))
	})
}
