package inmem

import (
	"context"
	"errors"
	"slices"
	"sync"

	"crmsync"
)

// DeadLetters is a crmsync.DeadLetterQueue that can be read.
type DeadLetters struct {
	capacity int

	mu      sync.Mutex // guards letters
	letters []crmsync.DeadLetter
}

// NewDeadLetters returns an empty queue for at most capacity letters.
func NewDeadLetters(capacity int) *DeadLetters { return &DeadLetters{capacity: capacity} }

// Put keeps the letters, all or none. When there is no room for them it answers a fault of kind
// Transient and code queue_full.
func (q *DeadLetters) Put(ctx context.Context, letters []crmsync.DeadLetter) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.letters)+len(letters) > q.capacity {
		return &crmsync.Fault{Kind: crmsync.Transient, Code: "queue_full", Err: errors.New("the dead-letter queue in memory is full")}
	}
	q.letters = append(q.letters, letters...)
	return nil
}

// Letters returns the letters so far, in the order they came.
func (q *DeadLetters) Letters() []crmsync.DeadLetter {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.letters)
}
