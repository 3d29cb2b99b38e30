package kafka_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/kafka"
)

// BenchmarkSource reads messages of 1 KiB from 8 partitions, as fast as polls
// with much room bring them. The embedded broker's work is in the figure.
func BenchmarkSource(b *testing.B) {
	s, _ := embeddedServer(b)
	cfg := s.config(b)
	cfg.Timings.Session = 0
	require.NoError(b, kafka.EnsureTopics(b.Context(), cfg, kafka.Create{Topic: true, Partitions: 8}))
	producer := openProducer(b, cfg)
	value := bytes.Repeat([]byte("v"), 1000)
	for sent := 0; sent < b.N; {
		batch := make([]crmsync.Message, min(b.N-sent, 10_000))
		for i, m := range values(sent, len(batch), 0) {
			batch[i] = crmsync.Message{Key: m.Key, Value: value}
		}
		require.NoError(b, producer.Produce(b.Context(), batch))
		sent += len(batch)
	}
	r := newReader(b, s.openSource(b, cfg))
	r.room = crmsync.Room{Messages: 10_000, Bytes: 16 << 20}
	until(b, "all partitions", func() bool { return len(r.live) == 8 }, r)
	b.ReportAllocs()
	b.ResetTimer()
	before := r.count()
	polls := 0
	for r.count() < b.N {
		r.poll(b.Context())
		polls++
	}
	b.ReportMetric(float64(b.N-before)/b.Elapsed().Seconds(), "messages/s")
	b.ReportMetric(float64(polls), "polls")
}
