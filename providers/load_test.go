package providers_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync/providers"
)

func TestLoad(t *testing.T) {
	all, ds := providers.Load(providers.Options{})
	require.Empty(t, ds)
	require.Len(t, all, len(providers.Names()))
	for _, name := range providers.Names() {
		require.Equal(t, name, all[name].Name())
	}
}
