package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// storming does all kinds of harm at random, the next before the last has
// healed.
func storming(ctx context.Context, r *rig, figure int) error {
	blows := []func(context.Context) (string, error){
		r.blowKill, r.blowKill, r.blowPause, r.blowToxic, r.blowToxic, r.blowRedis, r.blowPostgres, r.blowBroker, r.blowRestart,
	}
	until := time.Now().Add(time.Duration(figure) * time.Second)
	for n := 1; time.Now().Before(until); n++ {
		what, err := blows[r.rng.IntN(len(blows))](ctx)
		if err != nil {
			return err
		}
		r.did(what, 0)
		r.say("blow %d: %s", n, what)
		if err := pause(ctx, r.between(0, 3*time.Second)); err != nil {
			return err
		}
	}
	r.front.healAll(ctx)
	if err := errors.Join(r.fleet.revive(), r.parts.up(ctx), r.crm.misbehave(ctx, nil)); err != nil {
		return err
	}
	return r.recovered(ctx, "the storm is over", time.Now())
}

// blowKill kills some daemons; those that were hit before come back.
func (r *rig) blowKill(context.Context) (string, error) {
	err := r.fleet.revive()
	victims := r.some(1 + r.rng.IntN(2))
	for _, d := range victims {
		r.fleet.kill(d)
	}
	return "kill " + names(victims), err
}

// blowPause lets a daemon sleep until the next blow on daemons.
func (r *rig) blowPause(context.Context) (string, error) {
	if err := r.fleet.revive(); err != nil {
		return "", err
	}
	d := r.some(1)[0]
	return "pause " + d.name, r.fleet.pause(d)
}

// blowRestart brings all daemons back, and lets one leave and return.
func (r *rig) blowRestart(context.Context) (string, error) {
	if err := r.fleet.revive(); err != nil {
		return "", err
	}
	return r.leaveAndReturn()
}

// blowToxic makes a connection bad for a while.
func (r *rig) blowToxic(ctx context.Context) (string, error) {
	connection, t, d := connections()[r.rng.IntN(4)], toxics()[r.rng.IntN(5)], r.between(time.Second, 8*time.Second)
	if err := r.front.poison(connection, t); err != nil {
		return "", err
	}
	if err := pause(ctx, d); err != nil {
		return "", err
	}
	r.front.heal(ctx, connection)
	return fmt.Sprintf("%s on %s for %s", t.name, connection, d.Round(100*time.Millisecond)), nil
}

// blowRedis empties Redis, or kills it.
func (r *rig) blowRedis(ctx context.Context) (string, error) {
	if r.rng.IntN(2) == 0 {
		return "flush redis", r.flushRedis(ctx)
	}
	return "kill redis", r.killAndStart(ctx, "redis")
}

func (r *rig) blowPostgres(ctx context.Context) (string, error) {
	return "kill postgres", r.killAndStart(ctx, "postgres")
}

func (r *rig) blowBroker(ctx context.Context) (string, error) {
	victim, role := r.broker(r.rng.IntN(2))
	return "kill " + victim + role, r.killAndStart(ctx, victim)
}

func (r *rig) killAndStart(ctx context.Context, part string) error {
	if err := r.parts.signal(ctx, part, "KILL"); err != nil {
		return err
	}
	if err := pause(ctx, r.between(0, 3*time.Second)); err != nil {
		return err
	}
	return r.parts.up(ctx)
}
