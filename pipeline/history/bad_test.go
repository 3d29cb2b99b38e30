package history_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/history"
)

// badRun is a run with something wrong, and what must be found.
type badRun struct {
	build func(*run)
	want  string
}

// TestLostChanges holds runs in which a change is gone that is said to be done.
func TestLostChanges(t *testing.T) {
	judgeAll(t, map[string]badRun{
		"the row says it, the CRM doesn't": {func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Lands)
			r.called(1, history.Created, "17")
			r.row(2)
			r.Committed[0] = 0
		}, "1 lost"},
		"never sent": {func(r *run) {
			r.sent(1, history.Lands)
			r.row(1)
		}, "1 lost"},
		"refused, and said to be applied": {func(r *run) {
			r.sent(1, history.Lands)
			r.called(1, history.Nothing, "")
			r.row(1)
		}, "1 lost"},
		"an older version is said to be applied, the newest is still to come": {func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Lands)
			r.row(1)
			r.Committed[0] = 1
		}, "1 lost"},
		"not removed": {func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Removes)
			r.called(1, history.Created, "17")
			r.row(2)
		}, "1 lost"},
		"not marked": {func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Marks)
			r.called(1, history.Created, "17")
			r.row(2)
		}, "1 lost"},
		"removed, and should be there": {func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Removes)
			r.sent(3, history.Lands)
			r.called(1, history.Created, "17")
			r.called(0, history.Removed, "17")
			r.row(3)
		}, "1 lost"},
		"must die, and is not among the dead": {func(r *run) {
			r.sent(1, history.Dies)
			r.row(1)
		}, "1 lost"},
		"the object of an earlier life": {func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Removes)
			r.sent(3, history.Lands)
			r.called(1, history.Created, "17")
			r.called(3, history.Changed, "17")
			r.row(3)
		}, "1 lost"},
		"other data with the same version vanish": {func(r *run) {
			r.sent(1, history.Lands)
			r.sent(1, history.Lands).Hash = 99
			r.called(1, history.Created, "17")
			r.row(1)
		}, "1 lost"},
		"the content was that of the newest once": {func(r *run) {
			r.sent(1, history.Lands).Content = 5
			r.sent(2, history.Lands).Content = 6
			r.sent(3, history.Lands).Content = 5
			r.called(1, history.Created, "17").Content = 5
			r.called(2, history.Changed, "17").Content = 6
			r.row(3)
		}, "1 lost"},
	})
}

func TestSecondObjects(t *testing.T) {
	judgeAll(t, map[string]badRun{
		"created twice": {func(r *run) {
			r.sent(1, history.Lands)
			r.called(1, history.Created, "17")
			r.called(1, history.Created, "18")
			r.row(1).ExternalID = "18"
		}, "1 duplicates"},
		"another object is written": {func(r *run) {
			r.sent(1, history.Lands)
			r.called(1, history.Created, "17")
			r.called(1, history.Changed, "18")
			r.row(1)
		}, "1 duplicates"},
		"removed one of two": {func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Removes)
			r.called(1, history.Created, "17")
			r.called(1, history.Created, "18")
			r.called(0, history.Removed, "18")
			r.row(2)
		}, "1 lost, 1 duplicates"},
	})
}

func TestVersionsThatGoBack(t *testing.T) {
	judgeAll(t, map[string]badRun{
		"and stay there": {func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Lands)
			r.called(2, history.Created, "17")
			r.called(1, history.Changed, "17")
			r.row(2)
		}, "1 lost, 1 regressions"},
		"and are repaired": {func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Lands)
			r.called(2, history.Created, "17")
			r.called(1, history.Changed, "17")
			r.called(2, history.Changed, "17")
			r.row(2)
		}, "1 regressions"},
		"a deleted record lives again": {func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Removes)
			r.called(1, history.Created, "17")
			r.called(0, history.Removed, "17")
			r.called(1, history.Created, "18")
			r.row(2).Deleted = true
		}, "1 lost, 1 regressions"},
		"marked for a deletion of an earlier life": {func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Marks)
			r.sent(3, history.Lands)
			r.called(3, history.Created, "17")
			r.called(0, history.Changed, "17")
			r.called(3, history.Changed, "17")
			r.row(3)
		}, "1 regressions"},
		"a late deletion removes a newer object": {func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Removes)
			r.sent(3, history.Lands)
			r.called(3, history.Created, "17")
			r.called(0, history.Removed, "17")
			r.called(3, history.Created, "18")
			r.row(3)
		}, "1 regressions"},
	})
}

