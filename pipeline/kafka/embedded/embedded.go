// Package embedded runs a Kafka broker inside this process, on loopback, for
// the demo, for trying things out and for tests. Nothing needs to be
// installed; clients speak to it over TCP as to any other broker.
//
// It is an imitation (franz-go's kfake), not for production: one copy of the
// data, no quotas, no replication. It stands apart from package kafka, so that
// what runs in production doesn't carry it.
package embedded

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Topic is a topic to create, unless it is there already.
type Topic struct {
	Name       string
	Partitions int  // 0: one
	Compacted  bool // cleanup.policy=compact
	// MaxMessageBytes is the topic's max.message.bytes; 0: Kafka's 1,048,588.
	MaxMessageBytes int
}

// Config says how to start a broker. Its zero value is a broker on a free port
// that keeps everything in memory.
type Config struct {
	DataDir string // where the log is kept over a restart; empty: in memory
	Ports   []int  // one broker per port; nil: one broker on a free port
	Topics  []Topic
	// MinSession is the shortest session timeout a group may ask for; 0: Kafka's 6 s.
	MinSession time.Duration
	// Options are for tests: faults, TLS, SASL.
	Options []kfake.Opt
}

// Broker is a running broker.
type Broker struct {
	cluster *kfake.Cluster
	address []string
}

// Start returns a broker that listens and has the topics. It fails when a port
// is taken or DataDir can't be used.
func Start(cfg Config) (*Broker, error) {
	options, err := cfg.options()
	if err != nil {
		return nil, err
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		return nil, fmt.Errorf("start the embedded kafka: %w", err)
	}
	b := &Broker{cluster: cluster, address: cluster.ListenAddrs()}
	for _, t := range cfg.Topics {
		if err := b.CreateTopic(t); err != nil {
			return nil, errors.Join(err, b.Close())
		}
	}
	return b, nil
}

func (c Config) options() ([]kfake.Opt, error) {
	options := []kfake.Opt{kfake.NumBrokers(1)}
	if len(c.Ports) > 0 {
		options = append(options, kfake.Ports(c.Ports...))
	}
	if c.DataDir != "" {
		if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
			return nil, fmt.Errorf("make the data directory of the embedded kafka: %w", err)
		}
		options = append(options, kfake.DataDir(c.DataDir))
	}
	if c.MinSession > 0 {
		options = append(options, kfake.GroupMinSessionTimeout(c.MinSession))
	}
	return append(options, c.Options...), nil
}

// CreateTopic creates a topic; one that is there stays as it is.
func (b *Broker) CreateTopic(t Topic) error {
	if b.cluster.TopicInfo(t.Name) != nil {
		return nil
	}
	configs := map[string]string{}
	if t.Compacted {
		configs["cleanup.policy"] = "compact"
	}
	if t.MaxMessageBytes > 0 {
		configs["max.message.bytes"] = fmt.Sprint(t.MaxMessageBytes)
	}
	if err := b.cluster.CreateTopic(t.Name, int32(max(t.Partitions, 1)), configs); err != nil {
		return fmt.Errorf("create topic %s on the embedded kafka: %w", t.Name, err)
	}
	return nil
}

// Brokers returns the addresses, host:port each.
func (b *Broker) Brokers() []string { return b.address }

// Cluster returns what lies behind, for tests that need faults or a look inside.
func (b *Broker) Cluster() *kfake.Cluster { return b.cluster }

// Close ends the broker and writes out what DataDir keeps. It never fails; the
// error is there so that it can be called like other parts.
func (b *Broker) Close() error {
	b.cluster.Close()
	return nil
}
