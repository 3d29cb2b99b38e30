package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// inFile writes a configuration into a folder of its own and returns its name.
func inFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "crmsync.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

const issueConfig = `kafka: {brokers: ["127.0.0.1:9092"], topic: crmsync.events, dead_letter_topic: crmsync.dlq, group: crmsync}
state: {url: "postgres://crmsync@127.0.0.1/crmsync"}      # or "sqlite:crmsync.db"
redis: {url: "redis://127.0.0.1:6379/0"}                  # left out: kept in this process
credentials: {url: "file:credentials.json", key_file: credentials.key}   # or url: state
mappings: {dir: mappings}
providers: {hubspot: {base_url: "http://127.0.0.1:8089"}} # emulators and proxies only
admin: {listen: "127.0.0.1:8080"}
`

func TestReadConfig(t *testing.T) {
	file := inFile(t, issueConfig+"engine: {linger: 20ms, version_from: offset}\n")
	secretFile := filepath.Join(t.TempDir(), "url")
	require.NoError(t, os.WriteFile(secretFile, []byte("postgres://u:hush@db/x\n"), 0o600))
	c, from, err := readConfig(file, []string{
		"CRMSYNC_KAFKA_BROKERS=a:1,b:2", "CRMSYNC_STATE_URL_FILE=" + secretFile, "CRMSYNC_ENGINE_ATTEMPTS=3",
		"CRMSYNC_KAFKA_SASL_MECHANISM=PLAIN", "CRMSYNC_KAFKA_SASL_PASSWORD=hush", "CRMSYNC_PROVIDERS_HUBSPOT_MAX_INFLIGHT=2s",
		"CRMSYNC_TEST_SOMETHING=1", "PATH=/bin",
	})
	require.NoError(t, err)
	require.Equal(t, []string{"a:1", "b:2"}, c.Kafka.Brokers)
	require.Equal(t, "crmsync.events", c.Kafka.Topic)
	require.Equal(t, "postgres://u:hush@db/x", c.State.URL.Reveal())
	require.Equal(t, 3, c.Engine.Attempts)
	require.Equal(t, 20*time.Millisecond, c.Engine.Linger)
	require.Equal(t, 15*time.Second, c.Engine.DrainTimeout, "what nobody says keeps its default")
	require.Equal(t, "PLAIN", c.Kafka.SASL.Mechanism)
	require.Equal(t, providerConfig{BaseURL: "http://127.0.0.1:8089", MaxInflight: 2 * time.Second}, c.Providers["hubspot"])
	require.Equal(t, "CRMSYNC_STATE_URL_FILE", from["state.url"])
	require.Equal(t, file+":1", from["kafka.topic"])
	require.Empty(t, from["log.level"])
	require.NotContains(t, fmt.Sprintf("%+v %v %#v", c, c, c), "hush")
}

func TestReadConfigWithoutFile(t *testing.T) {
	t.Chdir(t.TempDir())
	c, _, err := readConfig("", nil)
	require.NoError(t, err)
	require.Equal(t, "sqlite:crmsync.db", c.State.URL.Reveal())
	_, _, err = readConfig("nowhere.yaml", nil)
	require.EqualError(t, err, "read configuration: open nowhere.yaml: no such file or directory")
}

func TestConfigFaults(t *testing.T) {
	cases := map[string]struct {
		text string
		env  []string
		want string
	}{
		"unknown key":      {text: "kafka:\n  topik: x\n", want: `%s:2:3: error: unknown key "topik" [CM102]`},
		"wrong type":       {text: "kafka: {brokers: 5}\n", want: `%s:1:18: error: "brokers" must be a list, but is a whole number [CM104]`},
		"duplicate key":    {text: "admin: {}\nadmin: {}\n", want: `%s:2:1: error: duplicate key "admin" [CM105]`},
		"bad duration":     {text: "engine: {linger: soon}\n", want: `%s:1:18: error: "linger" is not a length of time [CM104]`},
		"unknown variable": {env: []string{"CRMSYNC_KAFKA_TOPIK=x"}, want: "unknown variable CRMSYNC_KAFKA_TOPIK: did you mean CRMSYNC_KAFKA_TOPIC?"},
		"bad variable":     {env: []string{"CRMSYNC_ENGINE_WINDOW=many"}, want: "CRMSYNC_ENGINE_WINDOW: want a whole number"},
		"no such file":     {env: []string{"CRMSYNC_STATE_URL_FILE=/nowhere"}, want: "read the file of CRMSYNC_STATE_URL_FILE: open /nowhere: no such file or directory"},
		"bad value":        {env: []string{"CRMSYNC_LOG_LEVEL=loud"}, want: "CRMSYNC_LOG_LEVEL: log.level must be debug, info, warn or error"},
		"one topic twice":  {text: "kafka: {topic: a, dead_letter_topic: a}\n", want: "%s:1: kafka.dead_letter_topic must not be the topic of the events"},
		"out of bounds":    {env: []string{"CRMSYNC_ENGINE_WINDOW=0"}, want: "CRMSYNC_ENGINE_WINDOW: engine.window must lie between 1 and 1,000,000"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			file := inFile(t, cmp.Or(c.text, "admin: {}\n"))
			_, _, err := readConfig(file, c.env)
			require.Error(t, err)
			want := c.want
			if c.text != "" {
				want = fmt.Sprintf(want, file)
			}
			require.Equal(t, want, err.Error())
		})
	}
}

func TestMasked(t *testing.T) {
	cases := map[string]string{
		"postgres://crmsync:hush@db:5432/x?sslmode=verify-full&password=hush": "postgres://crmsync:[redacted]@db:5432/x",
		"postgres://crmsync@db/x":      "postgres://crmsync@db/x",
		"redis://:hush@127.0.0.1:6379": "redis://:[redacted]@127.0.0.1:6379",
		"sqlite:crmsync.db":            "sqlite:crmsync.db",
		"hush":                         "[redacted]",
	}
	for in, want := range cases {
		require.Equal(t, want, masked(in))
	}
}
