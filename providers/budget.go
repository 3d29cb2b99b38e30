package providers

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"crmsync"
)

// budget is an allowance of the CRM.
type budget struct {
	name   string
	window time.Duration
	costs  [operationCount][]int64 // by calls in the request
	// Headers that tell how it stands; empty: none does.
	limitHeader, remainingHeader, windowHeader string
}

// limitKey is what limits differ by, beside the object.
type limitKey struct {
	plan string
	op   crmsync.Operation
}

// allLimits returns the limits of every plan and operation, so that asking for
// them costs nothing.
func (p *Provider) allLimits() map[limitKey]crmsync.Limits {
	all := map[limitKey]crmsync.Limits{}
	for plan := range p.plans {
		for _, o := range p.operations {
			if o != nil {
				all[limitKey{plan, o.op}] = p.limitsOf(plan, o)
			}
		}
	}
	return all
}

func (p *Provider) limitsOf(plan string, o *operation) crmsync.Limits {
	limits := crmsync.Limits{
		Items: o.items, Bytes: o.bytes, Parallel: p.parallel, MaxInflight: p.maxInflight, SearchLag: p.searchLag,
	}
	for i := range p.budgets {
		b := &p.budgets[i]
		limit, has := p.plans[plan][b.name]
		if !has {
			continue
		}
		limits.Budgets = append(limits.Budgets, crmsync.Budget{Name: b.name, Limit: limit, Window: b.window, Cost: b.cost(o.op)})
	}
	return limits
}

// cost returns the budget's cost by the number of calls. More calls than a
// request can hold cost what a full one does.
func (b *budget) cost(op crmsync.Operation) func(calls int) int64 {
	costs := b.costs[op]
	return func(calls int) int64 { return costs[min(max(calls, 0), len(costs)-1)] }
}

// readings returns what an answer's headers tell of the budgets.
func (p *Provider) readings(connection crmsync.ConnectionID, h http.Header) []crmsync.Reading {
	var found []crmsync.Reading
	for i := range p.budgets {
		b := &p.budgets[i]
		remaining, ok := number(h, b.remainingHeader)
		if !ok {
			continue
		}
		r := crmsync.Reading{Key: crmsync.BudgetKey{Connection: connection, Budget: b.name}, Remaining: remaining, Window: b.window}
		r.Limit, _ = number(h, b.limitHeader)
		if ms, ok := number(h, b.windowHeader); ok && ms > 0 && ms <= waitCap.Milliseconds() {
			r.Window = time.Duration(ms) * time.Millisecond
		}
		found = append(found, r)
	}
	return found
}

// number reads a header that holds a count.
func number(h http.Header, name string) (n int64, ok bool) {
	if name == "" {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(h.Get(name)), 10, 64)
	return n, err == nil && n >= 0
}
