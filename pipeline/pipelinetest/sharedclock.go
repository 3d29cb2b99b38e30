package pipelinetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// SharedClock runs what crmsync.StateStore and crmsync.WaitingRoom promise of a store that several
// processes share: their clocks may differ, but they agree on moments. open returns two stores on one
// empty database, each with the clock that it is given, and closes them with the test's Cleanup.
func SharedClock(t *testing.T, open func(t testing.TB, ahead, behind func() time.Time) (State, State)) {
	cases := []struct {
		name string
		run  func(t *testing.T, p pair)
	}{
		{"a moment is the same for both", clockMoments},
		{"what is due for one is due for the other", clockDue},
		{"a release is one for both", clockRelease},
		{"plain times are not moved", clockPlain},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var p pair
			p.ahead, p.behind = open(t, p.nowAhead, p.nowBehind)
			claim(t, p.ahead, roomOwner())
			c.run(t, p)
		})
	}
}

// skew is how far each clock is off. Over a day, so that the hours of a day don't hide in it.
const skew = 30 * time.Hour

// pair is two processes with one store.
type pair struct{ ahead, behind State }

func (pair) nowAhead() time.Time  { return time.Now().Add(skew) }
func (pair) nowBehind() time.Time { return time.Now().Add(-skew) }

func clockMoments(t *testing.T, p pair) {
	for _, left := range []time.Duration{-100 * time.Hour, -time.Minute, 0, time.Minute, 29 * time.Hour, 400 * 24 * time.Hour} {
		link := waiting(left.String(), p.nowAhead().Add(left))
		link.Unsure = link.Wait.Until.Add(time.Hour)
		requireWritten(t, saveLinks(t, p.ahead, link))
		requireLinks(t, []crmsync.Link{link}, readLinks(t, p.ahead, link.LinkKey))
		w := *link.Wait
		w.Until, link.Unsure = w.Until.Add(-2*skew), link.Unsure.Add(-2*skew)
		link.Wait = &w
		requireLinks(t, []crmsync.Link{link}, readLinks(t, p.behind, link.LinkKey))
	}
}

func clockDue(t *testing.T, p pair) {
	over, ahead := waiting("over", p.nowAhead().Add(-time.Minute)), waiting("ahead", p.nowAhead().Add(time.Hour))
	requireWritten(t, saveLinks(t, p.ahead, over, ahead))
	for store, now := range map[State]func() time.Time{p.ahead: p.nowAhead, p.behind: p.nowBehind} {
		answer := due(t, store, roomAsk(5))[0]
		require.Equal(t, []string{"over"}, ids(answer.Links))
		require.WithinDuration(t, now().Add(time.Hour), answer.Next, momentLate)
		listed := list(t, store, crmsync.WaitFilter{Key: crmsync.RecordKey{ID: "ahead"}}, 1)
		require.WithinDuration(t, now().Add(time.Hour), listed[0].Wait.Until, momentLate)
	}
	claims, err := p.behind.Claim(t.Context(), roomOwner().Topic, []int32{roomOwner().Partition})
	require.NoError(t, err)
	require.WithinDuration(t, p.nowBehind().Add(-time.Minute), claims[0].Waiting[0].Next, momentLate)
}

func clockRelease(t *testing.T, p pair) {
	link := waiting("c-1", p.nowBehind().Add(time.Hour))
	requireWritten(t, saveLinks(t, p.behind, link))
	n, err := p.ahead.Release(t.Context(), crmsync.WaitFilter{})
	require.NoError(t, err)
	require.Equal(t, int64(1), n)
	for store, now := range map[State]func() time.Time{p.ahead: p.nowAhead, p.behind: p.nowBehind} {
		answer := due(t, store, roomAsk(1))[0]
		require.Equal(t, []string{"c-1"}, ids(answer.Links))
		require.WithinDuration(t, now(), answer.Links[0].Wait.Until, momentLate)
	}
}

func clockPlain(t *testing.T, p pair) {
	link := fullLink(linkKey("c-1"), 1)
	link.Owner = roomOwner()
	requireWritten(t, saveLinks(t, p.ahead, link))
	got := readLinks(t, p.behind, link.LinkKey)[0]
	require.True(t, link.UpdatedAt.Equal(got.UpdatedAt))
	require.True(t, link.Wait.Since.Equal(got.Wait.Since))
}
