package kafka

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"crmsync"
)

// Producer writes messages and waits until all replicas that must have them do.
// A key always goes to the same partition, the one that Kafka's own producers
// choose. It makes no double by itself, and waits out an outage of up to
// Timings.Outage. Its methods may be called at the same time.
type Producer struct {
	cfg     Config
	topic   string // its max.message.bytes bounds what is sent
	stop    chan struct{}
	ending  atomic.Bool
	work    sync.WaitGroup // goroutines
	senders sync.WaitGroup // calls that hand messages to sarama
	unacked sync.WaitGroup // messages

	mu     sync.Mutex
	closed bool
	opened *opening
}

// opening is a connection, or the attempt to make one.
type opening struct {
	done   chan struct{} // closed when the rest is set
	async  sarama.AsyncProducer
	client sarama.Client
	err    error
}

// NewProducer returns a producer for cfg.Topic. It connects when it is first
// used. It fails when cfg is wrong or names files that can't be read.
func NewProducer(cfg Config) (*Producer, error) { return newProducer(cfg, cfg.Topic) }

func newProducer(cfg Config, topic string) (*Producer, error) {
	cfg = cfg.withDefaults()
	if _, err := cfg.producer(defaultMaxBytes); err != nil {
		return nil, err
	}
	return &Producer{cfg: cfg, topic: topic, stop: make(chan struct{})}, nil
}

// Produce writes key, value, headers and, where it is set, the time of each
// message to the topic, and returns nil once all are safe. After an error any
// of them may be.
func (p *Producer) Produce(ctx context.Context, messages []crmsync.Message) error {
	out := make([]*sarama.ProducerMessage, len(messages))
	for i := range messages {
		out[i] = outgoing(p.topic, &messages[i], anyPartition)
	}
	errs, err := p.send(ctx, out)
	return p.verdict("write to "+p.topic, errs, err)
}

const anyPartition = int32(-1)

func outgoing(topic string, m *crmsync.Message, partition int32) *sarama.ProducerMessage {
	out := &sarama.ProducerMessage{Topic: topic, Timestamp: m.Time, Metadata: &ticket{partition: partition}}
	if m.Key != nil {
		out.Key = sarama.ByteEncoder(m.Key)
	}
	if m.Value != nil {
		out.Value = sarama.ByteEncoder(m.Value)
	}
	for _, h := range m.Headers {
		out.Headers = append(out.Headers, sarama.RecordHeader{Key: []byte(h.Key), Value: h.Value})
	}
	return out
}

// verdict returns one fault for all that failed.
func (p *Producer) verdict(doing string, errs []error, err error) error {
	failed := 0
	for _, e := range errs {
		if e != nil {
			failed++
			err = e
		}
	}
	if err == nil {
		return nil
	}
	if failed > 1 {
		doing = fmt.Sprintf("%s (%d of %d messages)", doing, failed, len(errs))
	}
	f := fault(doing, err)
	if tooLarge(err) {
		f.Kind, f.Code = crmsync.Rejected, "kafka_message_too_large"
	}
	return f
}

// ticket says what became of one message.
type ticket struct {
	batch     *batch
	index     int
	partition int32 // to send it to; negative: by its key
}

type batch struct {
	mu   sync.Mutex
	errs []error
	left int
	done chan struct{}
}

// send hands messages to sarama and waits for all. It returns one error per
// message; or one for all, when ctx ends, and then the messages may yet be sent.
func (p *Producer) send(ctx context.Context, messages []*sarama.ProducerMessage) ([]error, error) {
	if len(messages) == 0 || ctx.Err() != nil {
		return nil, ctx.Err()
	}
	async, err := p.connect(ctx)
	if err != nil {
		return nil, err
	}
	b := &batch{errs: make([]error, len(messages)), left: len(messages), done: make(chan struct{})}
	if err := p.hand(ctx, async, messages, b); err != nil {
		return nil, err
	}
	select {
	case <-b.done:
		return b.errs, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// hand passes messages to sarama, which blocks while too many are on their way.
func (p *Producer) hand(ctx context.Context, async sarama.AsyncProducer, messages []*sarama.ProducerMessage, b *batch) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return ErrClosed
	}
	p.senders.Add(1)
	p.mu.Unlock()
	defer p.senders.Done()
	for i, m := range messages {
		t := m.Metadata.(*ticket)
		t.batch, t.index = b, i
		p.unacked.Add(1)
		select {
		case async.Input() <- m:
			continue
		case <-ctx.Done():
			p.unacked.Done()
			return ctx.Err()
		case <-p.stop:
			p.unacked.Done()
			return ErrClosed
		}
	}
	return nil
}

// settle notes what became of a message.
func (p *Producer) settle(m *sarama.ProducerMessage, err error) {
	t := m.Metadata.(*ticket)
	t.batch.mu.Lock()
	t.batch.errs[t.index] = err
	t.batch.left--
	if t.batch.left == 0 {
		close(t.batch.done)
	}
	t.batch.mu.Unlock()
	p.unacked.Done()
}

// Close waits up to Timings.Read for messages on their way, gives up the rest
// with an error to their senders, and closes the connections.
func (p *Producer) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	o := p.opened
	p.mu.Unlock()
	close(p.stop)
	p.senders.Wait()
	if o == nil {
		p.work.Wait()
		return nil
	}
	// sarama gives up what is being tried again when it is told to close, so all
	// acks come first.
	acked := make(chan struct{})
	p.work.Go(func() { p.unacked.Wait(); close(acked) })
	select {
	case <-acked:
	case <-time.After(p.cfg.Timings.Read):
	}
	p.ending.Store(true)
	<-o.done
	if o.async == nil {
		p.work.Wait()
		return nil
	}
	o.async.AsyncClose()
	p.work.Wait()
	return o.client.Close()
}

// partitioner sends a message where its ticket says, else by its key as Kafka's
// own producers do.
type partitioner struct{ byKey sarama.Partitioner }

func newPartitioner(topic string) sarama.Partitioner {
	return partitioner{byKey: sarama.NewMurmur2Partitioner(topic)}
}

func (p partitioner) Partition(m *sarama.ProducerMessage, count int32) (int32, error) {
	if t := m.Metadata.(*ticket); t.partition >= 0 && t.partition < count {
		return t.partition, nil
	}
	return p.byKey.Partition(m, count)
}

func (partitioner) RequiresConsistency() bool { return true }
