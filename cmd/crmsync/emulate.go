package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"crmsync/providers/emulator"
	"crmsync/providers/emulator/hubspot"
)

func (p *program) emulateCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "emulate", Short: "Run a fake CRM to try things out on", Args: noArgs,
		Long: "Run a fake CRM to try things out on. It keeps everything in memory and asks nobody.",
	}
	c.AddCommand(p.emulateHubspotCommand())
	return c
}

// emulation is what the flags of `emulate hubspot` say.
type emulation struct {
	listen, plan string
	faults       []string
	lag, latency time.Duration
	seed         uint64
}

// maxLatency bounds --latency and --search-lag.
const maxLatency = time.Hour

func (p *program) emulateHubspotCommand() *cobra.Command {
	var e emulation
	kinds := make([]string, 0, len(emulator.FaultKinds()))
	for _, k := range emulator.FaultKinds() {
		kinds = append(kinds, string(k))
	}
	c := &cobra.Command{
		Use: "hubspot", Short: "Run a fake HubSpot", Args: noArgs,
		Long: `Run a fake HubSpot until it is told to stop.

Any bearer token is taken: each is an account of its own, with the unique
property crmsync_id in contacts, companies and deals. pat-7-anything is account 7.

Faults strike write requests by chance: ` + wrapped(kinds, 78-len("Faults strike write requests by chance: "), 78) + `

Below /_emulator/ it tells what happened: objects?account=7&type=contacts,
log, counters, faults; POST /_emulator/reset forgets it all.`,
		Example: `  crmsync emulate hubspot
  crmsync emulate hubspot --fault throttled=0.02 --fault timeout=0.005 --latency 80ms
  crmsync emulate hubspot --listen 127.0.0.1:0 --seed 7     # a free port; the same faults each time`,
		RunE: func(c *cobra.Command, _ []string) error { return p.emulateHubspot(c.Context(), &e) },
	}
	f := c.Flags()
	f.StringVar(&e.listen, "listen", "127.0.0.1:8089", "`address` to listen on; it has no guard against strangers")
	f.StringArrayVar(&e.faults, "fault", nil, "`kind=rate`, from 0 to 1; may be given several times")
	f.DurationVar(&e.latency, "latency", 0, "how long each answer takes at least, such as 80ms")
	f.DurationVar(&e.lag, "search-lag", 0, "how long a write stays invisible to search, such as 5s")
	f.StringVar(&e.plan, "plan", "professional", "subscription of the accounts, which sets their limits: free, starter, professional, enterprise or oauth")
	f.Uint64Var(&e.seed, "seed", 1, "makes chance repeatable")
	return c
}

// wrapped joins words with commas into lines, the first with room for so many
// characters.
func wrapped(words []string, first, width int) string {
	var b strings.Builder
	left := first
	for i, w := range words {
		if i < len(words)-1 {
			w += ","
		} else {
			w += "."
		}
		if len(w)+1 > left {
			b.WriteString("\n")
			left = width
		} else if i > 0 {
			b.WriteString(" ")
		}
		b.WriteString(w)
		left -= len(w) + 1
	}
	return b.String()
}

// config returns the emulator's settings, or what is wrong with the flags.
func (e *emulation) config() (hubspot.Config, error) {
	c := hubspot.Config{
		Seed: e.seed, SearchLag: e.lag, Faults: emulator.FaultRates{}, UnknownTokens: true,
		NewPortal: hubspot.Portal{Plan: hubspot.Plan(e.plan), UniqueProperty: "crmsync_id"},
	}
	for _, text := range e.faults {
		kind, number, ok := strings.Cut(text, "=")
		rate, err := strconv.ParseFloat(number, 64)
		if !ok || err != nil {
			return c, usage{fmt.Errorf("--fault %q: give kind=rate, such as throttled=0.02", text)}
		}
		c.Faults[emulator.FaultKind(kind)] = rate
	}
	if err := c.Faults.Validate(); err != nil {
		return c, usage{fmt.Errorf("--fault: %w", err)}
	}
	for _, d := range []struct {
		flag  string
		value time.Duration
	}{{"--latency", e.latency}, {"--search-lag", e.lag}} {
		if d.value < 0 || d.value > maxLatency {
			return c, usage{fmt.Errorf("%s %s: give a duration from 0 to %s", d.flag, d.value, maxLatency)}
		}
	}
	return c, nil
}

// emulateHubspot serves until a signal comes, then says what it saw.
func (p *program) emulateHubspot(ctx context.Context, e *emulation) error {
	c, err := e.config()
	if err != nil {
		return err
	}
	server, err := hubspot.New(c)
	if errors.Is(err, hubspot.ErrUnknownPlan) {
		return usage{fmt.Errorf("--plan %q: give free, starter, professional, enterprise or oauth", e.plan)}
	}
	if err != nil {
		return err
	}
	ctx, stop, done := interruptible(ctx)
	defer done()
	running, err := emulator.Listen(e.listen, delayed(server, e.latency))
	if err != nil {
		return err
	}
	fmt.Fprintln(p.out, running.URL())
	p.hint("HubSpot emulator: any token is an account of its own. What happened: %s%scounters", running.URL(), emulator.InspectPrefix)
	p.hint("In crmsync.yaml:  providers: {hubspot: {base_url: %q}}", running.URL())
	p.hint("Ctrl-C ends it; what it holds is lost then.")
	select {
	case <-stop:
	case <-ctx.Done():
	}
	if err := running.Close(); err != nil {
		return err
	}
	p.hint("%s", seen(server.Counters()))
	return nil
}

// hint tells a person something that is not the command's result.
func (p *program) hint(format string, args ...any) {
	if !p.quiet {
		fmt.Fprintf(p.err, format+"\n", args...)
	}
}

// delayed lets every answer of h take at least d. The emulator's own pages
// answer at once.
func delayed(h http.Handler, d time.Duration) http.Handler {
	if d == 0 {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, emulator.InspectPrefix) {
			timer := time.NewTimer(d)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-r.Context().Done(): // the caller has gone; what it asked for happens all the same
			}
		}
		h.ServeHTTP(w, r)
	})
}

// seen says in a line what an emulator was asked for.
func seen(c emulator.Counters) string {
	requests := int64(0)
	for _, n := range c.Calls {
		requests += n
	}
	text := fmt.Sprintf("%d requests of %d accounts", requests, len(c.Accounts))
	if parts := counted(c.Records); parts != "" {
		text += "; records: " + parts
	}
	if parts := counted(c.Faults); parts != "" {
		text += "; faults: " + parts
	}
	return text
}

// counted lists counts, the largest first.
func counted[K ~string](counts map[K]int64) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b K) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = fmt.Sprintf("%d %s", counts[name], name)
	}
	return strings.Join(parts, ", ")
}
