package dsl

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestOnMissing: fail unless it is said otherwise, and inherited as a whole.
func TestOnMissing(t *testing.T) {
	cases := []struct {
		name, global, own string
		want              bool
	}{
		{"left out", "", "", false},
		{"fail", "", "on_missing: fail\n", false},
		{"recreate", "", "on_missing: recreate\n", true},
		{"inherited", "on_missing: recreate\n", "", true},
		{"overridden", "on_missing: recreate\n", "on_missing: fail\n", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			set, ds := loadFiles(map[string]string{
				sampleOrg:     sampleConnection,
				sampleGlobal:  sampleHead + sampleMatch + c.global + "fields:\n  email: record.email\n",
				sampleMapping: "version: 1\nrecord_type: contact\nprovider: hubspot\nextends: global\n" + c.own + "fields:\n  phone: record.phone\n",
			})
			require.Empty(t, ds)
			require.Equal(t, c.want, set.Program(set.Connections("acme")[0], "contact").Recreates())
		})
	}
}
