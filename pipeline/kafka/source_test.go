package kafka_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/kafka"
	"crmsync/pipeline/kafka/embedded"
)

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
