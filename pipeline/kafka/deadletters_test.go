package kafka_test

import (
	"context"
	"fmt"
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

func openQueue(t testing.TB, cfg kafka.Config) *kafka.DeadLetters {
	t.Helper()
	queue, err := kafka.NewDeadLetters(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, queue.Close()) })
	return queue
}

func openProducer(t testing.TB, cfg kafka.Config) *kafka.Producer {
	t.Helper()
	producer, err := kafka.NewProducer(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, producer.Close()) })
	return producer
}

func deadLetter(topic string, offset int64, connection string) crmsync.DeadLetter {
	return crmsync.DeadLetter{
		Message: crmsync.Message{
			Topic: topic, Offset: offset, Key: fmt.Appendf(nil, "acme/contact/c-%d", offset), Value: fmt.Appendf(nil, `{"n":%d}`, offset),
		},
		Key:     crmsync.RecordKey{Org: "acme", Type: "contact", ID: fmt.Sprint("c-", offset)},
		Version: 1, Provider: "hubspot", Connection: connection, Fault: &crmsync.Fault{Kind: crmsync.Rejected, Code: "INVALID_EMAIL"},
	}
}

func readLetters(t testing.TB, cfg kafka.Config, filter kafka.Filter) []kafka.Letter {
	t.Helper()
	var letters []kafka.Letter
	for l, err := range kafka.ReadDeadLetters(t.Context(), cfg, filter) {
		require.NoError(t, err)
		letters = append(letters, l)
	}
	return letters
}

func TestReadDeadLettersFilter(t *testing.T) {
	onServers(t, func(t *testing.T, s server) {
		cfg := s.config(t)
		require.NoError(t, kafka.EnsureTopics(t.Context(), cfg, kafka.Create{Topic: true, Partitions: 1}))
		a, b, c := deadLetter(cfg.Topic, 1, "hubspot-eu"), deadLetter(cfg.Topic, 2, "hubspot-us"), deadLetter(cfg.Topic, 3, "salesforce")
		b.Fault = &crmsync.Fault{Kind: crmsync.Internal, Code: "panic"}
		c.Key.Org, c.Provider = "globex", "salesforce"
		queue := openQueue(t, cfg)
		require.NoError(t, queue.Put(t.Context(), []crmsync.DeadLetter{a, b}))
		between := time.Now() // the log's time of an entry is when it was written
		require.Eventually(t, func() bool { return time.Since(between) > 10*time.Millisecond }, time.Second, time.Millisecond)
		require.NoError(t, queue.Put(t.Context(), []crmsync.DeadLetter{c, a})) // a once more, as after a crash
		internal := crmsync.Internal
		tests := []struct {
			name   string
			filter kafka.Filter
			want   []int64
		}{
			{"all, each once", kafka.Filter{}, []int64{1, 2, 3}},
			{"an entry", kafka.Filter{Entry: &kafka.Entry{Offset: 1}}, []int64{2}},
			{"an entry that is a repeat", kafka.Filter{Entry: &kafka.Entry{Offset: 3}}, []int64{1}},
			{"an entry that is not there", kafka.Filter{Entry: &kafka.Entry{Offset: 4}}, nil},
			{"a partition that is not there", kafka.Filter{Entry: &kafka.Entry{Partition: 7}}, nil},
			{"an org", kafka.Filter{Org: "globex"}, []int64{3}},
			{"a record", kafka.Filter{Record: b.Key}, []int64{2}},
			{"a provider", kafka.Filter{Provider: "hubspot"}, []int64{1, 2}},
			{"a connection", kafka.Filter{Connection: "hubspot-eu"}, []int64{1}},
			{"a kind", kafka.Filter{Kind: &internal}, []int64{2}},
			{"a code", kafka.Filter{Code: "INVALID_EMAIL"}, []int64{1, 3}},
			{"since then", kafka.Filter{Since: between.Add(2 * time.Millisecond)}, []int64{3, 1}},
			{"since tomorrow", kafka.Filter{Since: between.Add(24 * time.Hour)}, nil},
			{"two at once", kafka.Filter{Org: "acme", Code: "panic"}, []int64{2}},
		}
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				var got []int64
				for _, l := range readLetters(t, cfg, test.filter) {
					got = append(got, l.Message.Offset)
				}
				require.Equal(t, test.want, got)
			})
		}
		t.Run("a reader may stop", func(t *testing.T) {
			for l, err := range kafka.ReadDeadLetters(t.Context(), cfg, kafka.Filter{}) {
				require.NoError(t, err)
				require.Equal(t, int64(1), l.Message.Offset)
				break
			}
		})
	})
}

