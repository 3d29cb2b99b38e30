package sqlite

import (
	"context"
	"errors"
	"fmt"

	sqlite "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"crmsync"
)

// fault says what was attempted on which file, and what the failure asks for. It is nil for nil.
func (s *Store) fault(attempt string, err error) error {
	if err == nil {
		return nil
	}
	f := &crmsync.Fault{Kind: crmsync.Internal, Code: "sqlite_error", Err: fmt.Errorf("%s: sqlite %s: %w", attempt, s.path, err)}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		f.Kind, f.Code = crmsync.Transient, "cancelled"
	} else if coded, ok := errors.AsType[*sqlite.Error](err); ok {
		f.Kind, f.Code = classify(coded.Code() & 0xff) // the low byte is the primary code
	}
	return f
}

func classify(code int) (crmsync.Kind, string) {
	switch code {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return crmsync.Transient, "sqlite_busy"
	case sqlite3.SQLITE_INTERRUPT:
		return crmsync.Transient, "cancelled"
	case sqlite3.SQLITE_FULL:
		return crmsync.Transient, "disk_full"
	case sqlite3.SQLITE_IOERR:
		return crmsync.Transient, "disk_error"
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return crmsync.Denied, "damaged"
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_AUTH:
		return crmsync.Denied, "cannot_open"
	case sqlite3.SQLITE_TOOBIG:
		return crmsync.Rejected, "too_big"
	}
	return crmsync.Internal, "sqlite_error"
}

func denied(code string, err error) error {
	return &crmsync.Fault{Kind: crmsync.Denied, Code: code, Err: err}
}
