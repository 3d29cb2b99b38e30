package pipelinetest

import (
	"math"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// StateStore runs the promises of crmsync.StateStore. open returns an empty store and closes it
// with the test's Cleanup. A store must keep times to the microsecond.
func StateStore(t *testing.T, open func(t testing.TB) crmsync.StateStore) {
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
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
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
		require.Equalf(t, want[i], same, "link %d", i)
	}
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
		LinkKey: key, Revision: revision, Object: "contacts", ExternalID: "0123456789012345678",
		Applied: math.MaxInt64, Dead: math.MaxInt64 - 1, Hash: math.MaxUint64, Deleted: true, UpdatedAt: aTime(),
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
	require.Equal(t, []crmsync.Saved{crmsync.Written}, saveLinks(t, store, fullLink(key, 1)))
	bare := crmsync.Link{LinkKey: key, Revision: 2}
	require.Equal(t, []crmsync.Saved{crmsync.Written}, saveLinks(t, store, bare))
	requireLinks(t, []crmsync.Link{bare}, readLinks(t, store, key))
	require.Equal(t, []crmsync.Saved{crmsync.Written}, saveLinks(t, store, fullLink(key, 3)))
	requireLinks(t, []crmsync.Link{fullLink(key, 3)}, readLinks(t, store, key))
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

func linkRace(t *testing.T, store crmsync.StateStore) {
	const writers, keys, rounds = 6, 20, 5
	for round := range int64(rounds) {
		won := make([][]crmsync.Saved, writers)
		errs := make([]error, writers)
		var wg sync.WaitGroup
		for w := range writers {
			links := make([]crmsync.Link, keys)
			for i := range links {
				links[i] = crmsync.Link{LinkKey: linkKey(strconv.Itoa(i)), Revision: round + 1, ExternalID: strconv.Itoa(w)}
				links[i].Owner.Partition = int32(w) // or a repeat would count as written
			}
			wg.Go(func() { won[w], errs[w] = store.Save(t.Context(), links) })
		}
		wg.Wait()
		for w := range writers {
			require.NoError(t, errs[w])
		}
		for i := range keys {
			winner := -1
			for w := range writers {
				if won[w][i] == crmsync.Written {
					require.Equalf(t, -1, winner, "key %d was won by two writers", i)
					winner = w
				}
			}
			require.NotEqualf(t, -1, winner, "key %d was won by nobody", i)
			require.Equal(t, strconv.Itoa(winner), readLinks(t, store, linkKey(strconv.Itoa(i)))[0].ExternalID)
		}
	}
}

func linkDeadlock(t *testing.T, store crmsync.StateStore) {
	const writers, rounds = 4, 6
	for round := range int64(rounds) {
		won := make([]int, writers)
		errs := make([]error, writers)
		start := make(chan struct{}) // all at once: only writers that overlap can block each other
		var wg sync.WaitGroup
		for w := range writers {
			links := make([]crmsync.Link, sliceMax)
			for i := range links {
				links[i] = crmsync.Link{LinkKey: linkKey(strconv.Itoa(i)), Revision: round + 1}
				links[i].Owner.Partition = int32(w) // or a repeat would count as written
			}
			if w%2 == 1 {
				slices.Reverse(links)
			}
			wg.Go(func() {
				<-start
				written, err := store.Save(t.Context(), links)
				errs[w] = err
				for _, fate := range written {
					if fate == crmsync.Written {
						won[w]++
					}
				}
			})
		}
		close(start)
		wg.Wait()
		require.Equal(t, make([]error, writers), errs)
		require.Equal(t, sliceMax, won[0]+won[1]+won[2]+won[3], "each link is written once")
	}
}

func linkCancelled(t *testing.T, store crmsync.StateStore) {
	_, err := store.Links(cancelled(t), []crmsync.LinkKey{linkKey("c-1")})
	require.ErrorIs(t, err, cancelled(t).Err())
	_, err = store.Save(cancelled(t), []crmsync.Link{{LinkKey: linkKey("c-1"), Revision: 1}})
	require.ErrorIs(t, err, cancelled(t).Err())
}
