package main

import (
	"fmt"
	"time"
)

// What other parts wait for, which the configuration must fit.
const (
	// defaultSession and heartbeats are what is measured against real brokers:
	// a member is gone after so long, in which it sends so many heartbeats.
	defaultSession = 10 * time.Second
	heartbeats     = 5
	// kafkaHold is how long a revoked partition waits to be handed back; then
	// another process has it.
	kafkaHold = 18 * time.Second
	// letterPatience is how long a dead letter waits for Kafka in one task.
	letterPatience = time.Minute
	// proofTrip is what a round trip to the state store may take when it is slow.
	proofTrip = 250 * time.Millisecond
	// leaseProofs is how often ownership is proven while a lease lasts.
	leaseProofs = 4
)

// relation is what must hold between values, and what to say when it doesn't.
type relation struct {
	holds      bool
	path, text string
}

// relations are the bounds that one value sets for another.
func (c *config) relations() []relation {
	e, k := &c.Engine, &c.Kafka
	says := fmt.Sprintf
	return []relation{
		{k.SessionTimeout >= time.Second && k.SessionTimeout <= 30*time.Minute, "kafka.session_timeout",
			"must lie between 1s and 30m; brokers usually refuse less than 6s"},
		{e.Lease >= leaseProofs*proofTrip, "engine.lease",
			says("must be at least %s: it is proven %d times while it lasts, each time by a question to the state store", leaseProofs*proofTrip, leaseProofs)},
		{e.Lease >= e.SendTimeout, "engine.lease",
			says("must not be shorter than engine.send_timeout (%s): no request outlives the lease, so requests would be cut short", e.SendTimeout)},
		{e.DrainTimeout >= e.SendTimeout, "engine.drain_timeout",
			says("must not be shorter than engine.send_timeout (%s): requests under way could not finish, and the next process would wait for them", e.SendTimeout)},
		{e.DrainTimeout < kafkaHold, "engine.drain_timeout",
			says("must be shorter than %s: by then another process gets a revoked partition, finished or not", kafkaHold)},
		{e.Linger < e.ParkAfter, "engine.park_after",
			says("must be longer than engine.linger (%s): else records go to the waiting room for their batch", e.Linger)},
		{e.CommitAlarm >= 3*e.CommitEvery, "engine.commit_alarm",
			says("must be at least three times engine.commit_every (%s): offsets stand still in between", e.CommitEvery)},
		{e.TaskLimit > 2*max(e.SendTimeout, letterPatience), "engine.task_limit",
			says("must be longer than %s: a task is told to end when half of it is over, and may take as long as a request (engine.send_timeout), or as a dead letter waits for Kafka (%s)", 2*max(e.SendTimeout, letterPatience), letterPatience)},
	}
}
