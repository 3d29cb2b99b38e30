package sqlite

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// Pragma returns a setting of the connection that writes.
func (s *Store) Pragma(t testing.TB, name string) string {
	var value string
	require.NoError(t, s.write.QueryRowContext(t.Context(), "PRAGMA "+name).Scan(&value))
	return value
}

// Execute runs one statement on the connection that writes.
func (s *Store) Execute(t testing.TB, statement string) {
	_, err := s.write.ExecContext(t.Context(), statement)
	require.NoError(t, err)
}

// MigrateTo brings the file to an older program's shape.
func (s *Store) MigrateTo(ctx context.Context, version int64) error { return s.migrateTo(ctx, version) }
