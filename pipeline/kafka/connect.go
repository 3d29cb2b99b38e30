package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/IBM/sarama"
)

// connect returns the connection, which one goroutine makes for all callers.
func (p *Producer) connect(ctx context.Context) (sarama.AsyncProducer, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	o := p.opened
	if o == nil {
		o = &opening{done: make(chan struct{})}
		p.opened = o
		p.work.Go(func() { p.open(o) })
	}
	p.mu.Unlock()
	select {
	case <-o.done:
		return o.async, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *Producer) open(o *opening) {
	defer close(o.done)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p.work.Go(func() {
		select {
		case <-p.stop:
			cancel()
		case <-ctx.Done():
		}
	})
	if o.err = p.dial(ctx, o); o.err != nil {
		p.mu.Lock()
		p.opened = nil // the next caller tries again
		p.mu.Unlock()
		return
	}
	p.work.Go(func() {
		for m := range o.async.Successes() {
			p.settle(m, nil)
		}
	})
	p.work.Go(func() {
		for e := range o.async.Errors() {
			p.settle(e.Msg, e.Err)
		}
	})
}

func (p *Producer) dial(ctx context.Context, o *opening) error {
	addresses, err := answering(ctx, p.cfg)
	if err != nil {
		return err
	}
	limit, err := p.limit(ctx, addresses)
	if err != nil {
		return err
	}
	// sarama's estimate of a message leaves out the frame of its batch.
	const frame = 64
	cfg, err := p.cfg.producer(limit - frame)
	if err != nil {
		return err
	}
	cfg.Metadata.Retry.BackoffFunc, cfg.Producer.Retry.BackoffFunc = p.backoff, p.backoff
	if o.client, err = sarama.NewClient(addresses, cfg); err != nil {
		return err
	}
	if o.async, err = sarama.NewAsyncProducerFromClient(o.client); err != nil {
		return errors.Join(err, o.client.Close())
	}
	return nil
}

// limit asks how large a message may be.
func (p *Producer) limit(ctx context.Context, addresses []string) (int, error) {
	cfg, err := p.cfg.base()
	if err != nil {
		return 0, err
	}
	cfg.Metadata.Retry.Max = 1
	admin, err := sarama.NewClusterAdmin(addresses, cfg)
	if err != nil {
		return 0, err
	}
	settings, err := topicSettings(ctx, admin, p.topic)
	return settings.maxBytes, errors.Join(err, admin.Close())
}

func (p *Producer) backoff(int, int) time.Duration {
	if p.ending.Load() {
		return 0
	}
	return p.cfg.Timings.Backoff
}
