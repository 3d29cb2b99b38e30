package sim

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// number is a setting from outside: SEEDS=1000000 go test ./pipeline/sim
func number(name string, normally int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return normally
}

// compiled are the mappings that all tests share: compiling takes longer than a history.
var compiled = sync.OnceValues(Compile)

func sets(t testing.TB) *Sets {
	s, err := compiled()
	require.NoError(t, err)
	return s
}

// setupOf says how the history of a seed is played: one in eight never gets rid
// of its faults.
func setupOf(t testing.TB, seed uint64) Setup { return Setup{Sets: sets(t), Safety: seed%8 == 7} }

// written plays a history and returns its trace and the first breach, if any.
func written(d *Dice, setup Setup) (trace, breach string) {
	var b strings.Builder
	setup.Trace = func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	if s := Play(d, setup); len(s.Breaches) > 0 {
		breach = s.Breaches[0]
	}
	return b.String(), breach
}

// kind is what a breach says without names and numbers.
func kind(breach string) string {
	words := strings.Fields(breach)
	return strings.Join(slices.DeleteFunc(words, func(w string) bool {
		return w == atlas || w == basalt || strings.ContainsAny(w, "/0123456789{}")
	}), " ")
}

// tally is what many histories came to.
type tally struct {
	mu       sync.Mutex // guards coverage
	coverage Coverage
	steps    atomic.Int64
	worst    atomic.Int64 // the lowest seed with a breach, -1: none
	breach   sync.Map     // by seed
}

// playAll plays histories on all cores until one has a breach.
func playAll(t testing.TB, from, n int) *tally {
	all := &tally{}
	all.worst.Store(-1)
	var next atomic.Int64
	var wg sync.WaitGroup
	sets(t)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			var mine Coverage
			for seed := from + int(next.Add(1)) - 1; seed < from+n && all.worst.Load() < 0; seed = from + int(next.Add(1)) - 1 {
				s, breach := survive(uint64(seed), setupOf(t, uint64(seed)))
				all.steps.Add(int64(s.Steps))
				mine.Add(&s.Coverage)
				if breach != "" {
					all.blame(int64(seed), breach)
				}
			}
			all.mu.Lock()
			defer all.mu.Unlock()
			all.coverage.Add(&mine)
		})
	}
	wg.Wait()
	return all
}

// survive plays a history and returns its first breach. A panic is one.
func survive(seed uint64, setup Setup) (s *Sim, breach string) {
	defer func() {
		if v := recover(); v != nil {
			s, breach = &Sim{World: &World{}}, fmt.Sprintf("panic: %v", v)
		}
	}()
	if s = Play(Seeded(seed), setup); len(s.Breaches) > 0 {
		breach = s.Breaches[0]
	}
	return s, breach
}

// blame notes a seed with a breach.
func (a *tally) blame(seed int64, breach string) {
	a.breach.Store(seed, breach)
	for {
		old := a.worst.Load()
		if old >= 0 && old < seed || a.worst.CompareAndSwap(old, seed) {
			return
		}
	}
}

func TestHistories(t *testing.T) {
	from, n, begin := number("FROM", 0), number("SEEDS", 1000), time.Now()
	all := playAll(t, from, n)
	if seed := all.worst.Load(); seed >= 0 {
		breach, _ := all.breach.Load(seed)
		t.Fatalf("seed %d: %v\nSEED=%[1]d go test ./pipeline/sim -run Shortest -v shows the shortest history with it", seed, breach)
	}
	took := time.Since(begin)
	t.Logf("%d histories in %v on %d cores: %.0f/s, %d steps each\n%s", n, took.Round(time.Millisecond), runtime.GOMAXPROCS(0), float64(n)/took.Seconds(), int(all.steps.Load())/n, &all.coverage)
	if n >= 2000 {
		require.Empty(t, all.coverage.Missing(), "these never happened")
	}
}

// TestShortest prints the history of a seed, shortened to what its breach needs.
func TestShortest(t *testing.T) {
	seed := uint64(number("SEED", 1))
	trace, breach, choices := shortest(seed, setupOf(t, seed), number("TRIES", 4000))
	t.Logf("seed %d, %s\n%s%s", seed, choices, trace, breach)
}

// shortest plays the history of a seed, shortened to what its breach needs; all
// of it, if there is none.
func shortest(seed uint64, setup Setup, tries int) (trace, breach, choices string) {
	d := Seeded(seed)
	if trace, breach = written(d, setup); breach == "" {
		return trace, "", fmt.Sprintf("all %d choices, no breach", len(d.Tape()))
	}
	tape := Shrink(d.Tape(), tries, func(tape []uint32) bool {
		s := Play(Replay(tape), setup)
		return len(s.Breaches) > 0 && kind(s.Breaches[0]) == kind(breach)
	})
	trace, breach = written(Replay(tape), setup)
	return trace, breach, fmt.Sprintf("%d of %d choices", len(tape), len(d.Tape()))
}

// TestShortestBreaksAlike: a shortened history breaks the promise as the whole one does.
func TestShortestBreaksAlike(t *testing.T) {
	setup := Setup{Sets: sets(t), NoRevisions: true}
	seed, whole := uint64(0), ""
	for ; whole == ""; seed++ {
		require.Less(t, seed, uint64(1000), "a store without compare-and-set is not found out")
		_, whole = written(Seeded(seed), setup)
	}
	trace, breach, choices := shortest(seed-1, setup, 200)
	require.Equal(t, kind(whole), kind(breach))
	require.Contains(t, trace, "BREACH "+breach)
	require.NotContains(t, choices, "all")
}

func TestSameSeedSameTrace(t *testing.T) {
	for seed := range uint64(number("SEEDS", 100)) {
		a, _ := written(Seeded(seed), setupOf(t, seed))
		b, _ := written(Seeded(seed), setupOf(t, seed))
		require.Equal(t, a, b, "seed %d has two traces", seed)
	}
}
