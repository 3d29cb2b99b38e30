package pipelinetest

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// WaitingRoom runs the promises of crmsync.WaitingRoom. open returns an empty store, whose clock is
// time.Now, and closes it with the test's Cleanup.
func WaitingRoom(t *testing.T, open func(t testing.TB) State) {
	cases := []struct {
		name string
		run  func(t *testing.T, store State)
	}{
		{"what is due comes in order, up to the limit", roomOrder},
		{"what is not due tells when", roomNext},
		{"what becomes due is answered", roomBecomesDue},
		{"an ask is of one topic, partition and connection", roomAsks},
		{"empty slices are answered with empty ones", roomEmpty},
		{"a thousand asks, with repeats", roomManyAsks},
		{"a full slice waits, with its bodies", roomFullSlice},
		{"large bodies", roomBodies},
		{"a write without a wait ends it", roomLeaves},
		{"listings come in pages, by key, without bodies", roomPages},
		{"a listing of one field", roomFilters},
		{"release by each field", roomRelease},
		{"a release changes nothing else", roomReleaseKeeps},
		{"a release of very many", roomReleaseMany},
		{"answers share no memory with the store", roomCopies},
		{"a cancelled context is an error", roomCancelled},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			store := open(t)
			claim(t, store, roomOwner())
			c.run(t, store)
		})
	}
}

// roomOwner owns the links that wait here, if not told otherwise.
func roomOwner() crmsync.Owner {
	return crmsync.Owner{Topic: "crmsync.events", Partition: 3, Epoch: 1}
}

// roomAsk is the ask of the links that waiting makes.
func roomAsk(limit int) crmsync.WaitAsk {
	return crmsync.WaitAsk{Partition: roomOwner().Partition, Connection: crmsync.ConnectionID{Org: "acme", Name: "hubspot"}, Limit: limit}
}

// waiting returns a link that waits until then.
func waiting(id string, until time.Time) crmsync.Link {
	return crmsync.Link{
		LinkKey: linkKey(id), Owner: roomOwner(), Revision: 1,
		Wait: &crmsync.Wait{Version: 7, Reason: "paused", Since: aTime(), Until: until, Attempts: 2, Body: []byte("body of " + id)},
	}
}

func due(t testing.TB, store crmsync.WaitingRoom, asks ...crmsync.WaitAsk) []crmsync.Due {
	t.Helper()
	answers, err := store.Due(t.Context(), roomOwner().Topic, asks)
	require.NoError(t, err)
	require.Len(t, answers, len(asks))
	return answers
}

func ids(links []crmsync.Link) []string {
	ids := make([]string, len(links))
	for i := range links {
		ids[i] = links[i].Key.ID
	}
	return ids
}

func roomOrder(t *testing.T, store State) {
	now := time.Now()
	links := []crmsync.Link{ // keys in another order than times
		waiting("b", now.Add(-4*time.Hour)), waiting("c", now.Add(-1*time.Hour)), waiting("d", now.Add(time.Hour)),
		waiting("a", now.Add(-3*time.Hour)), waiting("e", now.Add(2*time.Hour)), waiting("f", now.Add(-2*time.Hour)),
	}
	requireWritten(t, saveLinks(t, store, links...))
	sorted := slices.SortedFunc(slices.Values(links), func(a, b crmsync.Link) int { return a.Wait.Until.Compare(b.Wait.Until) })
	for limit := 1; limit <= 7; limit++ {
		answer := due(t, store, roomAsk(limit))[0]
		n := min(limit, 4) // that many are over
		requireLinks(t, sorted[:n], answer.Links)
		requireMoment(t, sorted[n].Wait.Until, answer.Next, "limit %d: next", limit)
	}
}

