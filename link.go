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
	// Revision grows by one with each write; 0: there is no row. It is what
	// compare-and-set compares.
	Revision   int64
	Object     string // the CRM's kind of object
	ExternalID string // empty: no object known
	Applied    int64  // the newest version that the CRM is known to hold, or needs no more
	Dead       int64  // the newest version among the dead letters
	Hash       uint64 // of the last applied call; 0: unknown
	Deleted    bool   // the object was archived at version Applied
	UpdatedAt  time.Time
}

// Settled returns the version up to which nothing is left to send.
func (l Link) Settled() int64 { return max(l.Applied, l.Dead) }

// StateStore keeps links, one row per record and connection. Implementations
// may be called concurrently; each method is one round trip for the slice, of
// at most 1,000.
type StateStore interface {
	// Links answers one link per key, in the keys' order.
	Links(ctx context.Context, keys []LinkKey) ([]Link, error)
	// Save writes each link whose stored revision is one below its own, and
	// tells per link whether it did. No two links of a slice share a key. After
	// an error any of them may have been written.
	Save(ctx context.Context, links []Link) (written []bool, err error)
}
