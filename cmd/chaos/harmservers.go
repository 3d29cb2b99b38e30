package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/IBM/sarama"
)

// killingBrokers kills brokers with -9, every other time the one that
// coordinates the group, and starts them again.
func killingBrokers(ctx context.Context, r *rig, times int) error {
	return r.repeat(ctx, times, func(ctx context.Context, n int) error {
		victim, role := r.broker(n)
		away := r.between(0, 5*time.Second)
		began := time.Now()
		if err := r.parts.signal(ctx, victim, "KILL"); err != nil {
			return err
		}
		if err := pause(ctx, away); err != nil {
			return err
		}
		if err := r.parts.up(ctx); err != nil {
			return err
		}
		return r.recovered(ctx, fmt.Sprintf("kill %d: %s%s", n+1, victim, role), began)
	})
}

// broker picks a broker: any, or every other time the group's coordinator.
func (r *rig) broker(n int) (name, role string) {
	name = r.parts.broker(r.rng.IntN(r.parts.brokers))
	if n%2 == 0 {
		return name, ""
	}
	client, err := sarama.NewClient(r.parts.plain(), kafkaConfig())
	if err != nil {
		return name, ""
	}
	defer func() { _ = client.Close() }() // it has answered
	if coordinator, err := client.Coordinator(r.topic); err == nil {
		return r.parts.broker(int(coordinator.ID()) - 1), " (coordinator)"
	}
	return name, ""
}

// hangingBrokers stops brokers where they stand: connections to them are taken
// and never answered.
func hangingBrokers(ctx context.Context, r *rig, times int) error {
	return r.repeat(ctx, times, func(ctx context.Context, n int) error {
		victim, role := r.broker(n)
		asleep := r.between(10*time.Second, 25*time.Second)
		began := time.Now()
		if err := r.parts.signal(ctx, victim, "STOP"); err != nil {
			return err
		}
		if err := pause(ctx, asleep); err != nil {
			return errors.Join(err, r.parts.signal(context.WithoutCancel(ctx), victim, "CONT"))
		}
		if err := r.parts.signal(ctx, victim, "CONT"); err != nil {
			return err
		}
		return r.recovered(ctx, fmt.Sprintf("hang %d: %s%s for %s", n+1, victim, role, asleep.Round(time.Second)), began)
	})
}

// outage is a store that goes away.
type outage struct {
	part, signal string
	away         time.Duration
	bearable     bool // work must go on without it
}

// hurtingStores takes PostgreSQL and Redis away in several ways.
func hurtingStores(ctx context.Context, r *rig, figure int) error {
	long := time.Duration(figure) * time.Second
	for _, o := range []outage{
		{part: "postgres", signal: "INT"}, {part: "postgres", signal: "KILL"}, {part: "postgres", signal: "INT", away: long},
		{part: "redis", signal: "KILL"}, {part: "redis", signal: "KILL", away: long, bearable: true},
	} {
		if err := r.without(ctx, o); err != nil {
			return err
		}
	}
	began := time.Now()
	if err := r.flushRedis(ctx); err != nil {
		return err
	}
	return r.recovered(ctx, "redis flushed", began)
}

// without takes a store away and brings it back.
func (r *rig) without(ctx context.Context, o outage) error {
	what := fmt.Sprintf("%s: %s, away for %s", o.part, o.signal, o.away)
	began := time.Now()
	if err := r.parts.signal(ctx, o.part, o.signal); err != nil {
		return err
	}
	if o.bearable {
		if err := r.recovered(ctx, o.part+" is away", began); err != nil {
			return err
		}
	}
	if err := pause(ctx, o.away-time.Since(began)); err != nil {
		return err
	}
	if err := r.parts.up(ctx); err != nil {
		return err
	}
	if o.away > 0 {
		began = time.Now()
	}
	return r.recovered(ctx, what, began)
}

func (r *rig) flushRedis(ctx context.Context) error {
	u, err := url.Parse(r.parts.redis)
	if err != nil {
		return fmt.Errorf("read the address of Redis: %w", err)
	}
	dialer := net.Dialer{Timeout: 3 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return fmt.Errorf("flush Redis: %w", err)
	}
	defer func() { _ = conn.Close() }() // it has answered
	answer := make([]byte, 3)
	if _, err := conn.Write([]byte("FLUSHALL\r\n")); err != nil {
		return fmt.Errorf("flush Redis: %w", err)
	}
	if _, err := conn.Read(answer); err != nil || string(answer) != "+OK" {
		return fmt.Errorf("flush Redis: it answers %q: %w", answer, err)
	}
	return nil
}

// poisoning puts each toxic on each connection for a while.
func poisoning(ctx context.Context, r *rig, figure int) error {
	for _, connection := range connections() {
		for _, t := range toxics() {
			if err := r.front.poison(connection, t); err != nil {
				return err
			}
			if err := pause(ctx, time.Duration(figure)*time.Second); err != nil {
				return err
			}
			r.front.heal(ctx, connection)
			if err := r.recovered(ctx, t.name+" on "+connection, time.Now()); err != nil {
				return err
			}
		}
	}
	return nil
}
