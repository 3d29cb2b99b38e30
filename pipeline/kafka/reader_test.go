package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/kafka"
)

const patience = 40 * time.Second

// reader polls a source and keeps what came.
type reader struct {
	t        testing.TB
	source   *kafka.Source
	live     map[int32]crmsync.Assignment
	next     map[int32]int64
	got      map[int32][]crmsync.Message
	ended    map[int32]bool // read to the end, as a fetch without messages tells
	room     crmsync.Room
	revoked  []int32
	lost     []int32
	keepHold bool // revoked partitions are not released
	err      error
}

func newReader(t testing.TB, source *kafka.Source) *reader {
	return &reader{
		t: t, source: source, live: map[int32]crmsync.Assignment{}, next: map[int32]int64{}, got: map[int32][]crmsync.Message{},
		ended: map[int32]bool{}, room: crmsync.Room{Messages: 1000, Bytes: 1 << 20},
	}
}

// poll polls once; faults that pass are kept in err.
func (r *reader) poll(ctx context.Context) {
	var rooms []crmsync.Room
	for p, a := range r.live {
		rooms = append(rooms, crmsync.Room{Partition: p, Term: a.Term, Messages: r.room.Messages, Bytes: r.room.Bytes})
	}
	news, err := r.source.Poll(ctx, rooms)
	r.err = errors.Join(r.err, err)
	for _, p := range news.Lost {
		delete(r.live, p)
	}
	r.lost, r.revoked = append(r.lost, news.Lost...), append(r.revoked, news.Revoked...)
	for _, f := range news.Fetched {
		r.ended[f.Partition] = len(f.Messages) == 0
		for _, m := range f.Messages {
			require.GreaterOrEqual(r.t, m.Offset, r.next[f.Partition])
			r.next[f.Partition] = m.Offset + 1
		}
		r.got[f.Partition] = append(r.got[f.Partition], f.Messages...)
	}
	for _, p := range news.Revoked {
		if !r.keepHold {
			require.NoError(r.t, r.source.Commit(ctx, []crmsync.Mark{r.mark(p)}))
			require.NoError(r.t, r.source.Release(ctx, []crmsync.Assignment{r.live[p]}))
		}
		delete(r.live, p)
	}
	for _, a := range news.Assigned {
		r.live[a.Partition], r.next[a.Partition] = a, a.Offset
	}
}

func (r *reader) mark(p int32) crmsync.Mark {
	return crmsync.Mark{Partition: p, Term: r.live[p].Term, Offset: r.next[p]}
}

func (r *reader) count() (n int) {
	for _, messages := range r.got {
		n += len(messages)
	}
	return n
}

// until polls the readers in turn until done.
func until(t testing.TB, what string, done func() bool, readers ...*reader) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !done() {
		require.NoErrorf(t, ctx.Err(), "waited for: %s", what)
		for _, r := range readers {
			r.poll(ctx)
		}
	}
}

func values(first, n int, partition int32) []crmsync.Message {
	messages := make([]crmsync.Message, n)
	for i := range messages {
		messages[i] = crmsync.Message{Partition: partition, Key: fmt.Appendf(nil, "acme/contact/%d", first+i), Value: fmt.Appendf(nil, "%d", first+i)}
	}
	return messages
}

func (r *reader) requireValues(partition int32, first, n int) {
	r.t.Helper()
	require.Len(r.t, r.got[partition], n)
	for i, m := range r.got[partition] {
		require.Equal(r.t, fmt.Sprint(first+i), string(m.Value))
	}
}

// passThrough sends a message through source and dead-letter queue.
func passThrough(t *testing.T, s server, cfg kafka.Config) {
	t.Helper()
	producer, err := kafka.NewProducer(cfg)
	require.NoError(t, err)
	defer func() { require.NoError(t, producer.Close()) }()
	require.NoError(t, producer.Produce(t.Context(), values(0, 3, 0)))
	r := newReader(t, s.openSource(t, cfg))
	until(t, "the messages", func() bool { return r.count() == 3 }, r)
	require.NoError(t, r.source.Commit(t.Context(), []crmsync.Mark{r.mark(0)}))
	queue, err := kafka.NewDeadLetters(cfg)
	require.NoError(t, err)
	defer func() { require.NoError(t, queue.Close()) }()
	require.NoError(t, queue.Put(t.Context(), []crmsync.DeadLetter{{Message: r.got[0][0], Fault: &crmsync.Fault{Kind: crmsync.Rejected, Code: "no"}}}))
	for l, err := range kafka.ReadDeadLetters(t.Context(), cfg, kafka.Filter{}) {
		require.NoError(t, err)
		require.Equal(t, "no", l.Fault.Code)
	}
}
