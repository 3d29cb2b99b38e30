package kafka_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"crmsync"
	"crmsync/pipeline/kafka"
	"crmsync/pipeline/kafka/embedded"
)

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
		cfg := s.config(t)
		s.createTopic(t, cfg.Topic, 4, nil)
		other := cfg
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
