package pipeline

import (
	"context"
	"time"

	"crmsync"
)

// check asks whether the batch may leave now; else it answers how long to wait.
func (b *batch) check(ctx context.Context, p *Parts) time.Duration {
	if len(b.limits.Budgets) == 0 {
		return 0
	}
	draws := make([]crmsync.Draw, len(b.limits.Budgets))
	for i, budget := range b.limits.Budgets {
		draws[i] = crmsync.Draw{
			Key:   crmsync.BudgetKey{Connection: b.Connection.ID, Budget: budget.Name},
			Limit: budget.Limit, Window: budget.Window, Cost: budget.Cost(len(b.Calls)),
		}
	}
	return p.Rate.Check(ctx, [][]crmsync.Draw{draws})[0]
}