func TestReadDeadLettersFails(t *testing.T) {
	s, _ := embeddedServer(t)
	cfg := s.config(t)
	for _, err := range kafka.ReadDeadLetters(t.Context(), cfg, kafka.Filter{}) {
		require.ErrorContains(t, err, "transient kafka_topic_missing: read the dead letters of "+cfg.DeadLetterTopic)
	}
	require.NoError(t, kafka.EnsureTopics(t.Context(), cfg, kafka.Create{Topic: true, Partitions: 1}))
	require.NoError(t, openQueue(t, cfg).Put(t.Context(), []crmsync.DeadLetter{deadLetter(cfg.Topic, 1, "")}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range kafka.ReadDeadLetters(ctx, cfg, kafka.Filter{}) {
		require.ErrorIs(t, err, context.Canceled)
	}
	cfg.Brokers = []string{"127.0.0.1:1"}
	for _, err := range kafka.ReadDeadLetters(t.Context(), cfg, kafka.Filter{}) {
		require.ErrorContains(t, err, "transient kafka_unreachable: read the dead letters: ")
	}
}

// TestResend sends dead messages again: to the same partition, bytes untouched.
func TestResend(t *testing.T) {
	onServers(t, func(t *testing.T, s server) {
		cfg := s.config(t)
		require.NoError(t, kafka.EnsureTopics(t.Context(), cfg, kafka.Create{Topic: true, Partitions: 3}))
		large := strings.Repeat("v", 1_048_300) // fits the source, not the dead-letter topic of this test
		s.write(t, cfg.Topic,
			crmsync.Message{Partition: 2, Key: []byte("k"), Value: []byte("\x00\xff"), Headers: []crmsync.Header{{Key: "h", Value: []byte("1")}}},
			crmsync.Message{Partition: 2, Key: []byte("k")},
			crmsync.Message{Partition: 2, Key: []byte("k"), Value: []byte(large)})
		r := newReader(t, s.openSource(t, cfg))
		until(t, "the messages", func() bool { return len(r.got[2]) == 3 }, r)
		var letters []crmsync.DeadLetter
		for _, m := range r.got[2] {
			letters = append(letters, crmsync.DeadLetter{Message: m, Fault: &crmsync.Fault{Code: "x"}})
		}
		letters[2].Message.Headers = []crmsync.Header{{Key: "h", Value: []byte(strings.Repeat("h", 80_000))}}
		require.NoError(t, openQueue(t, cfg).Put(t.Context(), letters))
		dead := readLetters(t, cfg, kafka.Filter{})
		require.Len(t, dead, 3)
		require.True(t, dead[2].Reference)
		require.NoError(t, openProducer(t, cfg).Resend(t.Context(), dead))
		until(t, "the messages again", func() bool { return len(r.got[2]) == 6 }, r)
		for i, m := range r.got[2][3:] {
			require.Equal(t, r.got[2][i].Key, m.Key)
			require.Equal(t, r.got[2][i].Value, m.Value)
			replay := crmsync.Header{Key: crmsync.HeaderReplay, Value: []byte(cfg.DeadLetterTopic + "/" + dead[i].Entry.String())}
			require.Equal(t, append(r.got[2][i].Headers, replay), m.Headers)
			require.Equal(t, int32(2), m.Partition)
		}
		t.Run("a replay that died again", func(t *testing.T) {
			again := dead[0]
			again.Version, again.Message = 8, r.got[2][3]
			again.Message.Headers = append(again.Message.Headers, crmsync.Header{Key: crmsync.HeaderVersion, Value: []byte("7")})
			require.NoError(t, openProducer(t, cfg).Resend(t.Context(), []kafka.Letter{again}))
			until(t, "the message again", func() bool { return len(r.got[2]) == 7 }, r)
			require.Equal(t, []crmsync.Header{
				{Key: "h", Value: []byte("1")},
				{Key: crmsync.HeaderReplay, Value: []byte(cfg.DeadLetterTopic + "/" + again.Entry.String())},
				{Key: crmsync.HeaderVersion, Value: []byte("8")},
			}, r.got[2][6].Headers)
		})
		t.Run("a message that is gone", func(t *testing.T) {
			gone := dead[2]
			gone.Message.Offset = 99
			err := openProducer(t, cfg).Resend(t.Context(), []kafka.Letter{gone})
			require.EqualError(t, err, "missing message_gone: read offset 99 of partition 2 of "+cfg.Topic+": the log no longer holds it")
		})
		t.Run("another topic's letter", func(t *testing.T) {
			other := dead[0]
			other.Message.Topic = "elsewhere"
			err := openProducer(t, cfg).Resend(t.Context(), []kafka.Letter{other})
			require.EqualError(t, err, "rejected foreign_topic: send entry "+other.Entry.String()+" again: it came from topic elsewhere, not from "+cfg.Topic)
		})
	})
}

// TestLargestMessage buries the largest message that the source topic takes:
// the dead-letter topic has room for the headers on top.
func TestLargestMessage(t *testing.T) {
	onServers(t, func(t *testing.T, s server) {
		cfg := s.config(t)
		require.NoError(t, kafka.EnsureTopics(t.Context(), cfg, kafka.Create{Topic: true, Partitions: 1}))
		l := deadLetter(cfg.Topic, 1, "hubspot")
		l.Message.Value = []byte(strings.Repeat("v", 1_048_500))
		require.NoError(t, openQueue(t, cfg).Put(t.Context(), []crmsync.DeadLetter{l}))
		letters := readLetters(t, cfg, kafka.Filter{})
		require.Len(t, letters, 1)
		require.False(t, letters[0].Reference)
		require.Equal(t, l.Message.Value, letters[0].Message.Value)

		err := openProducer(t, cfg).Produce(t.Context(), []crmsync.Message{{Value: []byte(strings.Repeat("v", 2<<20))}})
		require.Equal(t, crmsync.Rejected, crmsync.KindOf(err))
		require.ErrorContains(t, err, "rejected kafka_message_too_large: write to "+cfg.Topic+": ")
	})
}

// TestBrokerRefusesSize meets a topic that was made smaller than it was when the queue asked.
func TestBrokerRefusesSize(t *testing.T) {
	s, broker := embeddedServer(t)
	cfg := s.config(t)
	require.NoError(t, kafka.EnsureTopics(t.Context(), cfg, kafka.Create{Topic: true, Partitions: 1}))
	queue := openQueue(t, cfg)
	broker.Cluster().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.MessageTooLarge})
	require.NoError(t, queue.Put(t.Context(), []crmsync.DeadLetter{deadLetter(cfg.Topic, 1, "hubspot")}))
	letters := readLetters(t, cfg, kafka.Filter{})
	require.Len(t, letters, 1)
	require.True(t, letters[0].Reference)
	require.Nil(t, letters[0].Message.Value)
}

