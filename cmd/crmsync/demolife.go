package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"crmsync"
	"crmsync/pipeline"
)

// lives runs crmsync as one process after the other, until one of them has
// finished.
func (d *drive) lives(ctx context.Context, stop, finished <-chan struct{}, p *program) error {
	for {
		again, err := d.live(ctx, stop, finished, p)
		if err != nil || !again {
			return err
		}
	}
}

// live runs crmsync as one process would: until all is finished, or until it is
// told to stop, or killed; then another one is wanted. A killed process leaves
// its requests and its offsets as they are.
func (d *drive) live(ctx context.Context, stop, finished <-chan struct{}, p *program) (again bool, err error) {
	watch := &demoWatch{newWatcher(newMetrics(), d.log, time.Now), d.notes}
	w, err := wire(ctx, stop, &d.config, watch.watcher)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	d.room.Store(&waitingRoom{w.Waiting})
	w.Observer = watch
	if d.mood.restarts {
		d.harm.spoil(&w.Parts)
	}

	life, die := context.WithCancelCause(ctx)
	defer die(nil)
	halt, over := make(chan struct{}), make(chan struct{})
	var end error
	var group sync.WaitGroup
	group.Go(func() {
		select {
		case <-finished:
			close(halt)
		case end = <-d.ends:
			if errors.Is(end, errKilled) {
				die(errKilled)
				return
			}
			close(halt)
		case <-over:
		}
	})
	_, err = p.work(life, halt, d.tuned(), w, watch.watcher, &admin{watcher: watch.watcher})
	close(over)
	group.Wait()
	if errors.Is(err, errKilled) {
		err = nil
	}
	return end != nil, err
}

// tuned returns how the demo's engine is tuned.
func (d *drive) tuned() pipeline.Config {
	cfg := d.config.engine()
	cfg.DeniedPause, cfg.Cache = deniedPause, demoCache
	if d.mood.backoff > 0 {
		cfg.BackoffMax = d.mood.backoff
	}
	return cfg
}

// waitingRoom is the waiting room as the process of the moment has it.
type waitingRoom struct{ crmsync.WaitingRoom }

// settle waits until all that was sent is committed and nobody waits, and gives
// up without an error when nothing happens any more.
func (d *drive) settle(ctx context.Context) error {
	tick := time.NewTicker(demoPeek)
	defer tick.Stop()
	moved, before := time.Now(), int64(-1)
	for time.Since(moved) < demoStall {
		left := d.unsettled(ctx)
		if left == 0 {
			return nil
		}
		if left != before {
			moved, before = time.Now(), left
		}
		select {
		case <-d.ledger.News():
			moved = time.Now()
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// unsettled returns how much is left to do: messages that are not committed, and
// records that wait.
func (d *drive) unsettled(ctx context.Context) int64 {
	left := d.produced.Load()
	for _, offset := range d.committed() {
		left -= offset
	}
	room := d.room.Load()
	if room == nil {
		return left
	}
	waiting, err := room.Waiting(ctx, crmsync.WaitFilter{}, demoBatch)
	if err != nil {
		return left + 1 // the process has just ended
	}
	return left + int64(len(waiting))
}

// committed returns the group's offset by partition, as the broker has it.
func (d *drive) committed() map[int32]int64 {
	offsets := map[int32]int64{}
	if group := d.broker.Cluster().GroupInfo(d.config.Kafka.Group); group != nil {
		for partition, c := range group.Commits[d.config.Kafka.Topic] {
			offsets[partition] = c.Offset
		}
	}
	return offsets
}
