package kafka

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"crmsync"
)

// Config says which brokers, topics and group to use, and how to reach them.
type Config struct {
	Brokers         []string // host:port each
	Topic           string   // the events
	DeadLetterTopic string
	Group           string
	// InstanceID makes this a static member: a restart gets its partitions back
	// at once. It must be unique within the group. Empty: a dynamic member.
	InstanceID string
	TLS        TLS
	SASL       SASL
	Version    string // protocol to speak at most, as "3.6.0"; empty: 3.6.0; not below 2.4
	// BufferMessages and BufferBytes are what a partition holds ready for the
	// next poll; with more than that it is paused. One fetch of up to 256 KiB
	// may come on top. 0: 2,000 messages and 1 MiB.
	BufferMessages, BufferBytes int
	Timings                     Timings
}

// Timings are the waits. A zero one takes the default in brackets, which is
// measured against real brokers: longer ones let a hung broker stop a member
// for minutes.
type Timings struct {
	Dial, Read, Write time.Duration // of one request (3 s, 5 s, 5 s)
	Session           time.Duration // without heartbeat a member is gone after this (10 s)
	Heartbeat         time.Duration // (2 s)
	Rebalance         time.Duration // what the group waits for a member that gives up partitions (20 s)
	// Hold is how long a revoked partition waits to be released (18 s). It must
	// be shorter than Rebalance, and longer than the pipeline's drain.
	Hold    time.Duration
	MaxWait time.Duration // how long a broker holds a fetch that finds nothing (100 ms)
	Poll    time.Duration // how long a poll waits for news (100 ms)
	Backoff time.Duration // before the first retry of anything (250 ms)
	// Outage is how long no broker may answer before a dead letter's send fails
	// (60 s). Until then sarama itself repeats it, in order and without a double.
	Outage time.Duration
	// Watch is how often the ends of the log are read, for the lag (3 s).
	Watch time.Duration
	// Stall is after how long without a message, while the log holds some, the
	// group's connections are taken for hung and made anew (15 s).
	Stall time.Duration
}

func (t Timings) withDefaults() Timings {
	for _, d := range []struct {
		at    *time.Duration
		value time.Duration
	}{
		{&t.Dial, 3 * time.Second},
		{&t.Read, 5 * time.Second},
		{&t.Write, 5 * time.Second},
		{&t.Session, 10 * time.Second},
		{&t.Heartbeat, 2 * time.Second},
		{&t.Rebalance, 20 * time.Second},
		{&t.Hold, 18 * time.Second},
		{&t.MaxWait, 100 * time.Millisecond},
		{&t.Poll, 100 * time.Millisecond},
		{&t.Backoff, 250 * time.Millisecond},
		{&t.Outage, time.Minute},
		{&t.Watch, 3 * time.Second},
		{&t.Stall, 15 * time.Second},
	} {
		if *d.at == 0 {
			*d.at = d.value
		}
	}
	return t
}

func (c Config) withDefaults() Config {
	c.Timings = c.Timings.withDefaults()
	if c.Version == "" {
		c.Version = sarama.V3_6_0_0.String()
	}
	if c.BufferMessages == 0 {
		c.BufferMessages = 2000
	}
	if c.BufferBytes == 0 {
		c.BufferBytes = 1 << 20
	}
	return c
}

// Validate returns everything that is wrong with c, each error naming the
// setting; it asks no broker.
func (c Config) Validate() error {
	c = c.withDefaults()
	errs := []error{c.validateNames(), c.TLS.validate(), c.SASL.validate(c.TLS.Enabled)}
	if v, err := sarama.ParseKafkaVersion(c.Version); err != nil || !v.IsAtLeast(sarama.V2_4_0_0) {
		errs = append(errs, fmt.Errorf("kafka version %q: give 2.4.0 or newer, such as 3.6.0", c.Version))
	}
	if c.Timings.Hold >= c.Timings.Rebalance {
		errs = append(errs, fmt.Errorf("kafka timings: hold %s must be shorter than rebalance %s", c.Timings.Hold, c.Timings.Rebalance))
	}
	return errors.Join(errs...)
}

func (c Config) validateNames() error {
	var errs []error
	if len(c.Brokers) == 0 {
		errs = append(errs, errors.New("kafka brokers: give at least one host:port"))
	}
	for _, address := range c.Brokers {
		if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
			errs = append(errs, fmt.Errorf("kafka broker %q: give host:port", address))
		}
	}
	for _, need := range [...]struct{ name, value string }{
		{"topic", c.Topic}, {"dead-letter topic", c.DeadLetterTopic}, {"group", c.Group},
	} {
		if need.value == "" {
			errs = append(errs, fmt.Errorf("kafka %s: give a name", need.name))
		}
	}
	if c.Topic != "" && c.Topic == c.DeadLetterTopic {
		errs = append(errs, fmt.Errorf("kafka dead-letter topic: %s is the topic of the events, choose another", c.Topic))
	}
	return errors.Join(errs...)
}

