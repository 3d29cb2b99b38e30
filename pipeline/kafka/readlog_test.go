package kafka_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/kafka"
	"crmsync/pipeline/kafka/embedded"
)

// TestReadLog reads back what was written: each partition from its start, bytes
// and headers as they were, and a tombstone as one.
func TestReadLog(t *testing.T) {
	broker, err := embedded.Start(embedded.Config{Topics: []embedded.Topic{{Name: "events", Partitions: 3}}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, broker.Close()) })
	cfg := kafka.Config{Brokers: broker.Brokers(), Topic: "events", Group: "g", DeadLetterTopic: "dead"}
	producer, err := kafka.NewProducer(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, producer.Close()) })
	sent := map[string]crmsync.Message{}
	for i := range 50 {
		m := crmsync.Message{Key: fmt.Appendf(nil, "k-%d", i), Value: fmt.Appendf(nil, "v-%d", i), Headers: []crmsync.Header{{Key: "h", Value: []byte("x")}}}
		if i%10 == 0 {
			m.Value = nil
		}
		sent[string(m.Key)] = m
		require.NoError(t, producer.Produce(t.Context(), []crmsync.Message{m}))
	}
	next := map[int32]int64{}
	for m, err := range kafka.ReadLog(t.Context(), cfg) {
		require.NoError(t, err)
		want, ok := sent[string(m.Key)]
		require.True(t, ok, "each once")
		delete(sent, string(m.Key))
		require.Equal(t, want.Value, m.Value)
		require.Equal(t, want.Headers, m.Headers)
		require.Equal(t, "events", m.Topic)
		require.Equal(t, next[m.Partition], m.Offset)
		require.False(t, m.Time.IsZero())
		next[m.Partition]++
	}
	require.Empty(t, sent)

	cfg.Brokers = []string{"127.0.0.1:1"}
	for _, err := range kafka.ReadLog(t.Context(), cfg) {
		require.Equal(t, crmsync.Transient, crmsync.KindOf(err))
	}
}
