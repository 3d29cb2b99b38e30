package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/dsl"
	"crmsync/pipeline"
)

// noticed tells a watcher of notices, a second after each other.
func noticed(t *testing.T, w *watcher, clock *time.Time, notices ...pipeline.Notice) {
	t.Helper()
	for _, n := range notices {
		w.Noticed(n)
		*clock = clock.Add(time.Second)
	}
}

func newTestWatcher(t *testing.T) (w *watcher, clock *time.Time, logged *output) {
	t.Helper()
	now := nine()
	logged = &output{}
	bare := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	log := slog.New(slog.NewTextHandler(logged, &slog.HandlerOptions{ReplaceAttr: bare}))
	return newWatcher(newMetrics(), log, func() time.Time { return now }), &now, logged
}

// TestOwnersAreFollowed: what happens to a partition is counted, shown as long
// as it lasts, and logged.
func TestOwnersAreFollowed(t *testing.T) {
	gap := &crmsync.Gap{Committed: 5, Start: 9, End: 20}
	cases := map[string]struct {
		notices []pipeline.Notice
		metrics string // name and value of each
		log     string
	}{
		"clean": {
			[]pipeline.Notice{{What: "assigned"}, {What: "opened"}},
			"crmsync_take_overs_total 0\ncrmsync_partitions_taking_over 0\n",
			"level=INFO msg=\"partition moved\" partition=0 what=assigned\n",
		},
		"taking over": {
			[]pipeline.Notice{{What: "assigned"}, {What: "note_unknown"}, {What: "taking_over", Until: nine()}},
			"crmsync_take_overs_total 1\ncrmsync_partitions_taking_over 1\ncrmsync_notes_unknown_total 1\n",
			`level=INFO msg="partition moved" partition=0 what=assigned
level=WARN msg="the note beside the committed offset is of another version of crmsync: the partition counts as not left clean" partition=0
level=INFO msg="partition was not left clean: nothing is sent until its last owner can't send any more, and all that it may have sent is read" partition=0 not_before=2026-11-24T09:00:00.000Z
`,
		},
		"taken over": {
			[]pipeline.Notice{{What: "taking_over"}, {What: "opened"}, {What: "opened", Partition: 1}},
			"crmsync_partitions_taking_over 0\n",
			"level=INFO msg=\"partition was not left clean: nothing is sent until its last owner can't send any more, and all that it may have sent is read\" partition=0 not_before=0001-01-01T00:00:00.000Z\n",
		},
		"fenced": {
			[]pipeline.Notice{{What: "assigned"}, {What: "fenced"}, {What: "released"}},
			"crmsync_partitions_fenced_total 1\ncrmsync_partitions_assigned 0\n",
			`level=INFO msg="partition moved" partition=0 what=assigned
level=WARN msg="partition given up: another process has claimed it, and repeats what was under way here" partition=0
level=INFO msg="partition moved" partition=0 what=released
`,
		},
		"stalled": {
			[]pipeline.Notice{{What: "commit_stalled", Offset: 3, End: 8}, {What: "commit_stalled", Partition: 1, Offset: 3, End: 8}, {What: "commit_resumed", Offset: 8}},
			"crmsync_commits_stalled 1\n",
			`level=ERROR msg="the committed offset stands still although more is finished: Kafka does not take commits" partition=0 committed=3 finished=8
level=ERROR msg="the committed offset stands still although more is finished: Kafka does not take commits" partition=1 committed=3 finished=8
level=INFO msg="the committed offset moves again" partition=0 committed=8
`,
		},
		"a stall ends with the partition": {
			[]pipeline.Notice{{What: "commit_stalled", Offset: 3, End: 8}, {What: "released"}},
			"crmsync_commits_stalled 0\n",
			`level=ERROR msg="the committed offset stands still although more is finished: Kafka does not take commits" partition=0 committed=3 finished=8
level=INFO msg="partition moved" partition=0 what=released
`,
		},
		"gap": {
			[]pipeline.Notice{{What: "assigned", Partition: 7, Gap: gap}},
			"crmsync_partitions_with_gap 1\n",
			"level=ERROR msg=\"partition is not read: the log no longer holds what comes after the committed offset\" partition=7 committed=5 log_start=9 log_end=20 messages_lost_at_most=4 go_on_with=\"crmsync run --accept-gap 7\"\n",
		},
		"accepted gap": {
			[]pipeline.Notice{{What: "assigned", Gap: gap}, {What: "gap_accepted", Gap: gap}, {What: "released", Gap: gap}},
			"crmsync_partitions_with_gap 0\n",
			`level=ERROR msg="partition is not read: the log no longer holds what comes after the committed offset" partition=0 committed=5 log_start=9 log_end=20 messages_lost_at_most=4 go_on_with="crmsync run --accept-gap 0"
level=WARN msg="partition goes on from where the log begins; take --accept-gap away again: it would accept the next gap too" partition=0 committed=5 log_start=9 log_end=20
level=INFO msg="partition moved" partition=0 what=released
`,
		},
		"unreadable entry": {
			[]pipeline.Notice{{What: "unreadable_wait", Key: crmsync.LinkKey{Key: crmsync.RecordKey{Org: "acme", Type: "contact", ID: "c-1"}, Connection: "hubspot"}}},
			"crmsync_waiting_unreadable_total 1\n",
			"level=WARN msg=\"a waiting entry is of another version of crmsync, or damaged: it stays\" partition=0 record=acme/contact/c-1 connection=hubspot more_like_it=0\n",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w, clock, logged := newTestWatcher(t)
			noticed(t, w, clock, c.notices...)
			require.Equal(t, c.log, logged.String())
			for line := range strings.Lines(c.metrics) {
				metric, value, _ := strings.Cut(strings.TrimSpace(line), " ")
				require.Equal(t, value, metricOf(t, w, metric), metric)
			}
		})
	}
}

