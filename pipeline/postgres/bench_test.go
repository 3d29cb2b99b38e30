package postgres_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// BenchmarkSliceAgainstRows saves the same links in slices of 1,000 and row by row, by turns in
// one run, and reports the ratio of their rates.
func BenchmarkSliceAgainstRows(b *testing.B) {
	store := open(b)
	const size, single = 1000, 25
	_, err := store.Claim(b.Context(), topic, partitions())
	require.NoError(b, err)
	slice, rows := owned(links(size, 0)), owned(links(size+single, 0))[size:]
	var together, alone time.Duration
	for b.Loop() {
		for i := range slice {
			slice[i].Revision++
		}
		began := time.Now()
		written, err := store.Save(b.Context(), slice)
		together += time.Since(began)
		require.NoError(b, err)
		require.NotContains(b, written, crmsync.Moved)
		for i := range rows {
			rows[i].Revision++
			began := time.Now()
			written, err := store.Save(b.Context(), rows[i:i+1])
			alone += time.Since(began)
			require.NoError(b, err)
			require.Equal(b, []crmsync.Saved{crmsync.Written}, written)
		}
	}
	slicesPerSecond := float64(b.N) * size / together.Seconds()
	rowsPerSecond := float64(b.N) * single / alone.Seconds()
	b.ReportMetric(slicesPerSecond, "links/s-slices")
	b.ReportMetric(rowsPerSecond, "links/s-rows")
	b.ReportMetric(slicesPerSecond/rowsPerSecond, "ratio")
}

func BenchmarkLinks1000(b *testing.B) {
	store := open(b)
	all := links(1000, 1)
	_, err := store.Save(b.Context(), all)
	require.NoError(b, err)
	asked := keys(all)
	for b.Loop() {
		got, err := store.Links(b.Context(), asked)
		require.NoError(b, err)
		require.Len(b, got, 1000)
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "links/s")
}

// BenchmarkDue1000 asks a thousand times at once for what is due, where 40,000 links wait and none is.
func BenchmarkDue1000(b *testing.B) {
	store := open(b)
	_, err := store.Claim(b.Context(), topic, partitions())
	require.NoError(b, err)
	for slice := range slices.Chunk(parked(owned(links(40_000, 1))), 1000) {
		_, err := store.Save(b.Context(), slice)
		require.NoError(b, err)
	}
	asked := asks(1000)
	for b.Loop() {
		answers, err := store.Due(b.Context(), topic, asked)
		require.NoError(b, err)
		require.Len(b, answers, 1000)
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "asks/s")
}
