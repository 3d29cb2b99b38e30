package redis

import (
	"context"
	_ "embed"
	"net/url"
	"time"

	"github.com/redis/go-redis/v9"

	"crmsync"
)

//go:embed check.lua
var checkText string

//go:embed correct.lua
var correctText string

// windowUnstated is how long a bucket is remembered whose window no reading states.
const windowUnstated = 24 * time.Hour

// scripts are the two Lua scripts and their hashes.
type scripts struct{ check, correct *redis.Script }

func newScripts() scripts {
	return scripts{check: redis.NewScript(checkText), correct: redis.NewScript(correctText)}
}

// bucketKey returns PREFIX:{ORG/CONNECTION}:b:BUDGET. The braces keep a connection's buckets on
// one node of a cluster, as a script's keys must be. Escaping keeps the parts apart.
func (s *Store) bucketKey(k crmsync.BudgetKey) string {
	return s.options.Prefix + ":{" + url.QueryEscape(k.Connection.Org) + "/" + url.QueryEscape(k.Connection.Name) + "}:b:" + url.QueryEscape(k.Budget)
}

// evaluation is one run of a script.
type evaluation struct {
	keys      []string
	arguments []any
	answer    *redis.Cmd
}

// Check takes per request all its draws or none, and answers how long the request must wait; zero
// for all when Redis doesn't answer in time. All requests travel in one pipeline.
func (s *Store) Check(ctx context.Context, requests [][]crmsync.Draw) []time.Duration {
	waits := make([]time.Duration, len(requests))
	var evaluations []evaluation
	var places []int
	for i, draws := range requests {
		if e := s.drawing(draws); len(e.keys) > 0 {
			evaluations, places = append(evaluations, e), append(places, i)
		}
	}
	if len(evaluations) == 0 {
		return waits
	}
	s.call(ctx, "check", func(ctx context.Context) error {
		err := s.evaluate(ctx, s.scripts.check, evaluations)
		for i, e := range evaluations {
			if wait, failed := e.answer.Int64(); failed == nil {
				waits[places[i]] = time.Duration(wait) * time.Microsecond
			}
		}
		return err
	})
	return waits
}

// drawing returns the run for one request, without keys when nothing has to be asked.
func (s *Store) drawing(draws []crmsync.Draw) evaluation {
	var e evaluation
	for _, d := range draws {
		window := d.Window.Microseconds()
		if d.Limit <= 0 || window <= 0 || d.Cost <= 0 {
			continue
		}
		e.keys = append(e.keys, s.bucketKey(d.Key))
		e.arguments = append(e.arguments, d.Limit, window, min(d.Cost, d.Limit))
	}
	return e
}

// Correct lowers budgets to what the CRM says is left, by one pipeline.
func (s *Store) Correct(ctx context.Context, readings []crmsync.Reading) {
	if len(readings) == 0 {
		return
	}
	evaluations := make([]evaluation, len(readings))
	for i, r := range readings {
		window := r.Window
		if window <= 0 {
			window = windowUnstated
		}
		evaluations[i] = evaluation{keys: []string{s.bucketKey(r.Key)}, arguments: []any{max(0, r.Remaining), window.Microseconds()}}
	}
	s.call(ctx, "correct", func(ctx context.Context) error {
		return s.evaluate(ctx, s.scripts.correct, evaluations)
	})
}

// evaluate runs a script for each evaluation in one pipeline. A Redis that was restarted doesn't
// know the script: those runs, which did nothing, are repeated once with its text.
func (s *Store) evaluate(ctx context.Context, script *redis.Script, evaluations []evaluation) error {
	pipe := s.client.Pipeline()
	for i := range evaluations {
		e := &evaluations[i]
		e.answer = script.EvalSha(ctx, pipe, e.keys, e.arguments...)
	}
	if _, err := pipe.Exec(ctx); err == nil {
		return nil
	}
	again := s.client.Pipeline()
	for i := range evaluations {
		e := &evaluations[i]
		if redis.HasErrorPrefix(e.answer.Err(), "NOSCRIPT") {
			e.answer = script.Eval(ctx, again, e.keys, e.arguments...)
		}
	}
	if again.Len() > 0 {
		_, _ = again.Exec(ctx) // each answer holds its own error
	}
	for _, e := range evaluations {
		if err := e.answer.Err(); err != nil {
			return err
		}
	}
	return nil
}
