package providers

import (
	"io/fs"
	"path"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestList: a folder that is not on the list would be forgotten in silence.
func TestList(t *testing.T) {
	found, err := fs.Glob(files, "*/provider.yaml")
	require.NoError(t, err)
	var folders []string
	for _, file := range found {
		folders = append(folders, path.Dir(file))
	}
	require.ElementsMatch(t, names[:], folders)
}
