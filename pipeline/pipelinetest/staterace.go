package pipelinetest

import (
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync"
)

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
