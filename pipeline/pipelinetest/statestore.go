package pipelinetest

import (
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// State is a store of links with what it knows of their owners and of those that wait: the same rows
// from three sides.
type State interface {
	crmsync.StateStore
	crmsync.Ownership
	crmsync.WaitingRoom
}

// momentLate is how much later a moment may come back than it was given, on a loaded machine.
const momentLate = 30 * time.Second

// StateStore runs the promises of crmsync.StateStore. open returns an empty store, whose clock is
// time.Now, and closes it with the test's Cleanup. A store must keep times to the microsecond, and
// moments not earlier than they were given.
func StateStore(t *testing.T, open func(t testing.TB) State) {
	cases := []struct {
		name string
		run  func(t *testing.T, store crmsync.StateStore)
	}{
		{"an unknown key is answered with revision 0", linkUnknown},
		{"empty slices are answered with empty ones", linkEmpty},
		{"every field comes back", linkFields},
		{"a later save overwrites every field", linkOverwrite},
		{"a revision that doesn't follow is not written", linkRevisions},
		{"answers keep the order of keys, which may repeat", linkOrder},
		{"odd keys don't meet", linkOddKeys},
		{"a full slice, with winners and losers", linkFullSlice},
		{"of concurrent saves exactly one wins", linkRace},
		{"slices in opposite orders don't block each other", linkDeadlock},
		{"a cancelled context is an error", linkCancelled},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			store := open(t)
			claim(t, store, anOwner()) // of the links that fullLink makes
			c.run(t, store)
		})
	}
}

// anOwner is the owner after the first claim of a partition with the largest number.
func anOwner() crmsync.Owner {
	return crmsync.Owner{Topic: "crmsync.events", Partition: math.MaxInt32, Epoch: 1}
}

// claim claims the owners' partitions, one by one, and requires their epochs.
func claim(t testing.TB, store crmsync.Ownership, owners ...crmsync.Owner) {
	t.Helper()
	for _, o := range owners {
		claims, err := store.Claim(t.Context(), o.Topic, []int32{o.Partition})
		require.NoError(t, err)
		require.Len(t, claims, 1)
		require.Equal(t, o.Epoch, claims[0].Epoch)
	}
}

func linkKey(id string) crmsync.LinkKey {
	return crmsync.LinkKey{Key: crmsync.RecordKey{Org: "acme", Type: "contact", ID: id}, Connection: "hubspot"}
}

func readLinks(t testing.TB, store crmsync.StateStore, keys ...crmsync.LinkKey) []crmsync.Link {
	t.Helper()
	links, err := store.Links(t.Context(), keys)
	require.NoError(t, err)
	require.Len(t, links, len(keys))
	for i := range links {
		require.Equal(t, keys[i], links[i].LinkKey, "answer %d is of another key", i)
	}
	return links
}

func saveLinks(t testing.TB, store crmsync.StateStore, links ...crmsync.Link) []crmsync.Saved {
	t.Helper()
	written, err := store.Save(t.Context(), links)
	require.NoError(t, err)
	require.Len(t, written, len(links))
	return written
}

// requireLinks compares links; times are equal when they are the same instant.
func requireLinks(t testing.TB, want, got []crmsync.Link) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		require.Truef(t, want[i].UpdatedAt.Equal(got[i].UpdatedAt), "link %d: updated at %v, want %v", i, got[i].UpdatedAt, want[i].UpdatedAt)
		same := got[i]
		same.UpdatedAt = want[i].UpdatedAt
		requireMoment(t, want[i].Unsure, same.Unsure, "link %d: unsure until", i)
		same.Unsure = want[i].Unsure
		if want[i].Wait != nil && same.Wait != nil {
			w := *same.Wait
			requireMoment(t, want[i].Wait.Until, w.Until, "link %d: waits until", i)
			require.Truef(t, want[i].Wait.Since.Equal(w.Since), "link %d: waits since %v, want %v", i, w.Since, want[i].Wait.Since)
			w.Until, w.Since = want[i].Wait.Until, want[i].Wait.Since
			same.Wait = &w
		}
		require.Equalf(t, want[i], same, "link %d", i)
	}
}

// requireMoment allows for a moment to be late: what must not happen before may happen later.
func requireMoment(t testing.TB, want, got time.Time, format string, arguments ...any) {
	t.Helper()
	require.Equalf(t, want.IsZero(), got.IsZero(), format+": %v, want %v", append(arguments, got, want)...)
	require.Falsef(t, got.Before(want), format+": %v, before %v", append(arguments, got, want)...)
	require.Falsef(t, got.After(want.Add(momentLate)), format+": %v, long after %v", append(arguments, got, want)...)
}

