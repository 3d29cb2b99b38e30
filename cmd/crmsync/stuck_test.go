package main

import (
	"context"
	"io"
	"os"
	"time"

	"crmsync"
)

// frozen is a state store that never answers, also when it is told to stop.
type frozen struct{ crmsync.StateStore }

func (frozen) Links(context.Context, []crmsync.LinkKey) ([]crmsync.Link, error) { select {} }

// runFrozen is `crmsync run` on a state store that never answers, in a process
// of its own: nothing but the process's end frees it.
func runFrozen() int {
	p := &program{in: os.Stdin, out: io.Discard, err: os.Stderr}
	return p.exit(p.command(), p.frozen(context.Background()))
}

func (p *program) frozen(ctx context.Context) error {
	c, _, err := readConfig("", os.Environ())
	if err != nil {
		return err
	}
	log, err := p.logger(c.Log)
	if err != nil {
		return err
	}
	watch := newWatcher(newMetrics(), log, time.Now)
	w, err := wire(ctx, nil, &c, watch)
	if err != nil {
		return err
	}
	w.State = frozen{w.State}
	cfg := c.engine()
	cfg.TaskLimit = 3 * time.Second
	return p.serve(ctx, nil, cfg, w, watch, &admin{watcher: watch})
}
