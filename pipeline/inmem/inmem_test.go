package inmem_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/inmem"
	"crmsync/pipeline/pipelinetest"
)

func TestState(t *testing.T) {
	pipelinetest.StateStore(t, func(testing.TB) pipelinetest.State { return inmem.NewState(time.Now) })
}

func TestWaitingRoom(t *testing.T) {
	pipelinetest.WaitingRoom(t, func(testing.TB) pipelinetest.State { return inmem.NewState(time.Now) })
}

func TestOwnership(t *testing.T) {
	pipelinetest.Ownership(t, func(testing.TB) pipelinetest.OwnershipHarness {
		state := inmem.NewState(time.Now)
		return pipelinetest.OwnershipHarness{State: state, Lose: func(testing.TB) { state.Lose() }}
	})
}

func TestIdempotency(t *testing.T) {
	pipelinetest.IdempotencyStore(t, func(testing.TB) crmsync.IdempotencyStore { return inmem.NewIdempotency(5000) })
}

func TestCredentials(t *testing.T) {
	pipelinetest.CredentialStore(t, func(testing.TB) crmsync.CredentialStore { return inmem.NewCredentials() })
}

func TestSealed(t *testing.T) {
	pipelinetest.SealedStore(t, func(testing.TB) crmsync.SealedStore { return inmem.NewSealed() })
}

func TestRate(t *testing.T) {
	pipelinetest.RateChecker(t, func(testing.TB) pipelinetest.RateCheckerHarness {
		clock := &clock{now: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
		return pipelinetest.RateCheckerHarness{Checker: inmem.NewRate(clock.Now), Advance: clock.Advance}
	})
}

func TestDeadLetters(t *testing.T) {
	pipelinetest.DeadLetterQueue(t, func(testing.TB) pipelinetest.DeadLetterQueueHarness {
		queue := inmem.NewDeadLetters(10_000)
		return pipelinetest.DeadLetterQueueHarness{
			Queue: queue,
			Read: func(t testing.TB, n int) []crmsync.DeadLetter {
				letters := queue.Letters()
				require.GreaterOrEqual(t, len(letters), n)
				return letters
			},
		}
	})
}

// clock is a clock that stands until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func TestStateListsAndCounts(t *testing.T) {
	state := inmem.NewState(time.Now)
	var want []crmsync.Link
	for _, key := range []crmsync.LinkKey{
		{Key: crmsync.RecordKey{Org: "a", Type: "company", ID: "2"}, Connection: "hubspot"},
		{Key: crmsync.RecordKey{Org: "a", Type: "contact", ID: "1"}, Connection: "hubspot"},
		{Key: crmsync.RecordKey{Org: "a", Type: "contact", ID: "1"}, Connection: "salesforce"},
		{Key: crmsync.RecordKey{Org: "b", Type: "company", ID: "1"}, Connection: "hubspot"},
	} {
		want = append(want, crmsync.Link{LinkKey: key, Revision: 1})
	}
	for i := len(want) - 1; i >= 0; i-- {
		_, err := state.Save(t.Context(), want[i:i+1])
		require.NoError(t, err)
	}
	require.Equal(t, want, state.All())
	counts, err := state.Count(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"a": 3, "b": 1}, counts)
}

func TestIdempotencyForgetsTheOldest(t *testing.T) {
	store := inmem.NewIdempotency(2)
	d := func(version int64) crmsync.Delivery { return crmsync.Delivery{Connection: "hubspot", Version: version} }
	store.Mark(t.Context(), []crmsync.Delivery{d(1), d(2)})
	store.Mark(t.Context(), []crmsync.Delivery{d(1)}) // now 2 is the oldest
	store.Mark(t.Context(), []crmsync.Delivery{d(3)})
	require.Equal(t, []bool{true, false, true}, store.Seen(t.Context(), []crmsync.Delivery{d(1), d(2), d(3)}))
}

func TestRateForgetsFullBuckets(t *testing.T) {
	clock := &clock{now: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
	checker := inmem.NewRate(clock.Now)
	draw := func(org string) [][]crmsync.Draw {
		key := crmsync.BudgetKey{Connection: crmsync.ConnectionID{Org: org, Name: "hubspot"}, Budget: "burst"}
		return [][]crmsync.Draw{{{Key: key, Limit: 1, Window: time.Minute, Cost: 1}}}
	}
	for i := range 30_000 {
		require.Equal(t, []time.Duration{0}, checker.Check(t.Context(), draw(time.Duration(i).String())))
		clock.Advance(time.Second)
	}
	require.LessOrEqual(t, checker.Buckets(), 10_001)
	require.Equal(t, []time.Duration{time.Second}, checker.Check(t.Context(), draw(time.Duration(29_941).String())), "a bucket in use is kept")
}

// Readings come after every request. If one that lowers nothing moved the bucket's clock, what
// came back since the last draw would be lost each time, and the rate with it.
func TestReadingThatLowersNothingCostsNothing(t *testing.T) {
	clock := &clock{now: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
	checker := inmem.NewRate(clock.Now)
	key := crmsync.BudgetKey{Connection: crmsync.ConnectionID{Org: "acme", Name: "hubspot"}, Budget: "burst"}
	request := [][]crmsync.Draw{{{Key: key, Limit: 10, Window: time.Second, Cost: 1}}}
	for range 10 {
		require.Equal(t, []time.Duration{0}, checker.Check(t.Context(), request))
	}
	for range 50 {
		clock.Advance(99 * time.Millisecond)
		checker.Correct(t.Context(), []crmsync.Reading{{Key: key, Remaining: 5}})
		clock.Advance(time.Millisecond)
		require.Equal(t, []time.Duration{0}, checker.Check(t.Context(), request))
	}
}

func TestDeadLettersRefuseBeyondTheirCapacity(t *testing.T) {
	queue := inmem.NewDeadLetters(1)
	require.NoError(t, queue.Put(t.Context(), make([]crmsync.DeadLetter, 1)))
	err := queue.Put(t.Context(), make([]crmsync.DeadLetter, 1))
	require.EqualError(t, err, "transient queue_full: the dead-letter queue in memory is full")
	require.Equal(t, crmsync.Transient, crmsync.KindOf(err))
	require.Len(t, queue.Letters(), 1)
}
