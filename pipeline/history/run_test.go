package history_test

import (
	"fmt"
	"strings"
	"time"

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

// judge returns what is found in a run, for each class its number.
func (r *run) judge(o history.Options) string { return found(history.Check(o, r.Evidence)) }

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
