package redis

import (
	"errors"
	"sync"
	"time"
)

const (
	failuresMax = 3           // in a row, then calls pause
	pause       = time.Second // until one call tries again
)

var errPaused = errors.New("left alone for a second after failures in a row")

// breaker keeps calls from waiting for a Redis that doesn't answer. After a few failures in a row
// it lets one call a second try, until one succeeds.
type breaker struct {
	now func() time.Time

	mu       sync.Mutex // guards what follows
	failures int
	until    time.Time // no call before
}

// allow says whether a call may try. Whoever is allowed calls done.
func (b *breaker) allow() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures < failuresMax {
		return true
	}
	now := b.now()
	if now.Before(b.until) {
		return false
	}
	b.until = now.Add(pause) // the others wait for what this one finds
	return true
}

func (b *breaker) done(ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ok {
		b.failures = 0
		return
	}
	if b.failures++; b.failures >= failuresMax {
		b.until = b.now().Add(pause)
	}
}
