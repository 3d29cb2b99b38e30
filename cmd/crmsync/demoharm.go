package main

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"crmsync"
	"crmsync/cmd/crmsync/demo"
	"crmsync/pipeline"
	"crmsync/pipeline/inmem"
)

// harm makes things go wrong on purpose between crmsync and its own servers. It
// stands in front of the parts of each process that a demo runs.
type harm struct {
	now func() time.Time

	mu          sync.Mutex // guards what follows
	rng         *rand.Rand
	rate        float64   // of questions to the database that fail, and of its answers that are lost
	stateDown   time.Time // till when the database refuses all
	lettersDown time.Time // till when the dead-letter queue refuses all
	counts      map[string]int64
	idempotency crmsync.IdempotencyStore
	budgets     crmsync.RateChecker
}

func newHarm(seed uint64, now func() time.Time) *harm {
	h := &harm{now: now, rng: rand.New(rand.NewPCG(seed, 3)), counts: map[string]int64{}}
	h.forget()
	return h
}

// spoil puts harm in front of a process's parts.
func (h *harm) spoil(p *pipeline.Parts) {
	p.State, p.Ownership, p.Waiting = harmedState{h, p.State}, harmedOwnership{h, p.Ownership}, harmedRoom{h, p.Waiting}
	p.DeadLetters = harmedLetters{h, p.DeadLetters}
	p.Idempotency, p.Rate = harmedCache{h}, harmedRate{h}
}

// failing sets how often the database fails.
func (h *harm) failing(rate float64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rate = rate
}

// refuse has the database or the dead-letter queue refuse everything for a while.
func (h *harm) refuse(state, letters time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stateDown, h.lettersDown = h.now().Add(state), h.now().Add(letters)
}

// forget empties the caches, as a Redis does that starts anew.
func (h *harm) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.idempotency, h.budgets = inmem.NewIdempotency(idempotencyKept), inmem.NewRate(h.now)
}

// did counts something that was made to go wrong.
func (h *harm) did(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts[name]++
}

func (h *harm) done() map[string]int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.counts)
}

// errHarm is what a demo's servers say when they are made to fail.
var errHarm = errors.New("made to fail by the demo")

func harmed() error { return &crmsync.Fault{Kind: crmsync.Transient, Code: "demo", Err: errHarm} }

// before says whether a question to the database fails without effect.
func (h *harm) before() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.now().Before(h.stateDown) || h.rng.Float64() < h.rate {
		h.counts[demo.HarmState]++
		return harmed()
	}
	return nil
}

// after says whether the database's answer is lost, its effect done.
func (h *harm) after() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rng.Float64() < h.rate {
		h.counts[demo.HarmStateLost]++
		return harmed()
	}
	return nil
}

// through asks the database, or fails before or after.
func through[T any](h *harm, ask func() (T, error)) (answer T, err error) {
	if err := h.before(); err != nil {
		return answer, err
	}
	if answer, err = ask(); err != nil {
		return answer, err
	}
	return answer, h.after()
}

type harmedState struct {
	harm *harm
	next crmsync.StateStore
}

// Links asks the store, if it may.
func (s harmedState) Links(ctx context.Context, keys []crmsync.LinkKey) ([]crmsync.Link, error) {
	return through(s.harm, func() ([]crmsync.Link, error) { return s.next.Links(ctx, keys) })
}

// Save asks the store, if it may.
func (s harmedState) Save(ctx context.Context, links []crmsync.Link) ([]crmsync.Saved, error) {
	return through(s.harm, func() ([]crmsync.Saved, error) { return s.next.Save(ctx, links) })
}

type harmedOwnership struct {
	harm *harm
	next crmsync.Ownership
}

// Claim asks the store, if it may.
func (o harmedOwnership) Claim(ctx context.Context, topic string, partitions []int32) ([]crmsync.Claim, error) {
	return through(o.harm, func() ([]crmsync.Claim, error) { return o.next.Claim(ctx, topic, partitions) })
}

// Epochs asks the store, if it may.
func (o harmedOwnership) Epochs(ctx context.Context, topic string, partitions []int32) ([]int64, error) {
	return through(o.harm, func() ([]int64, error) { return o.next.Epochs(ctx, topic, partitions) })
}

type harmedRoom struct {
	harm *harm
	crmsync.WaitingRoom
}

// Due asks the store, if it may.
func (r harmedRoom) Due(ctx context.Context, topic string, asks []crmsync.WaitAsk) ([]crmsync.Due, error) {
	return through(r.harm, func() ([]crmsync.Due, error) { return r.WaitingRoom.Due(ctx, topic, asks) })
}

type harmedLetters struct {
	harm *harm
	next crmsync.DeadLetterQueue
}

// Put hands the letters on, unless the queue is made to refuse them.
func (l harmedLetters) Put(ctx context.Context, letters []crmsync.DeadLetter) error {
	l.harm.mu.Lock()
	down := l.harm.now().Before(l.harm.lettersDown)
	if down {
		l.harm.counts[demo.HarmLetters]++
	}
	l.harm.mu.Unlock()
	if down {
		return harmed()
	}
	return l.next.Put(ctx, letters)
}

// harmedCache and harmedRate ask the caches of the moment.
type harmedCache struct{ harm *harm }

func (c harmedCache) store() crmsync.IdempotencyStore {
	c.harm.mu.Lock()
	defer c.harm.mu.Unlock()
	return c.harm.idempotency
}

// Seen asks what is left of the cache.
func (c harmedCache) Seen(ctx context.Context, deliveries []crmsync.Delivery) []bool {
	return c.store().Seen(ctx, deliveries)
}

// Mark tells what is left of the cache.
func (c harmedCache) Mark(ctx context.Context, deliveries []crmsync.Delivery) {
	c.store().Mark(ctx, deliveries)
}

type harmedRate struct{ harm *harm }

func (r harmedRate) checker() crmsync.RateChecker {
	r.harm.mu.Lock()
	defer r.harm.mu.Unlock()
	return r.harm.budgets
}

// Check asks what is left of the budgets.
func (r harmedRate) Check(ctx context.Context, requests [][]crmsync.Draw) []time.Duration {
	return r.checker().Check(ctx, requests)
}

// Correct tells what is left of the budgets.
func (r harmedRate) Correct(ctx context.Context, readings []crmsync.Reading) {
	r.checker().Correct(ctx, readings)
}
