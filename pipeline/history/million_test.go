package history_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/history"
)

// large is a run of many records over many partitions, made as it is read. A
// share of its versions is superseded, repeated or deletes.
type large struct{ events int }

const (
	largeVersions   = 5 // of each record
	largePartitions = 64
)

// read hands the run to the checker: for each record five events in its
// partition, a call for most of them, and its row.
func (l large) read(c *history.Checker) {
	ways := []history.Way{{Connection: "hubspot"}}
	gone := []history.Way{{Connection: "hubspot", Fate: history.Removes}}
	offsets := [largePartitions]int64{}
	for n := range l.events / largeVersions {
		key := crmsync.RecordKey{Org: fmt.Sprintf("org-%d", n%500), Type: "contact", ID: fmt.Sprintf("c-%d", n)}
		at := start.Add(time.Duration(n) * time.Millisecond)
		partition := int32(n % largePartitions)
		for v := int64(1); v <= largeVersions; v++ {
			e := history.Event{Partition: partition, Offset: offsets[partition], At: at, Key: key, Version: v, Hash: uint64(v), Ways: ways}
			offsets[partition]++
			k := history.Call{Key: key, Connection: "hubspot", Version: v, Effect: history.Changed, Object: "501", Began: at, Ended: at.Add(time.Microsecond)}
			switch {
			case v == 1:
				k.Effect = history.Created
			case v == largeVersions && n%10 == 0:
				e.Op, e.Ways = crmsync.Deleted, gone
				k.Operation, k.Effect, k.Version = crmsync.Archive, history.Removed, 0
			}
			c.Event(e)
			if v != 3 { // superseded
				c.Call(k)
			}
			at = at.Add(time.Second)
		}
		row := crmsync.Link{LinkKey: crmsync.LinkKey{Key: key, Connection: "hubspot"}, Revision: largeVersions, Applied: largeVersions}
		c.Link(row)
	}
	for p, end := range offsets {
		c.Committed(int32(p), end)
	}
}

// TestAMillionEvents holds the checker to its promise: a million events in
// under a minute. It finds the one thing that is wrong among them.
func TestAMillionEvents(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a few seconds")
	}
	began := time.Now()
	c := history.New(history.Options{Final: true})
	large{1_000_000}.read(c)
	stray := crmsync.RecordKey{Org: "org-7", Type: "contact", ID: "c-7"}
	c.Call(history.Call{Key: stray, Connection: "hubspot", Version: 4, Effect: history.Changed, Object: "501", Began: start.Add(time.Hour), Ended: start.Add(time.Hour)})
	read := time.Since(began)
	report := c.Report()
	took := time.Since(began)

	require.Equal(t, int64(1_000_000), report.Events)
	require.Equal(t, int64(200_000), report.Records)
	require.Equal(t, map[string]int64{"lost": 1, "duplicates": 0, "regressions": 1, "stuck": 0, "unaccounted": 0, "illegal_sequence": 0}, report.Checks())
	require.True(t, slices.ContainsFunc(report.Findings, func(f history.Finding) bool { return f.Key == stray }))
	require.Less(t, took, time.Minute)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	t.Logf("%d events, %d calls: read in %s, judged in %s, heap %d MiB", report.Events, report.Calls, read, took-read, m.HeapAlloc>>20)
	runtime.KeepAlive(c)
}

// TestAHotRecord judges one record with very many versions: the time must not
// grow with their square.
func TestAHotRecord(t *testing.T) {
	r := newRun()
	const versions = 50_000
	for v := int64(1); v <= versions; v++ {
		if v%2 == 0 {
			r.sent(v, history.Removes)
			r.called(0, history.Removed, fmt.Sprint(v-1))
			continue
		}
		r.sent(v, history.Lands)
		r.called(v, history.Created, fmt.Sprint(v))
	}
	r.row(versions)
	began := time.Now()
	require.Empty(t, r.judge(history.Options{Final: true}))
	require.Less(t, time.Since(began), 10*time.Second)
	t.Log(time.Since(began))
}

func BenchmarkMillion(b *testing.B) {
	for b.Loop() {
		c := history.New(history.Options{Final: true})
		large{1_000_000}.read(c)
		require.True(b, c.Report().Sound())
	}
	b.ReportMetric(1e6*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkSmall is what the simulation pays for each of its histories.
func BenchmarkSmall(b *testing.B) {
	r := newRun()
	for v := int64(1); v <= 20; v++ {
		r.sent(v, history.Lands)
		r.called(v, history.Changed, "17")
	}
	r.row(20)
	for b.Loop() {
		require.Empty(b, r.judge(history.Options{Final: true}))
	}
}