func roomNext(t *testing.T, store State) {
	require.Equal(t, []crmsync.Due{{}}, due(t, store, roomAsk(5)))
	soon := time.Now().Add(time.Hour)
	requireWritten(t, saveLinks(t, store, waiting("late", soon.Add(time.Hour)), waiting("soon", soon)))
	answer := due(t, store, roomAsk(5))[0]
	require.Empty(t, answer.Links)
	requireMoment(t, soon, answer.Next, "next")

	last := waiting("soon", time.Time{}) // a moment so far away that it may come back nearer
	last.Revision = 2
	requireWritten(t, saveLinks(t, store, last))
	answer = due(t, store, roomAsk(1))[0]
	require.Equal(t, []string{"soon"}, ids(answer.Links))
	requireMoment(t, soon.Add(time.Hour), answer.Next, "next behind one without a time")
	late := crmsync.Link{LinkKey: linkKey("late"), Owner: roomOwner(), Revision: 2}
	requireWritten(t, saveLinks(t, store, late))
	require.Zero(t, due(t, store, roomAsk(1))[0].Next, "there is no other")
}

func roomBecomesDue(t *testing.T, store State) {
	until := time.Now().Add(300 * time.Millisecond)
	requireWritten(t, saveLinks(t, store, waiting("c-1", until)))
	var answer crmsync.Due
	require.Eventually(t, func() bool {
		answer = due(t, store, roomAsk(1))[0]
		return len(answer.Links) > 0
	}, momentLate, 5*time.Millisecond)
	require.False(t, time.Now().Before(until))
	require.Equal(t, []string{"c-1"}, ids(answer.Links))
	require.Zero(t, answer.Next)
}

func roomAsks(t *testing.T, store State) {
	past := time.Now().Add(-time.Hour)
	edits := []struct {
		name string
		edit func(*crmsync.Link)
		ask  func(*crmsync.WaitAsk)
	}{
		{"plain", func(*crmsync.Link) {}, func(*crmsync.WaitAsk) {}},
		{"partition", func(l *crmsync.Link) { l.Owner.Partition = 4 }, func(a *crmsync.WaitAsk) { a.Partition = 4 }},
		{"org", func(l *crmsync.Link) { l.Key.Org = "beta" }, func(a *crmsync.WaitAsk) { a.Connection.Org = "beta" }},
		{"connection", func(l *crmsync.Link) { l.Connection = "HubSpot" }, func(a *crmsync.WaitAsk) { a.Connection.Name = "HubSpot" }},
		{"shifted", func(l *crmsync.Link) { l.Key.Org, l.Connection = "acmeh", "ubspot" }, func(a *crmsync.WaitAsk) { a.Connection.Org, a.Connection.Name = "acmeh", "ubspot" }},
	}
	other := roomOwner()
	other.Partition = 4
	claim(t, store, other, crmsync.Owner{Topic: "other", Partition: 3, Epoch: 1})
	var asks []crmsync.WaitAsk
	for _, e := range edits {
		link := waiting(e.name, past)
		e.edit(&link)
		elsewhere := waiting(e.name+" elsewhere", past)
		elsewhere.Owner.Topic = "other"
		requireWritten(t, saveLinks(t, store, link, elsewhere))
		ask := roomAsk(9)
		e.ask(&ask)
		asks = append(asks, ask)
	}
	none := roomAsk(9)
	none.Partition = 5
	for i, answer := range due(t, store, append(asks, none)...) {
		if i == len(edits) {
			require.Zero(t, answer)
			continue
		}
		require.Equal(t, []string{edits[i].name}, ids(answer.Links))
		require.Zero(t, answer.Next)
	}
}

func roomEmpty(t *testing.T, store State) {
	for _, empty := range [][]crmsync.WaitAsk{nil, {}} {
		require.Empty(t, due(t, store, empty...))
	}
	links, err := store.Waiting(t.Context(), crmsync.WaitFilter{}, 10)
	require.NoError(t, err)
	require.Empty(t, links)
	n, err := store.Release(t.Context(), crmsync.WaitFilter{})
	require.NoError(t, err)
	require.Zero(t, n)
}

func roomManyAsks(t *testing.T, store State) {
	const orgs = 250
	past, soon := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	var links []crmsync.Link
	asks := make([]crmsync.WaitAsk, sliceMax)
	for i := range asks { // each org is asked for four times, with two limits
		asks[i] = roomAsk(1 + i/2%2)
		asks[i].Connection.Org = fmt.Sprint("org-", i%orgs)
	}
	for i := range orgs {
		for k, until := range []time.Time{past.Add(-time.Minute), past, soon} {
			link := waiting(fmt.Sprintf("%d-%d", i, k), until)
			link.Key.Org = fmt.Sprint("org-", i)
			links = append(links, link)
		}
	}
	requireWritten(t, saveLinks(t, store, links...))
	for i, answer := range due(t, store, asks...) {
		want := links[i%orgs*3:]
		require.Equal(t, ids(want[:asks[i].Limit]), ids(answer.Links))
		requireMoment(t, want[asks[i].Limit].Wait.Until, answer.Next, "ask %d: next", i)
	}
}

