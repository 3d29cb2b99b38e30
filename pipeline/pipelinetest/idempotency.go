package pipelinetest

import (
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// IdempotencyStore runs the promises of crmsync.IdempotencyStore. open returns an empty store that
// remembers at least 5,000 deliveries for the length of a test, and closes it with the test's
// Cleanup.
func IdempotencyStore(t *testing.T, open func(t testing.TB) crmsync.IdempotencyStore) {
	cases := []struct {
		name string
		run  func(t *testing.T, store crmsync.IdempotencyStore)
	}{
		{"what was not marked is not seen", seenNothing},
		{"empty slices are answered with empty ones", seenEmpty},
		{"what was marked is seen, in the order asked", seenOrder},
		{"another version, hash, connection or record is not seen", seenNeighbours},
		{"odd keys don't meet", seenOddKeys},
		{"a full slice", seenFullSlice},
		{"marks from several callers", seenConcurrent},
		{"a cancelled context answers one false each", seenCancelled},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

func delivery(id string, version int64) crmsync.Delivery {
	return crmsync.Delivery{Key: linkKey(id).Key, Connection: "hubspot", Version: version, Hash: 1<<63 + 5}
}

func seenNothing(t *testing.T, store crmsync.IdempotencyStore) {
	require.Equal(t, []bool{false}, store.Seen(t.Context(), []crmsync.Delivery{delivery("c-1", 1)}))
}

func seenEmpty(t *testing.T, store crmsync.IdempotencyStore) {
	for _, empty := range [][]crmsync.Delivery{nil, {}} {
		store.Mark(t.Context(), empty)
		require.Empty(t, store.Seen(t.Context(), empty))
	}
}

func seenOrder(t *testing.T, store crmsync.IdempotencyStore) {
	a, b, c := delivery("a", 1), delivery("b", 1), delivery("c", 1)
	store.Mark(t.Context(), []crmsync.Delivery{c, a, c})
	require.Equal(t, []bool{true, false, true, true, false}, store.Seen(t.Context(), []crmsync.Delivery{a, b, c, a, b}))
	store.Mark(t.Context(), []crmsync.Delivery{a})
	require.Equal(t, []bool{true}, store.Seen(t.Context(), []crmsync.Delivery{a}), "marked twice")
}

func seenNeighbours(t *testing.T, store crmsync.IdempotencyStore) {
	marked := delivery("c-1", 7)
	store.Mark(t.Context(), []crmsync.Delivery{marked})
	tests := []struct {
		name string
		edit func(*crmsync.Delivery)
	}{
		{"version before", func(d *crmsync.Delivery) { d.Version = 6 }},
		{"version after", func(d *crmsync.Delivery) { d.Version = 8 }},
		{"version with another sign", func(d *crmsync.Delivery) { d.Version = -7 }},
		{"the version with other data", func(d *crmsync.Delivery) { d.Hash++ }},
		{"a hash with another sign", func(d *crmsync.Delivery) { d.Hash = 5 }},
		{"no hash", func(d *crmsync.Delivery) { d.Hash = 0 }},
		{"hash for version", func(d *crmsync.Delivery) { d.Version, d.Hash = int64(d.Hash), uint64(d.Version) }},
		{"connection", func(d *crmsync.Delivery) { d.Connection = "salesforce" }},
		{"no connection", func(d *crmsync.Delivery) { d.Connection = "" }},
		{"org", func(d *crmsync.Delivery) { d.Key.Org = "beta" }},
		{"type", func(d *crmsync.Delivery) { d.Key.Type = "company" }},
		{"id", func(d *crmsync.Delivery) { d.Key.ID = "c-2" }},
		{"a shifted border", func(d *crmsync.Delivery) { d.Key.ID, d.Connection = "c-1h", "ubspot" }},
		{"a number that moves into the name", func(d *crmsync.Delivery) { d.Connection, d.Version = "hubspot7", 0 }},
	}
	for _, test := range tests {
		other := marked
		test.edit(&other)
		require.Equal(t, []bool{false, true}, store.Seen(t.Context(), []crmsync.Delivery{other, marked}), test.name)
	}
}

func seenOddKeys(t *testing.T, store crmsync.IdempotencyStore) {
	var marked, asked []crmsync.Delivery
	var want []bool
	for i, key := range oddKeys() {
		d := crmsync.Delivery{Key: key, Connection: "hubspot", Version: 1}
		asked = append(asked, d)
		want = append(want, i%2 == 0)
		if i%2 == 0 {
			marked = append(marked, d)
		}
	}
	store.Mark(t.Context(), marked)
	require.Equal(t, want, store.Seen(t.Context(), asked))
}

func seenFullSlice(t *testing.T, store crmsync.IdempotencyStore) {
	var marked, asked []crmsync.Delivery
	var want []bool
	for i, key := range recordKeys(2 * sliceMax) {
		d := crmsync.Delivery{Key: key, Connection: "hubspot", Version: int64(i)}
		if i%2 == 0 {
			marked = append(marked, d)
		}
		if i < sliceMax {
			asked, want = append(asked, d), append(want, i%2 == 0)
		}
	}
	require.Len(t, marked, sliceMax)
	store.Mark(t.Context(), marked)
	require.Equal(t, want, store.Seen(t.Context(), asked))
}

func seenConcurrent(t *testing.T, store crmsync.IdempotencyStore) {
	const callers = 4
	all := make([][]crmsync.Delivery, callers)
	var wg sync.WaitGroup
	for c := range callers {
		for _, key := range recordKeys(300) {
			all[c] = append(all[c], crmsync.Delivery{Key: key, Connection: "hubspot", Version: int64(c)})
		}
		wg.Go(func() {
			for part := range slices.Chunk(all[c], 50) {
				store.Mark(t.Context(), part)
				store.Seen(t.Context(), part)
			}
		})
	}
	wg.Wait()
	for c := range callers {
		require.NotContains(t, store.Seen(t.Context(), all[c]), false)
	}
}

func seenCancelled(t *testing.T, store crmsync.IdempotencyStore) {
	asked := []crmsync.Delivery{delivery("a", 1), delivery("b", 1)}
	store.Mark(cancelled(t), asked[:1])
	require.Len(t, store.Seen(cancelled(t), asked), 2)
	require.False(t, store.Seen(t.Context(), asked)[1], "it invents what was never marked")
}
