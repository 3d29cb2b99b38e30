package crmsync_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// The names stand in files, metrics and logs of those who run the program: none may change.
func TestNames(t *testing.T) {
	names := func(n int, name func(i uint8) string) []string {
		all := make([]string, n)
		for i := range all {
			all[i] = name(uint8(i))
		}
		return all
	}
	require.Equal(t, []string{"upsert", "create", "update", "delete", "op(4)"},
		names(5, func(i uint8) string { return crmsync.Op(i).String() }))
	require.Equal(t, []string{"upsert", "create", "update", "archive", "find", "operation(5)"},
		names(6, func(i uint8) string { return crmsync.Operation(i).String() }))
	require.Equal(t, []string{"internal", "transient", "throttled", "quota", "denied", "rejected", "missing", "conflict", "dependency", "ambiguous", "kind(10)"},
		names(11, func(i uint8) string { return crmsync.Kind(i).String() }))
	require.Equal(t, []string{"synced", "unchanged", "duplicate", "stale", "superseded", "filtered", "unmapped", "waiting", "dead", "outcome(9)"},
		names(10, func(i uint8) string { return crmsync.Outcome(i).String() }))
	require.Equal(t, 9, crmsync.Outcomes)
}

func TestParseNames(t *testing.T) {
	for op := range crmsync.Op(4) {
		got, ok := crmsync.ParseOp(op.String())
		require.True(t, ok)
		require.Equal(t, op, got)
	}
	for op := range crmsync.Operation(5) {
		got, ok := crmsync.ParseOperation(op.String())
		require.True(t, ok)
		require.Equal(t, op, got)
	}
	for kind := range crmsync.Kind(10) {
		got, ok := crmsync.ParseKind(kind.String())
		require.True(t, ok)
		require.Equal(t, kind, got)
	}
	for _, name := range []string{"", "Upsert", "UPSERT", " upsert", "upsert ", "op(4)", "kind(0)", "operation(0)", "merge"} {
		_, isOp := crmsync.ParseOp(name)
		_, isOperation := crmsync.ParseOperation(name)
		_, isKind := crmsync.ParseKind(name)
		require.Falsef(t, isOp || isOperation || isKind, "%q is no name", name)
	}
}
