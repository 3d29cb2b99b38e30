//go:build !race

package expr

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTransformAllocations is the bar of 70 allocations for an event. The race
// detector allocates by itself, so this file is not part of its build.
func TestTransformAllocations(t *testing.T) {
	tr := newTransform(t)
	raw := benchEvent(3)
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { require.NoError(t, tr.run(raw)) }), 70.0)
}
