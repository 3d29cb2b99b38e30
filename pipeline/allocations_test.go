//go:build !race

package pipeline_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/dsl"
	"crmsync/pipeline"
)

// TestTransformAllocations is the bar of 70 allocations for an event, from its
// bytes to the call's fields. The race detector allocates by itself, so this
// file is not part of its build.
func TestTransformAllocations(t *testing.T) {
	value, err := os.ReadFile("testdata/event.json")
	require.NoError(t, err)
	program := benchProgram(t)
	m := crmsync.Message{Value: value}
	var d pipeline.Decoder
	var r dsl.Renderer
	require.LessOrEqual(t, testing.AllocsPerRun(200, func() {
		ev, fault := d.Decode(&m)
		require.Nil(t, fault)
		_, ok, err := r.Render(program, &ev, nil)
		require.NoError(t, err)
		require.True(t, ok)
	}), 70.0)
}
