package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"crmsync"
	"crmsync/pipeline"
)

func (p *program) runCommand() *cobra.Command {
	var once bool
	c := &cobra.Command{
		Use: "run", Short: "Read change events from Kafka and bring the CRMs up to date",
		Long: `Read change events from Kafka and bring the CRMs up to date, until told to stop.

SIGTERM or Ctrl-C: requests under way finish, what is finished is committed,
exit 0. A second one stops at once; nothing is lost, some work is repeated.`,
		Example: "  crmsync run --config crmsync.yaml\n  crmsync run --once    # what the topic holds now, then exit",
		Args:    noArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return p.run(c.Context(), once) },
	}
	c.Flags().BoolVar(&once, "once", false, "bring the CRMs up to date with what the topic holds, then exit")
	return c
}

// run is the daemon.
func (p *program) run(ctx context.Context, once bool) (err error) {
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
	defer func() { err = errors.Join(err, w.close()) }()
	cfg := c.engine()
	cfg.Once = once
	log.Info("running", "topic", c.Kafka.Topic, "group", c.Kafka.Group, "admin", a.listener.Addr().String(),
		"orgs", len(w.registry.Current().Orgs()), "mappings", w.registry.Current().Hash())
	sum, err := p.work(ctx, stop, cfg, w, watch, a)
	log.Info("stopped", "events", sum.Messages, "deliveries", sum.Deliveries, "outcomes", outcomes(sum.Outcomes))
	if fault, ok := errors.AsType[*crmsync.Fault](err); ok && fault.Code == "fenced_instance" {
		return fmt.Errorf("%w\nAnother process runs with the same kafka.instance_id; give each its own", err)
	}
	return err
}

// work runs the engine with what surrounds it: the watch over the mappings, the
// progress. All of it has ended when it returns.
func (p *program) work(ctx context.Context, stop <-chan struct{}, cfg pipeline.Config, w *wired, watch *watcher, a *admin) (pipeline.Counts, error) {
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
