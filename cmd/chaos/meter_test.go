package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestJournal(t *testing.T) {
	start := time.Unix(1000, 0)
	j := newJournal(2)
	require.NoError(t, j.add(1, 0, fact{record: 5, at: start.UnixNano()}))
	require.NoError(t, j.add(1, 1, fact{record: 6, at: start.Add(time.Second).UnixNano()}))
	require.EqualError(t, j.add(0, 1, fact{}), "partition 0: an event was acknowledged at offset 1, expected 0: the topic is not ours alone, or the producer doubled one")
	require.Equal(t, []int64{0, 2}, j.ends())
	require.Equal(t, int64(2), j.total())
	now := start.Add(10 * time.Second)
	require.Equal(t, 10*time.Second, j.oldest([]int64{0, 0}, now))
	require.Equal(t, 9*time.Second, j.oldest([]int64{0, 1}, now))
	require.Zero(t, j.oldest([]int64{0, 2}, now))
}

// TestSteady: neither a partition that stands still nor a slow rate is steady.
func TestSteady(t *testing.T) {
	start := time.Unix(1000, 0)
	type at struct {
		after     time.Duration
		committed []int64
	}
	ends := []int64{100, 100}
	tests := []struct {
		name    string
		samples []at // 10 events are produced in 100 ms
		want    time.Duration
		steady  bool
	}{
		{"no sample", nil, 0, false},
		{"only samples from before", []at{{-time.Second, []int64{200, 200}}}, 0, false},
		{"a partition stands still", []at{{100 * time.Millisecond, []int64{150, 99}}, {200 * time.Millisecond, []int64{500, 99}}}, 0, false},
		{"all finished, too slow", []at{{100 * time.Millisecond, []int64{100, 100}}, {200 * time.Millisecond, []int64{101, 101}}}, 0, false},
		{"all finished, at the rate", []at{{100 * time.Millisecond, []int64{100, 100}}, {200 * time.Millisecond, []int64{105, 104}}}, 200 * time.Millisecond, true},
		{"long ago slow, now fast", []at{{100 * time.Millisecond, []int64{100, 100}}, {3 * time.Second, []int64{101, 101}}, {3100 * time.Millisecond, []int64{106, 106}}}, 3100 * time.Millisecond, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			j := newJournal(2)
			m := newMeter(nil, "t", "g", j)
			for _, s := range test.samples {
				j.count = int64(10 * s.after / (100 * time.Millisecond))
				m.note(s.committed, start.Add(s.after))
			}
			when, ok := m.steadySince(start, ends)
			require.Equal(t, test.steady, ok)
			if ok {
				require.Equal(t, test.want, when.Sub(start))
			}
		})
	}
}

func TestMeterTellsWhoIsBehind(t *testing.T) {
	m := newMeter(nil, "t", "g", newJournal(3))
	require.Equal(t, "no committed offset was ever read", m.behind([]int64{1, 1, 1}))
	m.note([]int64{5, 0, 7}, time.Unix(1, 0))
	require.Equal(t, "partition 1 at 0 of 2 partition 2 at 7 of 8", m.behind([]int64{5, 2, 8}))
	require.Equal(t, "all is finished, but slower than produced", m.behind([]int64{5, 0, 7}))
}