// base returns what all clients share. It reads the TLS files.
func (c Config) base() (*sarama.Config, error) {
	boundDecompression()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s := sarama.NewConfig()
	version, err := sarama.ParseKafkaVersion(c.Version)
	if err != nil {
		return nil, fmt.Errorf("kafka version: %w", err)
	}
	s.Version, s.ClientID, s.MetricRegistry = version, "crmsync", noMetrics{}
	s.Metadata.AllowAutoTopicCreation = false
	s.Metadata.RefreshFrequency = time.Minute
	s.Metadata.Retry.Max, s.Metadata.Retry.Backoff = 20, c.Timings.Backoff
	s.Net.DialTimeout, s.Net.ReadTimeout, s.Net.WriteTimeout = c.Timings.Dial, c.Timings.Read, c.Timings.Write
	if err := c.TLS.apply(s); err != nil {
		return nil, err
	}
	c.SASL.apply(s)
	return s, nil
}

// consumer returns the configuration of a group member.
func (c Config) consumer() (*sarama.Config, error) {
	s, err := c.base()
	if err != nil {
		return nil, err
	}
	g := &s.Consumer.Group
	g.InstanceId = c.InstanceID
	g.Session.Timeout, g.Heartbeat.Interval, g.Rebalance.Timeout = c.Timings.Session, c.Timings.Heartbeat, c.Timings.Rebalance
	g.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategyCooperativeSticky()}
	g.Rebalance.Retry.Max, g.Rebalance.Retry.Backoff = 10, c.Timings.Backoff
	// False would be the wrong cure: one partition out of range then stops all of
	// the member. See claim.assignment, which finds it out.
	g.ResetInvalidOffsets = true
	s.Consumer.Offsets.Initial = sarama.OffsetOldest
	s.Consumer.Offsets.AutoCommit.Enable = false // Source.Commit does it
	s.Consumer.MaxWaitTime = c.Timings.MaxWait
	s.Consumer.Retry.Backoff = c.Timings.Backoff
	s.Consumer.Return.Errors = true
	s.Consumer.Fetch.Default, s.Consumer.Fetch.MaxBytes = 256<<10, 8<<20
	s.Consumer.IsolationLevel = sarama.ReadCommitted
	s.ChannelBufferSize = 64
	return s, nil
}

// producer returns the configuration of a producer that keeps order, makes no
// double and outlasts an outage. A message that doesn't fit into maxBytes fails.
func (c Config) producer(maxBytes int) (*sarama.Config, error) {
	s, err := c.base()
	if err != nil {
		return nil, err
	}
	s.Producer.Idempotent, s.Producer.RequiredAcks, s.Net.MaxOpenRequests = true, sarama.WaitForAll, 1
	s.Producer.Return.Successes, s.Producer.Return.Errors = true, true
	s.Producer.Timeout = c.Timings.Read * 4 / 5 // below Net.ReadTimeout
	// Both limits must hold out: the metadata's is what counts while nothing can
	// be reached. sarama allocates 32 bytes a partition for each retry of the
	// producer, so that one must not be huge.
	s.Metadata.Retry.Max = max(1, int(c.Timings.Outage/c.Timings.Backoff))
	s.Producer.Retry.Max, s.Producer.Retry.Backoff = min(4*s.Metadata.Retry.Max, 10_000), c.Timings.Backoff
	s.Producer.Flush.Frequency = 5 * time.Millisecond // one record a request costs the broker 10-30 times the CPU
	s.Producer.MaxMessageBytes = maxBytes
	s.Producer.Partitioner = newPartitioner
	return s, nil
}

// unreachable is the code of a fault without a better one.
const unreachable = "kafka_unreachable"

// fault returns err as a fault of the kind that its cause asks for.
func fault(doing string, err error) *crmsync.Fault {
	if f, ok := errors.AsType[*crmsync.Fault](err); ok {
		return &crmsync.Fault{Kind: f.Kind, Code: f.Code, Err: fmt.Errorf("%s: %w", doing, f.Err)}
	}
	f := &crmsync.Fault{Kind: crmsync.Transient, Code: unreachable, Err: fmt.Errorf("%s: %w", doing, err)}
	for _, known := range faultCauses {
		if slices.ContainsFunc(known.causes, func(cause error) bool { return errors.Is(err, cause) }) {
			f.Kind, f.Code = known.kind, known.code
			break
		}
	}
	return f
}

var faultCauses = []struct {
	causes []error
	kind   crmsync.Kind
	code   string
}{
	{[]error{sarama.ErrSASLAuthenticationFailed, sarama.ErrUnsupportedSASLMechanism}, crmsync.Denied, "kafka_login_refused"},
	{[]error{sarama.ErrTopicAuthorizationFailed, sarama.ErrGroupAuthorizationFailed, sarama.ErrClusterAuthorizationFailed}, crmsync.Denied, "kafka_not_authorized"},
	{[]error{sarama.ErrUnknownTopicOrPartition}, crmsync.Transient, "kafka_topic_missing"},
	{[]error{sarama.ErrInvalidTopic, sarama.ErrPolicyViolation}, crmsync.Denied, "kafka_topic_refused"},
}
