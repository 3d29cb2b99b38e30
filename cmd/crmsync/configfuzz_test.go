package main

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzConfig reads any text for the configuration file, and any lines for the
// environment. What is refused says of each fault where it comes from; what is
// accepted keeps to the bounds, keeps the defaults of what it leaves out, and
// shows no secret, however it is printed.
func FuzzConfig(f *testing.F) {
	f.Add(issueConfig, "")
	f.Add(issueConfig+"engine: {linger: 20ms, version_from: offset}\n", "CRMSYNC_KAFKA_BROKERS=a:1,b:2\nCRMSYNC_ENGINE_ATTEMPTS=3\nCRMSYNC_PROVIDERS_HUBSPOT_MAX_INFLIGHT=2s")
	f.Add("kafka: {sasl: {mechanism: SCRAM-SHA-512, user: u, password: canary-7f3a9b}}\n", "CRMSYNC_KAFKA_TOPIK=x")
	f.Add("state: {url: \"postgres://u:canary-7f3a9b@db/x\"}\n", "CRMSYNC_STATE_URL=canary-7f3a9b\nCRMSYNC_PROVIDERS__BASE_URL=x")
	f.Add("engine: {window: 0}\nlog: {level: loud}\nadmin: {listen: x}\n", "CRMSYNC_REDIS_TTL=-1s")
	for _, name := range []string{"../../deploy/crmsync.yaml", "../../examples/crmsync.yaml"} {
		if text, err := os.ReadFile(name); err == nil {
			f.Add(string(text), "")
		}
	}
	f.Fuzz(func(t *testing.T, text, variables string) {
		if len(text) > 8<<10 || strings.Contains(variables, "_FILE=") {
			t.Skip("larger ones are the table's part, and no file outside is read")
		}
		env := strings.Split(variables, "\n")
		c, from, err := configOf(text, env)
		_, _, again := configOf(text, env)
		require.Equal(t, err == nil, again == nil)
		if err != nil {
			requireOrigins(t, err)
			return
		}
		requireBounds(t, &c)
		requireDefaults(t, &c, from)
		requireSecrets(t, &c, text+variables)
	})
}

// configOf is readConfig of a text.
func configOf(text string, env []string) (config, origin, error) {
	c, from := defaultConfig(), origin{}
	if err := c.file("c.yaml", []byte(text), from); err != nil {
		return c, from, err
	}
	if err := c.environment(env, from); err != nil {
		return c, from, err
	}
	return c, from, c.validate(from)
}

var faultOrigin = regexp.MustCompile(`^(c\.yaml:\d+|default: |CRMSYNC_|unknown variable CRMSYNC_|read the file of CRMSYNC_)`)

// requireOrigins requires of each line of a refusal that it says where to look.
func requireOrigins(t *testing.T, err error) {
	t.Helper()
	require.NotEmpty(t, err.Error())
	for line := range strings.Lines(strings.ReplaceAll(err.Error(), "\\\n", "")) {
		require.Regexp(t, faultOrigin, strings.ToValidUTF8(line, "?"))
	}
}

func requireBounds(t *testing.T, c *config) {
	t.Helper()
	for _, s := range settings(reflect.ValueOf(c).Elem(), "") {
		switch v := s.value.Interface().(type) {
		case int:
			require.True(t, v >= 1 && v <= 1_000_000, s.path)
		case time.Duration:
			require.True(t, v >= time.Millisecond && v <= 30*24*time.Hour, s.path)
		}
	}
	require.NotEmpty(t, c.Kafka.Brokers)
	require.NotEqual(t, c.Kafka.Topic, c.Kafka.DeadLetterTopic)
	require.Equal(t, c.Engine.Window, c.engine().Window)
}

// requireDefaults requires that what nobody said is as it is by default.
func requireDefaults(t *testing.T, c *config, from origin) {
	t.Helper()
	defaults := defaultConfig()
	want := map[string]any{}
	for _, s := range settings(reflect.ValueOf(&defaults).Elem(), "") {
		want[s.path] = s.value.Interface()
	}
	for _, s := range settings(reflect.ValueOf(c).Elem(), "") {
		value, known := want[s.path]
		if _, said := from[s.path]; !said && known {
			require.Equal(t, value, s.value.Interface(), s.path)
		}
	}
}

// requireSecrets requires that no way of printing shows a secret that nothing
// else in the input says too.
func requireSecrets(t *testing.T, c *config, input string) {
	t.Helper()
	printed := fmt.Sprintf("%v %+v %#v", *c, *c, *c)
	for _, s := range settings(reflect.ValueOf(c).Elem(), "") {
		if v, ok := s.value.Interface().(secret); ok && len(v.Reveal()) > 12 && strings.Count(input, v.Reveal()) == 1 {
			require.NotContains(t, printed, v.Reveal(), s.path)
		}
	}
}
