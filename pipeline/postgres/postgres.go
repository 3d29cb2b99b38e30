// Package postgres keeps links, the epochs of partitions and sealed credentials in PostgreSQL, for any
// number of processes.
//
// What it needs: PostgreSQL 12 or newer, and a database of the program's own or a schema that the
// URL's search_path names. What it guarantees: crmsync.StateStore, crmsync.Ownership,
// crmsync.WaitingRoom and crmsync.SealedStore, one round trip per slice (a release and a slice with
// over 64 MiB that wait take several), and that what was written is durable when a method returns, as
// long as the server's synchronous_commit is not turned off. Moments are kept by the server's clock,
// so that processes whose clocks differ agree on them, and never come back earlier than they were given.
//
// When the server is down, overloaded, out of space or fails over, methods answer faults of kind
// Transient; when it refuses the user, the database or TLS, or the database is not migrated, of kind
// Denied. A slice with a key that PostgreSQL can't hold (a NUL, over about 2,600 bytes) is answered
// with one of kind Rejected. Where rows are of later epochs than their partitions (someone restored
// the database in part), nothing is overwritten and the epochs catch up, as Save describes.
//
// It does not own the meaning of a link, of what waits in it or of a sealed box, and retries nothing.
package postgres

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"crmsync"
)

// connectTimeout is how long connecting may take, unless the URL says another connect_timeout.
const connectTimeout = 5 * time.Second

// Options say how a store is opened.
type Options struct {
	// Password is used instead of the URL's, if it is not zero.
	Password crmsync.Secret
	// AnyVersion opens a database whose migrations are missing or newer than this program, for
	// Migrate and Status. Without it such a database is refused.
	AnyVersion bool
	// Insecure allows a server beyond this machine without sslmode=verify-full.
	Insecure bool
	// Now is the caller's clock, which the moments of links are told by; nil: time.Now.
	Now func() time.Time
}

// Store is a database. It is a crmsync.StateStore with its Ownership and its WaitingRoom, and a
// crmsync.SealedStore, and may be used concurrently.
type Store struct {
	pool *pgxpool.Pool
	name string // "postgres at HOST:PORT, database NAME"
	now  func() time.Time
}

// Open connects to the database that url names as postgres://USER@HOST:PORT/DATABASE, with libpq's
// parameters (sslmode, sslrootcert, search_path, …) and pool_max_conns. It answers a fault of kind
// Transient when the server can't be reached, and of kind Denied when it refuses, when its name would
// not be verified, or when the database has not the migrations that this program needs.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	config, err := parse(url)
	if err != nil {
		return nil, err
	}
	if !o.Password.IsZero() {
		config.ConnConfig.Password = o.Password.Reveal()
	}
	if err := protected(config.ConnConfig); err != nil && !o.Insecure {
		return nil, err
	}
	s := &Store{name: nameOf(config.ConnConfig), now: o.Now}
	if s.now == nil {
		s.now = time.Now
	}
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, s.fault("open state", err)
	}
	if err = s.Ping(ctx); err == nil && !o.AnyVersion {
		err = s.checkVersion(ctx)
	}
	if err != nil {
		s.pool.Close()
		return nil, err
	}
	return s, nil
}

// parse reads the URL. Its errors never quote the URL: where it is broken, nobody can tell which
// part of it is the password.
func parse(url string) (*pgxpool.Config, error) {
	const shape = "a PostgreSQL URL reads postgres://USER@HOST:PORT/DATABASE?PARAMETERS"
	if !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://") {
		return nil, denied("bad_url", errors.New("open state: "+shape))
	}
	config, err := pgxpool.ParseConfig(url)
	if file := unreadable(err); file != nil && !misread(url) {
		return nil, file
	}
	if err != nil || misread(url) {
		return nil, denied("bad_url", errors.New("open state: the URL can't be read: "+shape+", with special characters in a password written as %XX, and parameters that libpq knows"))
	}
	if !strings.Contains(url, "connect_timeout=") {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	return config, nil
}

// misread says whether a password with one of /?#@ or a blank in it has ended the part before the
// host: what follows then reads as a host, a database or a parameter, and would be printed.
func misread(url string) bool {
	_, rest, _ := strings.Cut(url, "://")
	end := strings.IndexAny(rest, "/?#")
	return end >= 0 && strings.Contains(rest[end:], "@") || strings.Count(rest, "@") > 1 || strings.ContainsFunc(rest, unicode.IsSpace)
}

func nameOf(c *pgx.ConnConfig) string {
	address := c.Host
	if !strings.HasPrefix(address, "/") { // a path is a Unix socket
		address = net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))
	}
	database := c.Database
	if database == "" {
		database = c.User // as libpq does
	}
	return "postgres at " + address + ", database " + database
}

// Ping tells whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	return s.fault("open state", s.pool.Ping(ctx))
}

// String names address and database.
func (s *Store) String() string { return s.name }

// Close waits for running queries and closes the connections.
func (s *Store) Close() error {
	s.pool.Close()
	return nil
}
