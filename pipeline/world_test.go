package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/dsl"
	"crmsync/pipeline"
	"crmsync/pipeline/inmem"
)

const contactYAML = `version: 1
record_type: contact
provider: fake
object: contacts
when: record.status != "internal"
match: {field: key, value: record_id}
on_delete: archive
fields:
  email: lower(record.email)
  version: event.version
  score: record.score
`

const orgYAML = "version: 1\nconnections:\n  fake: {provider: fake, credential: main, plan: standard}\n"

// mappings returns the folder of an org "acme" with one mapping, and of further
// orgs that the global fallback serves.
func mappings(orgs ...string) fstest.MapFS {
	fs := fstest.MapFS{"_global/fake/contact.yaml": {Data: []byte(contactYAML)}}
	for _, org := range append(orgs, "acme") {
		fs[org+"/org.yaml"] = &fstest.MapFile{Data: []byte(orgYAML)}
	}
	return fs
}

// world is an engine on parts in memory, with a CRM that can be told to fail.
type world struct {
	t      *testing.T
	cfg    pipeline.Config
	log    *inmem.Log
	state  *inmem.State
	dead   *graveyard
	crm    *crm
	parts  pipeline.Parts
	engine *pipeline.Engine
	seen   *witness
}

// graveyard is a dead-letter queue that can be out of order.
type graveyard struct {
	mu      sync.Mutex
	broken  error
	letters []crmsync.DeadLetter
}

func (g *graveyard) Put(_ context.Context, letters []crmsync.DeadLetter) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.broken != nil {
		return g.broken
	}
	g.letters = append(g.letters, letters...)
	return nil
}

func (g *graveyard) repair(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.broken = err
}

func (g *graveyard) all() []crmsync.DeadLetter {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.letters)
}

// witness keeps what an engine tells.
type witness struct {
	mu      sync.Mutex
	ended   []pipeline.Ended
	notices []pipeline.Notice
}

func (w *witness) Ended(e pipeline.Ended) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ev := *e.Event
	e.Event = &ev
	w.ended = append(w.ended, e)
}
func (w *witness) Requested(pipeline.Requested) {}
func (w *witness) Noticed(n pipeline.Notice) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notices = append(w.notices, n)
}

func newWorld(t *testing.T, files fstest.MapFS) *world {
	set, found := dsl.Load(files, dsl.Options{})
	require.Empty(t, found.Error())
	w := &world{t: t, cfg: pipeline.DefaultConfig(), state: inmem.NewState(time.Now), dead: &graveyard{}, seen: &witness{}, crm: newCRM()}
	w.log = inmem.NewLog("events", 2, time.Now)
	credentials := inmem.NewCredentials()
	for _, org := range set.Orgs() {
		id := crmsync.CredentialID{Org: org, Name: "main"}
		require.NoError(t, credentials.Put(t.Context(), []crmsync.Credential{{ID: id, Secret: crmsync.NewSecret("token")}}))
	}
	w.parts = pipeline.Parts{
		DeadLetters: w.dead, State: w.state, Ownership: w.state, Waiting: w.state, Idempotency: inmem.NewIdempotency(10_000),
		Credentials: pipeline.NewCredentialCache(credentials, time.Minute, time.Now), Rate: inmem.NewRate(time.Now),
		Providers: map[string]crmsync.Provider{"fake": w.crm}, Mappings: dsl.Hold(set), Observer: w.seen, Now: time.Now,
	}
	return w
}

// event is a message for the log.
func event(org, id string, version int64, op string, data map[string]any) crmsync.Message {
	m := map[string]any{
		"event_id": fmt.Sprintf("%s-%d", id, version), "org_id": org, "record_type": "contact", "record_id": id,
		"version": version, "op": op, "occurred_at": "2026-11-22T10:00:00Z", "data": data,
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return crmsync.Message{Key: []byte(org + "/contact/" + id), Value: b}
}

func update(id string, version int64) crmsync.Message {
	return event("acme", id, version, "update", map[string]any{"email": fmt.Sprintf("%s@%d.example", id, version), "status": "active", "score": version})
}

func remove(id string, version int64) crmsync.Message {
	return event("acme", id, version, "delete", nil)
}

// write puts messages into the log, by the hash of their keys.
func (w *world) write(messages ...crmsync.Message) {
	for _, m := range messages {
		p := int32(0)
		for _, b := range m.Key {
			p += int32(b)
		}
		w.log.Append(p%2, m)
	}
}

// once runs an engine until all that the log holds has ended.
func (w *world) once() pipeline.Counts {
	w.cfg.Once = true
	source := w.log.Open()
	w.parts.Source, w.parts.Horizon = source, source
	w.engine = pipeline.New(w.cfg, w.limits, w.seen, rand.New(rand.NewPCG(1, 2)))
	require.NoError(w.t, w.engine.Run(w.t.Context(), nil, &w.parts))
	w.parts.Source.(*inmem.Source).Leave()
	sum := w.engine.Counts()
	total := int64(0)
	for _, n := range sum.Outcomes {
		total += n
	}
	require.Equal(w.t, sum.Deliveries, total, "each delivery ends in exactly one outcome")
	return sum
}

// start runs an engine until the returned function stops it.
func (w *world) start() (stop func() pipeline.Counts) {
	source := w.log.Open()
	w.parts.Source, w.parts.Horizon = source, source
	w.engine = pipeline.New(w.cfg, w.limits, w.seen, rand.New(rand.NewPCG(1, 2)))
	enough, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- w.engine.Run(w.t.Context(), enough, &w.parts) }()
	return func() pipeline.Counts {
		close(enough)
		require.NoError(w.t, <-ended)
		w.parts.Source.(*inmem.Source).Leave()
		return w.engine.Counts()
	}
}

// runFor runs an engine for that long.
func (w *world) runFor(d time.Duration) pipeline.Counts {
	stop := w.start()
	w.pass(d)
	return stop()
}

func (w *world) limits(c crmsync.Connection, object string, op crmsync.Operation) crmsync.Limits {
	return w.parts.Providers[c.Provider].Limits(c.Plan, object, op)
}

// outcomes returns by name how deliveries have ended for good, or that they
// still wait.
func outcomes(c pipeline.Counts) map[string]int64 {
	for o, n := range c.Released {
		c.Outcomes[o] += n
		c.Outcomes[crmsync.Waiting] -= n
	}
	m := map[string]int64{}
	for o, n := range c.Outcomes {
		if n > 0 {
			m[crmsync.Outcome(o).String()] = n
		}
	}
	return m
}

// inWorld runs a test in a bubble of fake time.
func inWorld(t *testing.T, files fstest.MapFS, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newWorld(t, files)) })
}

// pass lets fake time go by.
func (w *world) pass(d time.Duration) { <-time.After(d) }
