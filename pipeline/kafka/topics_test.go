package kafka_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/kafka"
)

// TestProduceKeys puts a key where Kafka's own producers put it (murmur2).
func TestProduceKeys(t *testing.T) {
	s, broker := embeddedServer(t)
	cfg := s.config(t)
	require.NoError(t, kafka.EnsureTopics(t.Context(), cfg, kafka.Create{Topic: true, Partitions: 8}))
	producer := openProducer(t, cfg)
	require.NoError(t, producer.Produce(t.Context(), nil))
	// From org.apache.kafka.common.utils.UtilsTest: murmur2("21") = -973932308, "foobar" = -790332482, "abc" = 479470107.
	want := map[string]int32{"21": -973932308 & 0x7fffffff % 8, "foobar": -790332482 & 0x7fffffff % 8, "abc": 479470107 % 8}
	for key, partition := range want {
		before := broker.Cluster().PartitionInfo(cfg.Topic, partition).HighWatermark
		require.NoError(t, producer.Produce(t.Context(), []crmsync.Message{{Key: []byte(key), Value: []byte("v")}}))
		require.Equal(t, before+1, broker.Cluster().PartitionInfo(cfg.Topic, partition).HighWatermark, key)
	}
}

func TestEnsureTopics(t *testing.T) {
	onServers(t, func(t *testing.T, s server) {
		t.Run("a missing topic is named, with the brokers", func(t *testing.T) {
			cfg := s.config(t)
			err := kafka.EnsureTopics(t.Context(), cfg, kafka.Create{})
			require.EqualError(t, err, "denied kafka_topic_missing: topic "+cfg.Topic+" does not exist on "+
				strings.Join(s.brokers, ", ")+": create it, or correct the topic's name or the brokers")
		})
		t.Run("the dead-letter topic has room for headers", func(t *testing.T) {
			cfg := s.config(t)
			s.createTopic(t, cfg.Topic, 2, map[string]string{"max.message.bytes": "2000000"})
			for range 2 { // the second time it is there
				require.NoError(t, kafka.EnsureTopics(t.Context(), cfg, kafka.Create{Partitions: 2}))
			}
			settings := s.settings(t, cfg.DeadLetterTopic)
			require.Equal(t, "2065536", settings["max.message.bytes"])
			require.Equal(t, "1209600000", settings["retention.ms"])
			require.Equal(t, "delete", settings["cleanup.policy"])
		})
		t.Run("a compacted dead-letter topic is refused", func(t *testing.T) {
			cfg := s.config(t)
			s.createTopic(t, cfg.Topic, 1, nil)
			s.createTopic(t, cfg.DeadLetterTopic, 1, map[string]string{"cleanup.policy": "compact"})
			err := kafka.EnsureTopics(t.Context(), cfg, kafka.Create{})
			require.EqualError(t, err, "denied kafka_dead_letters_compacted: dead-letter topic "+cfg.DeadLetterTopic+
				" is compacted, so that older letters of a record would vanish: set its cleanup.policy to delete")
		})
		t.Run("no broker", func(t *testing.T) {
			cfg := s.config(t)
			cfg.Brokers = []string{"127.0.0.1:1"}
			err := kafka.EnsureTopics(t.Context(), cfg, kafka.Create{})
			require.Equal(t, crmsync.Transient, crmsync.KindOf(err))
			require.EqualError(t, err, "transient kafka_unreachable: kafka at 127.0.0.1:1: nothing listens there: dial tcp 127.0.0.1:1: connect: connection refused")
		})
	})
	t.Run("a name that Kafka refuses", func(t *testing.T) {
		cfg := realServer(t).config(t)
		cfg.Topic = "no good!"
		err := kafka.EnsureTopics(t.Context(), cfg, kafka.Create{Topic: true})
		require.Equal(t, crmsync.Denied, crmsync.KindOf(err))
		require.ErrorContains(t, err, "topic no good!: ")
	})
	t.Run("a context that is over", func(t *testing.T) {
		s, _ := embeddedServer(t)
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("enough"))
		require.ErrorIs(t, kafka.EnsureTopics(ctx, s.config(t), kafka.Create{Topic: true}), context.Canceled)
	})
}
