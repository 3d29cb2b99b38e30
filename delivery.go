package crmsync

import "context"

// Delivery is one event's way to one connection. It is the idempotency key,
// and includes the connection: an org with two CRMs must not see its second
// delivery taken for a duplicate.
type Delivery struct {
	Key        RecordKey
	Connection string
	Version    int64
	Hash       uint64 // of the event: a version may come again with other data, which is a fault
}

// LinkKey returns the key of the link that the delivery ends in.
func (d Delivery) LinkKey() LinkKey { return LinkKey{Key: d.Key, Connection: d.Connection} }

// IdempotencyStore is a cache of finished deliveries. The version gate in the
// link carries correctness; this spares reading the link. So it may forget,
// must never invent, and its methods can't fail: without its memory Seen
// answers false for all, within 25 ms, and the implementation counts that.
type IdempotencyStore interface {
	// Seen answers per delivery whether it was marked, in one round trip.
	Seen(ctx context.Context, deliveries []Delivery) []bool
	// Mark remembers finished deliveries, in one round trip.
	Mark(ctx context.Context, deliveries []Delivery)
}
