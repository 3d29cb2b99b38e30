package kafka_test

import (
	"errors"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"crmsync"
	"crmsync/pipeline/kafka"
)

// bomb appends one message of zeros that is sent as a few kilobytes.
func (s server) bomb(t testing.TB, topic string, codec kgo.CompressionCodec, bytes int32) {
	t.Helper()
	client, err := kgo.NewClient(
		kgo.SeedBrokers(s.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(codec),
		kgo.ProducerBatchMaxBytes(2*bytes), kgo.BrokerMaxWriteBytes(4*bytes), kgo.DisableIdempotentWrite(),
	)
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: make([]byte, bytes)}).FirstErr())
}

// TestBomb: whoever may write to the topic can't fill the memory of those who read it. The batch is
// not unpacked beyond its bound, no message is passed over, and it is told why nothing comes.
func TestBomb(t *testing.T) {
	const size, bound = 256 << 20, 64 << 20
	onServers(t, func(t *testing.T, s server) {
		for name, codec := range map[string]kgo.CompressionCodec{"gzip": kgo.GzipCompression(), "zstd": kgo.ZstdCompression()} {
			t.Run(name, func(t *testing.T) {
				cfg := s.config(t)
				s.createTopic(t, cfg.Topic, 1, nil)
				s.bomb(t, cfg.Topic, codec, size)
				s.write(t, cfg.Topic, crmsync.Message{Value: []byte("after")})
				var refused atomic.Int64
				source, err := kafka.NewSource(cfg, kafka.Hooks{Report: func(err error) {
					if errors.Is(err, sarama.ErrDecompressedBatchTooLarge) {
						refused.Add(1)
					}
				}})
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, source.Close()) })
				before := allocated()
				r := newReader(t, source)
				until(t, "the report", func() bool { return refused.Load() > 0 }, r)
				require.Zero(t, r.count())
				took, tries := allocated()-before, uint64(refused.Load()+1) // another may be under way
				require.Less(t, took, tries*6*bound, "a buffer grows by copies of itself: whole the batch would take a multiple of %d", size)
			})
		}
	})
}

// allocated returns how many bytes were ever allocated.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
