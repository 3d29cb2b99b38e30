package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"crmsync"
	"crmsync/dsl"
	"crmsync/pipeline"
	"crmsync/pipeline/inmem"
	"crmsync/pipeline/kafka"
	"crmsync/pipeline/redis"
	"crmsync/pipeline/secure"
	"crmsync/providers"
)

// Bounds of what a process keeps in memory in place of Redis.
const (
	idempotencyKept = 200_000
	credentialKept  = time.Minute
)

// wired is a process's parts, and what must be closed when it ends.
type wired struct {
	pipeline.Parts
	registry *dsl.Registry
	source   *kafka.Source
	closers  []func() error // in order of opening
}

func (w *wired) later(f func() error) { w.closers = append(w.closers, f) }

// close closes what was opened, the newest first.
func (w *wired) close() error {
	var errs []error
	for _, f := range slices.Backward(w.closers) {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}

// limits answers from the providers' descriptions.
func (w *wired) limits(c crmsync.Connection, object string, op crmsync.Operation) crmsync.Limits {
	p := w.Providers[c.Provider]
	if p == nil {
		return crmsync.Limits{}
	}
	return p.Limits(c.Plan, object, op)
}

// inflight returns how long after its deadline, at most, a request to any of the
// CRMs may take to have its effect, and that to be found.
func (w *wired) inflight() (longest time.Duration) {
	for _, p := range w.Providers {
		described, ok := p.(interface{ Objects() []string })
		if !ok {
			continue
		}
		for _, object := range described.Objects() {
			for op := crmsync.Upsert; op <= crmsync.Find; op++ {
				limits := p.Limits("", object, op)
				longest = max(longest, limits.MaxInflight+limits.SearchLag)
			}
		}
	}
	return longest
}

// wire opens all that a configuration names. A server that can't be reached is
// asked again, ever less often, until stop; what waiting won't cure is an
// error that names the address. What was opened before is closed again.
func wire(ctx context.Context, stop <-chan struct{}, c *config, watch *watcher) (_ *wired, err error) {
	w := &wired{}
	w.Observer, w.Now = watch, time.Now
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	for _, step := range []struct {
		task string // whose work it makes possible
		open func(context.Context, *config, *watcher) error
	}{{"", w.openMappings}, {"", w.openProviders}, {"check", w.openState}, {"", w.openRedis}, {"poll", w.openKafka}} {
		open := func() error { return step.open(ctx, c, watch) }
		if err := patiently(ctx, stop, watch, step.task, open); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// Pauses between tries to reach a server at the start.
const (
	firstPause = 500 * time.Millisecond
	lastPause  = 15 * time.Second
)

// patiently tries again what fails for a reason that may pass.
func patiently(ctx context.Context, stop <-chan struct{}, watch *watcher, task string, open func() error) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := open()
		if k := crmsync.KindOf(err); err == nil || k != crmsync.Transient {
			if err == nil && task != "" {
				watch.Noticed(pipeline.Notice{Task: task})
			}
			return err
		}
		watch.Noticed(pipeline.Notice{Task: task, Err: err})
		select {
		case <-time.After(pause):
		case <-stop:
			return fmt.Errorf("stopped before it could start: %w", err)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (w *wired) openMappings(_ context.Context, c *config, _ *watcher) error {
	registry, found := dsl.Open(c.Mappings.Dir, dsl.Options{Dir: c.Mappings.Dir, Providers: providers.Names()})
	if found.HasErrors() {
		return fmt.Errorf("load the mappings: %w", found)
	}
	w.registry, w.Mappings = registry, registry
	return nil
}

func (w *wired) openProviders(_ context.Context, c *config, _ *watcher) error {
	opt := providers.Options{BaseURL: map[string]string{}, MaxInflight: map[string]time.Duration{}}
	for name, p := range c.Providers {
		if !slices.Contains(providers.Names(), name) {
			return fmt.Errorf("providers.%s: there is no such provider, only %s", name, strings.Join(providers.Names(), ", "))
		}
		if p.BaseURL != "" {
			opt.BaseURL[name] = p.BaseURL
		}
		if p.MaxInflight > 0 {
			opt.MaxInflight[name] = p.MaxInflight
		}
	}
	loaded, found := providers.Load(opt)
	if found.HasErrors() {
		return fmt.Errorf("load the providers: %w", found)
	}
	w.Providers = map[string]crmsync.Provider{}
	for name, p := range loaded {
		w.Providers[name] = p
	}
	return nil
}

// openRedis asks Redis once. That it is down stops nothing; that it refuses our user, or we its
// certificate, does: it would go unnoticed, and rates unchecked, for good.
func (w *wired) openRedis(ctx context.Context, c *config, watch *watcher) error {
	if c.Redis.URL.IsZero() {
		w.Idempotency, w.Rate = inmem.NewIdempotency(idempotencyKept), inmem.NewRate(time.Now)
		return nil
	}
	options := redis.Options{TTL: c.Redis.TTL, Insecure: c.Redis.Insecure, Report: watch.redisSilent}
	if t := c.Redis.TLS; t != nil {
		options.TLS = &secure.TLS{CAFile: t.CAFile, CertFile: t.CertFile, KeyFile: t.KeyFile, ServerName: t.ServerName}
	}
	store, err := redis.Open(c.Redis.URL.Reveal(), options)
	if err != nil {
		return err
	}
	w.later(store.Close)
	if err := store.Ping(ctx); crmsync.KindOf(err) == crmsync.Denied {
		return err
	} else if err != nil {
		watch.redisSilent("ping", err)
	}
	w.Idempotency, w.Rate = store, store
	return nil
}

func (w *wired) openKafka(ctx context.Context, c *config, watch *watcher) error {
	k, err := c.kafka()
	if err != nil {
		return err
	}
	if err := kafka.Check(ctx, k); err != nil {
		return err
	}
	if err := kafka.EnsureTopics(ctx, k, kafka.Create{}); err != nil {
		return err
	}
	letters, err := kafka.NewDeadLetters(k)
	if err != nil {
		return err
	}
	w.later(letters.Close)
	w.DeadLetters = letters
	source, err := kafka.NewSource(k, kafka.Hooks{Report: watch.kafkaTrouble, Rebalanced: watch.rebalanced})
	if err != nil {
		return err
	}
	w.later(source.Close)
	w.source, w.Source, w.Horizon = source, source, source
	watch.registry.MustRegister(newLagCollector(source.Lag))
	return nil
}

// redisSilent tells of a question to Redis that had to go without an answer.
func (w *watcher) redisSilent(op string, err error) {
	w.failedOpen.WithLabelValues(op).Inc()
	if ok, skipped := w.once.pass("redis " + op); ok {
		w.log.Warn("redis does not answer; going on without it", "operation", op, "error", err, "more_like_it", skipped)
	}
}

// kafkaTrouble tells of what sarama reports and tries again by itself.
func (w *watcher) kafkaTrouble(err error) {
	w.troubles.Inc()
	if ok, skipped := w.once.pass("kafka " + err.Error()); ok {
		w.log.Warn("kafka", "error", err, "more_like_it", skipped)
	}
}

// watchMappings reloads the mappings whenever they change, until ctx ends.
func (w *wired) watchMappings(ctx context.Context, log *slog.Logger, m *metrics, bad func(error)) {
	set := w.registry.Current()
	m.reloaded(true, time.Now(), len(set.Programs()), set.Hash())
	err := w.registry.Watch(ctx, func(r dsl.Reload) {
		ok := !r.Diagnostics.HasErrors()
		m.reloaded(ok, r.At, len(r.Set.Programs()), r.Set.Hash())
		if !ok {
			log.Error("mappings are broken; those read before stay in force", "diagnostics", r.Diagnostics.Error())
			bad(fmt.Errorf("the mappings on disk are broken: %s", r.Diagnostics.Summary()))
			return
		}
		bad(nil)
		log.Info("mappings reloaded", "mappings", len(r.Set.Programs()), "hash", r.Set.Hash())
	})
	if err != nil {
		log.Error("mappings are not watched; changes need a restart", "error", err)
	}
}
