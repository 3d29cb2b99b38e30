package crmsync

import (
	"context"
	"time"
)

// DeadLetter is a message that will not be tried again by itself, and why.
type DeadLetter struct {
	Message    Message   // bytes untouched
	Key        RecordKey // zero when the envelope could not be read
	Version    int64
	Provider   string
	Connection string // empty: it never came to a delivery
	Fault      *Fault
	Attempts   int
	At         time.Time
}

// DeadLetterQueue keeps dead letters. An entry may be there twice after a
// crash; topic, partition, offset and connection tell.
type DeadLetterQueue interface {
	// Put returns nil once all letters are safe. After an error any of them may
	// be. It doesn't drop a letter that is too large: it keeps a reference to it.
	Put(ctx context.Context, letters []DeadLetter) error
}
