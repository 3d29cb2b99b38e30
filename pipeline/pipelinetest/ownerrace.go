package pipelinetest

import (
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// ownerRace claims a partition while its owner writes full slices as fast as it can. What is read
// right behind the claim's answer must be the last that the earlier owner wrote.
func ownerRace(t *testing.T, store OwnershipHarness) {
	const writers, rounds, revisions = 3, 3, 1000
	owner := crmsync.Owner{Topic: "a", Partition: 1, Epoch: 1}
	claim(t, store, owner)
	for range rounds {
		first := make([]chan struct{}, writers)
		ends := make([]ending, writers)
		var keys []crmsync.LinkKey
		var wg sync.WaitGroup
		for w := range writers {
			first[w] = make(chan struct{})
			links := raceLinks(owner, w)
			keys = append(keys, links[sliceMax-1].LinkKey)
			wg.Go(func() { ends[w] = writeOn(t, store, links, revisions, first[w]) })
		}
		for w := range writers {
			<-first[w]
		}
		owner.Epoch++
		claim(t, store, owner)
		seen := readLinks(t, store, keys...)
		wg.Wait()
		requireLinks(t, seen, readLinks(t, store, keys...))
		for w, end := range ends {
			require.NoError(t, end.err)
			require.Lessf(t, end.revision, int64(revisions), "writer %d was not fenced", w)
			require.Equal(t, end.revision, seen[w].Revision, "the writer knows what it wrote")
		}
	}
}

// raceLinks are links that no other epoch and no other writer has.
func raceLinks(owner crmsync.Owner, writer int) []crmsync.Link {
	links := make([]crmsync.Link, sliceMax)
	for i := range links {
		links[i] = crmsync.Link{LinkKey: linkKey(strconv.Itoa(i)), Owner: owner}
		links[i].Key.Org, links[i].Key.Type = strconv.FormatInt(owner.Epoch, 10), strconv.Itoa(writer)
	}
	return links
}

// ending is the last revision that a writer wrote, and why it stopped but for being fenced.
type ending struct {
	revision int64
	err      error
}

// writeOn writes revisions of the links until it is fenced. It closes first behind the first of them.
func writeOn(t testing.TB, store crmsync.StateStore, links []crmsync.Link, revisions int64, first chan<- struct{}) ending {
	signal := sync.OnceFunc(func() { close(first) })
	defer signal()
	for r := range revisions {
		for i := range links {
			links[i].Revision = r + 1
		}
		saved, err := store.Save(t.Context(), links)
		if err != nil || slices.Contains(saved, crmsync.Fenced) {
			return ending{r, err}
		}
		signal()
	}
	return ending{revision: revisions}
}

func ownerDeadlock(t *testing.T, store OwnershipHarness) {
	const rounds, partitions = 40, 8
	order := make([]int32, partitions)
	for i := range order {
		order[i] = int32(i)
	}
	_, err := store.Claim(t.Context(), "a", order)
	require.NoError(t, err)
	backwards := slices.Clone(order)
	slices.Reverse(backwards)
	errs := make([]error, 6)
	var wg sync.WaitGroup
	for c, parts := range [][]int32{order, backwards} {
		wg.Go(func() {
			for range rounds {
				if _, err := store.Claim(t.Context(), "a", parts); err != nil {
					errs[c] = err
				}
			}
		})
		for w := range 2 {
			links := make([]crmsync.Link, partitions)
			for i, p := range parts {
				links[i] = crmsync.Link{LinkKey: linkKey(strconv.Itoa(int(p))), Owner: crmsync.Owner{Topic: "a", Partition: p, Epoch: 1}, Revision: 1}
			}
			wg.Go(func() {
				for range rounds {
					if _, err := store.Save(t.Context(), links); err != nil {
						errs[2+2*c+w] = err
					}
				}
			})
		}
	}
	wg.Wait()
	require.Equal(t, make([]error, len(errs)), errs)
}
