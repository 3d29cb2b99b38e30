package embedded_test

import (
	"net"
	"os"
	"strconv"
	"syscall"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"crmsync/pipeline/kafka/embedded"
)

func TestStart(t *testing.T) {
	tests := []struct {
		name  string
		topic embedded.Topic
		want  map[string]string
		parts int32
	}{
		{"one partition unless told", embedded.Topic{Name: "a"}, map[string]string{}, 1},
		{"partitions", embedded.Topic{Name: "a", Partitions: 8}, map[string]string{}, 8},
		{
			"compacted, larger messages", embedded.Topic{Name: "a", Partitions: 2, Compacted: true, MaxMessageBytes: 2 << 20},
			map[string]string{"cleanup.policy": "compact", "max.message.bytes": "2097152"}, 2,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			broker, err := embedded.Start(embedded.Config{Topics: []embedded.Topic{test.topic}})
			require.NoError(t, err)
			defer func() { require.NoError(t, broker.Close()) }()
			parts, configs := describe(t, broker, "a")
			require.Equal(t, test.parts, parts)
			for name, value := range test.want {
				require.Equal(t, value, configs[name], name)
			}
		})
	}
}

func TestStartKeepsDataDir(t *testing.T) {
	cfg := embedded.Config{DataDir: t.TempDir() + "/kafka", Topics: []embedded.Topic{{Name: "a", Partitions: 3}}}
	first, err := embedded.Start(cfg)
	require.NoError(t, err)
	write(t, first, "a", "hello")
	require.NoError(t, first.Close())

	cfg.Topics[0].Partitions = 5 // it is there: it stays
	second, err := embedded.Start(cfg)
	require.NoError(t, err)
	defer func() { require.NoError(t, second.Close()) }()
	parts, _ := describe(t, second, "a")
	require.Equal(t, int32(3), parts)
	require.Equal(t, int64(1), second.Cluster().PartitionInfo("a", 0).HighWatermark)
}

func TestStartFails(t *testing.T) {
	first, err := embedded.Start(embedded.Config{})
	require.NoError(t, err)
	defer func() { require.NoError(t, first.Close()) }()
	_, text, err := net.SplitHostPort(first.Brokers()[0])
	require.NoError(t, err)
	port, err := strconv.Atoi(text)
	require.NoError(t, err)

	_, err = embedded.Start(embedded.Config{Ports: []int{port}})
	require.ErrorContains(t, err, "start the embedded kafka: ")
	require.ErrorIs(t, err, syscall.EADDRINUSE)

	file := t.TempDir() + "/file"
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = embedded.Start(embedded.Config{DataDir: file})
	require.ErrorContains(t, err, "make the data directory of the embedded kafka: ")
}

func describe(t *testing.T, broker *embedded.Broker, topic string) (int32, map[string]string) {
	t.Helper()
	admin, err := sarama.NewClusterAdmin(broker.Brokers(), sarama.NewConfig())
	require.NoError(t, err)
	defer func() { require.NoError(t, admin.Close()) }()
	topics, err := admin.ListTopics()
	require.NoError(t, err)
	results, err := admin.DescribeConfigs([]*sarama.ConfigResource{{Type: sarama.TopicResource, Name: topic}}, sarama.DescribeConfigsOptions{})
	require.NoError(t, err)
	configs := map[string]string{}
	for _, entry := range results[0].Configs {
		configs[entry.Name] = entry.Value
	}
	return topics[topic].NumPartitions, configs
}

func write(t *testing.T, broker *embedded.Broker, topic, value string) {
	t.Helper()
	cfg := sarama.NewConfig()
	cfg.Producer.Return.Successes = true
	cfg.Producer.Partitioner = sarama.NewManualPartitioner
	producer, err := sarama.NewSyncProducer(broker.Brokers(), cfg)
	require.NoError(t, err)
	defer func() { require.NoError(t, producer.Close()) }()
	_, _, err = producer.SendMessage(&sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(value)})
	require.NoError(t, err)
}
