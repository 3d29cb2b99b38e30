package inmem

import (
	"container/list"
	"context"
	"sync"

	"crmsync"
)

// Idempotency is a crmsync.IdempotencyStore that remembers the deliveries marked last.
type Idempotency struct {
	capacity int

	mu      sync.Mutex // guards what follows
	recent  *list.List // of crmsync.Delivery, the latest mark in front
	entries map[crmsync.Delivery]*list.Element
}

// NewIdempotency returns an empty store for at most capacity deliveries, at least one. A delivery
// takes about 250 bytes and the text of its key.
func NewIdempotency(capacity int) *Idempotency {
	return &Idempotency{capacity: max(1, capacity), recent: list.New(), entries: map[crmsync.Delivery]*list.Element{}}
}

// Seen answers per delivery whether it was marked and is not yet forgotten.
func (s *Idempotency) Seen(_ context.Context, deliveries []crmsync.Delivery) []bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := make([]bool, len(deliveries))
	for i, d := range deliveries {
		_, seen[i] = s.entries[d]
	}
	return seen
}

// Mark remembers deliveries, and forgets the oldest marks beyond the capacity.
func (s *Idempotency) Mark(_ context.Context, deliveries []crmsync.Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range deliveries {
		if entry, ok := s.entries[d]; ok {
			s.recent.MoveToFront(entry)
			continue
		}
		s.entries[d] = s.recent.PushFront(d)
		if s.recent.Len() > s.capacity {
			delete(s.entries, s.recent.Remove(s.recent.Back()).(crmsync.Delivery))
		}
	}
}
