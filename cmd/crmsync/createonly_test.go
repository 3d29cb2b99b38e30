package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline"
	"crmsync/pipeline/history"
	"crmsync/pipeline/inmem"
	"crmsync/providers/emulator"
)

// plainWitness counts what a run must have gone through to prove anything.
type plainWitness struct {
	pipeline.Quiet
	found, waited, illegal atomic.Int64
}

// Requested counts objects that had to be looked for, and were there.
func (w *plainWitness) Requested(r pipeline.Requested) {
	if r.Answer == nil || r.Batch.Operation != crmsync.Find {
		return
	}
	for _, result := range r.Answer.Results {
		if result.Fault == nil {
			w.found.Add(1)
		}
	}
}

// Ended counts those that went to the waiting room.
func (w *plainWitness) Ended(e pipeline.Ended) {
	if e.Outcome == crmsync.Waiting {
		w.waited.Add(1)
	}
}

// Noticed counts what the engine itself finds wrong with what it sends.
func (w *plainWitness) Noticed(n pipeline.Notice) {
	if n.What == "illegal_sequence" {
		w.illegal.Add(1)
	}
}

// plainLetters is a dead-letter queue.
type plainLetters struct {
	mu  sync.Mutex // guards all
	all []history.Letter
}

// Put keeps what the judge asks for.
func (q *plainLetters) Put(_ context.Context, letters []crmsync.DeadLetter) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range letters {
		q.all = append(q.all, history.Letter{
			Partition: l.Message.Partition, Offset: l.Message.Offset, Connection: l.Connection, Key: l.Key, Version: l.Version, Code: l.Fault.Code,
		})
	}
	return nil
}

// calls returns the writes that the CRM has seen, in the order of their effects.
func (w *plainWorld) calls() (all []history.Call) {
	for e := range w.crm.History().All(1) {
		for _, r := range e.Records {
			n, err := strconv.Atoi(strings.TrimPrefix(r.UniqueValue, "r-"))
			if err != nil {
				continue // an archive that found nothing
			}
			k := history.Call{Key: plainKey(n), Connection: "crm", Object: r.ID, Began: e.Start, Ended: e.End, Operation: crmsync.Update}
			switch r.Outcome {
			case emulator.Created:
				k.Operation, k.Effect = crmsync.Create, history.Created
			case emulator.Updated, emulator.Unchanged:
				k.Effect = history.Changed
			case emulator.Archived:
				k.Operation, k.Effect = crmsync.Archive, history.Removed
			default:
				continue // read, refused or spared
			}
			for _, v := range r.Properties {
				if v.Name == "jobtitle" {
					k.Version, err = strconv.ParseInt(v.Value, 10, 64)
					require.NoError(w.t, err)
				}
			}
			all = append(all, k)
		}
	}
	return all
}

// judge asks the checker of histories about all that the run has left behind.
func (w *plainWorld) judge() *history.Report {
	w.t.Helper()
	keys := make([]crmsync.LinkKey, len(w.newest))
	for n := range keys {
		keys[n] = crmsync.LinkKey{Key: plainKey(n), Connection: "crm"}
	}
	links, err := w.state.Links(w.t.Context(), keys)
	require.NoError(w.t, err)
	committed := map[int32]int64{}
	for p := range int32(plainPartitions) {
		committed[p], _, _ = w.log.Committed(p)
	}
	return history.Check(history.Options{Final: true}, history.Evidence{
		Events: w.events, Calls: w.calls(), Links: links, Letters: w.letters.all, Committed: committed,
	})
}

// wrong says in which records the CRM itself doesn't hold the newest version,
// once, without asking how it came to be.
func (w *plainWorld) wrong() (faults []string) {
	held := map[string][]string{}
	for n := range plainOrgs {
		for _, o := range w.crm.Objects(int64(n+1), "contacts") {
			if !o.Archived {
				held[o.Properties["crmsync_key"]] = append(held[o.Properties["crmsync_key"]], o.Properties["jobtitle"]+" "+o.Properties["firstname"])
			}
		}
	}
	for n, version := range w.newest {
		var want []string
		if !plainDeleted(n, version) {
			want = []string{fmt.Sprintf("%d Name %[1]d", version)}
		}
		if id := plainKey(n).ID; fmt.Sprint(held[id]) != fmt.Sprint(want) {
			faults = append(faults, fmt.Sprintf("%s: the CRM holds %q and not %q", id, held[id], want))
		}
	}
	return faults
}

