package emulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// entry is a call that created n records.
func entry(n int) Entry {
	e := Entry{Account: "1", Operation: "upsert"}
	for i := range n {
		e.Records = append(e.Records, Record{ID: fmt.Sprint(i), Outcome: Created})
	}
	return e
}

func seqs(entries []Entry) (out []int64) {
	for _, e := range entries {
		out = append(out, e.Seq)
	}
	return out
}

func TestLogKeepsTheNewest(t *testing.T) {
	log := NewLog(10)
	for range 4 {
		log.Append(entry(3)) // four lines each
	}
	require.Equal(t, []int64{3, 4}, seqs(log.Entries()))
	counters := log.Counters()
	require.Equal(t, []int64{8, 8, 4}, []int64{counters.LogLines, counters.LogDropped, counters.LastSeq})
	require.Equal(t, int64(12), counters.Records[Created], "dropped lines are still counted")

	log.Append(entry(100))
	require.Equal(t, []int64{5}, seqs(log.Entries()), "the newest entry stays, whatever its size")
}

func TestLogSince(t *testing.T) {
	log := NewLog(6)
	for range 9 {
		log.Append(entry(0))
	}
	tests := []struct {
		name  string
		seq   int64
		limit int
		want  []int64
	}{
		{"from the start", 0, 3, []int64{4, 5, 6}},
		{"from the middle", 7, 9, []int64{7, 8, 9}},
		{"none asked for", 4, 0, nil},
		{"a negative limit", 4, -1, nil},
		{"the last", 9, 9, []int64{9}},
		{"from the future", 10, 9, nil},
		{"from far in the future", 1 << 60, 9, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, seqs(log.Since(test.seq, test.limit)))
		})
	}
}

// TestLogMovesDown: dropping many entries keeps the right ones and their
// numbers.
func TestLogMovesDown(t *testing.T) {
	const kept, all = 100, 10 * compactAfter
	log := NewLog(kept)
	for i := range all {
		seq := log.Append(entry(0))
		require.Equal(t, int64(i+1), seq)
		log.Finish(seq, 200, time.Unix(int64(i), 0))
	}
	entries := log.Entries()
	require.Len(t, entries, kept)
	for i, e := range entries {
		want := int64(all - kept + i + 1)
		require.Equal(t, []int64{want, want - 1}, []int64{e.Seq, e.End.Unix()})
	}
	require.Equal(t, map[int]int64{200: all}, log.Counters().Statuses)
	require.Equal(t, log.Entries(), slices.Collect(log.All(0)))
}

func TestLogFinish(t *testing.T) {
	log := NewLog(2)
	first, second, third := log.Append(entry(0)), log.Append(entry(0)), log.Append(entry(0))
	require.Equal(t, int64(3), log.Counters().Open)
	log.Finish(first, 200, time.Unix(1, 0)) // dropped already: only counted
	log.Finish(second, 0, time.Unix(2, 0))
	require.Equal(t, int64(1), log.Counters().Open)
	require.Equal(t, map[int]int64{0: 1, 200: 1}, log.Counters().Statuses)
	require.Equal(t, time.Unix(2, 0), log.Entries()[0].End)
	require.True(t, log.Entries()[1].End.IsZero())

	log.Reset()
	log.Finish(third, 200, time.Unix(3, 0)) // from before the reset: not even counted
	require.Zero(t, log.Counters().Open)
	require.Empty(t, log.Counters().Statuses)
	require.Equal(t, int64(4), log.Append(entry(0)))
}

// TestLogWhileWritten reads the log while many write to it.
func TestLogWhileWritten(t *testing.T) {
	const writers, each = 8, 500
	log := NewLog(0)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				log.Finish(log.Append(entry(1)), 200, time.Unix(1, 0))
			}
		})
	}
	for range 20 {
		last := int64(0)
		for e := range log.All(0) {
			require.Equal(t, last+1, e.Seq)
			last = e.Seq
		}
	}
	wg.Wait()
	require.Len(t, log.Entries(), writers*each)
}

func TestEntryAsJSON(t *testing.T) {
	e := Entry{
		Seq: 7, Start: time.Unix(0, 0).UTC(), End: time.Unix(1, 0).UTC(), Account: "1", Method: "POST", Path: "/x",
		Operation: "batch_upsert", ObjectType: "contacts", Status: 207, Fault: Partial,
		Records: []Record{
			{ID: "5", UniqueProperty: "crmsync_id", UniqueValue: "c", Outcome: Updated, Properties: Values{{"a", "1"}, {"b", `"<é>`}}},
			{Outcome: Rejected, Reason: "VALIDATION_ERROR"},
		},
	}
	line, err := json.Marshal(e)
	require.NoError(t, err)
	require.JSONEq(t, `{"seq":7,"start":"1970-01-01T00:00:00Z","end":"1970-01-01T00:00:01Z","account":"1","method":"POST","path":"/x","operation":"batch_upsert",
		"object_type":"contacts","status":207,"fault":"partial","records":[
		{"id":"5","unique_property":"crmsync_id","unique_value":"c","outcome":"updated","properties":{"a":"1","b":"\"<é>"}},
		{"outcome":"rejected","reason":"VALIDATION_ERROR"}]}`, string(line))
	var back Entry
	require.NoError(t, json.Unmarshal(line, &back))
	require.Equal(t, e, back)
}

func BenchmarkLogAppend(b *testing.B) {
	log := NewLog(100_000)
	e := entry(100)
	b.ReportAllocs()
	for b.Loop() {
		log.Finish(log.Append(e), 200, time.Time{})
	}
}
