package kafka

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"crmsync"
)

// Filter says which letters to read. A zero field lets all pass.
type Filter struct {
	Entry      *Entry // this one alone
	Org        string
	Record     crmsync.RecordKey
	Provider   string
	Connection string
	Kind       *crmsync.Kind
	Code       string
	Since      time.Time // written at or after
}

func (f Filter) match(l *Letter) bool {
	same := func(want, got string) bool { return want == "" || want == got }
	return (f.Entry == nil || *f.Entry == l.Entry) &&
		same(f.Org, l.Key.Org) && same(f.Provider, l.Provider) && same(f.Connection, l.Connection) &&
		(f.Record == crmsync.RecordKey{} || f.Record == l.Key) &&
		(f.Kind == nil || *f.Kind == l.Fault.Kind) && same(f.Code, l.Fault.Code)
}

// ReadDeadLetters returns the letters that are in the dead-letter topic now,
// partition by partition, each in the order it was written. A letter that is
// there twice, because a process died while writing, comes once. It joins no
// group and commits nothing. An error ends it.
func ReadDeadLetters(ctx context.Context, cfg Config, filter Filter) iter.Seq2[Letter, error] {
	return func(yield func(Letter, error) bool) {
		r, err := newReader(ctx, cfg.withDefaults())
		if err != nil {
			yield(Letter{}, fault("read the dead letters", err))
			return
		}
		defer r.close()
		topic := r.cfg.DeadLetterTopic
		partitions, err := r.client.Partitions(topic)
		if err != nil {
			yield(Letter{}, fault("read the dead letters of "+topic, err))
			return
		}
		seen := newRecent[place](maxRemembered)
		for _, p := range partitions {
			if filter.Entry != nil && filter.Entry.Partition != p {
				continue
			}
			for m, err := range r.partition(ctx, topic, p, filter) {
				if err != nil {
					yield(Letter{}, fault(fmt.Sprintf("read partition %d of %s", p, topic), err))
					return
				}
				l := letterOf(m)
				if filter.match(&l) && (filter.Entry != nil || seen.add(placeOf(&l))) && !yield(l, nil) {
					return
				}
			}
		}
	}
}

// maxRemembered bounds how far apart two copies of a letter may lie and still
// be told to be one. A second copy follows the first within one try.
const maxRemembered = 100_000

// place is what makes two entries the same letter.
type place struct {
	topic      string
	partition  int32
	offset     int64
	connection string
}

func placeOf(l *Letter) place {
	return place{topic: l.Message.Topic, partition: l.Message.Partition, offset: l.Message.Offset, connection: l.Connection}
}

// recent remembers the last so many keys.
type recent[K comparable] struct {
	keys map[K]struct{}
	ring []K
	next int
}

func newRecent[K comparable](size int) *recent[K] {
	return &recent[K]{keys: map[K]struct{}{}, ring: make([]K, 0, size)}
}

// add returns whether k is new.
func (r *recent[K]) add(k K) bool {
	if _, ok := r.keys[k]; ok {
		return false
	}
	r.keys[k] = struct{}{}
	if len(r.ring) < cap(r.ring) {
		r.ring = append(r.ring, k)
		return true
	}
	delete(r.keys, r.ring[r.next])
	r.ring[r.next] = k
	r.next = (r.next + 1) % len(r.ring)
	return true
}

// reader reads partitions without a group.
type reader struct {
	cfg      Config
	client   sarama.Client
	consumer sarama.Consumer
}

