package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"crmsync"
	"crmsync/pipeline/kafka"
	"crmsync/pipeline/kafka/embedded"
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

// TestMembersComeAndGo lets a second member join and leave, again and again,
// while messages come in: with a drain nothing is repeated or left out.
func TestMembersComeAndGo(t *testing.T) {
	onServers(t, func(t *testing.T, s server) {
		const partitions, rounds, each = 6, 3, 20
		cfg := s.config(t)
		s.createTopic(t, cfg.Topic, partitions, nil)
		a := newReader(t, s.openSource(t, cfg))
		until(t, "all partitions", func() bool { return len(a.live) == partitions }, a)
		others, sent := []*reader{}, 0
		write := func() {
			for p := range int32(partitions) {
				s.write(t, cfg.Topic, values(sent, each, p)...)
			}
			sent += each
		}
		all := func() (n int) {
			for _, r := range append(others, a) {
				n += r.count()
			}
			return n
		}
		for range rounds {
			write()
			b := newReader(t, s.openSource(t, cfg))
			others = append(others, b)
			until(t, "a fair share", func() bool { return len(a.live) == partitions/2 && len(b.live) == partitions/2 }, a, b)
			write()
			until(t, "every message", func() bool { return all() >= sent*partitions }, a, b)
			for p, assignment := range b.live {
				require.NoError(t, b.source.Commit(t.Context(), []crmsync.Mark{b.mark(p)}))
				require.NoError(t, b.source.Release(t.Context(), []crmsync.Assignment{assignment}))
			}
			require.NoError(t, b.source.Close())
			until(t, "all partitions back", func() bool { return len(a.live) == partitions }, a)
		}
		require.Equal(t, sent*partitions, all(), "repeated or left out")
		require.Empty(t, a.lost)
		require.NoError(t, a.err)
		for p := range int32(partitions) {
			var seen []int
			for _, r := range append(others, a) {
				for _, m := range r.got[p] {
					seen = append(seen, int(m.Offset))
				}
			}
			slices.Sort(seen)
			for i, offset := range seen {
				require.Equal(t, i, offset, "partition %d", p)
			}
		}
	})
}

// TestRoomBoundsMemory has far more in the log than may be held: what the source
// buffers stays within its bound and one fetch.
func TestRoomBoundsMemory(t *testing.T) {
	onServers(t, func(t *testing.T, s server) {
		cfg := s.config(t)
		cfg.BufferMessages, cfg.BufferBytes = 50, 1<<20
		s.createTopic(t, cfg.Topic, 2, nil)
		big := values(0, 3000, 0)
		for i := range big {
			big[i].Value = fmt.Appendf(nil, "%d%s", i, strings.Repeat(" ", 2000))
		}
		s.write(t, cfg.Topic, big...)
		r := newReader(t, s.openSource(t, cfg))
		until(t, "all partitions", func() bool { return len(r.live) == 2 }, r)
		r.room.Messages = 0
		paused := func() bool {
			lags := r.source.Lag()
			return len(lags) == 2 && lags[0].Paused && lags[1].Paused
		}
		until(t, "a pause", paused, r)
		before := r.count()
		s.write(t, cfg.Topic, values(0, 10, 1)...)
		r.room.Messages = 7
		until(t, "the other partition", func() bool { return len(r.got[1]) == 10 }, r)
		require.Less(t, before, 1000)
		until(t, "all messages", func() bool { return len(r.got[0]) == len(big) && r.ended[0] && r.ended[1] }, r)
		for i, m := range r.got[0] {
			require.Equal(t, int64(i), m.Offset)
			require.Equal(t, string(big[i].Value), string(m.Value))
		}
		require.Equal(t, []kafka.PartitionLag{
			{Partition: 0, Committed: -1, Position: 3000, End: 3000}, {Partition: 1, Committed: -1, Position: 10, End: 10},
		}, r.source.Lag())
	})
}

