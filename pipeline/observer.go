package pipeline

import (
	"time"

	"crmsync"
	"crmsync/dsl"
)

// Observer is told what happens, for metrics, logs and reports. Its methods may
// be called at the same time; they must return at once and decide nothing.
type Observer interface {
	Ended(Ended)
	Requested(Requested)
	Noticed(Notice)
}

// Ended tells of a delivery that has found its outcome.
type Ended struct {
	Event      *crmsync.Event // good until the call returns; zero where the envelope could not be read
	Partition  int32
	Offset     int64
	Connection crmsync.Connection // zero: it never came to one
	Program    *dsl.Program       // nil: it has no mapping
	Outcome    crmsync.Outcome
	Fault      *crmsync.Fault // why it is dead, or, by its Code, what it waits for
	First      bool           // of the event's deliveries
	Released   bool           // it had ended as waiting before, and is not counted twice
	At         time.Time
}

// Requested tells of one request to a CRM.
type Requested struct {
	Batch   *crmsync.Batch // good until the call returns
	Answer  *crmsync.Answer
	Took    time.Duration
	Waited  time.Duration // what the rate check said instead: nothing was sent
	Renders time.Duration // what rendering the batch took
}

// Notice tells of something that concerns more than one delivery.
type Notice struct {
	Task      string // that failed with Err, or, with a nil Err, works again
	Err       error
	What      string // assigned, released, committed, closed (an account), and what a comment names
	Partition int32
	Offset    int64 // committed
	End       int64 // of the log, as last seen; -1: unknown
	Gap       *crmsync.Gap
	Account   crmsync.ConnectionID
	Provider  string         // of the account
	Fault     *crmsync.Fault // why the account closed
	Until     time.Time
	Entries   int64           // of waiting: how many of the partition's records are in the waiting room
	Key       crmsync.LinkKey // of unreadable_wait and illegal_sequence
}

// Quiet is an Observer that hears nothing.
type Quiet struct{}

// Ended does nothing.
func (Quiet) Ended(Ended) {}

// Requested does nothing.
func (Quiet) Requested(Requested) {}

// Noticed does nothing.
func (Quiet) Noticed(Notice) {}
