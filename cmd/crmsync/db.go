package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"crmsync/pipeline/postgres"
	"crmsync/pipeline/sqlite"
)

// database is what `db` needs of a state store.
type database interface {
	Migrate(ctx context.Context) error
	Close() error
}

// migration is one step of the database's shape.
type migration struct {
	Version   int64
	Name      string    // empty: applied by a newer program
	AppliedAt time.Time // zero: missing
}

func (p *program) dbCommand() *cobra.Command {
	c := &cobra.Command{Use: "db", Short: "Bring the database of links up to date", Args: noArgs}
	c.AddCommand(
		&cobra.Command{
			Use: "migrate", Short: "Apply the migrations that the database lacks", Args: noArgs,
			Long: "Apply the migrations that the database lacks. Several processes may try at once: one does it, the others wait.",
			RunE: func(c *cobra.Command, _ []string) error { return p.dbMigrate(c.Context()) },
		},
		&cobra.Command{
			Use: "status", Short: "List the migrations, applied and missing; exit 1 if any is missing or not known", Args: noArgs,
			RunE: func(c *cobra.Command, _ []string) error { return p.dbStatus(c.Context()) },
		},
	)
	return c
}

// lister lists a database's migrations.
type lister func(context.Context) ([]migration, error)

// openDatabase opens the configured database, whatever its shape.
func (p *program) openDatabase(ctx context.Context) (database, lister, error) {
	c, _, err := readConfig(p.config, os.Environ())
	if err != nil {
		return nil, nil, err
	}
	url := c.State.URL.Reveal()
	if strings.HasPrefix(url, "sqlite:") {
		s, err := sqlite.Open(ctx, url, sqlite.Options{AnyVersion: true})
		if err != nil {
			return nil, nil, err
		}
		return s, listed(s.Status, func(m sqlite.Migration) migration { return migration(m) }), nil
	}
	s, err := postgres.Open(ctx, url, postgres.Options{AnyVersion: true, Insecure: c.State.Insecure})
	if err != nil {
		return nil, nil, err
	}
	return s, listed(s.Status, func(m postgres.Migration) migration { return migration(m) }), nil
}

// listed turns a technology's migrations into ours.
func listed[M any](status func(context.Context) ([]M, error), as func(M) migration) lister {
	return func(ctx context.Context) (all []migration, err error) {
		found, err := status(ctx)
		for _, m := range found {
			all = append(all, as(m))
		}
		return all, err
	}
}

func (p *program) dbMigrate(ctx context.Context) (err error) {
	db, list, err := p.openDatabase(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	before, err := list(ctx)
	if err != nil {
		return err
	}
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	if newer(before) {
		return p.tellNewer()
	}
	applied := 0
	for _, m := range before {
		if m.AppliedAt.IsZero() {
			applied++
			fmt.Fprintf(p.out, "applied %d %s\n", m.Version, m.Name)
		}
	}
	if applied == 0 {
		fmt.Fprintln(p.out, "nothing to do: the database is up to date")
	}
	return nil
}

// newer says whether a newer program has changed the database's shape.
func newer(all []migration) bool {
	return slices.ContainsFunc(all, func(m migration) bool { return m.Name == "" })
}

func (p *program) tellNewer() error {
	fmt.Fprintln(p.err, "A newer crmsync has brought the database up to date: use that one.")
	return problems{errors.New("the database is newer than this program")}
}

func (p *program) dbStatus(ctx context.Context) (err error) {
	db, list, err := p.openDatabase(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	all, err := list(ctx)
	if err != nil {
		return err
	}
	missing := 0
	for _, m := range all {
		when := "missing"
		if m.AppliedAt.IsZero() {
			missing++
		} else {
			when = "applied " + m.AppliedAt.UTC().Format(time.DateTime) + " UTC"
		}
		fmt.Fprintf(p.out, "%4d  %-24s  %s\n", m.Version, cmp.Or(m.Name, "(not known here)"), when)
	}
	if newer(all) {
		return p.tellNewer()
	}
	if missing > 0 {
		fmt.Fprintln(p.err, `Run "crmsync db migrate".`)
		return problems{fmt.Errorf("%d migrations are missing", missing)}
	}
	return nil
}
