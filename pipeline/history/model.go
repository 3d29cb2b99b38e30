package history

import (
	"time"

	"crmsync"
)

// Fate is what must become of a version at one connection, if no newer one
// takes its place.
type Fate uint8

// The fates of a version.
const (
	Lands   Fate = iota // the CRM must hold it
	Marks               // the CRM must hold it, if it has an object of the record at all
	Removes             // the CRM must hold no object of the record
	Skipped             // the mapping leaves it out: no call may carry it
	Dies                // it must be a dead letter
)

var fateNames = [...]string{Lands: "lands", Marks: "marks", Removes: "removes", Skipped: "skipped", Dies: "dies"}

// String returns the fate in one word.
func (f Fate) String() string { return fateNames[f] }

// Way is one of the ways that an event must go.
type Way struct {
	Connection string
	Fate       Fate
	// MayDie says that a dead letter is a good end too, because the CRM may refuse
	// it or the attempts may be used up. Without it such a letter is a finding.
	MayDie bool
}

// Event is one message that the log has accepted. The same event may come
// again, at another offset.
type Event struct {
	Partition int32
	Offset    int64
	At        time.Time // when it was accepted; may be zero
	// Broken says that the message is no event: it must become a dead letter, with
	// this code unless that is empty. What follows is then not read.
	Broken bool
	Code   string

	Key     crmsync.RecordKey
	Version int64
	Op      crmsync.Op
	// Hash tells a repeat from another event with the same version; 0: unknown.
	Hash uint64
	// Content tells what the CRM's object holds after it, so that a version which
	// changes nothing needs no call of its own; 0: unknown.
	Content uint64
	// Ways is kept as it is, and may be shared by events; empty: no connection or
	// no mapping is for it.
	Ways []Way
}

// Effect is what a call did to the CRM.
type Effect uint8

// The effects of a call.
const (
	Nothing Effect = iota // it was refused, or found nothing to do
	Created               // there is an object more
	Changed               // the object holds the call's version now, whether or not it did before
	Removed               // the object is gone
)

var effectNames = [...]string{Nothing: "no effect", Created: "created", Changed: "changed", Removed: "removed"}

// String returns the effect in words.
func (e Effect) String() string { return effectNames[e] }

// Call is one call to one object, as the CRM saw it. Calls that only read are
// left out.
type Call struct {
	Key        crmsync.RecordKey
	Connection string
	// Version is what the CRM can tell of it: of versions that it can't tell apart,
	// the oldest. 0: nothing, as with a request to delete; then the call is taken
	// for that of the next deletion.
	Version   int64
	Operation crmsync.Operation
	Effect    Effect
	Object    string // the CRM's id
	Content   uint64 // as of events; 0: unknown
	Began     time.Time
	// Ended is when nothing of it could happen any more, answered or not. A zero
	// time leaves the call out where it is judged what was under way together.
	Ended time.Time
}

// Letter is one entry of the dead-letter queue. It may be there twice.
type Letter struct {
	Partition  int32
	Offset     int64
	Connection string            // empty: it never came to a delivery
	Key        crmsync.RecordKey // zero: the envelope could not be read
	Version    int64
	Code       string
}

// VersionConflict is the code of the dead letter of an event whose version is
// applied with other data.
const VersionConflict = "version_conflict"

// Evidence is a whole run in slices, for runs that are small.
type Evidence struct {
	Events    []Event
	Calls     []Call // of a record at a connection: in the order of their effects
	Links     []crmsync.Link
	Letters   []Letter
	Committed map[int32]int64 // per partition, the offset after the last that is finished
}

// Options say what is demanded of a run.
type Options struct {
	// Final says that the run came to rest: everything must be finished, and
	// nothing may wait.
	Final bool
	// LooseConflicts says that a version which came twice with different data
	// needn't have a dead letter.
	LooseConflicts bool
	// Findings bounds how many findings of a class are told in words; 0: 10.
	Findings int
}
