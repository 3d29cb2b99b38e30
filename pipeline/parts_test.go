package pipeline_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"

	"crmsync"
	"crmsync/dsl"
)

func random() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// partitionOf is where world.write puts a record's events.
func partitionOf(key crmsync.RecordKey) (p int32) {
	for _, b := range []byte(key.String()) {
		p += int32(b)
	}
	return p % 2
}

// silence is an ownership that at times can't be asked.
type silence struct {
	crmsync.Ownership
	since atomic.Bool
}

func (s *silence) Epochs(ctx context.Context, topic string, partitions []int32) ([]int64, error) {
	if s.since.Load() {
		return nil, &crmsync.Fault{Kind: crmsync.Transient, Code: "connection_lost"}
	}
	return s.Ownership.Epochs(ctx, topic, partitions)
}

// muteCommits is a source whose commits fail at times.
type muteCommits struct {
	crmsync.Source
	broken atomic.Bool
}

func (m *muteCommits) Commit(ctx context.Context, marks []crmsync.Mark) error {
	if m.broken.Load() {
		return errors.New("the coordinator does not answer")
	}
	return m.Source.Commit(ctx, marks)
}

// swapped is a set of mappings that can be replaced.
type swapped struct{ set atomic.Pointer[dsl.Set] }

func (s *swapped) Current() *dsl.Set { return s.set.Load() }

func swappable(set *dsl.Set) *swapped {
	s := &swapped{}
	s.set.Store(set)
	return s
}
