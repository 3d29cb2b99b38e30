package main

import (
	"context"
	"errors"
	"time"

	"crmsync"
	"crmsync/cmd/crmsync/demo"
	"crmsync/pipeline/kafka"
)

// send writes the events to the topic, never too far ahead of what has ended,
// and waits for the last of them.
func (d *drive) send(ctx context.Context, stop <-chan struct{}) (err error) {
	k, err := d.config.kafka()
	if err != nil {
		return err
	}
	producer, err := kafka.NewProducer(k)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, producer.Close()) }()
	stream := demo.NewStream(d.setting)
	for n := d.left(stop); n > 0; n = d.left(stop) {
		if err := producer.Produce(ctx, d.take(stream, min(n, demoBatch))); err != nil {
			return err
		}
		if err := d.await(ctx, d.expected.Load()-d.mood.lead); err != nil {
			return err
		}
	}
	if err := d.await(ctx, d.expected.Load()); err != nil {
		return err
	}
	return d.settle(ctx)
}

// left returns how many more events are to be sent.
func (d *drive) left(stop <-chan struct{}) int {
	select {
	case <-stop:
		return 0
	default:
	}
	if d.flags.duration == 0 {
		return d.setting.Events - int(d.produced.Load())
	}
	if d.produced.Load() >= demoEventsMax || time.Since(d.began) >= d.flags.duration {
		return 0
	}
	return min(demoBatch, demoEventsMax-int(d.produced.Load()))
}

// done returns which part of the events was sent, and has ended.
func (d *drive) done() float64 {
	sent, ended := d.share(), float64(d.ledger.Len())
	return sent * min(1, ended/float64(max(1, d.expected.Load())))
}

// share returns which part of the events was sent.
func (d *drive) share() float64 {
	if d.flags.duration > 0 {
		return time.Since(d.began).Seconds() / d.flags.duration.Seconds()
	}
	return float64(d.produced.Load()) / float64(d.setting.Events)
}

// take takes messages from the stream.
func (d *drive) take(stream *demo.Stream, n int) []crmsync.Message {
	out := make([]crmsync.Message, n)
	for i := range out {
		m := stream.Next()
		out[i] = crmsync.Message{Key: m.Key, Value: m.Value, Headers: m.Headers}
		d.expected.Add(d.deliveries(&m))
	}
	d.produced.Add(int64(n))
	d.notes.sent(stream.Now())
	return out
}

// deliveries returns how many ways a message goes.
func (d *drive) deliveries(m *demo.Message) int64 {
	for _, o := range d.orgs {
		if o.Name == m.Event.Key.Org {
			return int64(len(o.Accounts))
		}
	}
	return 1
}

// deny has the CRM refuse the credentials that the demo wants refused, until
// forgive.
func (d *drive) deny() error {
	return d.refusing(func(_ crmsync.ConnectionID, a demo.Account) error {
		return d.crm.DenyToken(a.Token, d.began.Add(demoDurationMax+time.Hour))
	})
}

// forgive has the CRM take refused credentials again, a while after it first
// refused one; the demo's length says how long a while is.
func (d *drive) forgive() error {
	while := min(3*time.Second, max(time.Second, time.Duration(d.setting.Events)*time.Second/30_000))
	seen, now := d.notes.seen(), time.Now()
	return d.refusing(func(id crmsync.ConnectionID, a demo.Account) error {
		if first := seen[id].FirstDenied; d.forgiven || first.IsZero() || now.Sub(first) < while {
			return nil
		}
		d.forgiven = true
		return d.crm.DenyToken(a.Token, now)
	})
}

// refusing calls do for the accounts whose credential is refused for a while.
func (d *drive) refusing(do func(crmsync.ConnectionID, demo.Account) error) (err error) {
	for _, o := range d.orgs {
		for _, a := range o.Accounts {
			if a.Denied {
				err = errors.Join(err, do(crmsync.ConnectionID{Org: o.Name, Name: a.Connection}, a))
			}
		}
	}
	return err
}

// await waits until so many deliveries have ended. It gives up without an error
// when nothing happens any more: the judge then says what is missing.
func (d *drive) await(ctx context.Context, deliveries int64) error {
	stalled := time.NewTimer(demoStall)
	defer stalled.Stop()
	for int64(d.ledger.Len()) < deliveries {
		select {
		case <-d.ledger.News():
			stalled.Reset(demoStall)
		case <-stalled.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
