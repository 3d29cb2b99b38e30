package pipeline

import (
	"errors"
	"fmt"
	"time"

	"crmsync"
)

// Stuck is the code of the fault by which an engine ends whose task has not
// returned. Nothing else frees what the task holds: the process must end.
const Stuck = "task_stuck"

// watch ends the engine when a task has been under way for too long. A process
// that was stopped, and whose tasks were stopped with it, begins to count anew.
func (e *Engine) watch() {
	if !e.wakeAt.IsZero() && e.now.Sub(e.wakeAt) > e.cfg.TaskLimit/2 {
		e.awakeAt = e.now
	}
	for len(e.underWay) > 0 && e.underWay[0].over {
		e.underWay[0] = nil
		e.underWay = e.underWay[1:]
	}
	if len(e.underWay) == 0 || e.err != nil {
		return
	}
	t := e.underWay[0]
	if took := e.now.Sub(latest(t.begun, e.awakeAt)); took >= e.cfg.TaskLimit {
		e.err = &crmsync.Fault{Kind: crmsync.Internal, Code: Stuck, Err: fmt.Errorf(
			"task %s number %d has not returned for %s: ending the process, so that others take over its partitions", t.Name, t.Seq, took.Round(time.Second))}
	}
}

// stuck says that the engine has ended because a task doesn't return.
func (e *Engine) stuck() bool {
	f, ok := errors.AsType[*crmsync.Fault](e.err)
	return ok && f.Code == Stuck
}

// latest returns the latest of some times.
func latest(t time.Time, others ...time.Time) time.Time {
	for _, o := range others {
		if o.After(t) {
			t = o
		}
	}
	return t
}
