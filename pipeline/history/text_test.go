package history_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/history"
)

// TestReportText shows a finding as a person reads it.
func TestReportText(t *testing.T) {
	r := newRun()
	r.sent(1, history.Lands).At = start
	r.sent(2, history.Lands).At = start.Add(time.Second)
	r.sent(2, history.Lands).Ways = []history.Way{{Connection: "hubspot", MayDie: true}}
	r.called(2, history.Created, "17")
	r.called(1, history.Changed, "17")
	r.called(0, history.Nothing, "")
	row := r.row(2)
	row.Dead, row.ExternalID, row.Deleted, row.Seek = 1, "17", true, true
	row.Wait = &crmsync.Wait{Version: 2, Reason: "denied", Since: start, Attempts: 3}
	r.letter(2, 2, "refused")
	report := history.Check(history.Options{Findings: 1}, r.Evidence)
	require.Equal(t, `3 events, 3 calls, 1 records: 0 lost 0 duplicates 1 regressions 0 stuck 0 unaccounted 0 illegal_sequence
regressions: acme/contact/c-1 at hubspot upsert of v1 was applied over v2
              event  0/2 v2 upsert data 0002, lands at hubspot or dies
       +0.000 event  0/0 v1 upsert data 0001, lands at hubspot
       +1.000 event  0/1 v2 upsert data 0002, lands at hubspot
       +2.000 call   hubspot upsert of v2: created object 17, over after 1s
       +4.000 call   hubspot upsert of v1: changed object 17, over after 1s
       +6.000 call   hubspot upsert without a version: no effect, over after 1s
              row    hubspot applied v2, dead v1, object 17, deleted, v2 waits since 2026-11-24T10:00:00Z for denied (tried 3 times), to be looked for (epoch 1, revision 1)
              letter 0/2 v2 hubspot refused
              commit 0/3
`, report.String())
}

// TestLongHistories leaves out the middle.
func TestLongHistories(t *testing.T) {
	r := newRun()
	for v := int64(1); v <= 200; v++ {
		r.sent(v, history.Lands)
	}
	report := history.Check(history.Options{}, r.Evidence)
	require.Equal(t, int64(200), report.Counts[history.Unaccounted])
	text := report.Findings[0].History
	require.Contains(t, text, "event  0/39 v40 upsert data 0028, lands at hubspot\n… 120 lines more …\n          event  0/160 v161 ")
	require.Equal(t, 82, strings.Count(text, "\n"))
}

// TestFindingsAreCountedAll bounds what is told, not what is counted.
func TestFindingsAreCountedAll(t *testing.T) {
	c := history.New(history.Options{Findings: 3, Final: true})
	for offset := range int64(10_000) {
		key := crmsync.RecordKey{Org: "acme", Type: "contact", ID: time.Duration(offset).String()}
		c.Event(history.Event{Offset: offset, Key: key, Version: 1, Ways: []history.Way{{Connection: "hubspot"}}})
	}
	report := c.Report()
	require.Equal(t, int64(10_000), report.Counts[history.Stuck])
	require.Len(t, report.Findings, 3)
	require.Equal(t, []string{"0s", "1ns", "2ns"}, []string{report.Findings[0].Key.ID, report.Findings[1].Key.ID, report.Findings[2].Key.ID})
}

// TestCheckerIsFedByMany lets several readers add what they know, then judges
// in between and again.
func TestCheckerIsFedByMany(t *testing.T) {
	c := history.New(history.Options{})
	key := func(i int64) crmsync.RecordKey {
		return crmsync.RecordKey{Org: "acme", Type: "contact", ID: time.Duration(i).String()}
	}
	const records = 6000
	var readers sync.WaitGroup
	for _, read := range []func(i int64){
		func(i int64) {
			c.Event(history.Event{Offset: i, Key: key(i), Version: 1, Ways: []history.Way{{Connection: "hubspot", MayDie: true}}})
		},
		func(i int64) {
			c.Call(history.Call{Key: key(i), Connection: "hubspot", Version: 1, Effect: history.Created, Object: "1"})
		},
		func(i int64) {
			c.Link(crmsync.Link{LinkKey: crmsync.LinkKey{Key: key(i), Connection: "hubspot"}, Revision: 1, Applied: 1})
		},
		func(i int64) {
			c.Letter(history.Letter{Offset: i, Connection: "hubspot", Key: key(i), Version: 1, Code: "refused"})
		},
	} {
		readers.Go(func() {
			for i := range int64(records) {
				read(i)
			}
		})
	}
	readers.Go(func() { c.Report() })
	readers.Wait()
	c.Committed(0, records)
	report := c.Report()
	require.True(t, report.Sound(), report.String())
	require.Equal(t, int64(records), report.Records)
	require.True(t, c.Report().Sound(), "judging changes nothing")
}
