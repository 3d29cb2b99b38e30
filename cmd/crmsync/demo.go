package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"crmsync/cmd/crmsync/demo"
)

// demoFlags are what a demo may be told.
type demoFlags struct {
	events   int
	orgs     int
	duration time.Duration
	seed     uint64
	faults   string
	keep     bool
	json     bool
}

// Bounds of a demo: all of it is kept in this process.
const (
	demoEventsMax   = 1_000_000
	demoOrgsMax     = 400
	demoDurationMax = 5 * time.Minute
)

func (p *program) demoCommand() *cobra.Command {
	f := demoFlags{}
	c := &cobra.Command{
		Use: "demo", Short: "Watch a whole system at work, with nothing installed",
		Long: `Watch a whole system at work, with nothing installed.

A Kafka broker, a fake HubSpot with all its moods, a database and crmsync run in
this one process. Change events of eight orgs come in: new records, changes,
deletions, repeats, old versions that come late, broken messages. Their mappings
turn them into requests. Meanwhile the CRM fails in every way it can, one
account is slow, another one refuses its credential for a while.

At the end an oracle that knows nothing of crmsync says what the CRM should hold
now, and compares. Exit code 1 if anything was lost, doubled, left behind or
overwritten by something older. Nothing leaves this machine; nothing is left
behind.

--faults heavy is for those who don't believe it: every third request to the CRM
fails, crmsync is killed and started anew again and again, its database fails,
its caches are lost, its dead-letter queue refuses.`,
		Example: "  crmsync demo\n  crmsync demo --orgs 40 --events 200000\n  crmsync demo --faults heavy --json",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			m, err := moodOf(f.faults)
			if err != nil {
				return err
			}
			if !c.Flags().Changed("events") {
				f.events = m.events
			}
			return p.demo(c.Context(), f, m)
		},
	}
	c.Flags().IntVar(&f.events, "events", 100_000, "how many events; 30000 with --faults heavy")
	c.Flags().IntVar(&f.orgs, "orgs", demo.Archetypes, "how many orgs; from the ninth on they resemble the first eight")
	c.Flags().DurationVar(&f.duration, "duration", 0, "send events for so long, instead of so many")
	c.Flags().Uint64Var(&f.seed, "seed", 1, "other events for another seed, the same for the same")
	c.Flags().StringVar(&f.faults, "faults", "some", "how much goes wrong: none, some or heavy")
	c.Flags().BoolVar(&f.keep, "keep", false, "keep the folder with the mappings, the database and the log")
	c.Flags().BoolVar(&f.json, "json", false, "print one JSON object instead of a text")
	return c
}

func (f *demoFlags) check() error {
	switch {
	case f.events < 1 || f.events > demoEventsMax:
		return usage{fmt.Errorf("--events %d: give a number from 1 to %d", f.events, demoEventsMax)}
	case f.orgs < 1 || f.orgs > demoOrgsMax:
		return usage{fmt.Errorf("--orgs %d: give a number from 1 to %d", f.orgs, demoOrgsMax)}
	case f.duration < 0 || f.duration > demoDurationMax:
		return usage{fmt.Errorf("--duration %s: give a time of up to %s", f.duration, demoDurationMax)}
	}
	return nil
}

// demoRate is about how many events a second a demo handles.
const demoRate = 5000

// setting returns which events the demo has.
func (f *demoFlags) setting() demo.Setting {
	s := demo.Setting{Seed: f.seed, Orgs: f.orgs, Events: f.events}
	if f.duration > 0 {
		s.Events = int(f.duration.Seconds() * demoRate)
	}
	return s
}

// demo runs a demo and tells of it.
func (p *program) demo(ctx context.Context, f demoFlags, m mood) (err error) {
	if err := f.check(); err != nil {
		return err
	}
	ctx, stop, done := interruptible(ctx)
	defer done()
	s, err := openStage(ctx, f.setting(), m, f.keep)
	if err != nil {
		return fmt.Errorf("set up the demo: %w", err)
	}
	defer func() { err = errors.Join(err, s.close()) }()
	p.announce(f)
	d := newDrive(s, f)
	if err := d.run(ctx, stop, p); err != nil {
		return fmt.Errorf("run the demo: %w", err)
	}
	report, err := d.report(ctx)
	if err != nil {
		return fmt.Errorf("judge the demo: %w", err)
	}
	if err := p.tell(report, f.json); err != nil {
		return err
	}
	if !report.Sound() {
		return problems{errors.New("the demo's checks found something")}
	}
	return nil
}

// announce says what is about to happen.
func (p *program) announce(f demoFlags) {
	if p.quiet || f.json {
		return
	}
	amount := demo.Times(int64(f.events), "change event")
	if f.duration > 0 {
		amount = fmt.Sprintf("change events for %s", f.duration)
	}
	fmt.Fprintf(p.err, "crmsync demo: %s of %s, through their mappings, into an emulated HubSpot …\n\n", amount, demo.Times(int64(f.orgs), "org"))
}

// tell prints the report.
func (p *program) tell(r *demo.Report, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(p.out)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	style := demo.Plain()
	if p.color(p.out) {
		style = demo.Style{Bold: sgr("1"), Dim: sgr("2"), Good: sgr("32"), Bad: sgr("31")}
	}
	return r.Text(p.out, style)
}

// sgr returns what writes a text in a terminal's colour or weight.
func sgr(code string) func(string) string {
	return func(s string) string { return "\x1b[" + code + "m" + s + "\x1b[0m" }
}
