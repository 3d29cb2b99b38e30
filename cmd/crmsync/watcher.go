package main

import (
	"log/slog"
	"sync"
	"time"

	"crmsync"
	"crmsync/pipeline"
)

// watcher hears what the engine does and passes it on: to the metrics, to the
// log, and to whoever asks how far things have come or whether all is well.
type watcher struct {
	*metrics
	log  *slog.Logger
	once *repeats
	now  func() time.Time

	mu      sync.Mutex // guards what follows
	counts  [crmsync.Outcomes]int64
	events  int64
	joined  bool
	ill     map[string]illness    // by task
	tenures map[int32]tenure      // by partition
	unread  map[int32]crmsync.Gap // by partition
}

// illness is a task that failed when last tried.
type illness struct {
	since time.Time
	err   error
}

func newWatcher(m *metrics, log *slog.Logger, now func() time.Time) *watcher {
	return &watcher{metrics: m, log: log, once: newRepeats(now), now: now,
		ill: map[string]illness{}, tenures: map[int32]tenure{}, unread: map[int32]crmsync.Gap{}}
}

// Ended counts a delivery, and logs a dead one: where it came from and which
// line is to blame, never what the record holds.
func (w *watcher) Ended(e pipeline.Ended) {
	w.metrics.Ended(e)
	w.mu.Lock()
	if !e.Released { // else it was counted when it began to wait
		w.counts[e.Outcome]++
		if e.First {
			w.events++
		}
	}
	w.mu.Unlock()
	switch e.Outcome {
	case crmsync.Waiting:
		w.parked(e)
	case crmsync.Dead:
		w.died(e)
	}
}

// parked logs that records go to the waiting room.
func (w *watcher) parked(e pipeline.Ended) {
	id := e.Connection.ID
	if ok, skipped := w.once.pass("waits " + id.String() + " " + e.Fault.Code); ok {
		w.log.Info("records go to the waiting room", "org", id.Org, "connection", id.Name, "reason", e.Fault.Code, "more_like_it", skipped)
	}
}

// died logs a dead letter.
func (w *watcher) died(e pipeline.Ended) {
	ok, skipped := w.once.pass("dead " + e.Connection.ID.Org + " " + e.Fault.Code)
	if !ok {
		return
	}
	where := e.Fault.Where
	if where == "" && e.Program != nil {
		where = e.Program.Where(e.Fault.Field)
	}
	w.log.Warn("dead letter", "org", e.Connection.ID.Org, "connection", e.Connection.ID.Name, "kind", e.Fault.Kind.String(),
		"reason", e.Fault.Code, "mapping", where, "partition", e.Partition, "offset", e.Offset, "more_like_it", skipped)
}

// Requested counts a request, and logs one that failed as a whole.
func (w *watcher) Requested(r pipeline.Requested) {
	w.metrics.Requested(r)
	if r.Answer == nil || len(r.Answer.Results) == 0 {
		return
	}
	f := r.Answer.Results[0].Fault
	if f == nil || !f.Whole {
		return
	}
	id := r.Batch.Connection.ID
	if ok, skipped := w.once.pass("request " + id.String() + " " + f.Code); ok {
		w.log.Warn("request failed", "org", id.Org, "connection", id.Name, "object", r.Batch.Object,
			"operation", r.Batch.Operation.String(), "calls", len(r.Batch.Calls), "status", r.Answer.Status,
			"kind", f.Kind.String(), "reason", f.Code, "took", r.Took, "more_like_it", skipped)
	}
}

func (w *watcher) sick(task string, err error) {
	w.mu.Lock()
	if _, was := w.ill[task]; !was {
		w.ill[task] = illness{since: w.now(), err: err}
	}
	w.mu.Unlock()
	if ok, skipped := w.once.pass(task + err.Error()); ok {
		w.log.Error("task failed, trying again", "task", task, "error", err, "more_like_it", skipped)
	}
}

func (w *watcher) healed(task string) {
	w.mu.Lock()
	was, ok := w.ill[task]
	delete(w.ill, task)
	w.mu.Unlock()
	if ok {
		w.log.Info("task works again", "task", task, "after", w.now().Sub(was.since).Round(time.Millisecond))
	}
}

// state is what a watcher has seen.
type state struct {
	Events  int64
	Counts  [crmsync.Outcomes]int64
	Joined  bool
	Ill     map[string]error
	Stalled int // partitions whose committed offset stands still
}

func (w *watcher) state() state {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := state{Events: w.events, Counts: w.counts, Joined: w.joined, Ill: map[string]error{}}
	for task, i := range w.ill {
		s.Ill[task] = i.err
	}
	for _, t := range w.tenures {
		if t.stalled {
			s.Stalled++
		}
	}
	return s
}