// TestCompacted reads a log with holes, its last offsets among them, and a tombstone.
func TestCompacted(t *testing.T) {
	s, broker := embeddedServer(t)
	cfg := s.config(t)
	require.NoError(t, broker.CreateTopic(embedded.Topic{Name: cfg.Topic, Compacted: true}))
	s.write(t, cfg.Topic, values(0, 5, 0)...)
	s.write(t, cfg.Topic, values(0, 5, 0)...) // the same keys
	s.write(t, cfg.Topic, crmsync.Message{Key: []byte("acme/contact/4")})
	broker.Cluster().Compact()
	s.abort(t, cfg.Topic, 0)
	r := newReader(t, s.openSource(t, cfg))
	until(t, "the end of the log", func() bool { return r.ended[0] }, r)
	var offsets []int64
	for _, m := range r.got[0] {
		offsets = append(offsets, m.Offset)
	}
	require.Contains(t, offsets, int64(10))
	require.Less(t, len(offsets), 11, "nothing was compacted")
	last := r.got[0][len(offsets)-1]
	require.Nil(t, last.Value)
	require.Equal(t, "acme/contact/4", string(last.Key))
	require.Equal(t, int64(13), r.source.Lag()[0].End, "an aborted message and its marker follow")
}

// TestGapBeyondEnd finds a commit that the log never reached, as after a topic
// was made anew, and one that retention overtook while the member was running.
func TestGapBeyondEnd(t *testing.T) {
	onServers(t, func(t *testing.T, s server) {
		cfg := s.config(t)
		s.createTopic(t, cfg.Topic, 1, nil)
		s.write(t, cfg.Topic, values(0, 4, 0)...)
		first := newReader(t, s.openSource(t, cfg))
		until(t, "the messages", func() bool { return first.count() == 4 }, first)
		require.NoError(t, first.source.Commit(t.Context(), []crmsync.Mark{{Partition: 0, Term: first.live[0].Term, Offset: 70}}))
		require.NoError(t, first.source.Close())

		second := newReader(t, s.openSource(t, cfg))
		until(t, "the assignment", func() bool { return len(second.live) == 1 }, second)
		a := second.live[0]
		require.Equal(t, &crmsync.Gap{Committed: 70, Start: 0, End: 4}, a.Gap)
		s.write(t, cfg.Topic, values(4, 4, 0)...)

		// An operator decides to go on at 2: the mark may go back, and a new term begins.
		require.NoError(t, second.source.Commit(t.Context(), []crmsync.Mark{{Partition: 0, Term: a.Term, Offset: 2}}))
		require.NoError(t, second.source.Release(t.Context(), []crmsync.Assignment{a}))
		delete(second.live, 0)
		until(t, "the messages from 2 on", func() bool { return second.count() == 6 }, second)
		second.requireValues(0, 2, 6)
	})
}

func TestGapWhileRunning(t *testing.T) {
	onServers(t, func(t *testing.T, s server) {
		cfg := s.config(t)
		cfg.BufferMessages = 5
		s.createTopic(t, cfg.Topic, 2, nil)
		big := values(0, 400, 0)
		for i := range big {
			big[i].Value = []byte(strings.Repeat("v", 4000))
		}
		s.write(t, cfg.Topic, big...)
		r := newReader(t, s.openSource(t, cfg))
		until(t, "the first message", func() bool { return r.count() > 0 && len(r.live) == 2 }, r)
		require.NoError(t, r.source.Commit(t.Context(), []crmsync.Mark{{Partition: 0, Term: r.live[0].Term, Offset: 1}}))
		require.NoError(t, s.admin(t).DeleteRecords(cfg.Topic, map[int32]int64{0: 399}))
		until(t, "the gap", func() bool { return r.live[0].Gap != nil }, r)
		require.Equal(t, &crmsync.Gap{Committed: r.live[0].Offset, Start: 399, End: 400}, r.live[0].Gap)
		s.write(t, cfg.Topic, values(0, 3, 1)...)
		until(t, "the other partition", func() bool { return len(r.got[1]) == 3 }, r)
	})
}

