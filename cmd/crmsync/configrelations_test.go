package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestConfigRelations: values that don't fit each other are refused, with where
// they come from and why.
func TestConfigRelations(t *testing.T) {
	cases := map[string]struct {
		env  []string
		want string
	}{
		"session too short": {[]string{"CRMSYNC_KAFKA_SESSION_TIMEOUT=500ms"},
			"CRMSYNC_KAFKA_SESSION_TIMEOUT: kafka.session_timeout must lie between 1s and 30m; brokers usually refuse less than 6s"},
		"lease too short to prove": {[]string{"CRMSYNC_ENGINE_LEASE=900ms", "CRMSYNC_ENGINE_SEND_TIMEOUT=500ms"},
			"CRMSYNC_ENGINE_LEASE: engine.lease must be at least 1s: it is proven 4 times while it lasts, each time by a question to the state store"},
		"lease shorter than a request": {[]string{"CRMSYNC_ENGINE_LEASE=5s"},
			"CRMSYNC_ENGINE_LEASE: engine.lease must not be shorter than engine.send_timeout (10s): no request outlives the lease, so requests would be cut short"},
		"requests can't finish": {[]string{"CRMSYNC_ENGINE_DRAIN_TIMEOUT=5s"},
			"CRMSYNC_ENGINE_DRAIN_TIMEOUT: engine.drain_timeout must not be shorter than engine.send_timeout (10s): requests under way could not finish, and the next process would wait for them"},
		"drain beyond the hold": {[]string{"CRMSYNC_ENGINE_DRAIN_TIMEOUT=18s"},
			"CRMSYNC_ENGINE_DRAIN_TIMEOUT: engine.drain_timeout must be shorter than 18s: by then another process gets a revoked partition, finished or not"},
		"linger beyond park_after": {[]string{"CRMSYNC_ENGINE_LINGER=5s"},
			"default: engine.park_after must be longer than engine.linger (5s): else records go to the waiting room for their batch"},
		"alarm before a commit": {[]string{"CRMSYNC_ENGINE_COMMIT_ALARM=2s"},
			"CRMSYNC_ENGINE_COMMIT_ALARM: engine.commit_alarm must be at least three times engine.commit_every (1s): offsets stand still in between"},
		"impatient with tasks": {[]string{"CRMSYNC_ENGINE_TASK_LIMIT=2m"},
			"CRMSYNC_ENGINE_TASK_LIMIT: engine.task_limit must be longer than 2m0s: a task is told to end when half of it is over, and may take as long as a request (engine.send_timeout), or as a dead letter waits for Kafka (1m0s)"},
		"a follower is not told": {[]string{"CRMSYNC_ENGINE_LINGER=800h"},
			"CRMSYNC_ENGINE_LINGER: engine.linger must lie between 1ms and 720h"},
		"all that is wrong at once": {[]string{"CRMSYNC_ENGINE_COMMIT_ALARM=2s", "CRMSYNC_ENGINE_LEASE=5s"},
			"CRMSYNC_ENGINE_LEASE: engine.lease must not be shorter than engine.send_timeout (10s): no request outlives the lease, so requests would be cut short\n" +
				"CRMSYNC_ENGINE_COMMIT_ALARM: engine.commit_alarm must be at least three times engine.commit_every (1s): offsets stand still in between"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, _, err := readConfig(inFile(t, "admin: {}\n"), c.env)
			require.EqualError(t, err, c.want)
		})
	}
}

// TestEngineConfig: what is set reaches the engine and Kafka.
func TestEngineConfig(t *testing.T) {
	c, _, err := readConfig(inFile(t, `kafka: {topic: changes, session_timeout: 20s}
engine: {lease: 20s, park_after: 6s, commit_alarm: 40s, task_limit: 5m}
`), nil)
	require.NoError(t, err)
	e := c.engine()
	require.Equal(t, "changes", e.Topic)
	require.Equal(t, "20s 6s 40s 5m0s", e.Lease.String()+" "+e.ParkAfter.String()+" "+e.CommitAlarm.String()+" "+e.TaskLimit.String())
	k, err := c.kafka()
	require.NoError(t, err)
	require.Equal(t, "20s 4s", k.Timings.Session.String()+" "+k.Timings.Heartbeat.String())
}
