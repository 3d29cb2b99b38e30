package crmsync_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSecurityNamesTests: a defence whose test is gone is no longer one.
func TestSecurityNamesTests(t *testing.T) {
	page, err := os.ReadFile("SECURITY.md")
	require.NoError(t, err)
	there := map[string]bool{}
	for _, f := range sources(t) {
		for _, function := range f.functions() {
			if function.Recv == nil {
				there[function.Name.Name] = true
			}
		}
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllSubmatch(page, -1)
	require.NotEmpty(t, named)
	for _, name := range named {
		require.True(t, there[string(name[1])], "SECURITY.md names %s, which is no test any more", name[1])
	}
	for _, file := range regexp.MustCompile("`([\\w./-]+\\.(?:yml|go))`").FindAllSubmatch(page, -1) {
		_, err := os.Stat(string(file[1]))
		require.NoError(t, err)
	}
}
