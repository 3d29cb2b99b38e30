package sqlite

import (
	"context"
	"errors"
	"fmt"

	sqlite "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"crmsync"
)

// fault says what was attempted on which file, what the failure asks for, and, where a person can do
// something about it, what. It is nil for nil.
func (s *Store) fault(attempt string, err error) error {
	if err == nil {
		return nil
	}
	c := classify(err)
	text := fmt.Sprintf("%s: sqlite %s: %v", attempt, s.path, err)
	if c.next != "" {
		text += ": " + c.next
	}
	return &crmsync.Fault{Kind: c.kind, Code: c.code, Err: &cause{text, err}}
}

// cause prints our line and unwraps to the driver's error.
type cause struct {
	text string
	err  error
}

func (c *cause) Error() string { return c.text }
func (c *cause) Unwrap() error { return c.err }

type class struct {
	kind crmsync.Kind
	code string
	next string // what a person can do
}

func classify(err error) class {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return class{crmsync.Transient, "cancelled", ""}
	}
	coded, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return class{crmsync.Internal, "sqlite_error", ""}
	}
	switch coded.Code() & 0xff { // the low byte is the primary code
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return class{crmsync.Transient, "sqlite_busy", ""}
	case sqlite3.SQLITE_INTERRUPT:
		return class{crmsync.Transient, "cancelled", ""}
	case sqlite3.SQLITE_FULL:
		return class{crmsync.Transient, "disk_full", "make room on its disk"}
	case sqlite3.SQLITE_IOERR:
		return class{crmsync.Transient, "disk_error", "look at its disk"}
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return class{crmsync.Denied, "damaged", "stop, keep a copy of it and of its -wal file, and restore it from a backup"}
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_AUTH:
		return class{crmsync.Denied, "cannot_open", "look at the rights on it and on its folder"}
	case sqlite3.SQLITE_TOOBIG:
		return class{crmsync.Rejected, "too_big", ""}
	}
	return class{crmsync.Internal, "sqlite_error", ""}
}

func denied(code string, err error) error {
	return &crmsync.Fault{Kind: crmsync.Denied, Code: code, Err: err}
}
