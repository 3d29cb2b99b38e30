//go:build !race

// The simulation looks at an engine while its loop stands still. synctest.Wait
// says that it does; the race detector takes that for no order.

package sim

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// TestLoop shows that the loop of production adds nothing of its own: under
// synctest, with its goroutines, channels and timers, it gives the trace of the
// stepped engine, whatever fails.
func TestLoop(t *testing.T) {
	for seed := range uint64(number("SEEDS", 100)) {
		setup := setupOf(t, seed)
		setup.Even = true
		stepped, _ := written(Seeded(seed), setup)
		synctest.Test(t, func(t *testing.T) {
			setup.Bubble = synctest.Wait
			looped, _ := written(Seeded(seed), setup)
			require.Empty(t, difference(stepped, looped), "seed %d", seed)
		})
	}
}

// difference shows where two traces part.
func difference(stepped, looped string) string {
	x, y := strings.Split(stepped, "\n"), strings.Split(looped, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return fmt.Sprintf("%s\nstepped %s\nlooped  %s", strings.Join(x[max(0, i-8):i], "\n"), x[i], y[i])
		}
	}
	if len(x) != len(y) {
		return "one of them goes on"
	}
	return ""
}
