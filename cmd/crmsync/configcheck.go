package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"crmsync"
	"crmsync/pipeline"
	"crmsync/pipeline/kafka"
)

// defaultEngineConfig shows the engine's own defaults in the configuration.
func defaultEngineConfig() engineConfig {
	d := pipeline.DefaultConfig()
	return engineConfig{
		VersionFrom: string(pipeline.VersionField), Linger: d.Linger, Parallel: d.Parallel, Requests: d.Sends,
		Window: d.Window, InFlight: d.InFlight, InFlightMiB: int(d.InFlightMiB), Attempts: d.Attempts,
		SendTimeout: d.SendTimeout, Lease: d.Lease, ParkAfter: d.ParkAfter,
		CommitEvery: d.CommitEvery, CommitAlarm: d.CommitAlarm, TaskLimit: d.TaskLimit, DrainTimeout: d.DrainFor,
	}
}

// engine returns the engine's configuration.
func (c *config) engine() pipeline.Config {
	e := pipeline.DefaultConfig()
	e.Topic, e.VersionFrom = c.Kafka.Topic, pipeline.VersionFrom(c.Engine.VersionFrom)
	e.Linger, e.Parallel, e.Sends = c.Engine.Linger, c.Engine.Parallel, c.Engine.Requests
	e.Window, e.InFlight, e.InFlightMiB = c.Engine.Window, c.Engine.InFlight, int64(c.Engine.InFlightMiB)
	e.Attempts, e.SendTimeout = c.Engine.Attempts, c.Engine.SendTimeout
	e.Lease, e.ParkAfter, e.TaskLimit = c.Engine.Lease, c.Engine.ParkAfter, c.Engine.TaskLimit
	e.CommitEvery, e.CommitAlarm, e.DrainFor = c.Engine.CommitEvery, c.Engine.CommitAlarm, c.Engine.DrainTimeout
	return e
}

// kafka returns the Kafka package's configuration.
func (c *config) kafka() (kafka.Config, error) {
	k := kafka.Config{
		Brokers: c.Kafka.Brokers, Topic: c.Kafka.Topic, DeadLetterTopic: c.Kafka.DeadLetterTopic,
		Group: c.Kafka.Group, InstanceID: c.Kafka.InstanceID,
		Timings: kafka.Timings{Session: c.Kafka.SessionTimeout, Heartbeat: c.Kafka.SessionTimeout / heartbeats},
	}
	if t := c.Kafka.TLS; t != nil {
		k.TLS = kafka.TLS{Enabled: true, CAFile: t.CAFile, CertFile: t.CertFile, KeyFile: t.KeyFile, ServerName: t.ServerName}
	}
	if s := c.Kafka.SASL; s != nil {
		password := s.Password.Secret
		if s.PasswordFile != "" {
			b, err := readSecretFile(s.PasswordFile)
			if err != nil {
				return k, fmt.Errorf("read kafka.sasl.password_file: %w", err)
			}
			password = crmsync.NewSecret(strings.TrimRight(string(b), "\r\n"))
		}
		k.SASL = kafka.SASL{Mechanism: s.Mechanism, User: s.User, Password: password, Insecure: s.Insecure}
	}
	return k, k.Validate()
}

// fault is one thing that is wrong with a value, told with where it came from.
func (from origin) fault(path, format string, args ...any) error {
	return fmt.Errorf("%s: %s %s", cmp.Or(from[path], "default"), path, fmt.Sprintf(format, args...))
}

// validate returns all that is wrong with the values, each with its origin.
func (c *config) validate(from origin) error {
	var errs []error
	want := func(ok bool, path, format string, args ...any) {
		if !ok {
			errs = append(errs, from.fault(path, format, args...))
		}
	}
	want(len(c.Kafka.Brokers) > 0, "kafka.brokers", "must name at least one host:port")
	want(c.Kafka.Topic != c.Kafka.DeadLetterTopic, "kafka.dead_letter_topic", "must not be the topic of the events")
	state := c.State.URL.Reveal()
	want(strings.HasPrefix(state, "sqlite:") || strings.HasPrefix(state, "postgres://") || strings.HasPrefix(state, "postgresql://"),
		"state.url", "must start with postgres:// or sqlite:")
	want(c.Credentials.URL == "state" || strings.HasPrefix(c.Credentials.URL, "file:"), "credentials.url", "must be state or file:FILE")
	_, _, err := net.SplitHostPort(c.Admin.Listen)
	want(err == nil, "admin.listen", "must read host:port")
	want(slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level), "log.level", "must be debug, info, warn or error")
	want(slices.Contains([]string{"auto", "text", "json"}, c.Log.Format), "log.format", "must be auto, text or json")
	want(slices.Contains([]string{"version", "occurred_at", "offset"}, c.Engine.VersionFrom), "engine.version_from", "must be version, occurred_at or offset")
	for _, s := range settings(reflect.ValueOf(c).Elem(), "") {
		switch v := s.value.Interface().(type) {
		case int:
			want(v >= 1 && v <= 1_000_000, s.path, "must lie between 1 and 1,000,000")
		case time.Duration:
			want(v >= time.Millisecond && v <= 30*24*time.Hour, s.path, "must lie between 1ms and 720h")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Providers)) {
		u, err := url.Parse(c.Providers[name].BaseURL)
		want(err == nil && (c.Providers[name].BaseURL == "" || u.Host != ""), "providers."+name+".base_url", "must be a URL such as http://127.0.0.1:8089")
	}
	if len(errs) > 0 {
		return errors.Join(errs...) // what follows from them is no news
	}
	for _, r := range c.relations() {
		want(r.holds, r.path, "%s", r.text)
	}
	return errors.Join(errs...)
}
