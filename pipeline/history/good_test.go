package history_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/history"
)

// TestGoodRuns holds what may happen in a sound run: none of it is a finding.
func TestGoodRuns(t *testing.T) {
	for name, build := range map[string]func(*run){
		"created, changed": func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Lands)
			r.called(1, history.Created, "17")
			r.called(2, history.Changed, "17")
			r.row(2).ExternalID = "17"
		},
		"an older version is superseded": func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Lands)
			r.called(2, history.Created, "17")
			r.row(2)
		},
		"an older version comes late": func(r *run) {
			r.sent(2, history.Lands)
			r.called(2, history.Created, "17")
			r.sent(1, history.Lands)
			r.row(2)
		},
		"the same version twice": func(r *run) {
			r.sent(1, history.Lands)
			r.sent(1, history.Lands)
			r.called(1, history.Created, "17")
			r.called(1, history.Changed, "17")
			r.row(1)
		},
		"tried again after a refusal": func(r *run) {
			r.sent(1, history.Lands)
			r.called(1, history.Nothing, "")
			r.called(1, history.Created, "17")
			r.row(1)
		},
		"deleted, back again": func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Removes)
			r.sent(3, history.Lands)
			r.called(1, history.Created, "17")
			r.called(0, history.Removed, "17")
			r.called(3, history.Created, "18")
			r.row(3).ExternalID = "18"
		},
		"deleted for the newer of two deletions": func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Removes)
			r.sent(3, history.Lands)
			r.sent(4, history.Removes)
			r.called(1, history.Created, "17")
			r.called(0, history.Removed, "17")
			r.row(4).Deleted = true
		},
		"deleted before there was an object": func(r *run) {
			r.sent(1, history.Removes)
			r.row(1)
		},
		"a deletion comes late": func(r *run) {
			r.sent(1, history.Lands)
			r.sent(3, history.Lands)
			r.sent(2, history.Removes)
			r.called(1, history.Created, "17")
			r.called(3, history.Changed, "17")
			r.row(3)
		},
		"marked for deletion, without a version": func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Marks)
			r.called(1, history.Created, "17")
			r.called(0, history.Changed, "17")
			r.row(2)
		},
		"marked twice": func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Marks)
			r.called(1, history.Created, "17")
			r.called(0, history.Changed, "17")
			r.called(0, history.Changed, "17")
			r.row(2)
		},
		"nothing to mark": func(r *run) {
			r.sent(1, history.Marks)
			r.row(1)
		},
		"the newest changes nothing": func(r *run) {
			r.sent(1, history.Lands).Content = 5
			r.sent(2, history.Lands).Content = 5
			r.called(1, history.Created, "17").Content = 5
			r.row(2)
		},
		"waits": func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Lands)
			r.row(0).Wait = &crmsync.Wait{Version: 2, Reason: "denied"}
		},
		"must die, and is dead twice": func(r *run) {
			r.sent(1, history.Dies)
			r.row(0).Dead = 1
			r.letter(0, 1, "no_match")
			r.letter(0, 1, "no_match")
		},
		"must die, and was superseded": func(r *run) {
			r.sent(1, history.Dies)
			r.sent(2, history.Lands)
			r.called(2, history.Created, "17")
			r.row(2)
		},
		"may die": func(r *run) {
			r.sent(1, history.Lands).Ways = []history.Way{{Connection: "hubspot", MayDie: true}}
			r.called(1, history.Nothing, "")
			r.letter(0, 1, "refused")
			r.row(0).Dead = 1
		},
		"one version with two contents": func(r *run) {
			r.sent(1, history.Lands)
			r.sent(1, history.Lands).Hash = 99
			r.called(1, history.Created, "17")
			r.letter(1, 1, history.VersionConflict)
			r.row(1)
		},
		"not committed": func(r *run) {
			r.sent(1, history.Lands)
			r.Committed[0] = 0
		},
		"the newest is not committed, and an older one was superseded by it": func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Lands)
			r.Committed[0] = 1
		},
		"left out": func(r *run) { r.sent(1, history.Skipped) },
		"superseded by what is left out": func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Skipped)
		},
		"no event, and dead": func(r *run) {
			r.Events = append(r.Events, history.Event{Offset: 0, Broken: true, Code: "invalid_json"})
			r.Committed[0] = 1
			r.Letters = append(r.Letters, history.Letter{Offset: 0, Code: "invalid_json"})
		},
		"for nobody": func(r *run) { r.sent(1, history.Lands).Ways = nil },
		"two versions one after the other, without a pause": func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Lands)
			first := r.called(1, history.Created, "17").Ended
			r.called(2, history.Changed, "17").Began = first
			r.row(2)
		},
		"the same version under way twice": func(r *run) {
			r.sent(1, history.Lands)
			r.called(1, history.Created, "17").Ended = start.Add(time.Hour)
			r.called(1, history.Changed, "17")
			r.row(1)
		},
		"two connections, each for itself": func(r *run) {
			r.sent(1, history.Lands).Ways = []history.Way{{Connection: "hubspot"}, {Connection: "other"}}
			r.called(1, history.Created, "17")
			r.called(1, history.Created, "17").Connection = "other"
			other := *r.row(1)
			other.Connection = "other"
			r.Links = append(r.Links, other)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun()
			build(r)
			report := history.Check(history.Options{}, r.Evidence)
			require.True(t, report.Sound(), report.String())
		})
	}
}