func newReader(ctx context.Context, cfg Config) (*reader, error) {
	addresses, err := answering(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s, err := cfg.consumer()
	if err != nil {
		return nil, err
	}
	s.Metadata.Retry.Max = 3
	client, err := sarama.NewClient(addresses, s)
	if err != nil {
		return nil, err
	}
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return &reader{cfg: cfg, client: client, consumer: consumer}, nil
}

// close ends a reader; what it read is read, so its errors tell nothing.
func (r *reader) close() {
	_ = r.consumer.Close()
	_ = r.client.Close()
}

// partition brings what lies in a partition now.
func (r *reader) partition(ctx context.Context, topic string, p int32, filter Filter) iter.Seq2[*sarama.ConsumerMessage, error] {
	return func(yield func(*sarama.ConsumerMessage, error) bool) {
		from, to, err := r.bounds(ctx, topic, p, filter)
		if err != nil {
			yield(nil, err)
			return
		}
		for m, err := range r.between(ctx, topic, p, from, to) {
			if !yield(m, err) || err != nil {
				return
			}
		}
	}
}

// bounds returns which offsets a filter asks for: from, and up to but not to.
func (r *reader) bounds(ctx context.Context, topic string, p int32, filter Filter) (from, to int64, err error) {
	if from, err = r.offset(ctx, topic, p, sarama.OffsetOldest); err != nil {
		return 0, 0, err
	}
	if to, err = r.offset(ctx, topic, p, sarama.OffsetNewest); err != nil {
		return 0, 0, err
	}
	if !filter.Since.IsZero() {
		since, err := r.offset(ctx, topic, p, filter.Since.UnixMilli())
		switch {
		case errors.Is(err, sarama.ErrOffsetOutOfRange), err == nil && since < 0:
			since = to // nothing is as new
		case err != nil:
			return 0, 0, err
		}
		from = max(from, since)
	}
	if e := filter.Entry; e != nil {
		from, to = max(from, e.Offset), min(to, e.Offset+1)
	}
	return from, to, nil
}

// offset asks for an offset, again while the partition's leader is being found.
func (r *reader) offset(ctx context.Context, topic string, p int32, at int64) (int64, error) {
	const attempts = 20
	for attempt := 1; ; attempt++ {
		offset, err := r.client.GetOffset(topic, p, at)
		leaderless := errors.Is(err, sarama.ErrNotLeaderForPartition) || errors.Is(err, sarama.ErrLeaderNotAvailable)
		if !leaderless || attempt == attempts {
			return offset, err
		}
		select {
		case <-ctx.Done():
			return 0, errors.Join(ctx.Err(), err)
		case <-time.After(r.cfg.Timings.Backoff):
		}
	}
}

// between brings the messages of [from, to). The last offsets may be holes,
// which nothing tells of, so it ends too when nothing came for Timings.Read.
func (r *reader) between(ctx context.Context, topic string, p int32, from, to int64) iter.Seq2[*sarama.ConsumerMessage, error] {
	return func(yield func(*sarama.ConsumerMessage, error) bool) {
		if from >= to {
			return
		}
		log, err := r.consumer.ConsumePartition(topic, p, from)
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() { _ = log.Close() }()
		for next := from; next < to; {
			m, err := r.next(ctx, log)
			if err != nil {
				yield(nil, err)
				return
			}
			if m == nil || m.Offset >= to || !yield(m, nil) {
				return
			}
			next = m.Offset + 1
		}
	}
}

// next waits for a message; nil when there is none.
func (r *reader) next(ctx context.Context, log sarama.PartitionConsumer) (*sarama.ConsumerMessage, error) {
	timer := time.NewTimer(r.cfg.Timings.Read)
	defer timer.Stop()
	select {
	case m := <-log.Messages():
		return m, nil
	case err := <-log.Errors():
		return nil, err
	case <-timer.C:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// readMessage reads one message of a topic.
func readMessage(ctx context.Context, cfg Config, topic string, partition int32, offset int64) (crmsync.Message, error) {
	doing := fmt.Sprintf("read offset %d of partition %d of %s", offset, partition, topic)
	r, err := newReader(ctx, cfg)
	if err != nil {
		return crmsync.Message{}, fault(doing, err)
	}
	defer r.close()
	from, to, err := r.bounds(ctx, topic, partition, Filter{Entry: &Entry{Partition: partition, Offset: offset}})
	if err != nil {
		return crmsync.Message{}, fault(doing, err)
	}
	for m, err := range r.between(ctx, topic, partition, from, to) {
		if err != nil {
			return crmsync.Message{}, fault(doing, err)
		}
		return crmsync.Message{
			Topic: topic, Partition: partition, Offset: offset, Key: slices.Clone(m.Key), Value: slices.Clone(m.Value),
			Time: m.Timestamp, Headers: headersOf(m.Headers),
		}, nil
	}
	return crmsync.Message{}, &crmsync.Fault{Kind: crmsync.Missing, Code: "message_gone", Err: fmt.Errorf("%s: the log no longer holds it", doing)}
}
