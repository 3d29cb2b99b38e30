package kafka_test

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/kafka"
	"crmsync/pipeline/kafka/embedded"
	"crmsync/pipeline/pipelinetest"
)

// server is a Kafka that tests run on.
type server struct{ brokers []string }

func embeddedServer(t testing.TB, options ...func(*embedded.Config)) (server, *embedded.Broker) {
	t.Helper()
	cfg := embedded.Config{MinSession: 500 * time.Millisecond}
	for _, option := range options {
		option(&cfg)
	}
	broker, err := embedded.Start(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, broker.Close()) })
	return server{broker.Brokers()}, broker
}

// onServers runs a test on the embedded broker, and on the real one if there is one.
func onServers(t *testing.T, run func(t *testing.T, s server)) {
	t.Run("embedded", func(t *testing.T) {
		s, _ := embeddedServer(t)
		run(t, s)
	})
	t.Run("real", func(t *testing.T) { run(t, realServer(t)) })
}

func realServer(t testing.TB) server {
	t.Helper()
	return server{strings.Split(pipelinetest.Server(t, "CRMSYNC_TEST_KAFKA_BROKERS"), ",")}
}

// unique returns a name that no other test of any run has.
func unique(t testing.TB, name string) string {
	t.Helper()
	return fmt.Sprintf("%s-%d-%d", name, time.Now().UnixNano(), names.Add(1))
}

var names atomic.Int64

// config returns a configuration with names of its own and waits that suit a test.
func (s server) config(t testing.TB) kafka.Config {
	t.Helper()
	return kafka.Config{
		Brokers: s.brokers, Topic: unique(t, "events"), DeadLetterTopic: unique(t, "dlq"), Group: unique(t, "group"),
		Timings: kafka.Timings{
			Session: 6 * time.Second, Heartbeat: 200 * time.Millisecond, Rebalance: 10 * time.Second, Hold: 8 * time.Second,
			Backoff: 50 * time.Millisecond,
		},
	}
}

func (s server) admin(t testing.TB) sarama.ClusterAdmin {
	t.Helper()
	cfg := sarama.NewConfig()
	cfg.Version = sarama.V3_6_0_0
	admin, err := sarama.NewClusterAdmin(s.brokers, cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, admin.Close()) })
	return admin
}

// createTopic returns once all partitions can be written.
func (s server) createTopic(t testing.TB, name string, partitions int32, settings map[string]string) {
	t.Helper()
	entries := map[string]*string{}
	for k, v := range settings {
		entries[k] = &v
	}
	require.NoError(t, s.admin(t).CreateTopic(name, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: entries}, false))
	client, err := sarama.NewClient(s.brokers, sarama.NewConfig())
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	require.Eventually(t, func() bool {
		_ = client.RefreshMetadata(name)
		writable, err := client.WritablePartitions(name)
		return err == nil && len(writable) == int(partitions)
	}, 20*time.Second, 10*time.Millisecond)
}

// write appends messages to the partitions they name.
func (s server) write(t testing.TB, topic string, messages ...crmsync.Message) {
	t.Helper()
	cfg := sarama.NewConfig()
	cfg.Producer.Retry.Max = 50 // a new topic's leader may be elected still
	cfg.Producer.Return.Successes = true
	cfg.Producer.Partitioner = sarama.NewManualPartitioner
	producer, err := sarama.NewSyncProducer(s.brokers, cfg)
	require.NoError(t, err)
	defer func() { require.NoError(t, producer.Close()) }()
	require.NoError(t, producer.SendMessages(saramaMessages(topic, messages)))
}

func saramaMessages(topic string, messages []crmsync.Message) []*sarama.ProducerMessage {
	out := make([]*sarama.ProducerMessage, len(messages))
	for i, m := range messages {
		out[i] = &sarama.ProducerMessage{Topic: topic, Partition: m.Partition, Timestamp: m.Time}
		if m.Key != nil {
			out[i].Key = sarama.ByteEncoder(m.Key)
		}
		if m.Value != nil {
			out[i].Value = sarama.ByteEncoder(m.Value)
		}
		for _, h := range m.Headers {
			out[i].Headers = append(out[i].Headers, sarama.RecordHeader{Key: []byte(h.Key), Value: h.Value})
		}
	}
	return out
}

