package pipelinetest

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// RateCheckerHarness is a rate checker and its clock.
type RateCheckerHarness struct {
	Checker crmsync.RateChecker
	// Advance moves the checker's clock on. Without it the clock is a real one, and the suite waits
	// as long as the checker says, with windows of under a second.
	Advance func(d time.Duration)
}

// RateChecker runs the promises of crmsync.RateChecker, which is a token bucket per budget: Limit
// units may leave at once, and they come back evenly over the window. open returns a checker
// without any memory and closes it with the test's Cleanup.
func RateChecker(t *testing.T, open func(t testing.TB) RateCheckerHarness) {
	cases := []struct {
		name string
		run  func(t *testing.T, h RateCheckerHarness)
	}{
		{"empty slices are answered with empty ones", rateEmpty},
		{"a full budget lets its limit leave at once", rateBurst},
		{"after the answered wait the request may leave", rateWait},
		{"a budget is full again after its window, and not fuller", rateRefill},
		{"a request takes all its draws or none", rateAllOrNothing},
		{"the wait is that of the slowest budget", rateSlowest},
		{"two draws on one budget add up", rateSameBudgetTwice},
		{"requests of a slice are answered in order", rateSlice},
		{"budgets don't meet", rateOddKeys},
		{"a request without cost or limit leaves", rateFree},
		{"a request dearer than its budget leaves when that is full", rateTooDear},
		{"correct lowers and never raises", rateCorrect},
		{"correct knows a budget before the first draw", rateCorrectFirst},
		{"concurrent requests share the limit exactly", rateConcurrent},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

// rest waits until the checker's clock has moved on by d.
func (h RateCheckerHarness) rest(d time.Duration) {
	if h.Advance != nil {
		h.Advance(d)
		return
	}
	<-time.After(d)
}

// check asks for one request.
func (h RateCheckerHarness) check(t testing.TB, draws ...crmsync.Draw) time.Duration {
	t.Helper()
	waits := h.Checker.Check(t.Context(), [][]crmsync.Draw{draws})
	require.Len(t, waits, 1)
	require.GreaterOrEqual(t, waits[0], time.Duration(0))
	return waits[0]
}

func budget(name string) crmsync.BudgetKey {
	return crmsync.BudgetKey{Connection: crmsync.ConnectionID{Org: "acme", Name: "hubspot"}, Budget: name}
}

// slow is a draw on a budget that gives nothing back while a test runs on a real clock.
func slow(name string, limit, cost int64) crmsync.Draw {
	return crmsync.Draw{Key: budget(name), Limit: limit, Window: time.Duration(limit) * time.Hour, Cost: cost}
}

func rateEmpty(t *testing.T, h RateCheckerHarness) {
	require.Empty(t, h.Checker.Check(t.Context(), nil))
	require.Empty(t, h.Checker.Check(t.Context(), [][]crmsync.Draw{}))
	require.Equal(t, []time.Duration{0, 0}, h.Checker.Check(t.Context(), [][]crmsync.Draw{nil, {}}))
	h.Checker.Correct(t.Context(), nil)
}

func rateBurst(t *testing.T, h RateCheckerHarness) {
	for range 5 {
		require.Zero(t, h.check(t, slow("burst", 5, 1)))
	}
	wait := h.check(t, slow("burst", 5, 1))
	require.InDelta(t, time.Hour, wait, float64(time.Minute), "one unit comes back in an hour")
	require.InDelta(t, 2*time.Hour, h.check(t, slow("burst", 5, 2)), float64(time.Minute))
}

func rateWait(t *testing.T, h RateCheckerHarness) {
	draw := crmsync.Draw{Key: budget("wait"), Limit: 3, Window: 600 * time.Millisecond, Cost: 2}
	require.Zero(t, h.check(t, draw))
	for range 3 {
		wait := h.check(t, draw)
		require.Greater(t, wait, time.Duration(0))
		require.LessOrEqual(t, wait, 400*time.Millisecond+time.Millisecond)
		h.rest(wait)
		require.Zero(t, h.check(t, draw))
	}
}

func rateRefill(t *testing.T, h RateCheckerHarness) {
	draw := crmsync.Draw{Key: budget("refill"), Limit: 2, Window: 300 * time.Millisecond, Cost: 2}
	require.Zero(t, h.check(t, draw))
	h.rest(900 * time.Millisecond)
	require.Zero(t, h.check(t, draw))
	wait := h.check(t, draw)
	require.Greater(t, wait, 100*time.Millisecond)
	require.LessOrEqual(t, wait, 300*time.Millisecond+time.Millisecond)
}

func rateAllOrNothing(t *testing.T, h RateCheckerHarness) {
	wide, narrow := slow("wide", 5, 1), slow("narrow", 1, 1)
	require.Zero(t, h.check(t, wide, narrow))
	for range 10 {
		require.NotZero(t, h.check(t, wide, narrow))
		require.NotZero(t, h.check(t, narrow, wide))
	}
	for range 4 {
		require.Zero(t, h.check(t, wide), "a refused request has drawn on another budget")
	}
	require.NotZero(t, h.check(t, wide))
}

func rateSlowest(t *testing.T, h RateCheckerHarness) {
	quick := crmsync.Draw{Key: budget("quick"), Limit: 1, Window: time.Hour, Cost: 1}
	late := crmsync.Draw{Key: budget("late"), Limit: 1, Window: 3 * time.Hour, Cost: 1}
	require.Zero(t, h.check(t, quick, late))
	require.InDelta(t, 3*time.Hour, h.check(t, quick, late), float64(time.Minute))
	require.InDelta(t, 3*time.Hour, h.check(t, late, quick), float64(time.Minute))
}

func rateSameBudgetTwice(t *testing.T, h RateCheckerHarness) {
	require.NotZero(t, h.check(t, slow("twice", 3, 2), slow("twice", 3, 2)))
	require.Zero(t, h.check(t, slow("twice", 3, 2), slow("twice", 3, 1)))
	require.NotZero(t, h.check(t, slow("twice", 3, 1)))
}

func rateSlice(t *testing.T, h RateCheckerHarness) {
	requests := make([][]crmsync.Draw, sliceMax)
	for i := range requests {
		requests[i] = []crmsync.Draw{slow("slice-"+strconv.Itoa(i%7), 100, 1)}
	}
	for i, wait := range h.Checker.Check(t.Context(), requests) {
		require.Equalf(t, i/7 >= 100, wait > 0, "request %d of its slice", i)
	}
	waits := h.Checker.Check(t.Context(), [][]crmsync.Draw{
		{slow("mixed", 1, 1)}, {slow("mixed", 1, 1)}, {slow("other", 1, 1)}, nil, {slow("other", 1, 1)},
	})
	require.Len(t, waits, 5)
	require.Equal(t, []bool{false, true, false, false, true}, []bool{waits[0] > 0, waits[1] > 0, waits[2] > 0, waits[3] > 0, waits[4] > 0})
}

func rateOddKeys(t *testing.T, h RateCheckerHarness) {
	keys := []crmsync.BudgetKey{
		{Connection: crmsync.ConnectionID{Org: "a", Name: "b"}, Budget: "c"},
		{Connection: crmsync.ConnectionID{Org: "a/b", Name: ""}, Budget: "c"},
		{Connection: crmsync.ConnectionID{Org: "a", Name: "b}:c"}, Budget: "c"},
		{Connection: crmsync.ConnectionID{Org: "a", Name: "b"}, Budget: "c}:c"},
		{Connection: crmsync.ConnectionID{Org: "{a", Name: "b"}, Budget: "c"},
		{Connection: crmsync.ConnectionID{Org: "a}", Name: "b"}, Budget: "c"},
		{Connection: crmsync.ConnectionID{}, Budget: ""},
	}
	for _, odd := range oddTexts() {
		keys = append(keys, crmsync.BudgetKey{Connection: crmsync.ConnectionID{Org: "odd", Name: "hubspot"}, Budget: odd})
	}
	requests := make([][]crmsync.Draw, len(keys))
	for i, key := range keys {
		requests[i] = []crmsync.Draw{{Key: key, Limit: 1, Window: time.Hour, Cost: 1}}
	}
	for i, wait := range h.Checker.Check(t.Context(), requests) {
		require.Zerof(t, wait, "budget %d (%q) shares its memory with another", i, keys[i])
	}
	for i, wait := range h.Checker.Check(t.Context(), requests) {
		require.NotZerof(t, wait, "budget %d (%q) is not remembered", i, keys[i])
	}
}

func rateFree(t *testing.T, h RateCheckerHarness) {
	require.Zero(t, h.check(t, slow("free", 1, 1)))
	require.Zero(t, h.check(t, slow("free", 1, 0)), "nothing is drawn")
	require.Zero(t, h.check(t, crmsync.Draw{Key: budget("no-limit"), Limit: 0, Window: time.Second, Cost: 1}))
	require.Zero(t, h.check(t, crmsync.Draw{Key: budget("no-window"), Limit: 1, Window: 0, Cost: 1}))
	require.Zero(t, h.check(t, crmsync.Draw{Key: budget("no-window"), Limit: 1, Window: 0, Cost: 1}))
}

func rateTooDear(t *testing.T, h RateCheckerHarness) {
	require.Zero(t, h.check(t, slow("dear", 2, 5)))
	require.InDelta(t, 2*time.Hour, h.check(t, slow("dear", 2, 5)), float64(time.Minute))
}

func rateCorrect(t *testing.T, h RateCheckerHarness) {
	reading := func(remaining int64) {
		h.Checker.Correct(t.Context(), []crmsync.Reading{{Key: budget("told"), Limit: 10, Remaining: remaining, Window: 10 * time.Hour}})
	}
	require.Zero(t, h.check(t, slow("told", 10, 1)))
	reading(3)
	require.Zero(t, h.check(t, slow("told", 10, 3)))
	require.NotZero(t, h.check(t, slow("told", 10, 1)), "the CRM said that 3 were left")
	reading(10)
	require.NotZero(t, h.check(t, slow("told", 10, 1)), "a reading must not raise")
	reading(-1)
	require.InDelta(t, time.Hour, h.check(t, slow("told", 10, 1)), float64(time.Minute), "less than nothing is nothing")
}

func rateCorrectFirst(t *testing.T, h RateCheckerHarness) {
	h.Checker.Correct(t.Context(), []crmsync.Reading{
		{Key: budget("unseen"), Remaining: 2, Window: 10 * time.Hour},
		{Key: budget("unsaid"), Remaining: 0},
	})
	require.NotZero(t, h.check(t, slow("unseen", 10, 3)))
	require.Zero(t, h.check(t, slow("unseen", 10, 2)))
	require.NotZero(t, h.check(t, slow("unseen", 10, 1)))
	require.NotZero(t, h.check(t, slow("unsaid", 10, 1)))
}

func rateConcurrent(t *testing.T, h RateCheckerHarness) {
	const callers, each, limit = 8, 10, 33
	left := make([]int, callers)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for range each {
				for _, wait := range h.Checker.Check(t.Context(), [][]crmsync.Draw{{slow("shared", limit, 1)}, {slow("shared", limit, 1)}}) {
					if wait == 0 {
						left[c]++
					}
				}
			}
		})
	}
	wg.Wait()
	total := 0
	for _, n := range left {
		total += n
	}
	require.Equal(t, limit, total)
}