// metricOf returns the value of a metric without labels, as /metrics shows it.
func metricOf(t *testing.T, w *watcher, name string) string {
	t.Helper()
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(w.registry, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(answer.Body.String()) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return "not shown"
}

// TestReadyWhileCommitsStall: a process whose commits stand still is not ready.
func TestReadyWhileCommitsStall(t *testing.T) {
	w, clock, _ := newTestWatcher(t)
	a := &admin{watcher: w}
	a.loaded(nil)
	noticed(t, w, clock, pipeline.Notice{What: "assigned"})
	ready := func() (int, string) {
		answer := httptest.NewRecorder()
		a.ready(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
		return answer.Code, answer.Body.String()
	}
	code, _ := ready()
	require.Equal(t, http.StatusOK, code)
	noticed(t, w, clock, pipeline.Notice{What: "commit_stalled", Offset: 3, End: 8})
	code, body := ready()
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.Contains(t, body, "[-] commits: committed offsets stand still although more is finished; partitions: 1\n")
	noticed(t, w, clock, pipeline.Notice{What: "commit_resumed", Offset: 8})
	code, _ = ready()
	require.Equal(t, http.StatusOK, code)
}

// TestPanicsAreCounted: one counts apart from other dead letters.
func TestPanicsAreCounted(t *testing.T) {
	w, _, _ := newTestWatcher(t)
	for _, code := range []string{dsl.CodePanic, "bad_value"} {
		w.Ended(pipeline.Ended{Event: &crmsync.Event{}, Outcome: crmsync.Dead, Fault: &crmsync.Fault{Kind: crmsync.Internal, Code: code}})
	}
	require.Equal(t, "1", metricOf(t, w, "crmsync_panics_total"))
}

// TestTakeOverWait: how long a partition sent nothing after it was taken over.
func TestTakeOverWait(t *testing.T) {
	w, clock, _ := newTestWatcher(t)
	noticed(t, w, clock, pipeline.Notice{What: "taking_over"}, pipeline.Notice{What: "opened"})
	require.Equal(t, "1", metricOf(t, w, "crmsync_take_over_wait_seconds_sum"))
	require.Equal(t, "1", metricOf(t, w, "crmsync_take_over_wait_seconds_count"))
}
