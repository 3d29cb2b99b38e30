package pipeline

import (
	"context"
	"sync"
	"time"
)

// Run carries out the engine's tasks on parts; see Loop.
func (e *Engine) Run(ctx context.Context, stop <-chan struct{}, parts *Parts) error {
	return e.Loop(ctx, stop, func(ctx context.Context, t *Task) { t.Do(ctx, parts) })
}

// Loop carries out the engine's tasks with do until the engine has stopped, ctx
// ends, or the source fails for good. Once stop is closed the engine drains.
// Every goroutine it started has ended when it returns, unless its error is a
// Fault of code Stuck: then one never will, and the process must end. Within
// half of Config.TaskLimit a task's context ends. This is all there is between
// the engine and the world: keep decisions out of it.
func (e *Engine) Loop(ctx context.Context, stop <-chan struct{}, do func(context.Context, *Task)) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer func() {
		if cancel(); !e.stuck() {
			wg.Wait()
		}
	}()
	done := make(chan *Task, 64)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		for _, t := range e.Start(time.Now()) {
			wg.Go(func() {
				within, enough := context.WithTimeout(ctx, e.cfg.TaskLimit/2)
				defer enough()
				do(within, t)
				select {
				case done <- t:
				case <-ctx.Done(): // too late: as if the process had crashed here
				}
			})
		}
		if e.Stopped() {
			return e.Err()
		}
		timer.Reset(time.Until(e.Wake()))
		select {
		case t := <-done:
			e.Done(time.Now(), t)
		case <-timer.C:
		case <-stop:
			e.Stop(time.Now())
			stop = nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
