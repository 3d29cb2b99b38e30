package postgres_test

import (
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
	slice, rows := links(size, 0), links(size+single, 0)[size:]
	var slices, alone time.Duration
	for b.Loop() {
		for i := range slice {
			slice[i].Revision++
		}
		began := time.Now()
		written, err := store.Save(b.Context(), slice)
		slices += time.Since(began)
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
	slicesPerSecond := float64(b.N) * size / slices.Seconds()
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