func requireWritten(t testing.TB, saved []crmsync.Saved) {
	t.Helper()
	for i, fate := range saved {
		require.Equalf(t, crmsync.Written, fate, "link %d", i)
	}
}

func linkUnknown(t *testing.T, store crmsync.StateStore) {
	key := linkKey("never-heard-of")
	requireLinks(t, []crmsync.Link{{LinkKey: key}}, readLinks(t, store, key))
}

func linkEmpty(t *testing.T, store crmsync.StateStore) {
	for _, empty := range [][]crmsync.LinkKey{nil, {}} {
		links, err := store.Links(t.Context(), empty)
		require.NoError(t, err)
		require.Empty(t, links)
	}
	for _, empty := range [][]crmsync.Link{nil, {}} {
		written, err := store.Save(t.Context(), empty)
		require.NoError(t, err)
		require.Empty(t, written)
	}
}

// fullLink has every field set, each to a value that a narrower column would break.
func fullLink(key crmsync.LinkKey, revision int64) crmsync.Link {
	return crmsync.Link{
		LinkKey: key, Owner: anOwner(), Revision: revision, Object: "contacts", ExternalID: "0123456789012345678",
		Applied: math.MaxInt64, Dead: math.MaxInt64 - 1, Hash: math.MaxUint64, EventHash: math.MaxUint64 - 1, Deleted: true,
		Unsure: time.Now().Add(time.Hour), Seek: true, Wait: fullWait(), UpdatedAt: aTime(),
	}
}

func fullWait() *crmsync.Wait {
	return &crmsync.Wait{
		Version: math.MaxInt64 - 2, Reason: "denied", Since: aTime(), Until: time.Now().Add(48 * time.Hour),
		Attempts: math.MaxInt32, Body: []byte("\x00\xff{body}"),
	}
}

func linkFields(t *testing.T, store crmsync.StateStore) {
	tests := []struct {
		name string
		edit func(*crmsync.Link)
	}{
		{"largest values", func(*crmsync.Link) {}},
		{"a hash that is the smallest signed number", func(l *crmsync.Link) { l.Hash = 1 << 63 }},
		{"a hash of one", func(l *crmsync.Link) { l.Hash = 1 }},
		{"an event's hash that is the smallest signed number", func(l *crmsync.Link) { l.EventHash = 1 << 63 }},
		{"unsure until long ago", func(l *crmsync.Link) { l.Unsure = time.Now().Add(-1000 * time.Hour) }},
		{"a wait until long ago", func(l *crmsync.Link) { l.Wait.Until = time.Now().Add(-1000 * time.Hour) }},
		{"a moment between microseconds", func(l *crmsync.Link) { l.Unsure = l.Unsure.Truncate(time.Microsecond).Add(1) }},
		{"a wait alone", func(l *crmsync.Link) { l.Unsure = time.Time{} }},
		{"no wait", func(l *crmsync.Link) { l.Wait = nil }},
		{"a wait with nothing in it", func(l *crmsync.Link) { l.Wait = &crmsync.Wait{Until: l.Wait.Until} }},
		{"a wait with a large body", func(l *crmsync.Link) { l.Wait.Body = []byte(noise(bodyMax)) }},
		{"another owner", func(l *crmsync.Link) { l.Owner = crmsync.Owner{Topic: "odd 'topic\"", Partition: 0} }},
		{"only key and revision", func(l *crmsync.Link) { *l = crmsync.Link{LinkKey: l.LinkKey, Revision: 1} }},
		{"an id with quotes", func(l *crmsync.Link) { l.ExternalID = `0'1"2\3🙂` }},
		{"a time in another zone", func(l *crmsync.Link) { l.UpdatedAt = aTime().In(time.FixedZone("", 5*3600+1800)) }},
		{"a time before 1970", func(l *crmsync.Link) { l.UpdatedAt = time.Date(1969, 7, 20, 20, 17, 40, 1000, time.UTC) }},
	}
	for _, test := range tests {
		link := fullLink(linkKey(test.name), 1)
		test.edit(&link)
		require.Equal(t, []crmsync.Saved{crmsync.Written}, saveLinks(t, store, link), test.name)
		requireLinks(t, []crmsync.Link{link}, readLinks(t, store, link.LinkKey))
	}
}

func linkOverwrite(t *testing.T, store crmsync.StateStore) {
	key := linkKey("c-1")
	for i, link := range []crmsync.Link{fullLink(key, 1), {LinkKey: key}, fullLink(key, 3)} {
		link.Revision = int64(i + 1)
		require.Equal(t, []crmsync.Saved{crmsync.Written}, saveLinks(t, store, link))
		requireLinks(t, []crmsync.Link{link}, readLinks(t, store, key))
	}
}

