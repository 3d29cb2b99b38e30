package pipeline

import (
	"slices"
	"time"
)

// backlog is work for a task that runs one at a time: what arrives while it
// runs travels together in the next one.
type backlog[T any] struct {
	items   []T
	running bool
	retryAt time.Time
	tries   int
}

func (b *backlog[T]) add(v T) { b.items = append(b.items, v) }

// due begins the task if it may begin at now.
func (b *backlog[T]) due(now time.Time) bool {
	if b.running || now.Before(b.retryAt) {
		return false
	}
	b.running = true
	return true
}

// take begins the task with the oldest items, if there are any and it may begin.
func (b *backlog[T]) take(now time.Time, limit int) []T {
	if len(b.items) == 0 || !b.due(now) {
		return nil
	}
	n := min(limit, len(b.items))
	some := b.items[:n:n]
	if b.items = b.items[n:]; len(b.items) == 0 {
		b.items = nil
	}
	return some
}

// drop takes out what the function tells to.
func (b *backlog[T]) drop(gone func(T) bool) {
	if b.items = slices.DeleteFunc(b.items, gone); len(b.items) == 0 {
		b.items = nil
	}
}

// done ends the task. After a failure its items come first in the next, after
// a pause.
func (b *backlog[T]) done(e *Engine, items []T, err error) (ok bool) {
	b.running = false
	if err == nil {
		b.tries, b.retryAt = 0, time.Time{}
		return true
	}
	b.items = append(items, b.items...)
	b.retryAt = e.now.Add(e.backoff(b.tries))
	b.tries++
	return false
}
