package crmsync_test

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDependenciesAreListed: docs/dependencies.md names every module of the program, each with a
// licence that is allowed.
func TestDependenciesAreListed(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "run", "./.ci/licences", "-check", "docs/dependencies.md").CombinedOutput()
	require.NoError(t, err, string(out))
}