// TestQueueOutage loses the broker and gets it back while a letter is on its way.
func TestQueueOutage(t *testing.T) {
	dir := t.TempDir()
	start := func(ports ...int) *embedded.Broker {
		broker, err := embedded.Start(embedded.Config{DataDir: dir, Ports: ports})
		require.NoError(t, err)
		return broker
	}
	broker := start()
	s := server{broker.Brokers()}
	cfg := s.config(t)
	require.NoError(t, kafka.EnsureTopics(t.Context(), cfg, kafka.Create{Topic: true, Partitions: 1}))
	queue := openQueue(t, cfg)
	put := func(ctx context.Context, offset int64) error {
		return queue.Put(ctx, []crmsync.DeadLetter{deadLetter(cfg.Topic, offset, "hubspot")})
	}
	require.NoError(t, put(t.Context(), 1))
	require.NoError(t, broker.Close())

	impatient, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, put(impatient, 2), context.DeadlineExceeded)
	waiting := make(chan error, 1)
	go func() { waiting <- put(t.Context(), 3) }()
	broker = start(port(t, s.brokers[0]))
	defer func() { require.NoError(t, broker.Close()) }()
	require.NoError(t, <-waiting)
	require.NoError(t, put(t.Context(), 4))
	var got []int64
	for _, l := range readLetters(t, cfg, kafka.Filter{}) {
		got = append(got, l.Message.Offset)
	}
	require.Equal(t, []int64{1, 2, 3, 4}, got, "what was given up to wait for is sent all the same, in order")
}

