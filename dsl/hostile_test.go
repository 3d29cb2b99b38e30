package dsl

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestHostileMappings: what one file can make the compiler do is bounded.
func TestHostileMappings(t *testing.T) {
	many := func(format string) string {
		var b strings.Builder
		for i := range 2400 {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	cases := map[string]struct {
		fields string
		errors int
	}{
		"one long expression in quotes":  {"  email: \"" + strings.Repeat("default(record.email, '') + ", 4000) + "''\"\n", 1},
		"one long expression in a block": {"  email: |\n" + strings.Repeat("    record.email +\n", 11000) + "    ''\n", 1},
		"many faults with a fix":         {many("  f%d: record.emial\n"), 2400 + 1},
		"many faults in blocks":          {many("  f%d: >-\n    record.email.lowerAscii() + record.emial\n"), 2400 + 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			text := uncatalogued + sampleMatch + "fields:\n" + c.fields
			began := time.Now()
			_, ds := loadSample(inFile(text))
			require.Less(t, time.Since(began), hostile)
			require.Len(t, ds, c.errors)
		})
	}
}
