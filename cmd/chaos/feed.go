package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
)

// feed writes events to a topic at a steady rate.
type feed struct {
	topic    string
	stream   *stream
	journal  *journal
	producer sarama.AsyncProducer
	rate     atomic.Int64 // events a second
	sent     atomic.Int64 // handed to the producer
	failed   atomic.Int64
}

// feedStep is how often a portion is written.
const feedStep = 50 * time.Millisecond

// outageMax is how long no broker may answer before the feed fails: a send that
// failed may be in the log, and the journal would not know.
const outageMax = 5 * time.Minute

func kafkaConfig() *sarama.Config {
	c := sarama.NewConfig()
	c.Version, c.ClientID = sarama.V3_6_0_0, "chaos"
	c.Net.DialTimeout, c.Net.ReadTimeout, c.Net.WriteTimeout = 2*time.Second, 5*time.Second, 5*time.Second
	c.Metadata.AllowAutoTopicCreation = false
	return c
}

func openFeed(brokers []string, topic string, s *stream, j *journal, rate int) (*feed, error) {
	c := kafkaConfig()
	c.Producer.Idempotent, c.Producer.RequiredAcks, c.Net.MaxOpenRequests = true, sarama.WaitForAll, 1
	c.Producer.Return.Successes, c.Producer.Return.Errors = true, true
	c.Producer.Timeout = 4 * time.Second
	c.Producer.Flush.Frequency = 10 * time.Millisecond
	pause := 250 * time.Millisecond
	c.Metadata.Retry.Max, c.Metadata.Retry.Backoff = int(outageMax/pause), pause
	c.Producer.Retry.Max, c.Producer.Retry.Backoff = 5000, pause
	producer, err := sarama.NewAsyncProducer(brokers, c)
	if err != nil {
		return nil, fmt.Errorf("open the producer: %w", err)
	}
	f := &feed{topic: topic, stream: s, journal: j, producer: producer}
	f.rate.Store(int64(rate))
	return f, nil
}

// run writes until ctx ends, and returns once Kafka has acknowledged all.
func (f *feed) run(ctx context.Context) error {
	var group sync.WaitGroup
	var lost, odd error
	group.Go(func() {
		for m := range f.producer.Successes() {
			what, _ := m.Metadata.(fact)
			if err := f.journal.add(m.Partition, m.Offset, what); err != nil && odd == nil {
				odd = err
			}
		}
	})
	group.Go(func() {
		for e := range f.producer.Errors() {
			lost = fmt.Errorf("write an event: %w", e.Err)
			f.failed.Add(1)
		}
	})
	f.write(ctx)
	f.settle()
	f.producer.AsyncClose() // it would give up what is in a retry, so nothing may be
	group.Wait()
	return errors.Join(lost, odd)
}

func (f *feed) write(ctx context.Context) {
	tick := time.NewTicker(feedStep)
	defer tick.Stop()
	due, last := 0.0, time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			due += min(now.Sub(last).Seconds(), 1) * float64(f.rate.Load())
			last = now
		}
		for ; due >= 1; due-- {
			select {
			case f.producer.Input() <- f.message():
				f.sent.Add(1)
			case <-ctx.Done():
				return
			}
		}
	}
}

func (f *feed) message() *sarama.ProducerMessage {
	p := f.stream.next()
	key, value, headers := f.stream.message(p)
	m := &sarama.ProducerMessage{
		Topic: f.topic, Key: sarama.ByteEncoder(key),
		// The time before it was sent: a daemon may act on it before we hear that it
		// was taken.
		Metadata: fact{record: int32(p.record), version: int32(p.version), class: p.class, at: time.Now().UnixNano()},
	}
	if value != nil {
		m.Value = sarama.ByteEncoder(value)
	}
	for _, h := range headers {
		m.Headers = append(m.Headers, sarama.RecordHeader{Key: []byte(h.Key), Value: h.Value})
	}
	return m
}

// settle waits until Kafka has answered for all.
func (f *feed) settle() {
	tick := time.NewTicker(feedStep)
	defer tick.Stop()
	for began := time.Now(); time.Since(began) < outageMax; <-tick.C {
		if f.journal.total()+f.failed.Load() >= f.sent.Load() {
			return
		}
	}
}
