package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"crmsync"
)

const (
	defaultMaxBytes   = 1_048_588 // Kafka's max.message.bytes
	letterHeaderBytes = 64 << 10  // a dead letter may be larger than its message by this
	letterRetention   = "1209600000"
)

// Create says what EnsureTopics may create besides the dead-letter topic.
type Create struct {
	Topic      bool  // the topic of the events, if it is missing
	Partitions int32 // of a created topic; 0: as the brokers are set
}

// EnsureTopics checks that the topic of the events is there, and creates the
// dead-letter topic with room for a letter's headers and 14 days of retention
// if it is not. It answers a fault of kind Denied when something is wrong that
// waiting won't cure: the topic is missing, or the dead-letter topic is
// compacted, which would drop all but the newest letter of each record.
func EnsureTopics(ctx context.Context, cfg Config, create Create) error {
	cfg = cfg.withDefaults()
	addresses, err := answering(ctx, cfg)
	if err != nil {
		return err
	}
	s, err := cfg.base()
	if err != nil {
		return err
	}
	s.Metadata.Retry.Max = 3
	admin, err := sarama.NewClusterAdmin(addresses, s)
	if err != nil {
		return fault("ask "+strings.Join(cfg.Brokers, ", ")+" for the topics", err)
	}
	return errors.Join(ensure(ctx, admin, cfg, create), admin.Close())
}

func ensure(ctx context.Context, admin sarama.ClusterAdmin, cfg Config, create Create) error {
	there, err := admin.DescribeTopics([]string{cfg.Topic, cfg.DeadLetterTopic})
	if err != nil {
		return fault("describe the topics", err)
	}
	missing := map[string]bool{}
	for _, t := range there {
		missing[t.Name] = t.Err == sarama.ErrUnknownTopicOrPartition
		if t.Err != sarama.ErrNoError && !missing[t.Name] {
			return fault("describe topic "+t.Name, t.Err)
		}
	}
	partitions := create.Partitions
	if partitions == 0 {
		partitions = -1
	}
	switch {
	case !missing[cfg.Topic]:
	case !create.Topic:
		return &crmsync.Fault{Kind: crmsync.Denied, Code: "kafka_topic_missing", Err: fmt.Errorf(
			"topic %s does not exist on %s: create it, or correct the topic's name or the brokers",
			cfg.Topic, strings.Join(cfg.Brokers, ", "))}
	default:
		if err := createTopic(ctx, admin, cfg.Topic, partitions, nil); err != nil {
			return err
		}
	}
	if missing[cfg.DeadLetterTopic] {
		return createDeadLetterTopic(ctx, admin, cfg, partitions)
	}
	return checkDeadLetterTopic(ctx, admin, cfg)
}

func createDeadLetterTopic(ctx context.Context, admin sarama.ClusterAdmin, cfg Config, partitions int32) error {
	source, err := topicSettings(ctx, admin, cfg.Topic)
	if err != nil {
		return fault("describe topic "+cfg.Topic, err)
	}
	size, retention, policy := strconv.Itoa(source.maxBytes+letterHeaderBytes), letterRetention, "delete"
	return createTopic(ctx, admin, cfg.DeadLetterTopic, partitions, map[string]*string{
		"max.message.bytes": &size, "retention.ms": &retention, "cleanup.policy": &policy,
	})
}

// createTopic tolerates that another process was faster.
func createTopic(ctx context.Context, admin sarama.ClusterAdmin, name string, partitions int32, settings map[string]*string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("create topic %s: %w", name, err)
	}
	detail := &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: -1, ConfigEntries: settings}
	if err := admin.CreateTopic(name, detail, false); err != nil && !errors.Is(err, sarama.ErrTopicAlreadyExists) {
		return fault("create topic "+name, err)
	}
	return awaitTopic(ctx, admin, name)
}

// awaitTopic waits until each partition of a topic has a leader: the broker that
// is asked next may not have heard of it yet.
func awaitTopic(ctx context.Context, admin sarama.ClusterAdmin, name string) error {
	const attempts, pause = 100, 100 * time.Millisecond
	for range attempts {
		there, err := admin.DescribeTopics([]string{name})
		if err == nil && len(there) == 1 && hasLeaders(there[0]) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("create topic %s: %w", name, ctx.Err())
		case <-time.After(pause):
		}
	}
	return &crmsync.Fault{Kind: crmsync.Transient, Code: unreachable, Err: fmt.Errorf(
		"create topic %s: its partitions still have no leader after %s", name, attempts*pause)}
}

func hasLeaders(t *sarama.TopicMetadata) bool {
	return t.Err == sarama.ErrNoError && len(t.Partitions) > 0 &&
		!slices.ContainsFunc(t.Partitions, func(p *sarama.PartitionMetadata) bool { return p.Leader < 0 })
}

func checkDeadLetterTopic(ctx context.Context, admin sarama.ClusterAdmin, cfg Config) error {
	settings, err := topicSettings(ctx, admin, cfg.DeadLetterTopic)
	if err != nil {
		return fault("describe topic "+cfg.DeadLetterTopic, err)
	}
	if settings.compacted {
		return &crmsync.Fault{Kind: crmsync.Denied, Code: "kafka_dead_letters_compacted", Err: fmt.Errorf(
			"dead-letter topic %s is compacted, so that older letters of a record would vanish: set its cleanup.policy to delete",
			cfg.DeadLetterTopic)}
	}
	return nil
}

type settings struct {
	maxBytes  int
	compacted bool
}

// topicSettings asks for a topic's settings, again while the broker that is
// asked has not heard of a new topic yet. Who may not describe them gets Kafka's
// defaults: a dead letter that doesn't fit is still kept by reference.
func topicSettings(ctx context.Context, admin sarama.ClusterAdmin, topic string) (settings, error) {
	const attempts, pause = 20, 100 * time.Millisecond
	for attempt := 1; ; attempt++ {
		s, err := askSettings(admin, topic)
		if !errors.Is(err, sarama.ErrUnknownTopicOrPartition) || attempt == attempts {
			return s, err
		}
		select {
		case <-ctx.Done():
			return s, errors.Join(ctx.Err(), err)
		case <-time.After(pause):
		}
	}
}

func askSettings(admin sarama.ClusterAdmin, topic string) (settings, error) {
	s := settings{maxBytes: defaultMaxBytes}
	results, err := admin.DescribeConfigs([]*sarama.ConfigResource{{Type: sarama.TopicResource, Name: topic}}, sarama.DescribeConfigsOptions{})
	if err != nil {
		return s, err
	}
	for _, r := range results {
		switch r.ErrorCode {
		case sarama.ErrNoError:
		case sarama.ErrTopicAuthorizationFailed, sarama.ErrClusterAuthorizationFailed:
			return s, nil
		default:
			return s, r.ErrorCode
		}
		for _, e := range r.Configs {
			s.read(e.Name, e.Value)
		}
	}
	return s, nil
}

func (s *settings) read(name, value string) {
	switch name {
	case "max.message.bytes":
		if n, err := strconv.Atoi(value); err == nil && n > 0 {
			s.maxBytes = n
		}
	case "cleanup.policy":
		s.compacted = strings.Contains(value, "compact")
	}
}

// tooLarge says that a message can never be written for its size.
func tooLarge(err error) bool {
	if errors.Is(err, sarama.ErrMessageSizeTooLarge) {
		return true
	}
	// sarama has no error of its own for its own limit.
	_, own := errors.AsType[sarama.ConfigurationError](err)
	return own
}
