package inmem

import (
	"context"
	"maps"
	"math"
	"sync"
	"time"

	"crmsync"
)

// windowUnstated is how long a bucket without a window is remembered.
const windowUnstated = 24 * time.Hour

// bucketsSwept is the number of buckets from which on they are looked through for full ones, which need no memory.
const bucketsSwept = 10_000

// roundingUnits is what may be missing of a unit: the answered wait is a whole number of
// nanoseconds, so a bucket can fall short of a unit by that much when it is over.
const roundingUnits = 1e-6

// Rate is a crmsync.RateChecker: a token bucket per budget. A bucket holds the budget's limit when
// full, and fills evenly over the window. So after a rest up to twice the limit can leave within
// one window; the CRM's readings and its 429 answers correct that.
type Rate struct {
	now func() time.Time

	mu      sync.Mutex // guards what follows
	buckets map[crmsync.BudgetKey]bucket
	sweepAt int
}

type bucket struct {
	units float64
	at    time.Time     // when units was right
	limit int64         // as last drawn on; 0: never
	over  time.Duration // the window that the limit is for
}

// unitsAt returns the units of the bucket at that time. A clock that was set back gives nothing
// and takes nothing.
func (b bucket) unitsAt(now time.Time) float64 {
	if b.limit <= 0 {
		return b.units
	}
	rested := max(0, now.Sub(b.at))
	return min(float64(b.limit), b.units+float64(b.limit)*float64(rested)/float64(b.over))
}

// NewRate returns a checker whose budgets are all full. now tells the time.
func NewRate(now func() time.Time) *Rate {
	return &Rate{now: now, buckets: map[crmsync.BudgetKey]bucket{}, sweepAt: bucketsSwept}
}

// Check takes per request all its draws or none, and answers how long the request must wait. A
// draw without a limit or a window is free; one dearer than its limit waits for a full bucket.
func (r *Rate) Check(_ context.Context, requests [][]crmsync.Draw) []time.Duration {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	waits := make([]time.Duration, len(requests))
	for i, draws := range requests {
		waits[i] = r.take(draws, now)
	}
	r.sweep(now)
	return waits
}

func (r *Rate) take(draws []crmsync.Draw, now time.Time) time.Duration {
	var wait time.Duration
	taken := make(map[crmsync.BudgetKey]bucket, len(draws))
	for _, draw := range draws {
		if draw.Limit <= 0 || draw.Window <= 0 || draw.Cost <= 0 {
			continue
		}
		b, again := taken[draw.Key]
		if !again {
			b = r.filled(draw, now)
		}
		short := float64(min(draw.Cost, draw.Limit)) - b.units
		if short > roundingUnits {
			wait = max(wait, 1, time.Duration(math.Round(short*float64(draw.Window)/float64(draw.Limit))))
		}
		b.units = max(0, -short)
		taken[draw.Key] = b
	}
	if wait > 0 {
		return wait
	}
	maps.Copy(r.buckets, taken)
	return 0
}

// filled returns the draw's bucket as it stands now, with the draw's own limit and window: they
// follow the connection's plan.
func (r *Rate) filled(draw crmsync.Draw, now time.Time) bucket {
	b, ok := r.buckets[draw.Key]
	if !ok {
		b.units = float64(draw.Limit)
	} else if b.limit == 0 { // known from a reading alone
		b.limit, b.over = draw.Limit, draw.Window
	}
	return bucket{units: min(float64(draw.Limit), b.unitsAt(now)), at: now, limit: draw.Limit, over: draw.Window}
}

// Correct lowers budgets to what the CRM says is left.
func (r *Rate) Correct(_ context.Context, readings []crmsync.Reading) {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, reading := range readings {
		b, ok := r.buckets[reading.Key]
		left := float64(max(0, reading.Remaining))
		if ok && left >= b.unitsAt(now) {
			continue
		}
		if !ok {
			b.over = reading.Window
		}
		b.units, b.at = left, now
		r.buckets[reading.Key] = b
	}
}

// sweep forgets full buckets once there are many of them.
func (r *Rate) sweep(now time.Time) {
	if len(r.buckets) < r.sweepAt {
		return
	}
	for key, b := range r.buckets {
		over := b.over
		if over <= 0 {
			over = windowUnstated
		}
		if now.Sub(b.at) >= over {
			delete(r.buckets, key)
		}
	}
	r.sweepAt = max(bucketsSwept, 2*len(r.buckets))
}

// Buckets returns how many buckets are remembered.
func (r *Rate) Buckets() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.buckets)
}
