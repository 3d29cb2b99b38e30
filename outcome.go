package crmsync

import "fmt"

// Outcome is how a delivery ended. Each ends in exactly one.
type Outcome uint8

// The outcomes.
const (
	Synced     Outcome     = iota // the CRM took it
	Unchanged                     // the CRM holds it already: no request was needed
	Duplicate                     // the same version was finished before
	Stale                         // a newer version was finished before
	Superseded                    // a newer version took its place before it was sent
	Filtered                      // the mapping skips it (when, on_delete: ignore, a paused connection)
	Unmapped                      // no connection or no mapping is for it
	Waiting                       // it waits durably for its turn
	Dead                          // it is in the dead-letter queue
	Outcomes   = int(iota)        // how many there are
)

var outcomeNames = [...]string{
	Synced: "synced", Unchanged: "unchanged", Duplicate: "duplicate", Stale: "stale", Superseded: "superseded",
	Filtered: "filtered", Unmapped: "unmapped", Waiting: "waiting", Dead: "dead",
}

// String returns the outcome as metrics, logs and the command line name it.
func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return fmt.Sprintf("outcome(%d)", uint8(o))
}
