package crmsync

import (
	"context"
	"time"
)

// LinkKey names the mirror of one record at one connection.
type LinkKey struct {
	Key        RecordKey
	Connection string
}

// Link ties a record to its object in the CRM. The zero Link with a key is that
// of a record never heard of.
type Link struct {
	LinkKey
	// Owner wrote the row, by the partition that the record's events come from.
	Owner Owner
	// Revision grows by one with each write; 0: there is no row. It is what
	// compare-and-set compares.
	Revision   int64
	Object     string // the CRM's kind of object
	ExternalID string // empty: no object known
	Applied    int64  // the newest version that the CRM is known to hold, or needs no more
	Dead       int64  // the newest version among the dead letters
	Hash       uint64 // of the last applied call; 0: unknown
	EventHash  uint64 // of the event whose version is Applied; 0: unknown
	Deleted    bool   // the object was archived at version Applied
	// Unsure is until when a call may still land that nothing is known of. Nothing
	// may be sent for the record before. It may lie in the past: then Hash is 0.
	Unsure time.Time
	// Seek says that a create may have happened: the object must be looked for
	// before another is made.
	Seek      bool
	Wait      *Wait // its place in the waiting room; nil: it doesn't wait
	UpdatedAt time.Time
}

// Settled returns the version up to which nothing is left to send.
func (l Link) Settled() int64 { return max(l.Applied, l.Dead) }

// Saved is what became of a link that was to be written.
type Saved uint8

// The fates of a link.
const (
	Written Saved = iota // it stands as given
	Moved                // the stored revision is not one below: read it again
	Fenced               // another process has claimed the partition: give it up
)

// StateStore keeps links, one row per record and connection. Implementations
// may be called concurrently; each method is one round trip for the slice, of
// at most 1,000. Unsure and Wait.Until are moments of the caller's clock: a
// store that several processes share keeps them by its own.
type StateStore interface {
	// Links answers one link per key, in the keys' order.
	Links(ctx context.Context, keys []LinkKey) ([]Link, error)
	// Save writes each link whose stored revision is one below its own, if its
	// owner's epoch is its partition's newest. A link that stands there already,
	// of the same owner and revision, counts as written: the answer to an earlier
	// try was lost. No two links of a slice share a key. After an error any of
	// them may have been written.
	Save(ctx context.Context, links []Link) ([]Saved, error)
}
