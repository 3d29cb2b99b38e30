package postgres

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var files embed.FS

const versionTable = "crmsync_migrations"

// Migration is one step of the database's shape.
type Migration struct {
	Version   int64
	Name      string    // empty: applied by a newer program
	AppliedAt time.Time // zero: pending
}

// Migrate brings the database to the shape that this program needs, under a lock that only one
// process at a time gets. A database that is newer is left as it is, and is no error.
func (s *Store) Migrate(ctx context.Context) error { return s.migrateTo(ctx, goose.MaxVersion) }

func (s *Store) migrateTo(ctx context.Context, version int64) error {
	folder, err := fs.Sub(files, "migrations")
	if err != nil {
		return s.fault("migrate", err)
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return s.fault("migrate", err)
	}
	db := stdlib.OpenDBFromPool(s.pool)
	defer func() { _ = db.Close() }() // it only hands back what it borrowed of the pool
	provider, err := goose.NewProvider(goose.DialectPostgres, db, folder, goose.WithSessionLocker(locker),
		goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return s.fault("migrate", err)
	}
	_, err = provider.UpTo(ctx, version)
	return s.fault("migrate", err)
}

// Status returns the migrations that this program knows or the database has, by version.
func (s *Store) Status(ctx context.Context) ([]Migration, error) {
	migrations, err := known()
	if err != nil {
		return nil, s.fault("read migrations", err)
	}
	applied, err := s.applied(ctx)
	if err != nil {
		return nil, s.fault("read migrations", err)
	}
	for i := range migrations {
		migrations[i].AppliedAt = applied[migrations[i].Version]
		delete(applied, migrations[i].Version)
	}
	for _, version := range slices.Sorted(maps.Keys(applied)) {
		migrations = append(migrations, Migration{Version: version, AppliedAt: applied[version]})
	}
	return migrations, nil
}

// known returns the migrations of this program. They are numbered from 1 without holes.
func known() ([]Migration, error) {
	entries, err := files.ReadDir("migrations")
	if err != nil {
		return nil, err
	}
	var migrations []Migration
	for i, entry := range entries {
		number, name, _ := strings.Cut(strings.TrimSuffix(entry.Name(), ".sql"), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil || version != int64(i+1) {
			return nil, fmt.Errorf("migration %s should be number %d", entry.Name(), i+1)
		}
		migrations = append(migrations, Migration{Version: version, Name: name})
	}
	return migrations, nil
}

// applied returns when each applied migration was applied; none where nothing ever was.
func (s *Store) applied(ctx context.Context) (map[int64]time.Time, error) {
	var exists bool
	if err := s.pool.QueryRow(ctx, "SELECT to_regclass('"+versionTable+"') IS NOT NULL").Scan(&exists); err != nil || !exists {
		return nil, err
	}
	// tstamp has no zone; it was written in the session's.
	rows, err := s.pool.Query(ctx, "SELECT version_id, tstamp AT TIME ZONE current_setting('TimeZone') FROM "+versionTable+" WHERE version_id > 0 AND is_applied")
	if err != nil {
		return nil, err
	}
	applied := map[int64]time.Time{}
	var version int64
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&version, &at}, func() error {
		applied[version] = at.UTC()
		return nil
	})
	return applied, err
}

// checkVersion refuses a database with other migrations than this program's.
func (s *Store) checkVersion(ctx context.Context) error {
	migrations, err := s.Status(ctx)
	if err != nil {
		return err
	}
	pending := 0
	for _, m := range migrations {
		if m.Name == "" {
			return denied("newer_database", fmt.Errorf("%s has migration %d, which this program does not know: use a newer crmsync", s.name, m.Version))
		}
		if m.AppliedAt.IsZero() {
			pending++
		}
	}
	if pending > 0 {
		return denied("not_migrated", fmt.Errorf(`%s lacks %d of %d migrations: run "crmsync db migrate"`, s.name, pending, len(migrations)))
	}
	return nil
}
