package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestInspect(t *testing.T) {
	const good = `{"events":10,"events_per_second":5,"outcomes":{"synced":10},` +
		`"checks":{"lost":0,"duplicates":0,"regressions":0,"unaccounted":0,"more":0}}`
	tests := []struct {
		name, report string
		want         []string
	}{
		{"good", good, nil},
		{"a check that counts", strings.Replace(good, `"more":0`, `"more":3`, 1), []string{"the demo counts 3 more"}},
		{"a check left out", strings.Replace(good, `"lost":0,`, "", 1), []string{`the demo did not check "lost"`}},
		{"no events", strings.Replace(good, `"events":10`, `"events":0`, 1), []string{"the demo handled no events"}},
		{"no outcomes", strings.Replace(good, `{"synced":10}`, "{}", 1), []string{"the demo tells no outcomes"}},
		{"two objects", good + good, []string{"the demo printed more than one JSON object"}},
		{"nothing", "", []string{"the demo's output is no JSON object: EOF"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			require.Equal(t, test.want, inspect(strings.NewReader(test.report), &out))
		})
	}
}
