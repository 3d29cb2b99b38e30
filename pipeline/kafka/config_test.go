package kafka_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/kafka"
)

func TestValidate(t *testing.T) {
	tests := []struct {
		name string
		edit func(c *kafka.Config)
		want string // empty: valid
	}{
		{"as it should be", func(*kafka.Config) {}, ""},
		{"no brokers", func(c *kafka.Config) { c.Brokers = nil }, "kafka brokers: give at least one host:port"},
		{"a broker without port", func(c *kafka.Config) { c.Brokers[0] = "kafka" }, `kafka broker "kafka": give host:port`},
		{"no topic", func(c *kafka.Config) { c.Topic = "" }, "kafka topic: give a name"},
		{"no dead-letter topic", func(c *kafka.Config) { c.DeadLetterTopic = "" }, "kafka dead-letter topic: give a name"},
		{"no group", func(c *kafka.Config) { c.Group = "" }, "kafka group: give a name"},
		{"dead letters among the events", func(c *kafka.Config) { c.DeadLetterTopic = c.Topic }, "kafka dead-letter topic: events is the topic of the events, choose another"},
		{"an old version", func(c *kafka.Config) { c.Version = "2.3.0" }, `kafka version "2.3.0": give 2.4.0 or newer, such as 3.6.0`},
		{"no version at all", func(c *kafka.Config) { c.Version = "new" }, `kafka version "new": give 2.4.0 or newer, such as 3.6.0`},
		{"the oldest version", func(c *kafka.Config) { c.Version = "2.4.0" }, ""},
		{"the newest version", func(c *kafka.Config) { c.Version = "4.1.0" }, ""},
		{"a hold that outlasts the rebalance", func(c *kafka.Config) { c.Timings.Hold = 20 * time.Second }, "kafka timings: hold 20s must be shorter than rebalance 20s"},
		{"tls files without tls", func(c *kafka.Config) { c.TLS.CAFile = "ca.pem" }, "kafka tls: files or a server name are given, but tls is not enabled"},
		{"a certificate without key", func(c *kafka.Config) { c.TLS = kafka.TLS{Enabled: true, CertFile: "a.pem"} }, "kafka tls: give both cert_file and key_file, or none"},
		{"an unknown mechanism", func(c *kafka.Config) { c.SASL.Mechanism = "GSSAPI" }, `kafka sasl mechanism "GSSAPI": choose PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512`},
		{"a user without mechanism", func(c *kafka.Config) { c.SASL.User = "ada" }, "kafka sasl: a user or password is given; choose a mechanism: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"},
		{"a mechanism without user", func(c *kafka.Config) { c.SASL.Mechanism = kafka.Plain }, "kafka sasl: give user and password"},
		{"a login without tls", func(c *kafka.Config) { c.SASL = login() }, "kafka sasl without tls lets others on the network read along: enable tls, or set insecure: true for a broker on this machine"},
		{"a login without tls, allowed", func(c *kafka.Config) { c.SASL = login(); c.SASL.Insecure = true }, ""},
		{"a login with tls", func(c *kafka.Config) { c.SASL = login(); c.TLS.Enabled = true }, ""},
		{
			"all faults at once", func(c *kafka.Config) { c.Brokers, c.Group, c.Version = nil, "", "1.0.0" },
			"kafka brokers: give at least one host:port\nkafka group: give a name\n" + `kafka version "1.0.0": give 2.4.0 or newer, such as 3.6.0`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg := kafka.Config{Brokers: []string{"127.0.0.1:9092"}, Topic: "events", DeadLetterTopic: "dlq", Group: "group"}
			test.edit(&cfg)
			err := cfg.Validate()
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, test.want)
			_, err = kafka.NewSource(cfg, kafka.Hooks{})
			require.EqualError(t, err, test.want)
			_, err = kafka.NewDeadLetters(cfg)
			require.EqualError(t, err, test.want)
			require.EqualError(t, kafka.Check(t.Context(), cfg), test.want)
		})
	}
}

func login() kafka.SASL {
	return kafka.SASL{Mechanism: kafka.ScramSHA512, User: "ada", Password: crmsync.NewSecret("geheim")}
}

func TestUnusableFiles(t *testing.T) {
	dir := t.TempDir()
	empty := dir + "/empty.pem"
	require.NoError(t, os.WriteFile(empty, []byte("no certificate"), 0o600))
	tests := []struct {
		name string
		tls  kafka.TLS
		want string
	}{
		{"no CA file", kafka.TLS{CAFile: dir + "/none.pem"}, "read the CA of kafka: open " + dir + "/none.pem: no such file or directory"},
		{"an empty CA file", kafka.TLS{CAFile: empty}, "read the CA of kafka: " + empty + " holds no certificate in PEM form"},
		{"a client certificate that is none", kafka.TLS{CertFile: empty, KeyFile: empty}, "read the client certificate for kafka: " + empty + " and " + empty + ": tls: failed to find any PEM data in certificate input"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.tls.Enabled = true
			cfg := kafka.Config{Brokers: []string{"127.0.0.1:9092"}, Topic: "events", DeadLetterTopic: "dlq", Group: "group", TLS: test.tls}
			_, err := kafka.NewSource(cfg, kafka.Hooks{})
			require.EqualError(t, err, test.want)
		})
	}
}