// reborn counts objects that took the place of one that was archived.
func (w *plainWorld) reborn() (n int) {
	for portal := range plainOrgs {
		seen := map[string]bool{}
		for _, o := range w.crm.Objects(int64(portal+1), "contacts") {
			if seen[o.Properties["crmsync_key"]] {
				n++
			}
			seen[o.Properties["crmsync_key"]] = true
		}
	}
	return n
}

// stalls measures until the returned function is called, or ctx ends, how long
// the process stood still at most.
func stalls(ctx context.Context) (stop func() time.Duration) {
	const every = 10 * time.Millisecond
	enough, longest := make(chan struct{}), make(chan time.Duration, 1)
	go func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		last, worst := time.Now(), time.Duration(0)
		for {
			select {
			case <-ctx.Done():
				return
			case <-enough:
				longest <- worst
				return
			case <-tick.C:
				worst = max(worst, time.Since(last)-every)
				last = time.Now()
			}
		}
	}()
	return func() time.Duration { close(enough); return <-longest }
}

// run lets engines live and die, and returns what is wrong with what they leave
// behind, and how long the process stood still meanwhile: where that is long,
// this CRM is not done with a request as soon as it promises to.
func (w *plainWorld) run() (wrong string, stood time.Duration) {
	w.t.Helper()
	watch := stalls(w.t.Context())
	for life := range plainDeaths {
		w.live(15 + 4*life)
	}
	w.live(0)
	require.NoError(w.t, w.served.Close()) // nothing lands any more
	stood = watch()
	report := w.judge()
	if faults := w.wrong(); len(faults) > 0 || !report.Sound() {
		wrong = report.String() + strings.Join(faults, "\n")
	}
	return wrong, stood
}

// TestCreateOnly: at a CRM without upsert, which often takes a create and doesn't
// say so, and with engines that die in the middle of creates, a record gets one
// object, which ends at the highest version, and nothing is left to wait.
func TestCreateOnly(t *testing.T) {
	stores := map[string]func(t *testing.T) plainStore{
		"in memory": func(*testing.T) plainStore { return inmem.NewState(time.Now) },
		"sqlite": func(t *testing.T) plainStore {
			store, err := openStore(t.Context(), stateConfig{URL: secret{crmsync.NewSecret("sqlite:" + filepath.Join(t.TempDir(), "state.db"))}})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, store.Close()) })
			return store
		},
	}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireSoundCreates(t, open)
		})
	}
}

// requireSoundCreates runs once, or again where the machine spoils a run.
func requireSoundCreates(t *testing.T, open func(t *testing.T) plainStore) {
	t.Helper()
	for seed := uint64(1); ; seed++ {
		w := newPlainWorld(t, seed, open(t))
		wrong, stood := w.run()
		if wrong != "" && stood > plainInflight/2 && seed < 3 {
			t.Logf("the process stood still for %s, so this proves nothing:\n%s", stood, wrong)
			continue
		}
		require.Empty(t, wrong, "seed %d, longest standstill %s", seed, stood)
		w.requireTried()
		return
	}
}

// requireTried: the run went through what it is about.
func (w *plainWorld) requireTried() {
	w.t.Helper()
	c := w.crm.Counters()
	w.t.Logf("%d events, calls %v, faults %v, records %v, %d found, %d waited",
		len(w.events), c.Calls, c.Faults, c.Records, w.witness.found.Load(), w.witness.waited.Load())
	waiting, err := w.state.Waiting(w.t.Context(), crmsync.WaitFilter{}, 1)
	require.NoError(w.t, err)
	require.Empty(w.t, waiting)
	require.Empty(w.t, w.letters.all)
	require.Zero(w.t, w.witness.illegal.Load())
	require.Positive(w.t, w.witness.found.Load(), "some creates landed without an answer, and their objects were looked for")
	require.Positive(w.t, w.witness.waited.Load(), "some records had to wait")
	for kind := range plainFaults() {
		require.Positive(w.t, c.Faults[kind], kind)
	}
	for _, outcome := range [...]emulator.Outcome{emulator.Created, emulator.Updated, emulator.Archived} {
		require.Positive(w.t, c.Records[outcome], outcome)
	}
	require.Positive(w.t, w.reborn(), "some records got a new object after their deletion")
}