func TestUnaccountedEvents(t *testing.T) {
	judgeAll(t, map[string]badRun{
		"committed, and no trace": {func(r *run) {
			r.sent(1, history.Lands)
		}, "1 lost, 1 unaccounted"},
		"committed and applied, but the row doesn't know": {func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Lands)
			r.called(1, history.Created, "17")
			r.called(2, history.Changed, "17")
			r.row(1)
		}, "1 unaccounted"},
		"two events without a trace": {func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Lands)
			r.row(0)
		}, "1 lost, 2 unaccounted"},
		"dead by the row only": {func(r *run) {
			r.sent(1, history.Dies)
			r.row(0).Dead = 1
		}, "1 lost, 1 unaccounted"},
		"a call that nobody asked for": {func(r *run) {
			r.sent(1, history.Lands)
			r.called(1, history.Created, "17")
			r.called(2, history.Changed, "17")
			r.row(1)
		}, "1 unaccounted"},
		"a change without a version that nobody asked for": {func(r *run) {
			r.sent(1, history.Lands)
			r.called(1, history.Created, "17")
			r.called(0, history.Changed, "17")
			r.row(1)
		}, "1 unaccounted"},
		"a removal that nobody asked for": {func(r *run) {
			r.sent(1, history.Lands)
			r.called(1, history.Created, "17")
			r.called(0, history.Removed, "17")
			r.row(1)
		}, "1 lost, 1 unaccounted"},
		"a call that the mapping leaves out": {func(r *run) {
			r.sent(1, history.Skipped)
			r.called(1, history.Created, "17")
		}, "1 unaccounted"},
		"a call that must die, and took effect": {func(r *run) {
			r.sent(1, history.Dies)
			r.called(1, history.Created, "17")
			r.letter(0, 1, "no_match")
		}, "1 unaccounted"},
		"a row about what nobody sent": {func(r *run) {
			r.sent(1, history.Lands)
			r.called(1, history.Created, "17")
			row := r.row(1)
			row.Dead, row.Wait = 3, &crmsync.Wait{Version: 4}
		}, "2 unaccounted"},
		"a row that names another object": {func(r *run) {
			r.sent(1, history.Lands)
			r.called(1, history.Created, "17")
			r.row(1).ExternalID = "18"
		}, "1 unaccounted"},
		"a dead letter that nobody sent": {func(r *run) {
			r.sent(1, history.Lands)
			r.called(1, history.Created, "17")
			r.row(1)
			r.letter(7, 1, "refused")
		}, "1 unaccounted"},
		"a dead letter without a reason": {func(r *run) {
			r.sent(1, history.Lands)
			r.row(0).Dead = 1
			r.letter(0, 1, "denied")
		}, "1 unaccounted"},
		"a conflict with nothing": {func(r *run) {
			r.sent(1, history.Lands)
			r.sent(1, history.Lands)
			r.called(1, history.Created, "17")
			r.row(1)
			r.letter(1, 1, history.VersionConflict)
		}, "1 unaccounted"},
		"no event, and no dead letter": {func(r *run) {
			r.Events = append(r.Events, history.Event{Broken: true, Code: "invalid_json"})
			r.Committed[0] = 1
		}, "1 unaccounted"},
		"no event, and dead for another reason": {func(r *run) {
			r.Events = append(r.Events, history.Event{Broken: true, Code: "invalid_json"})
			r.Committed[0] = 1
			r.Letters = append(r.Letters, history.Letter{Code: "denied"})
		}, "1 unaccounted"},
		"a dead letter from nowhere": {func(r *run) {
			r.Letters = append(r.Letters, history.Letter{Offset: 3, Code: "invalid_json"})
		}, "1 unaccounted"},
	})
}

func TestIllegalSequences(t *testing.T) {
	judgeAll(t, map[string]badRun{
		"two versions under way together": {func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Lands)
			r.called(1, history.Created, "17").Ended = start.Add(time.Hour)
			r.called(2, history.Changed, "17")
			r.row(2)
		}, "1 illegal_sequence"},
		"a deletion while a change is under way": {func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Removes)
			r.called(1, history.Created, "17").Ended = start.Add(time.Hour)
			r.called(0, history.Removed, "17")
			r.row(2).Deleted = true
		}, "1 illegal_sequence"},
		"an older version is sent after a newer one, and refused": {func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Lands)
			r.called(2, history.Created, "17")
			r.called(1, history.Nothing, "")
			r.row(2)
		}, "1 illegal_sequence"},
	})
}

// TestStuckRuns judges runs that came to rest.
func TestStuckRuns(t *testing.T) {
	for name, c := range map[string]badRun{
		"all is done": {func(r *run) {
			r.sent(1, history.Lands)
			r.called(1, history.Created, "17")
			r.row(1)
		}, ""},
		"not committed": {func(r *run) {
			r.sent(1, history.Lands)
			r.called(1, history.Created, "17")
			r.row(1)
			r.Committed[0] = 0
		}, "1 stuck"},
		"neither committed nor begun": {func(r *run) {
			r.sent(1, history.Lands)
			r.sent(2, history.Lands)
			delete(r.Committed, 0)
		}, "2 stuck"},
		"waits": {func(r *run) {
			r.sent(1, history.Lands)
			r.row(0).Wait = &crmsync.Wait{Version: 1, Reason: "denied"}
		}, "1 stuck"},
		"no event, and not committed": {func(r *run) {
			r.Events = append(r.Events, history.Event{Broken: true})
			r.Letters = append(r.Letters, history.Letter{Code: "invalid_json"})
		}, "1 stuck"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun()
			c.build(r)
			require.Equal(t, c.want, r.judge(history.Options{Final: true}))
		})
	}
}

func TestLooseConflicts(t *testing.T) {
	r := newRun()
	r.sent(1, history.Lands)
	r.sent(1, history.Lands).Hash = 99
	r.called(1, history.Created, "17")
	r.row(1)
	require.Equal(t, "1 lost", r.judge(history.Options{}))
	require.Empty(t, r.judge(history.Options{LooseConflicts: true}))
}

func judgeAll(t *testing.T, all map[string]badRun) {
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			r := newRun()
			c.build(r)
			report := history.Check(history.Options{}, r.Evidence)
			require.Equal(t, c.want, found(report), report.String())
		})
	}
}
