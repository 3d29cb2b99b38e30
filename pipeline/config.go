package pipeline

import (
	"time"

	"crmsync"
	"crmsync/dsl"
)

// Parts are what an Engine's tasks stand on. All are required.
type Parts struct {
	Source      crmsync.Source
	Horizon     crmsync.Horizon
	DeadLetters crmsync.DeadLetterQueue
	State       crmsync.StateStore
	Ownership   crmsync.Ownership
	Waiting     crmsync.WaitingRoom
	Idempotency crmsync.IdempotencyStore
	Credentials crmsync.CredentialStore
	Rate        crmsync.RateChecker
	Providers   map[string]crmsync.Provider
	Mappings    Mappings
	Observer    Observer
	Now         func() time.Time // for measuring only
}

// Mappings gives the set of mappings in force. It may change from call to call;
// a set itself never does.
type Mappings interface{ Current() *dsl.Set }

// Config tunes an Engine. DefaultConfig says what fits.
type Config struct {
	Topic       string      // whose partitions are claimed
	VersionFrom VersionFrom // where an event's version stands

	Linger   time.Duration // how long a call may wait for company
	Parallel int           // requests in flight per connection, at most
	Sends    int           // requests in flight in all
	Rows     int           // deliveries in one read, links in one save, letters in one put

	Window      int   // messages per partition beyond what is committed
	InFlight    int   // messages in all
	InFlightMiB int64 // their bytes in all
	Cache       int   // links kept of records at rest

	BackoffBase time.Duration // of a first retry, before jitter
	BackoffMax  time.Duration
	Attempts    int           // of one delivery whose account works for others; then it is a dead letter
	SendTimeout time.Duration // a request dies after it
	DeniedPause time.Duration // how long an account rests whose credential is refused; doubles up to four times it

	Lease        time.Duration // how long a proof of ownership lasts; what a next owner waits for
	MaxInflight  time.Duration // the longest of any provider in use, its search lag included
	ParkAfter    time.Duration // longer waits go to the waiting room
	ReleaseEvery time.Duration // how often the waiting room is looked at, at most

	CommitEvery time.Duration
	CommitAlarm time.Duration // how long the committed offset may stand still while the watermark moves
	DrainFor    time.Duration // how long a revoked partition may finish its calls
	TaskLimit   time.Duration // a task that takes longer ends the process
	AcceptGaps  []int32       // partitions that may go on though the log lost what came next
	Once        bool          // stop at the end of the log
}

// DefaultConfig returns the configuration of an untuned engine.
func DefaultConfig() Config {
	return Config{
		Topic:  "crmsync.events",
		Linger: 50 * time.Millisecond, Parallel: 4, Sends: 256, Rows: 1000,
		Window: 20_000, InFlight: 60_000, InFlightMiB: 128, Cache: 50_000,
		BackoffBase: 200 * time.Millisecond, BackoffMax: 30 * time.Second, Attempts: 8,
		SendTimeout: 10 * time.Second, DeniedPause: 15 * time.Second,
		Lease: 15 * time.Second, MaxInflight: 2 * time.Minute, ParkAfter: 5 * time.Second, ReleaseEvery: 250 * time.Millisecond,
		CommitEvery: time.Second, CommitAlarm: 30 * time.Second, DrainFor: 15 * time.Second, TaskLimit: 4 * time.Minute,
	}
}