// TestFenced starts a second process with the same group instance id.
func TestFenced(t *testing.T) {
	onServers(t, func(t *testing.T, s server) {
		cfg := s.config(t)
		cfg.InstanceID = "pod-1"
		s.createTopic(t, cfg.Topic, 2, nil)
		old := newReader(t, s.openSource(t, cfg))
		until(t, "all partitions", func() bool { return len(old.live) == 2 }, old)
		newer := newReader(t, s.openSource(t, cfg))
		until(t, "the newer one has them, the older one knows", func() bool { return len(newer.live) == 2 && old.err != nil }, old, newer)
		_, err := old.source.Poll(t.Context(), nil)
		require.EqualError(t, err, `denied fenced_instance: another process has joined group `+cfg.Group+
			` with the instance id "pod-1" of this one: give each process its own`)
		require.Equal(t, crmsync.Denied, crmsync.KindOf(err))
		require.NoError(t, newer.err)
		require.NoError(t, old.source.Close())
		s.write(t, cfg.Topic, values(0, 2, 0)...)
		until(t, "messages", func() bool { return newer.count() == 2 }, newer)
	})
}

// TestStaticRestart gets the same partitions back, and nobody is told of it.
func TestStaticRestart(t *testing.T) {
	onServers(t, func(t *testing.T, s server) {
		cfg, other := s.config(t), kafka.Config{}
		s.createTopic(t, cfg.Topic, 4, nil)
		other = cfg
		cfg.InstanceID, other.InstanceID = "pod-1", "pod-2"
		a, b := newReader(t, s.openSource(t, cfg)), newReader(t, s.openSource(t, other))
		until(t, "a fair share", func() bool { return len(a.live) == 2 && len(b.live) == 2 }, a, b)
		terms := b.live[slices.Sorted(keys(b.live))[0]].Term
		require.NoError(t, a.source.Close())
		again := newReader(t, s.openSource(t, cfg))
		until(t, "the same partitions", func() bool { return len(again.live) == 2 }, again, b)
		require.Equal(t, slices.Sorted(keys(a.live)), slices.Sorted(keys(again.live)))
		require.Equal(t, terms, b.live[slices.Sorted(keys(b.live))[0]].Term)
	})
}