func roomFullSlice(t *testing.T, store State) {
	first := time.Now().Add(-time.Hour)
	links := make([]crmsync.Link, sliceMax)
	for i := range links {
		links[i] = waiting(strconv.Itoa(sliceMax-i), first.Add(time.Duration(i)*time.Second))
		links[i].Wait.Body = []byte(strconv.Itoa(i))
	}
	requireWritten(t, saveLinks(t, store, links...))
	requireLinks(t, links, readLinks(t, store, keysOf(links)...))
	requireLinks(t, links, due(t, store, roomAsk(sliceMax))[0].Links)
	for i := range links {
		links[i].Revision = 2
		links[i].Wait = nil
	}
	requireWritten(t, saveLinks(t, store, links...))
	require.Zero(t, due(t, store, roomAsk(sliceMax))[0])
}

func roomBodies(t *testing.T, store State) {
	past := time.Now().Add(-time.Hour)
	large := []byte(noise(bodyMax))
	links := make([]crmsync.Link, 70) // together more than 64 MiB
	for i := range links {
		links[i] = waiting(fmt.Sprintf("%02d", i), past.Add(time.Duration(i)*time.Second))
		links[i].Wait.Body = large
	}
	requireWritten(t, saveLinks(t, store, links...))
	answer := due(t, store, roomAsk(3))[0]
	requireLinks(t, links[:3], answer.Links)
	requireLinks(t, links[69:], readLinks(t, store, links[69].LinkKey))
	links[69].Wait.Body = nil
	requireLinks(t, links[69:], list(t, store, crmsync.WaitFilter{Key: crmsync.RecordKey{ID: "69"}}, 5))
}

func roomLeaves(t *testing.T, store State) {
	link := waiting("c-1", time.Now().Add(-time.Hour))
	requireWritten(t, saveLinks(t, store, link, waiting("c-2", link.Wait.Until)))
	link.Revision, link.Wait = 2, nil
	requireWritten(t, saveLinks(t, store, link))
	require.Equal(t, []string{"c-2"}, ids(due(t, store, roomAsk(5))[0].Links))
	require.Equal(t, []string{"c-2"}, ids(list(t, store, crmsync.WaitFilter{}, 5)))
	requireLinks(t, []crmsync.Link{link}, readLinks(t, store, link.LinkKey))
	claims, err := store.Claim(t.Context(), roomOwner().Topic, []int32{roomOwner().Partition})
	require.NoError(t, err)
	require.Equal(t, int64(1), claims[0].Waiting[0].Entries)
}

func roomCopies(t *testing.T, store State) {
	given := waiting("c-1", time.Now().Add(-time.Hour))
	want := waiting("c-1", given.Wait.Until)
	requireWritten(t, saveLinks(t, store, given))
	spoil := func(links ...crmsync.Link) {
		for _, l := range links {
			l.Wait.Version = 99
			clear(l.Wait.Body)
		}
	}
	spoil(given)
	spoil(readLinks(t, store, want.LinkKey)...)
	spoil(due(t, store, roomAsk(1))[0].Links...)
	spoil(list(t, store, crmsync.WaitFilter{}, 1)...)
	requireLinks(t, []crmsync.Link{want}, readLinks(t, store, want.LinkKey))
}

func roomCancelled(t *testing.T, store State) {
	_, err := store.Due(cancelled(t), roomOwner().Topic, []crmsync.WaitAsk{roomAsk(1)})
	require.ErrorIs(t, err, cancelled(t).Err())
	_, err = store.Waiting(cancelled(t), crmsync.WaitFilter{}, 1)
	require.ErrorIs(t, err, cancelled(t).Err())
	_, err = store.Release(cancelled(t), crmsync.WaitFilter{})
	require.ErrorIs(t, err, cancelled(t).Err())
}
