package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"crmsync"
	"crmsync/dsl/document"
)

// config is what `crmsync run` and the operators' commands read. DefaultConfig
// says what a key that is left out means.
type config struct {
	Kafka       kafkaConfig               `yaml:"kafka"`
	State       stateConfig               `yaml:"state"`
	Redis       redisConfig               `yaml:"redis"`
	Credentials credentialsConfig         `yaml:"credentials"`
	Mappings    mappingsConfig            `yaml:"mappings"`
	Providers   map[string]providerConfig `yaml:"providers"`
	Admin       adminConfig               `yaml:"admin"`
	Engine      engineConfig              `yaml:"engine"`
	Log         logConfig                 `yaml:"log"`
}

type kafkaConfig struct {
	Brokers         []string      `yaml:"brokers"`
	Topic           string        `yaml:"topic"`
	DeadLetterTopic string        `yaml:"dead_letter_topic"`
	Group           string        `yaml:"group"`
	InstanceID      string        `yaml:"instance_id"`
	SessionTimeout  time.Duration `yaml:"session_timeout"`
	TLS             *tlsConfig    `yaml:"tls"`
	SASL            *saslConfig   `yaml:"sasl"`
}

type tlsConfig struct {
	CAFile     string `yaml:"ca_file"`
	CertFile   string `yaml:"cert_file"`
	KeyFile    string `yaml:"key_file"`
	ServerName string `yaml:"server_name"`
}

type saslConfig struct {
	Mechanism    string `yaml:"mechanism"`
	User         string `yaml:"user"`
	Password     secret `yaml:"password"`
	PasswordFile string `yaml:"password_file"`
	Insecure     bool   `yaml:"insecure"`
}

type stateConfig struct {
	URL      secret `yaml:"url"`
	Insecure bool   `yaml:"insecure"`
}

type redisConfig struct {
	URL      secret        `yaml:"url"`
	TTL      time.Duration `yaml:"ttl"`
	TLS      *tlsConfig    `yaml:"tls"`
	Insecure bool          `yaml:"insecure"`
}

type credentialsConfig struct {
	URL     string `yaml:"url"`
	KeyFile string `yaml:"key_file"`
}

type mappingsConfig struct {
	Dir string `yaml:"dir"`
}

type providerConfig struct {
	BaseURL     string        `yaml:"base_url"`
	MaxInflight time.Duration `yaml:"max_inflight"`
}

type adminConfig struct {
	Listen string `yaml:"listen"`
}

type engineConfig struct {
	VersionFrom  string        `yaml:"version_from"`
	Linger       time.Duration `yaml:"linger"`
	Parallel     int           `yaml:"parallel"`
	Requests     int           `yaml:"requests"`
	Window       int           `yaml:"window"`
	InFlight     int           `yaml:"in_flight"`
	InFlightMiB  int           `yaml:"in_flight_mib"`
	Attempts     int           `yaml:"attempts"`
	SendTimeout  time.Duration `yaml:"send_timeout"`
	Lease        time.Duration `yaml:"lease"`
	ParkAfter    time.Duration `yaml:"park_after"`
	CommitEvery  time.Duration `yaml:"commit_every"`
	CommitAlarm  time.Duration `yaml:"commit_alarm"`
	TaskLimit    time.Duration `yaml:"task_limit"`
	DrainTimeout time.Duration `yaml:"drain_timeout"`
}

type logConfig struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"`
}

// secret is a text in the configuration that must not be printed.
type secret struct{ crmsync.Secret }

// UnmarshalText takes the text in.
func (s *secret) UnmarshalText(b []byte) error {
	s.Secret = crmsync.NewSecret(string(b))
	return nil
}

// defaultConfig is a configuration with nothing said.
func defaultConfig() config {
	return config{
		Kafka: kafkaConfig{
			Brokers: []string{"127.0.0.1:9092"}, Topic: "crmsync.events", DeadLetterTopic: "crmsync.dlq", Group: "crmsync",
			SessionTimeout: defaultSession,
		},
		State:       stateConfig{URL: secret{crmsync.NewSecret("sqlite:crmsync.db")}},
		Redis:       redisConfig{TTL: 10 * time.Minute},
		Credentials: credentialsConfig{URL: "file:credentials.json", KeyFile: "credentials.key"},
		Mappings:    mappingsConfig{Dir: "mappings"},
		Admin:       adminConfig{Listen: "127.0.0.1:8080"},
		Engine:      defaultEngineConfig(),
		Log:         logConfig{Level: "info", Format: "auto"},
	}
}

// configName is the file that is read when none is named.
const configName = "crmsync.yaml"

// origin tells where the values of a configuration come from: "default", a
// place in the file, or a variable.
type origin map[string]string

// readConfig reads the file, lays the environment over it, and checks the whole.
// A file that is not named need not be there.
func readConfig(file string, env []string) (config, origin, error) {
	c, from := defaultConfig(), origin{}
	src, err := readUpTo(cmp.Or(file, configName), document.DefaultLimits().Bytes)
	switch {
	case errors.Is(err, fs.ErrNotExist) && file == "":
	case err != nil:
		return c, from, fmt.Errorf("read configuration: %w", err)
	default:
		if err := c.file(cmp.Or(file, configName), src, from); err != nil {
			return c, from, err
		}
	}
	if err := c.environment(env, from); err != nil {
		return c, from, err
	}
	return c, from, c.validate(from)
}

// file lays a YAML file over c. Its faults carry their places.
func (c *config) file(name string, src []byte, from origin) error {
	schema, err := configFormat()
	if err != nil {
		return fmt.Errorf("compile our own configuration schema: %w", err)
	}
	doc, found := document.Parse(name, src, document.DefaultLimits())
	if !found.HasErrors() {
		found = append(found, document.Check(doc, schema, document.CheckOptions{})...)
	}
	if !found.HasErrors() {
		found = append(found, document.Decode(doc.Root(), c)...)
		note(doc.Root(), from, "")
	}
	found.Sort()
	return found.Err()
}

// note remembers where each value of the file stands.
func note(n *document.Node, from origin, path string) {
	for _, key := range n.Keys() {
		child := n.Get(key)
		at := strings.TrimPrefix(path+"."+key, ".")
		if child.Kind() == document.Mapping {
			note(child, from, at)
			continue
		}
		from[at] = fmt.Sprintf("%s:%d", child.Document().File(), child.Range().Start.Line)
	}
}
