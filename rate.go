package crmsync

import (
	"context"
	"time"
)

// BudgetKey names one budget of one connection.
type BudgetKey struct {
	Connection ConnectionID
	Budget     string
}

// Draw is what one request takes of one budget.
type Draw struct {
	Key    BudgetKey
	Limit  int64
	Window time.Duration
	Cost   int64
}

// Reading is what the CRM told of a budget: that so much is left.
type Reading struct {
	Key       BudgetKey
	Limit     int64 // as the CRM states it; 0: it did not
	Remaining int64
	Window    time.Duration
}

// RateChecker says how long a request should wait. It is a checker, no limiter,
// and cannot fail: without its memory it answers zero within 25 ms, and the
// implementation counts that.
type RateChecker interface {
	// Check takes per request all its draws or none, and answers how long the
	// request must wait: zero means that it may leave now. One round trip.
	Check(ctx context.Context, requests [][]Draw) []time.Duration
	// Correct lowers budgets to what the CRM says is left. It never raises them.
	Correct(ctx context.Context, readings []Reading)
}