func keys(m map[int32]crmsync.Assignment) func(func(int32) bool) {
	return func(yield func(int32) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// TestRebuild joins with new connections and goes on from the commit.
func TestRebuild(t *testing.T) {
	onServers(t, func(t *testing.T, s server) {
		for _, instance := range []string{"", "pod-1"} {
			t.Run("instance "+instance, func(t *testing.T) {
				cfg := s.config(t)
				cfg.InstanceID = instance
				s.createTopic(t, cfg.Topic, 2, nil)
				s.write(t, cfg.Topic, values(0, 10, 0)...)
				r := newReader(t, s.openSource(t, cfg))
				until(t, "the messages", func() bool { return r.count() == 10 && len(r.live) == 2 }, r)
				require.NoError(t, r.source.Commit(t.Context(), []crmsync.Mark{{Partition: 0, Term: r.live[0].Term, Offset: 7}}))
				term := r.live[0].Term
				r.source.Rebuild()
				r.got = map[int32][]crmsync.Message{}
				until(t, "the last messages again", func() bool { return r.count() == 3 && len(r.live) == 2 }, r)
				r.requireValues(0, 7, 3)
				slices.Sort(r.lost)
				require.Equal(t, []int32{0, 1}, r.lost)
				require.Greater(t, r.live[0].Term, term)
				require.NoError(t, r.err)
				// A mark of the old life has no effect.
				require.NoError(t, r.source.Commit(t.Context(), []crmsync.Mark{{Partition: 0, Term: term, Offset: 10}}))
				require.Equal(t, int64(7), r.source.Lag()[0].Committed)
			})
		}
	})
}

// TestHoldIsBounded never releases what is revoked: it is lost after Hold.
func TestHoldIsBounded(t *testing.T) {
	s, _ := embeddedServer(t)
	cfg := s.config(t)
	cfg.Timings.Hold = 300 * time.Millisecond
	s.createTopic(t, cfg.Topic, 2, nil)
	a := newReader(t, s.openSource(t, cfg))
	a.keepHold = true
	until(t, "all partitions", func() bool { return len(a.live) == 2 }, a)
	b := newReader(t, s.openSource(t, cfg))
	until(t, "the partition has moved", func() bool { return len(b.live) == 1 && len(a.lost) == 1 }, a, b)
	require.Equal(t, a.lost, a.revoked)
}

// TestCommitRefused meets the refusals of a coordinator.
func TestCommitRefused(t *testing.T) {
	tests := []struct {
		name  string
		err   *kerr.Error
		count int
		want  string // empty: it is tried again and passes
		kind  crmsync.Kind
	}{
		{"the group is sharing out partitions", kerr.RebalanceInProgress, 3, "", 0},
		{"the generation has changed", kerr.IllegalGeneration, 2, "", 0},
		{"the coordinator moves", kerr.NotCoordinator, 2, "", 0},
		{"the coordinator loads", kerr.CoordinatorLoadInProgress, 2, "", 0},
		{"the member is not known", kerr.UnknownMemberID, 1, "transient kafka_unreachable: commit to group GROUP: partition 0: ", crmsync.Transient},
		{"the group may not be used", kerr.GroupAuthorizationFailed, 1, "denied kafka_not_authorized: commit to group GROUP: partition 0: ", crmsync.Denied},
		{"the note is too long", kerr.OffsetMetadataTooLarge, 1, "internal note_too_long: commit to group GROUP: partition 0: ", crmsync.Internal},
		{"the instance is fenced", kerr.FencedInstanceID, 1, "denied fenced_instance: another process has joined group GROUP", crmsync.Denied},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, broker := embeddedServer(t)
			cfg := s.config(t)
			s.createTopic(t, cfg.Topic, 1, nil)
			s.write(t, cfg.Topic, values(0, 3, 0)...)
			r := newReader(t, s.openSource(t, cfg))
			until(t, "the messages", func() bool { return r.count() == 3 }, r)
			handle := broker.Cluster().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: test.err, Count: test.count})
			err := r.source.Commit(t.Context(), []crmsync.Mark{r.mark(0)})
			require.Equal(t, int64(test.count), int64(handle.Hits()))
			if test.want == "" {
				require.NoError(t, err)
				require.Equal(t, int64(3), r.source.Lag()[0].Committed)
				return
			}
			require.ErrorContains(t, err, strings.ReplaceAll(test.want, "GROUP", cfg.Group))
			require.Equal(t, test.kind, crmsync.KindOf(err))
			require.Equal(t, int64(-1), r.source.Lag()[0].Committed)
		})
	}
}

func TestCommitNoteTooLong(t *testing.T) {
	s, _ := embeddedServer(t)
	source := s.openSource(t, s.config(t))
	err := source.Commit(t.Context(), []crmsync.Mark{{Partition: 3, Note: strings.Repeat("ä", 4001)}})
	require.EqualError(t, err, "internal note_too_long: commit partition 3: its note has 4001 characters, 4000 may be")
	require.NoError(t, source.Commit(t.Context(), []crmsync.Mark{{Partition: 3, Note: strings.Repeat("ä", 4000)}}), "no such term")
}

