package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"crmsync"
	"crmsync/pipeline"
)

func (p *program) runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use: "run", Short: "Read change events from Kafka and bring the CRMs up to date",
		Long: `Read change events from Kafka and bring the CRMs up to date, until told to stop.

SIGTERM or Ctrl-C: requests under way finish, what is finished is committed,
exit 0. A second one stops at once; nothing is lost, some work is repeated.

When the log no longer holds what a partition has to read next, that partition
is not read, the others are. --accept-gap PARTITION lets it go on from where the
log begins; what lies between is lost. Give it to the process that has the
partition, or to all, and take it away again: it would accept the next gap too.`,
		Example: `  crmsync run --config crmsync.yaml
  crmsync run --once            # what the topic holds now, then exit
  crmsync run --accept-gap 3    # partition 3 goes on though messages are lost`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return p.run(c.Context(), f)
		},
	}
	c.Flags().BoolVar(&f.once, "once", false, "bring the CRMs up to date with what the topic holds, then exit; 1 if a partition was not read")
	c.Flags().Int32SliceVar(&f.acceptGaps, "accept-gap", nil, "let this `partition` go on though the log has lost what came next; may be given several times")
	return c
}

// runFlags are what `run` may be told.
type runFlags struct {
	once       bool
	acceptGaps []int32
}

// maxPartition is above the number of any partition that a topic has.
const maxPartition = 1_000_000

func (f *runFlags) check() error {
	for _, id := range f.acceptGaps {
		if id < 0 || id >= maxPartition {
			return usage{fmt.Errorf("--accept-gap %d: give the number of a partition, from 0", id)}
		}
	}
	return nil
}

// run is the daemon.
func (p *program) run(ctx context.Context, f runFlags) (err error) {
	c, _, err := readConfig(p.config, os.Environ())
	if err != nil {
		return err
	}
	log, err := p.logger(c.Log)
	if err != nil {
		return err
	}
	ctx, stop, done := interruptible(ctx)
	defer done()
	watch := newWatcher(newMetrics(), log, time.Now)
	a := &admin{watcher: watch}
	if err := a.serve(ctx, c.Admin.Listen); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	w, err := wire(ctx, stop, &c, watch)
	if err != nil {
		return err
	}
	cfg := c.engine()
	cfg.Once, cfg.AcceptGaps = f.once, f.acceptGaps
	log.Info("running", "topic", c.Kafka.Topic, "group", c.Kafka.Group, "admin", a.listener.Addr().String(),
		"orgs", len(w.registry.Current().Orgs()), "mappings", w.registry.Current().Hash())
	return p.serve(ctx, stop, cfg, w, watch, a)
}

// serve works until it is told to stop or can't go on, and closes the parts.
func (p *program) serve(ctx context.Context, stop <-chan struct{}, cfg pipeline.Config, w *wired, watch *watcher, a *admin) error {
	sum, err := p.work(ctx, stop, cfg, w, watch, a)
	watch.log.Info("stopped", "events", sum.Messages, "deliveries", sum.Deliveries, "outcomes", outcomes(sum.Outcomes), "released", outcomes(sum.Released))
	fault, _ := errors.AsType[*crmsync.Fault](err)
	if fault != nil && fault.Code == pipeline.Stuck {
		// Closing the parts would wait for the task. The process's end frees them.
		return fmt.Errorf("%w\n%s", err, stuckAdvice)
	}
	if fault != nil && fault.Code == "fenced_instance" {
		err = fmt.Errorf("%w\nAnother process runs with the same kafka.instance_id; give each its own", err)
	}
	if gaps := watch.gaps(); err == nil && cfg.Once && len(gaps) > 0 {
		fmt.Fprintln(p.err, unreadText(gaps))
		err = problems{errors.New("partitions were not read")}
	}
	if err == nil && cfg.Once {
		p.hintWaiting(ctx, w.Waiting)
	}
	return errors.Join(err, w.close())
}

// hintWaiting tells that a run which has ended leaves records in the waiting room.
func (p *program) hintWaiting(ctx context.Context, room crmsync.WaitingRoom) {
	links, err := room.Waiting(ctx, crmsync.WaitFilter{}, waitingPage)
	switch n := len(links); {
	case err != nil, n == 0: // a hint is worth no fault
	case n == 1:
		p.hint("1 record waits for its CRM; see: crmsync waiting list")
	case n == waitingPage:
		p.hint("%d records or more wait for their CRM; see: crmsync waiting list", n)
	default:
		p.hint("%d records wait for their CRM; see: crmsync waiting list", n)
	}
}

// stuckAdvice says what a person can do about a task that has not come back.
const stuckAdvice = `Start the process again; other processes have its partitions meanwhile, and repeat what it had
under way. If it happens again, look at what the task waits for (poll, horizon, commit, leave: Kafka;
claim, prove, check, save, release: the state store; bury: the dead-letter topic; send, renew: Redis,
the credentials, the CRM), or raise engine.task_limit if it is only slow.`

// unreadText says which partitions a run has left out.
func unreadText(gaps map[int32]crmsync.Gap) string {
	var lines []string
	for _, id := range slices.Sorted(maps.Keys(gaps)) {
		lines = append(lines, gapText(id, gaps[id]))
	}
	return strings.Join(lines, "\n")
}

// work runs the engine with what surrounds it: the watch over the mappings, the
// progress. All of it has ended when it returns.
func (p *program) work(ctx context.Context, stop <-chan struct{}, cfg pipeline.Config, w *wired, watch *watcher, a *admin) (pipeline.Counts, error) {
	cfg.MaxInflight = w.inflight()
	around, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	a.loaded(nil)
	group.Go(func() { w.watchMappings(around, watch.log, watch.metrics, a.loaded) })
	group.Go(func() { p.showProgress(around, watch) })
	group.Go(func() {
		select {
		case <-stop:
			a.draining.Store(true)
		case <-around.Done():
		}
	})
	engine := pipeline.New(cfg, w.limits, w.Observer, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())))
	err := engine.Run(ctx, stop, &w.Parts)
	return engine.Counts(), err
}

// outcomes names counts.
func outcomes(counts [crmsync.Outcomes]int64) map[string]int64 {
	named := make(map[string]int64, len(counts))
	for o, n := range counts {
		named[crmsync.Outcome(o).String()] = n
	}
	return named
}

// progressEvery is how often the line on a terminal changes.
const progressEvery = 500 * time.Millisecond

// showProgress keeps a line on a terminal up to date until ctx ends.
func (p *program) showProgress(ctx context.Context, watch *watcher) {
	l := p.progress()
	if l.w == nil {
		return
	}
	defer l.clear()
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	before := watch.state()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s := watch.state()
		rate := float64(s.Events-before.Events) / progressEvery.Seconds()
		l.show("%s", progressText(s, rate))
		before = s
	}
}

func progressText(s state, rate float64) string {
	text := fmt.Sprintf("%d events, %.0f/s", s.Events, rate)
	for o, n := range s.Counts {
		if n > 0 {
			text += fmt.Sprintf(" · %d %s", n, crmsync.Outcome(o))
		}
	}
	return text
}
