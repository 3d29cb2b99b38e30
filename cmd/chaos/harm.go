package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// between returns a random duration.
func (r *rig) between(low, high time.Duration) time.Duration {
	return low + time.Duration(r.rng.Int64N(int64(high-low)+1))
}

// some returns so many of the daemons, picked at random.
func (r *rig) some(n int) []*daemon {
	all := r.fleet.members()
	r.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:min(n, len(all))]
}

func names(ds []*daemon) string {
	all := make([]string, len(ds))
	for i, d := range ds {
		all[i] = d.name
	}
	return strings.Join(all, "+")
}

// repeat does harm so many times, with some steady work between.
func (r *rig) repeat(ctx context.Context, times int, do func(ctx context.Context, n int) error) error {
	for n := range times {
		if err := do(ctx, n); err != nil {
			return err
		}
		if err := pause(ctx, r.between(200*time.Millisecond, 1500*time.Millisecond)); err != nil {
			return err
		}
	}
	return nil
}

// killing kills a daemon, mostly one and now and then two or all, and starts it
// again: mostly at once, now and then only after the group has given up on it.
func killing(ctx context.Context, r *rig, times int) error {
	return r.repeat(ctx, times, func(ctx context.Context, n int) error {
		victims := r.some([...]int{1, 1, 1, 1, 1, 1, 1, 1, 2, 3}[r.rng.IntN(10)])
		away := r.between(0, 300*time.Millisecond)
		if r.rng.IntN(10) == 0 {
			away = r.between(session, 2*session)
		}
		what := fmt.Sprintf("kill %d: %s, back after %s", n+1, names(victims), away.Round(100*time.Millisecond))
		began := time.Now()
		for _, d := range victims {
			r.fleet.kill(d)
		}
		if err := pause(ctx, away); err != nil {
			return err
		}
		if err := r.fleet.revive(); err != nil {
			return err
		}
		return r.recovered(ctx, what, began)
	})
}

// pausing stops a daemon for longer than the group bears and lets it go on. In
// every third case another process takes its place and name meanwhile: then the
// sleeper must find out, and end.
func pausing(ctx context.Context, r *rig, times int) error {
	return r.repeat(ctx, times, func(ctx context.Context, n int) error {
		d, asleep := r.some(1)[0], r.between(session, 3*session)
		began := time.Now()
		if err := r.fleet.pause(d); err != nil {
			return err
		}
		if n%3 == 2 {
			return r.replaced(ctx, d, asleep, began)
		}
		if err := pause(ctx, asleep); err != nil {
			return err
		}
		if err := r.fleet.resume(d); err != nil {
			return err
		}
		return r.recovered(ctx, fmt.Sprintf("pause %d: %s for %s", n+1, d.name, asleep.Round(100*time.Millisecond)), began)
	})
}

// replaced lets another process take the place of one that sleeps.
func (r *rig) replaced(ctx context.Context, d *daemon, asleep time.Duration, began time.Time) error {
	r.joiners++
	other, err := r.fleet.add(fmt.Sprintf("%s-%d", instanceOf(d), r.joiners), instanceOf(d), r.nextPort(ctx))
	if err != nil {
		return err
	}
	if err := pause(ctx, asleep); err != nil {
		return err
	}
	d.child.expected.Store(true)
	if err := r.fleet.resume(d); err != nil {
		return err
	}
	what := fmt.Sprintf("%s for %s, with %s in its place", d.name, asleep.Round(100*time.Millisecond), other.name)
	select {
	case <-d.child.done:
		if !strings.Contains(tail(d.log, 5), "instance") {
			r.trouble(fmt.Sprintf("%s: it ended with other words than expected\n%s", what, tail(d.log, 5)))
		}
	case <-time.After(4 * session):
		r.trouble(what + ": it works on under a name that is another's")
		d.child.kill()
	}
	r.fleet.remove(d)
	return r.recovered(ctx, what, began)
}

// instanceOf returns the static name that a daemon goes by.
func instanceOf(d *daemon) string {
	name, _, _ := strings.Cut(d.name, "-")
	return name
}

// joining lets daemons come and go: guests join and leave, the others leave and
// come back.
func joining(ctx context.Context, r *rig, times int) error {
	var guests []*daemon
	return r.repeat(ctx, times, func(ctx context.Context, n int) error {
		began, what := time.Now(), ""
		var err error
		switch dice := r.rng.IntN(3); {
		case dice == 0:
			what, err = r.leaveAndReturn()
		case len(guests) == 0 || dice == 1 && len(guests) < 2:
			var guest *daemon
			guest, err = r.welcome(ctx)
			if err == nil {
				guests = append(guests, guest)
				what = guest.name + " joined"
			}
		default:
			what = r.dismiss(guests[0])
			guests = guests[1:]
		}
		if err != nil {
			return err
		}
		return r.recovered(ctx, fmt.Sprintf("%d: %s", n+1, what), began)
	})
}

// leaveAndReturn tells a daemon to stop, and starts it again.
func (r *rig) leaveAndReturn() (what string, err error) {
	d := r.some(1)[0]
	r.stopped(d)
	return d.name + " left and came back", r.fleet.start(d)
}

// welcome starts one more daemon, which is no static member.
func (r *rig) welcome(ctx context.Context) (*daemon, error) {
	r.joiners++
	return r.fleet.add(fmt.Sprintf("guest%d", r.joiners), "", r.nextPort(ctx))
}

// dismiss tells a daemon to stop for good.
func (r *rig) dismiss(d *daemon) (what string) {
	r.stopped(d)
	r.fleet.remove(d)
	return d.name + " left"
}

// stopped tells a daemon to stop. Not to do so, or not well, is trouble.
func (r *rig) stopped(d *daemon) {
	if err := r.fleet.leave(d); err != nil {
		r.trouble(err.Error())
	}
}