// TestBrokerRestart loses the broker and gets it back with its data.
func TestBrokerRestart(t *testing.T) {
	dir := t.TempDir()
	start := func(ports ...int) *embedded.Broker {
		broker, err := embedded.Start(embedded.Config{DataDir: dir, Ports: ports, MinSession: 500 * time.Millisecond})
		require.NoError(t, err)
		return broker
	}
	broker := start()
	s := server{broker.Brokers()}
	cfg := s.config(t)
	s.createTopic(t, cfg.Topic, 2, nil)
	s.write(t, cfg.Topic, values(0, 5, 0)...)
	r := newReader(t, s.openSource(t, cfg))
	until(t, "the messages", func() bool { return r.count() == 5 && len(r.live) == 2 }, r)
	require.NoError(t, r.source.Commit(t.Context(), []crmsync.Mark{r.mark(0)}))
	require.NoError(t, broker.Close())
	until(t, "a fault that passes", func() bool { return r.err != nil }, r)
	require.Equal(t, crmsync.Transient, crmsync.KindOf(r.err))

	broker = start(port(t, s.brokers[0]))
	defer func() { require.NoError(t, broker.Close()) }()
	s.write(t, cfg.Topic, values(5, 5, 0)...)
	until(t, "the later messages", func() bool { return r.count() >= 10 }, r)
	r.requireValues(0, 0, 10)
}

// TestStartWithoutBroker joins as soon as there is a broker with the topic.
func TestStartWithoutBroker(t *testing.T) {
	first, err := embedded.Start(embedded.Config{})
	require.NoError(t, err)
	s := server{first.Brokers()}
	require.NoError(t, first.Close())
	cfg := s.config(t)
	r := newReader(t, s.openSource(t, cfg))
	until(t, "a fault that passes", func() bool { return r.err != nil }, r)
	require.Equal(t, crmsync.Transient, crmsync.KindOf(r.err))
	require.ErrorContains(t, r.err, "transient kafka_unreachable: join group "+cfg.Group+": kafka at "+s.brokers[0]+": nothing listens there: dial tcp ")

	second, err := embedded.Start(embedded.Config{Ports: []int{port(t, s.brokers[0])}})
	require.NoError(t, err)
	defer func() { require.NoError(t, second.Close()) }()
	r.err = nil
	until(t, "a fault that names the topic", func() bool {
		return r.err != nil && strings.Contains(r.err.Error(), "transient kafka_topic_missing: join group "+cfg.Group)
	}, r)
	s.createTopic(t, cfg.Topic, 1, nil)
	s.write(t, cfg.Topic, values(0, 1, 0)...)
	until(t, "the message", func() bool { return r.count() == 1 }, r)
}

// TestLoginRefused polls with a wrong password. A broker that says so ends it;
// the embedded one hangs up, as brokers in trouble do too.
func TestLoginRefused(t *testing.T) {
	s, _ := embeddedServer(t, func(c *embedded.Config) {
		c.Options = []kfake.Opt{kfake.EnableSASL(), kfake.Superuser(kafka.Plain, "ada", "right")}
	})
	cfg := s.config(t)
	cfg.SASL = kafka.SASL{Mechanism: kafka.Plain, User: "ada", Password: crmsync.NewSecret("not-right"), Insecure: true}
	r := newReader(t, s.openSource(t, cfg))
	until(t, "a fault", func() bool { return r.err != nil }, r)
	require.Equal(t, crmsync.Transient, crmsync.KindOf(r.err))
	require.NotContains(t, r.err.Error(), "not-right")

	t.Run("real", func(t *testing.T) {
		s, cfg := secureServer(t)
		cfg.SASL.Password = crmsync.NewSecret("not-right")
		r := newReader(t, s.openSource(t, cfg))
		until(t, "a fault", func() bool { return r.err != nil }, r)
		require.Equal(t, crmsync.Denied, crmsync.KindOf(r.err))
		require.ErrorContains(t, r.err, "denied kafka_login_refused: join group "+cfg.Group+": ")
		require.NotContains(t, r.err.Error(), "not-right")
	})
}

func TestClosedSource(t *testing.T) {
	s, _ := embeddedServer(t)
	source := s.openSource(t, s.config(t))
	require.NoError(t, source.Close())
	require.NoError(t, source.Close())
	_, err := source.Poll(t.Context(), nil)
	require.ErrorIs(t, err, kafka.ErrClosed)
	source.Rebuild()
	require.Empty(t, source.Lag())
}