// TestQueueGivesUp has an outage that outlasts the patience, and none at first.
func TestQueueGivesUp(t *testing.T) {
	broker, err := embedded.Start(embedded.Config{})
	require.NoError(t, err)
	s := server{broker.Brokers()}
	cfg := s.config(t)
	cfg.Timings.Outage, cfg.Timings.Read = 200*time.Millisecond, 500*time.Millisecond
	require.NoError(t, kafka.EnsureTopics(t.Context(), cfg, kafka.Create{Topic: true, Partitions: 1}))
	queue := openQueue(t, cfg)
	require.NoError(t, queue.Put(t.Context(), []crmsync.DeadLetter{deadLetter(cfg.Topic, 1, "")}))
	require.NoError(t, broker.Close())
	err = queue.Put(t.Context(), []crmsync.DeadLetter{deadLetter(cfg.Topic, 2, ""), deadLetter(cfg.Topic, 3, "")})
	require.Equal(t, crmsync.Transient, crmsync.KindOf(err))
	require.ErrorContains(t, err, "transient kafka_unreachable: write dead letters to "+cfg.DeadLetterTopic+" (2 of 2 messages): ")

	fresh := openQueue(t, cfg) // has no connection, and gets none
	err = fresh.Put(t.Context(), []crmsync.DeadLetter{deadLetter(cfg.Topic, 2, "")})
	require.Equal(t, crmsync.Transient, crmsync.KindOf(err))
}

// TestQueueTroubles meets refusals that sarama waits out: none is lost or doubled.
func TestQueueTroubles(t *testing.T) {
	for _, trouble := range []*kerr.Error{kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend, kerr.RequestTimedOut, kerr.NotLeaderForPartition} {
		t.Run(trouble.Message, func(t *testing.T) {
			s, broker := embeddedServer(t)
			cfg := s.config(t)
			require.NoError(t, kafka.EnsureTopics(t.Context(), cfg, kafka.Create{Topic: true, Partitions: 1}))
			queue := openQueue(t, cfg)
			broker.Cluster().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: trouble, Count: 3})
			var letters []crmsync.DeadLetter
			for i := range 20 {
				letters = append(letters, deadLetter(cfg.Topic, int64(i), ""))
			}
			require.NoError(t, queue.Put(t.Context(), letters))
			require.Len(t, readLetters(t, cfg, kafka.Filter{}), 20)
			require.Equal(t, int64(20), broker.Cluster().PartitionInfo(cfg.DeadLetterTopic, 0).HighWatermark)
		})
	}
}

func TestQueueClosed(t *testing.T) {
	s, _ := embeddedServer(t)
	cfg := s.config(t)
	require.NoError(t, kafka.EnsureTopics(t.Context(), cfg, kafka.Create{Topic: true, Partitions: 1}))
	queue := openQueue(t, cfg)
	require.NoError(t, queue.Put(t.Context(), []crmsync.DeadLetter{deadLetter(cfg.Topic, 1, "")}))
	require.NoError(t, queue.Close())
	require.NoError(t, queue.Close())
	err := queue.Put(t.Context(), []crmsync.DeadLetter{deadLetter(cfg.Topic, 2, "")})
	require.ErrorIs(t, err, kafka.ErrClosed)
}
