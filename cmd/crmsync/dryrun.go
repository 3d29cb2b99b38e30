package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"crmsync/dsl"
	"crmsync/providers"
)

// dryRunFlags are the flags of dry-run.
type dryRunFlags struct {
	events   string
	org      string
	provider string
	state    string
	format   string
	limit    int
}

func (p *program) dryRunCommand() *cobra.Command {
	var f dryRunFlags
	c := &cobra.Command{
		Use: "dry-run --events FILE|-", Short: "The requests that events would cause; none is sent", Args: noArgs,
		Long: `The requests that events would cause, with the engine's own code and parts that
record instead of send. None is sent.

Events are JSON lines as they stand in Kafka. They are handled one after the
other, so that each shows its own request. Which CRM objects are known already
can be told by --state: JSON lines with org, connection, record_type, record_id,
external_id and version; without it nothing is known, and records are upserted.
Exit code 1 when an event would go to the dead-letter queue.`,
		Example: "  crmsync mappings dry-run --events examples/events.jsonl\n" +
			"  crmsync mappings dry-run --events examples/events.jsonl --state examples/state.jsonl --org acme\n" +
			"  kcat -C -t crmsync.events -c 100 -e | crmsync mappings dry-run --events -",
		RunE: func(c *cobra.Command, _ []string) error { return p.dryRun(c.Context(), f) },
	}
	c.Flags().StringVar(&f.events, "events", "", "`file` with events, or - for standard input")
	c.Flags().StringVar(&f.org, "org", "", "only events of this org")
	c.Flags().StringVar(&f.provider, "provider", "", "only connections to this provider")
	c.Flags().StringVar(&f.state, "state", "", "`file` with the CRM objects that are known")
	c.Flags().StringVar(&f.format, "format", "text", "text or json")
	c.Flags().IntVar(&f.limit, "limit", 1000, "events at most")
	return c
}

// check refuses flags that make no sense.
func (f *dryRunFlags) check() error {
	switch {
	case f.events == "":
		return usage{errors.New("say with --events which events to try: a file with JSON lines, or -")}
	case f.format != "text" && f.format != "json":
		return formatError(f.format, "text or json")
	case f.limit < 1:
		return usage{fmt.Errorf("--limit %d: give at least 1", f.limit)}
	case f.provider != "" && !slices.Contains(providers.Names(), f.provider):
		return usage{fmt.Errorf("no provider %q%s", f.provider, didYouMean(f.provider, providers.Names()))}
	}
	return nil
}

func (p *program) dryRun(ctx context.Context, flags dryRunFlags) error {
	if err := flags.check(); err != nil {
		return err
	}
	var orgs []string
	if flags.org != "" {
		orgs = []string{flags.org}
	}
	set, f, err := p.loaded(dsl.Options{}, orgs...)
	if err != nil {
		return err
	}
	events, err := p.readEvents(flags)
	if err != nil {
		return err
	}
	if err := events.none(flags, f.orgs()); err != nil {
		return err
	}
	r, err := newRehearsal(set, events, flags.provider)
	if err != nil {
		return err
	}
	if err := r.knows(ctx, flags.state); err != nil {
		return err
	}
	if err := r.play(ctx); err != nil {
		return err
	}
	if flags.format == "json" {
		err = p.printJSON(rehearsedJSON{r.acts, r.plan()})
	} else {
		err = p.printRehearsal(r)
	}
	if err != nil {
		return err
	}
	p.leftOut(events, flags)
	if n := r.plan().Dead; n > 0 {
		return problems{fmt.Errorf("%s would go to the dead-letter queue", plural(n, "delivery"))}
	}
	return nil
}

// none refuses to try nothing.
func (e *eventLines) none(flags dryRunFlags, orgs []string) error {
	switch {
	case len(e.messages) > 0:
		return nil
	case e.lines == 0:
		return fmt.Errorf("%s holds no events", flags.events)
	case slices.Contains(orgs, flags.org):
		return fmt.Errorf("none of the %s is of org %q", plural(e.lines, "event"), flags.org)
	}
	return fmt.Errorf("none of the %s is of org %q%s", plural(e.lines, "event"), flags.org, didYouMean(flags.org, orgs))
}

// leftOut says which lines were not tried.
func (p *program) leftOut(e *eventLines, flags dryRunFlags) {
	if e.nobody > 0 {
		fmt.Fprintf(p.err, "%s of no org that could be read: try without --org\n", plural(e.nobody, "line"))
	}
	if e.more {
		fmt.Fprintf(p.err, "there are more events than %d: see them with --limit\n", flags.limit)
	}
}
