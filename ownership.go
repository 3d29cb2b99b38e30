package crmsync

import (
	"context"
	"time"
)

// Owner is a partition as one process has claimed it. Each claim raises the
// partition's epoch; only the newest epoch may write rows.
type Owner struct {
	Topic     string
	Partition int32
	Epoch     int64 // from 1
}

// Claim is what a process learns that has claimed a partition.
type Claim struct {
	Epoch   int64
	Waiting []Ward // those of the partition's records that wait
}

// Ward is those who wait for one connection, of one partition.
type Ward struct {
	Connection ConnectionID
	Entries    int64
	Next       time.Time // the soonest Until of them
}

// Ownership hands out the epochs of partitions. Each method is one round trip
// for the slice and answers in its order; the partitions of a slice differ.
// Implementations may be called concurrently.
type Ownership interface {
	// Claim raises the epoch of each partition. When it answers, no row of an
	// older epoch can be written any more. After an error any of the epochs may
	// have been raised.
	Claim(ctx context.Context, topic string, partitions []int32) ([]Claim, error)
	// Epochs answers the newest epoch of each partition; 0: it was never claimed.
	Epochs(ctx context.Context, topic string, partitions []int32) ([]int64, error)
}
