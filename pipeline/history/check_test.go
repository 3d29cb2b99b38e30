package history_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/history"
)

var (
	ada   = crmsync.RecordKey{Org: "acme", Type: "contact", ID: "c-1"}
	start = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
)

// run builds a run of one record at one connection, a line at a time.
type run struct {
	history.Evidence
	offset int64
	clock  int64
}

func newRun() *run { return &run{Evidence: history.Evidence{Committed: map[int32]int64{}}} }

// sent accepts an event of that fate, and commits it.
func (r *run) sent(version int64, fate history.Fate) *history.Event {
	op := crmsync.Upserted
	if fate == history.Removes || fate == history.Marks {
		op = crmsync.Deleted
	}
	r.Events = append(r.Events, history.Event{
		Offset: r.offset, Key: ada, Version: version, Op: op, Hash: uint64(version), Ways: []history.Way{{Connection: "hubspot", Fate: fate}},
	})
	r.offset++
	r.Committed[0] = r.offset
	return &r.Events[len(r.Events)-1]
}

// called has the CRM carry out a call that takes a second, after all others.
func (r *run) called(version int64, effect history.Effect, object string) *history.Call {
	op := crmsync.Upsert
	if effect == history.Removed {
		op = crmsync.Archive
	}
	r.clock += 2
	r.Calls = append(r.Calls, history.Call{
		Key: ada, Connection: "hubspot", Version: version, Operation: op, Effect: effect, Object: object,
		Began: start.Add(time.Duration(r.clock) * time.Second), Ended: start.Add(time.Duration(r.clock+1) * time.Second),
	})
	return &r.Calls[len(r.Calls)-1]
}

// row leaves a state row.
func (r *run) row(applied int64) *crmsync.Link {
	r.Links = []crmsync.Link{{
		LinkKey: crmsync.LinkKey{Key: ada, Connection: "hubspot"}, Revision: 1, Applied: applied, Owner: crmsync.Owner{Topic: "t", Epoch: 1},
	}}
	return &r.Links[0]
}

// letter leaves a dead letter of the event at an offset.
func (r *run) letter(offset, version int64, code string) {
	r.Letters = append(r.Letters, history.Letter{Offset: offset, Connection: "hubspot", Key: ada, Version: version, Code: code})
}

func TestGoodRuns(t *testing.T) {
	for name, build := range map[string]func(*run){
		"created, changed": func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Lands)
			r.called(1, history.Created, "17")
			r.called(2, history.Changed, "17")
			r.row(2)
		},
		"the older one was superseded": func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Lands)
			r.called(2, history.Created, "17")
			r.row(2)
		},
		"the same version twice": func(r *run) {
			r.sent(1, history.Lands)
			r.called(1, history.Created, "17")
			r.called(1, history.Changed, "17")
			r.row(1)
		},
		"deleted, back again": func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Removes)
			r.sent(3, history.Lands)
			r.called(1, history.Created, "17")
			r.called(0, history.Removed, "17")
			r.called(3, history.Created, "18")
			r.row(3)
		},
		"waits": func(r *run) {
			r.sent(1, history.Lands)
			r.row(0).Wait = &crmsync.Wait{Version: 1, Reason: "denied"}
		},
		"dead": func(r *run) {
			r.sent(1, history.Dies)
			r.row(0).Dead = 1
			r.letter(0, 1, "no_match")
		},
		"not committed": func(r *run) {
			r.sent(1, history.Lands)
			r.Committed[0] = 0
		},
		"left out": func(r *run) { r.sent(1, history.Skipped) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun()
			build(r)
			report := history.Check(history.Options{}, r.Evidence)
			require.True(t, report.Sound(), report.String())
		})
	}
}

func TestBadRuns(t *testing.T) {
	for name, c := range map[string]struct {
		build func(*run)
		want  string
	}{
		"lost": {func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Lands)
			r.called(1, history.Created, "17")
			r.row(2)
		}, "1 lost"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun()
			c.build(r)
			require.Equal(t, c.want, found(history.Check(history.Options{}, r.Evidence)))
		})
	}
}

// found names what a report has found.
func found(r *history.Report) string {
	var all []string
	for class, n := range r.Counts {
		if n > 0 {
			all = append(all, fmt.Sprint(n, " ", history.Class(class)))
		}
	}
	return strings.Join(all, ", ")
}
