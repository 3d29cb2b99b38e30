package crmsync

import (
	"context"
	"time"
)

// Provider speaks one CRM's API. Implementations may be called concurrently.
type Provider interface {
	// Name returns the provider's name, as mappings and connections use it.
	Name() string
	// Limits returns the bounds of one request of that kind. Nothing in it
	// changes while the process runs.
	Limits(plan, object string, op Operation) Limits
	// Apply sends the batch once and answers one result per call. It never
	// retries, never outlives the batch's deadline, and accounts for each call:
	// one that the CRM's answer doesn't name has failed.
	Apply(ctx context.Context, b Batch) Answer
}

// Limits bound the requests of one kind.
type Limits struct {
	Items       int           // calls in one request; 0: the CRM has no such operation
	Bytes       int           // of a request's body
	Parallel    int           // requests in flight per connection
	MaxInflight time.Duration // the CRM is done with a request, or has dropped it, that long after its deadline
	SearchLag   time.Duration // Find sees an object that long after its creation
	Budgets     []Budget      // all of them are drawn on
}

// Budget is an allowance of the CRM that requests draw on.
type Budget struct {
	Name   string
	Limit  int64         // units per window
	Window time.Duration // how long Limit lasts
	// Cost returns the units that a request with that many calls takes.
	Cost func(calls int) int64
}
