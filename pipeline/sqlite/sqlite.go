// Package sqlite keeps links, the epochs of partitions and sealed credentials in one SQLite file: the
// state of a single process that nothing was installed for.
//
// What it needs: a local disk; SQLite's locks don't hold on network file systems. What it
// guarantees: crmsync.StateStore, crmsync.Ownership, crmsync.WaitingRoom and crmsync.SealedStore,
// and that what was written is on the disk when a method returns. For that it runs with
// synchronous=FULL: a Kafka offset is committed after the link was saved, and with NORMAL a loss of
// power could take back the save but not the commit. The price is one fsync per slice. When the disk
// is full or the file is locked for longer than the busy timeout, methods answer faults of kind
// Transient; when the file is damaged, unreadable or not migrated, of kind Denied. Damage is found
// by whoever first reads what is damaged; nothing is written over it. Where rows are of later epochs
// than their partitions (someone restored the file in part), nothing is overwritten and the epochs
// catch up, as Save describes.
//
// It does not own the meaning of a link, of what waits in it or of a sealed box.
package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

const (
	scheme      = "sqlite:"
	busyTimeout = 5 * time.Second
	readersMax  = 4
)

// Options say how a store is opened.
type Options struct {
	// AnyVersion opens a database whose migrations are missing or newer than this program, for
	// Migrate and Status. Without it such a database is refused.
	AnyVersion bool
	// BusyTimeout is how long to wait for another process that writes; 0: 5 s.
	BusyTimeout time.Duration
	// Now is the clock that tells when a wait is over; nil: time.Now.
	Now func() time.Time
}

// Store is a SQLite file. It is a crmsync.StateStore with its Ownership and its WaitingRoom, and a
// crmsync.SealedStore, and may be used concurrently. Writers queue for one connection; readers don't wait for them.
type Store struct {
	path       string
	busy       time.Duration
	now        func() time.Time
	read       *sql.DB
	write      *sql.DB
	statements statements
}

// Open opens the file that url names as "sqlite:PATH", and makes it, readable by its owner only,
// if it isn't there. It answers a fault of kind Denied when the file can't be opened, is no
// database, or has not the migrations that this program needs.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	path, ok := strings.CutPrefix(url, scheme)
	if !ok || path == "" || strings.HasPrefix(path, ":") {
		return nil, denied("bad_url", fmt.Errorf(`open state: a SQLite URL reads "sqlite:PATH", for example "sqlite:crmsync.db"`))
	}
	s := &Store{path: path, busy: cmp.Or(o.BusyTimeout, busyTimeout), now: o.Now}
	if s.now == nil {
		s.now = time.Now
	}
	if err := s.open(ctx, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, o Options) error {
	file, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return denied("cannot_open", fmt.Errorf("open sqlite: %w", err))
	}
	if err := file.Close(); err != nil {
		return s.fault("open", err)
	}
	if s.write, err = sql.Open("sqlite", s.dsn("_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")); err != nil {
		return s.fault("open", err)
	}
	s.write.SetMaxOpenConns(1)
	if s.read, err = sql.Open("sqlite", s.dsn("_pragma=query_only(1)")); err != nil {
		return s.fault("open", err)
	}
	s.read.SetMaxOpenConns(readersMax)
	s.read.SetMaxIdleConns(readersMax)
	if err := s.Ping(ctx); err != nil {
		return err
	}
	if o.AnyVersion {
		return nil
	}
	return s.checkVersion(ctx)
}

func (s *Store) dsn(parameters string) string {
	file := url.URL{Path: s.path}
	return fmt.Sprintf("file:%s?_pragma=busy_timeout(%d)&%s", file.EscapedPath(), s.busy.Milliseconds(), parameters)
}

// Ping tells whether the file can be read and written.
func (s *Store) Ping(ctx context.Context) error {
	var mode string // asked of the writer, which turns on WAL when it connects
	if err := s.write.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return s.fault("open", err)
	}
	return s.fault("open", s.read.PingContext(ctx))
}

// String names the file.
func (s *Store) String() string { return scheme + s.path }

// Close closes the file.
func (s *Store) Close() error {
	s.statements.close()
	var first error
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			if err := db.Close(); err != nil && first == nil {
				first = s.fault("close", err)
			}
		}
	}
	return first
}

const timeLayout = "2006-01-02T15:04:05.000000Z"

// timeText returns a time as it is stored; the zero time is NULL.
func timeText(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(timeLayout)
}

// momentText returns a time before which something must not happen as it is stored: rounded up to the
// microsecond, and the zero time as text that sorts first.
func momentText(t time.Time) string { return t.Add(time.Microsecond - 1).UTC().Format(timeLayout) }

func momentOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return momentText(t)
}

func textTime(text sql.NullString) (time.Time, error) {
	if !text.Valid {
		return time.Time{}, nil
	}
	return time.Parse(timeLayout, text.String)
}
