package crmsync

import (
	"context"
	"time"
)

// Wait is a record's place in the waiting room. It stands in the record's link,
// so that one write tells what the CRM holds and what is still to come.
type Wait struct {
	Version  int64     // the newest that waits
	Reason   string    // one stable word; no datum
	Since    time.Time // when the record began to wait
	Until    time.Time // not before
	Attempts int       // requests for it that failed
	Body     []byte    // what waits, as the engine packs it; nil where a listing leaves it out
}

// WaitAsk asks for records of one partition that wait for one connection.
type WaitAsk struct {
	Partition  int32
	Connection ConnectionID
	Limit      int // of links, at least 1
}

// Due is the answer to a WaitAsk: links whose wait is over, those first that
// were due first, and when the first of the others is due; zero: there is none.
type Due struct {
	Links []Link
	Next  time.Time
}

// WaitFilter picks records that wait. An empty field picks all.
type WaitFilter struct {
	Key        RecordKey // its org, type and id count one by one
	Connection string
	Reason     string
	After      LinkKey // only links behind it, in the order of listing
}

// WaitingRoom is a state store's view of the links that have a Wait. Their
// moments are those of the caller's clock: a store that several processes share
// keeps them by its own. Implementations may be called concurrently.
type WaitingRoom interface {
	// Due answers per ask, in one round trip for the slice of at most 1,000.
	Due(ctx context.Context, topic string, asks []WaitAsk) ([]Due, error)
	// Waiting lists at most limit links, by key and connection, without bodies.
	Waiting(ctx context.Context, filter WaitFilter, limit int) ([]Link, error)
	// Release sets Until to now and answers of how many. It changes no revision,
	// and not what a link says of calls that may still land.
	Release(ctx context.Context, filter WaitFilter) (int64, error)
}