func linkRevisions(t *testing.T, store crmsync.StateStore) {
	tests := []struct {
		name     string
		stored   int64 // 0: no row
		revision int64
		want     crmsync.Saved
	}{
		{"first", 0, 1, crmsync.Written},
		{"jump without a row", 0, 2, crmsync.Moved},
		{"zero without a row", 0, 0, crmsync.Moved},
		{"below zero without a row", 0, -1, crmsync.Moved},
		{"next", 1, 2, crmsync.Written},
		{"jump", 1, 3, crmsync.Moved},
		{"back", 3, 2, crmsync.Moved},
		{"zero over a row", 1, 0, crmsync.Moved},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			key := linkKey(test.name)
			want := crmsync.Link{LinkKey: key}
			for r := range test.stored {
				want = crmsync.Link{LinkKey: key, Revision: r + 1, ExternalID: "before"}
				require.Equal(t, []crmsync.Saved{crmsync.Written}, saveLinks(t, store, want))
			}
			tried := crmsync.Link{LinkKey: key, Revision: test.revision, ExternalID: "after"}
			require.Equal(t, []crmsync.Saved{test.want}, saveLinks(t, store, tried))
			if test.want == crmsync.Written {
				want = tried
			}
			requireLinks(t, []crmsync.Link{want}, readLinks(t, store, key))
		})
	}
}

func linkOrder(t *testing.T, store crmsync.StateStore) {
	a, b, c := linkKey("a"), linkKey("b"), linkKey("c")
	rowA, rowC := fullLink(a, 1), crmsync.Link{LinkKey: c, Revision: 1, ExternalID: "9"}
	require.Equal(t, []crmsync.Saved{crmsync.Written, crmsync.Written}, saveLinks(t, store, rowC, rowA))
	want := []crmsync.Link{rowC, {LinkKey: b}, rowA, rowC, {LinkKey: b}}
	requireLinks(t, want, readLinks(t, store, c, b, a, c, b))
}

func linkOddKeys(t *testing.T, store crmsync.StateStore) {
	var links []crmsync.Link
	for _, key := range oddKeys() {
		for _, connection := range []string{"hubspot", "HubSpot", "", "hub/spot"} {
			n := len(links) + 1
			links = append(links, crmsync.Link{
				LinkKey: crmsync.LinkKey{Key: key, Connection: connection}, Revision: 1, ExternalID: strconv.Itoa(n), Applied: int64(n),
			})
		}
	}
	for slice := range slices.Chunk(links, sliceMax) {
		requireWritten(t, saveLinks(t, store, slice...))
	}
	for slice := range slices.Chunk(links, sliceMax) {
		requireLinks(t, slice, readLinks(t, store, keysOf(slice)...))
	}
}

func keysOf(links []crmsync.Link) []crmsync.LinkKey {
	keys := make([]crmsync.LinkKey, len(links))
	for i := range links {
		keys[i] = links[i].LinkKey
	}
	return keys
}

func linkFullSlice(t *testing.T, store crmsync.StateStore) {
	links := make([]crmsync.Link, sliceMax)
	for i, key := range recordKeys(sliceMax) {
		links[i] = fullLink(crmsync.LinkKey{Key: key, Connection: "hubspot"}, 1)
		links[i].Applied = int64(i)
	}
	requireWritten(t, saveLinks(t, store, links...))
	want := make([]crmsync.Saved, sliceMax)
	stored := slices.Clone(links)
	for i := range links { // every third may be written
		links[i].Applied += 10_000
		links[i].Revision = int64(2 + i%3) // 2 follows, 3 and 4 jump
		want[i] = crmsync.Moved
		if i%3 == 0 {
			stored[i], want[i] = links[i], crmsync.Written
		}
	}
	slices.Reverse(links)
	slices.Reverse(want)
	slices.Reverse(stored)
	require.Equal(t, want, saveLinks(t, store, links...))
	requireLinks(t, stored, readLinks(t, store, keysOf(stored)...))
}

func linkCancelled(t *testing.T, store crmsync.StateStore) {
	_, err := store.Links(cancelled(t), []crmsync.LinkKey{linkKey("c-1")})
	require.ErrorIs(t, err, cancelled(t).Err())
	_, err = store.Save(cancelled(t), []crmsync.Link{{LinkKey: linkKey("c-1"), Revision: 1}})
	require.ErrorIs(t, err, cancelled(t).Err())
}
