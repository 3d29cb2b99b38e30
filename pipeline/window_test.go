package pipeline_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"crmsync/pipeline"
)

// TestWindow compares the window with a plain model: whatever the order of
// finishing and the holes in the offsets, the watermark is the lowest offset
// that is open, or the one after the last.
func TestWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		next := rapid.Int64Range(0, 1<<40).Draw(t, "start")
		w := pipeline.NewWindow(next)
		open := map[int64]int{}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			if len(open) > 0 && rapid.Bool().Draw(t, "finish") {
				offset := rapid.SampledFrom(keys(open)).Draw(t, "offset")
				w.Finish(open[offset])
				delete(open, offset)
			} else {
				next += rapid.Int64Range(0, 1<<33).Draw(t, "hole")
				place, ok := w.Open(next)
				require.True(t, ok)
				open[next] = place
				next++
			}
			low := next
			for o := range open {
				low = min(low, o)
			}
			if len(open) == 0 {
				low = w.Next()
			}
			require.Equal(t, low, w.Watermark())
			require.GreaterOrEqual(t, w.Len(), len(open))
		}
	})
}

func keys(m map[int64]int) []int64 {
	return slices.Sorted(maps.Keys(m))
}

func TestWindowRefusesWhatItHas(t *testing.T) {
	w := pipeline.NewWindow(5)
	_, ok := w.Open(4)
	require.False(t, ok)
	place, ok := w.Open(7)
	require.True(t, ok)
	_, ok = w.Open(7)
	require.False(t, ok)
	w.Finish(place)
	require.Equal(t, int64(8), w.Watermark())
}
