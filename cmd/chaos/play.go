package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// play runs a scenario on a rig: steady work, harm, the end of all harm, rest.
func (r *rig) play(ctx context.Context, s scenario, figure int) error {
	background, stop := context.WithCancel(ctx)
	defer stop()
	var group sync.WaitGroup
	defer group.Wait()
	defer stop()
	feeding, enough := context.WithCancel(ctx)
	defer enough()
	var fed, followed error
	watch, unwatch := context.WithCancel(ctx)
	defer unwatch()
	follower := make(chan struct{})
	group.Go(func() { r.meter.watch(watch) })
	group.Go(func() {
		defer close(follower)
		followed = r.crm.follow(background)
	})
	group.Go(func() { r.measure(watch) })
	feeder := make(chan struct{})
	group.Go(func() {
		defer close(feeder)
		fed = r.feed.run(feeding)
	})
	err := r.harmed(ctx, s, figure)
	enough()
	<-feeder
	if err = errors.Join(err, fed); err == nil {
		err = r.rest(ctx)
	}
	if err == nil {
		for _, e := range r.fleet.end() {
			if e != nil {
				r.trouble(e.Error())
			}
		}
	}
	stop()
	<-follower
	return errors.Join(err, followed)
}

// harmed waits for steady work, does the harm and ends all of it.
func (r *rig) harmed(ctx context.Context, s scenario, figure int) error {
	if _, err := r.meter.awaitSteady(ctx, time.Now(), r.opt.patience); err != nil {
		return fmt.Errorf("before any harm: %w", err)
	}
	if err := r.crm.misbehave(ctx, s.faults); err != nil {
		return err
	}
	r.meter.restart()
	if err := s.harm(ctx, r, figure); err != nil {
		return fmt.Errorf("do harm: %w", err)
	}
	return errors.Join(r.crm.misbehave(ctx, nil), r.fleet.revive())
}

// measure follows the daemons' memory.
func (r *rig) measure(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			r.fleet.measure()
		}
	}
}

// rest waits until all events are finished and nothing waits any more. If that
// does not come, the verdict will say what is stuck.
func (r *rig) rest(ctx context.Context) error {
	r.front.healAll(ctx)
	began := time.Now()
	ends := r.journal.ends()
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for time.Since(began) < r.opt.patience {
		if s, ok := r.meter.last(began); ok && reached(s.committed, ends) {
			waiting, err := r.waiting(ctx)
			if err != nil {
				return err
			}
			if waiting == 0 {
				r.say("at rest after %s", time.Since(began).Round(100*time.Millisecond))
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	waiting, err := r.waiting(ctx)
	r.trouble(fmt.Sprintf("not at rest after %s: %s; %d records wait", r.opt.patience, r.meter.behind(ends), waiting))
	return err
}
