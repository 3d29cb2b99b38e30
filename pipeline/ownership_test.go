package pipeline_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline"
)

// noticed returns how often the engines told of something.
func (w *witness) noticed(what string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, notice := range w.notices {
		if notice.What == what {
			n++
		}
	}
	return n
}

// usurp raises the epochs of all partitions, as another process does that
// claims them.
func (w *world) usurp() {
	_, err := w.state.Claim(w.t.Context(), w.cfg.Topic, []int32{0, 1})
	require.NoError(w.t, err)
}

// TestFencedOwnerGivesUp: somebody else has claimed the partitions while a
// request is under way. Its row is not written; whoever gets the partitions
// does the work again.
func TestFencedOwnerGivesUp(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		stop := w.start()
		w.write(update("a", 1))
		w.pass(160 * time.Millisecond)
		require.Len(t, w.crm.asked(), 1, "the request is under way")
		w.usurp()
		w.pass(20 * time.Millisecond)
		synctest.Wait()
		require.Equal(t, 1, w.seen.noticed("fenced"))
		require.Empty(t, w.state.All())
		w.pass(2 * time.Minute)
		require.Equal(t, map[string]int64{"synced": 1}, outcomes(stop()))
		require.Equal(t, 1, w.crm.made)
	})
}

// TestIdleOwnerIsFenced: a partition that somebody else has claimed is given up
// also when there is nothing to write.
func TestIdleOwnerIsFenced(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		stop := w.start()
		w.pass(time.Second)
		w.usurp()
		w.pass(w.cfg.Lease / 2)
		synctest.Wait()
		require.Equal(t, 2, w.seen.noticed("fenced"))
		stop()
	})
}

// TestCleanHandOver: what is handed back at rest is taken over without a wait.
func TestCleanHandOver(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		w.write(update("a", 1))
		w.once()
		_, note, _ := w.log.Committed(0)
		require.Equal(t, "crmsync/1 epoch=1 window=20000 lease=15000 clean", note)
		began := time.Now()
		w.write(update("a", 2))
		require.Equal(t, map[string]int64{"synced": 1}, outcomes(w.once()))
		require.Less(t, time.Since(began), 2*time.Second)
		require.Zero(t, w.seen.noticed("taking_over"))
	})
}

// TestUncleanTakeOver: what the earlier owner may have sent is held until it
// must have landed; a record that came later is not.
func TestUncleanTakeOver(t *testing.T) {
	cases := map[string]string{
		"a crash":                    "crmsync/1 epoch=1 window=20000 lease=15000",
		"a note of another epoch":    "crmsync/1 epoch=7 window=20000 lease=15000 clean",
		"a note of another program":  "crmsync/9 gen=1",
		"a note that is only a text": "clean",
	}
	for name, note := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, mappings(), func(t *testing.T, w *world) {
				w.log.Append(0, update("old", 1), update("done", 1))
				w.usurp()
				source := w.log.Open()
				news, err := source.Poll(t.Context(), nil)
				require.NoError(t, err)
				require.NoError(t, source.Commit(t.Context(), []crmsync.Mark{{Partition: 0, Term: news.Assigned[0].Term, Offset: 0, Note: note}}))
				source.Evict()
				began := time.Now()
				stop := w.start()
				w.pass(w.cfg.Lease + time.Second)
				w.log.Append(0, update("new", 1))
				w.pass(3 * time.Minute)
				require.Equal(t, map[string]int64{"synced": 3}, outcomes(stop()))
				require.Equal(t, []string{"upsert[new]", "upsert[done old]"}, w.crm.asked())
				alone := began.Add(w.cfg.Lease)
				require.Less(t, w.crm.requests[0].at.Sub(alone), 2*time.Second)
				require.GreaterOrEqual(t, w.crm.requests[1].at.Sub(alone), 30*time.Second, "the provider's max_inflight")
				if name == "a note of another program" || name == "a note that is only a text" {
					require.Equal(t, 1, w.seen.noticed("note_unknown"))
				}
			})
		})
	}
}

// TestNoProofNoRequest: while the state store doesn't tell that the partition is
// still ours, nothing is sent beyond the lease.
func TestNoProofNoRequest(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		silent := &silence{Ownership: w.state}
		w.parts.Ownership = silent
		w.write(update("a", 1))
		stop := w.start()
		w.pass(2 * time.Second)
		silent.since.Store(true)
		w.pass(w.cfg.Lease + 5*time.Second)
		w.write(update("a", 2))
		w.pass(time.Minute)
		synctest.Wait()
		require.Equal(t, int64(1), w.crm.holds("acme", "a"))
		silent.since.Store(false)
		w.pass(w.cfg.Lease)
		require.Equal(t, map[string]int64{"synced": 2}, outcomes(stop()))
	})
}

// TestGapIsAccepted: by an operator's word the partition goes on from where the
// log begins now, and the others are not asked.
func TestGapIsAccepted(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		for i := range 10 {
			w.log.Append(0, update(fmt.Sprint("r", i), 1))
		}
		w.once()
		for i := range 10 {
			w.log.Append(0, update(fmt.Sprint("r", i), 2))
		}
		w.log.Truncate(0, 15)
		w.cfg.AcceptGaps = []int32{1}
		require.Equal(t, map[string]int64{}, outcomes(w.once()), "another partition's gap")
		w.cfg.AcceptGaps = []int32{0}
		require.Equal(t, map[string]int64{"synced": 5}, outcomes(w.once()))
		require.Equal(t, 1, w.seen.noticed("gap_accepted"))
		offset, _, _ := w.log.Committed(0)
		require.Equal(t, int64(20), offset)
	})
}

// TestCommitAlarm: offsets that are finished and don't get committed are told of.
func TestCommitAlarm(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		source := w.log.Open()
		mute := &muteCommits{Source: source}
		mute.broken.Store(true)
		w.parts.Source, w.parts.Horizon = mute, source
		engine, stop, ended := pipeline.New(w.cfg, w.limits, w.seen, random()), make(chan struct{}), make(chan error, 1)
		go func() { ended <- engine.Run(t.Context(), stop, &w.parts) }()
		w.write(update("a", 1))
		w.pass(w.cfg.CommitAlarm)
		require.Zero(t, w.seen.noticed("commit_stalled"))
		w.pass(5 * time.Second)
		require.Equal(t, 1, w.seen.noticed("commit_stalled"))
		mute.broken.Store(false)
		w.pass(time.Minute)
		require.Equal(t, 1, w.seen.noticed("commit_resumed"))
		close(stop)
		require.NoError(t, <-ended)
	})
}

// TestStuckTask: a task that never returns ends the engine, which doesn't wait
// for it.
func TestStuckTask(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		hang := &hanging{StateStore: w.state, free: make(chan struct{})}
		w.parts.State = hang
		source := w.log.Open()
		w.parts.Source, w.parts.Horizon = source, source
		w.write(update("a", 1))
		err := pipeline.New(w.cfg, w.limits, w.seen, random()).Run(t.Context(), nil, &w.parts)
		var f *crmsync.Fault
		require.ErrorAs(t, err, &f)
		require.Equal(t, pipeline.Stuck, f.Code)
		require.ErrorContains(t, err, "task check number ")
		require.ErrorContains(t, err, "has not returned for 4m0s: ending the process, so that others take over its partitions")
		close(hang.free)
	})
}

// hanging answers to nothing, not even to the end of the context.
type hanging struct {
	crmsync.StateStore
	free chan struct{}
}

func (h *hanging) Links(context.Context, []crmsync.LinkKey) ([]crmsync.Link, error) {
	<-h.free
	return nil, context.Canceled
}