// abort leaves two offsets without a message that a reader of committed ones sees.
func (s server) abort(t testing.TB, topic string, partition int32) {
	t.Helper()
	cfg := sarama.NewConfig()
	cfg.Version = sarama.V3_6_0_0
	cfg.Producer.Return.Successes = true
	cfg.Producer.Partitioner = sarama.NewManualPartitioner
	cfg.Producer.Idempotent, cfg.Net.MaxOpenRequests, cfg.Producer.RequiredAcks = true, 1, sarama.WaitForAll
	cfg.Producer.Transaction.ID = unique(t, "transaction")
	producer, err := sarama.NewSyncProducer(s.brokers, cfg)
	require.NoError(t, err)
	defer func() { require.NoError(t, producer.Close()) }()
	require.NoError(t, producer.BeginTxn())
	_, _, err = producer.SendMessage(&sarama.ProducerMessage{Topic: topic, Partition: partition, Value: sarama.StringEncoder("aborted")})
	require.NoError(t, err)
	require.NoError(t, producer.AbortTxn())
}

func (s server) openSource(t testing.TB, cfg kafka.Config) *kafka.Source {
	t.Helper()
	source, err := kafka.NewSource(cfg, kafka.Hooks{Report: func(err error) { t.Logf("reported: %v", err) }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, source.Close()) })
	return source
}

func TestSourceSuite(t *testing.T) {
	onServers(t, func(t *testing.T, s server) {
		pipelinetest.Source(t, func(t testing.TB) pipelinetest.SourceHarness {
			cfg := s.config(t)
			s.createTopic(t, cfg.Topic, 4, nil)
			return pipelinetest.SourceHarness{
				Partitions: 4,
				Append: func(t testing.TB, partition int32, messages ...crmsync.Message) {
					own := make([]crmsync.Message, len(messages))
					for i, m := range messages {
						m.Partition = partition
						own[i] = m
					}
					s.write(t, cfg.Topic, own...)
				},
				Skip: func(t testing.TB, partition int32) { s.abort(t, cfg.Topic, partition) },
				Truncate: func(t testing.TB, partition int32, before int64) {
					require.NoError(t, s.admin(t).DeleteRecords(cfg.Topic, map[int32]int64{partition: before}))
				},
				Open: func(t testing.TB) (crmsync.Source, func()) {
					source := s.openSource(t, cfg)
					return source, func() { require.NoError(t, source.Close()) }
				},
			}
		})
	})
}

func TestDeadLetterQueueSuite(t *testing.T) {
	onServers(t, func(t *testing.T, s server) {
		pipelinetest.DeadLetterQueue(t, func(t testing.TB) pipelinetest.DeadLetterQueueHarness {
			cfg := s.config(t)
			require.NoError(t, kafka.EnsureTopics(t.Context(), cfg, kafka.Create{Topic: true, Partitions: 3}))
			queue, err := kafka.NewDeadLetters(cfg)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, queue.Close()) })
			return pipelinetest.DeadLetterQueueHarness{
				Queue: queue,
				Read: func(t testing.TB, n int) []crmsync.DeadLetter {
					var letters []crmsync.DeadLetter
					for l, err := range kafka.ReadDeadLetters(t.Context(), cfg, kafka.Filter{}) {
						require.NoError(t, err)
						letters = append(letters, l.DeadLetter)
					}
					require.GreaterOrEqual(t, len(letters), n)
					return letters
				},
			}
		})
	})
}

func port(t testing.TB, address string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(address)
	require.NoError(t, err)
	number, err := strconv.Atoi(text)
	require.NoError(t, err)
	return number
}

func (s server) settings(t testing.TB, topic string) map[string]string {
	t.Helper()
	results, err := s.admin(t).DescribeConfigs([]*sarama.ConfigResource{{Type: sarama.TopicResource, Name: topic}}, sarama.DescribeConfigsOptions{})
	require.NoError(t, err)
	settings := map[string]string{}
	for _, e := range results[0].Configs {
		settings[e.Name] = e.Value
	}
	return settings
}
