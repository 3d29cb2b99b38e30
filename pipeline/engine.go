package pipeline

import (
	"context"
	"math/rand/v2"
	"time"

	"crmsync"
)

// LimitsOf answers the limits of one kind of request at a connection; the zero
// Limits when there is no such provider.
type LimitsOf func(c crmsync.Connection, object string, op crmsync.Operation) crmsync.Limits

// Engine is the state of one process: partitions, records, account queues. Its
// methods must not be called at the same time.
type Engine struct {
	cfg     Config
	limits  LimitsOf
	observe Observer
	decoder *Decoder
	rand    *rand.Rand
	now     time.Time

	partitions []*partition
	accounts   map[crmsync.ConnectionID]*account
	inOrder    []*account // all of them, as they came
	agenda     agenda     // accounts by when their next batch is due
	resting    []rest     // records with nothing to do, kept for their links
	idle       int        // of them, those that still rest
	sends      int        // requests in flight
	messages   int        // in flight
	denied     int        // accounts that rest because their credential is refused, as last counted
	bytes      int64      // of them

	assignedAt time.Time // when a partition last came

	heft     int                      // bytes of a waiting entry, on average of the last round
	mappings string                   // hash of those that the waiting room was last asked with
	touched  map[crmsync.LinkKey]bool // rows written since the waiting room was asked; nil: it isn't being asked

	polls    backlog[struct{}]
	claims   backlog[struct{}]
	proofs   backlog[struct{}]
	horizons backlog[struct{}]
	releases backlog[struct{}]
	renewals backlog[struct{}]
	reads    backlog[*record]
	saves    backlog[*record]
	burials  backlog[letter]
	commits  backlog[struct{}]
	leaves   backlog[crmsync.Assignment]

	tasks    []*Task
	underWay []*Task         // begun, oldest first; those that are done leave when they come to the front
	awakeAt  time.Time       // when the process was last seen to go on after a sleep
	wakeAt   time.Time       // what Wake last said
	failing  map[string]bool // by task: the last one failed
	made     int             // tasks, ever
	stopping bool
	err      error

	counts Counts
}

// Counts are what an engine has seen end. Deliveries equals the sum of
// Outcomes once nothing is in flight.
type Counts struct {
	Messages   int64 // taken in
	Deliveries int64 // that they became, at least one each
	Outcomes   [crmsync.Outcomes]int64
	// Released are those that had ended as waiting and have ended for good since.
	Released [crmsync.Outcomes]int64
}

// New returns an engine that owns nothing yet. The random source is for jitter
// only.
func New(cfg Config, limits LimitsOf, observe Observer, r *rand.Rand) *Engine {
	return &Engine{
		cfg: cfg, limits: limits, observe: observe, rand: r,
		decoder: &Decoder{From: cfg.VersionFrom}, accounts: map[crmsync.ConnectionID]*account{}, failing: map[string]bool{},
	}
}

// Start returns the tasks to begin at now. The slice is good until the next call.
func (e *Engine) Start(now time.Time) []*Task {
	e.now = now
	e.tasks = e.tasks[:0]
	if e.watch(); e.Stopped() {
		return nil
	}
	e.poll()
	e.claim()
	e.prove()
	e.takeOver()
	e.release()
	e.renew()
	e.check()
	e.send()
	e.save()
	e.bury()
	e.commit()
	e.leave()
	return e.tasks
}

// Done takes back a task that has been carried out.
func (e *Engine) Done(now time.Time, t *Task) {
	e.now = now
	t.done()
	t.Do, t.done = nil, nil // what it brought is not kept until those before it are done
}

// Wake is when Start next has something to do even if no task is done before.
func (e *Engine) Wake() time.Time {
	at := e.now.Add(time.Minute)
	sooner := func(t time.Time) {
		if t.After(e.now) && t.Before(at) {
			at = t
		}
	}
	for _, t := range [...]time.Time{
		e.polls.retryAt, e.claims.retryAt, e.proofs.retryAt, e.horizons.retryAt, e.releases.retryAt, e.renewals.retryAt, e.reads.retryAt,
		e.saves.retryAt, e.burials.retryAt, e.commits.retryAt, e.leaves.retryAt,
	} {
		sooner(t)
	}
	if e.agenda.Len() > 0 && e.sends < e.cfg.Sends {
		sooner(e.agenda.accounts[0].due)
	}
	for _, p := range e.partitions {
		p.wake(&e.cfg, sooner)
	}
	e.wakeAt = at
	return at
}

// Stop begins the end: nothing new is taken in, started requests finish, what
// is finished is committed, partitions are handed back.
func (e *Engine) Stop(now time.Time) {
	if e.now = now; e.stopping {
		return
	}
	e.stopping = true
	for _, p := range e.partitions {
		e.drain(p)
	}
}

// Stopped says that the engine has come to rest after Stop, or that the source
// has failed for good. No task is wanted any more.
func (e *Engine) Stopped() bool {
	return e.err != nil || e.stopping && len(e.partitions) == 0 && len(e.leaves.items) == 0 && !e.leaves.running
}

// Err is why the engine stopped, nil after Stop.
func (e *Engine) Err() error { return e.err }

// Counts returns what has ended so far.
func (e *Engine) Counts() Counts { return e.counts }

// Task is one piece of I/O or heavy work. Do may run anywhere, at the same time
// as other tasks.
type Task struct {
	Seq   int // in order of making
	Name  string
	Do    func(context.Context, *Parts)
	done  func()
	begun time.Time
	over  bool
}

// away makes a task: ask runs away from the engine and must not touch it, back
// brings the answer to the engine and must do no I/O.
func away[T any](e *Engine, name string, ask func(context.Context, *Parts) (T, error), back func(T, error)) {
	var v T
	var err error
	e.made++
	t := &Task{Seq: e.made, Name: name, begun: e.now}
	t.Do = func(ctx context.Context, p *Parts) { v, err = ask(ctx, p) }
	t.done = func() {
		t.over = true
		if err != nil || e.failing[name] {
			e.failing[name] = err != nil
			e.observe.Noticed(Notice{Task: name, Err: err})
		}
		back(v, err)
	}
	e.tasks = append(e.tasks, t)
	e.underWay = append(e.underWay, t)
}

// backoff is exponential with full jitter.
func (e *Engine) backoff(tries int) time.Duration {
	top := min(e.cfg.BackoffMax, e.cfg.BackoffBase<<min(tries, 16))
	return time.Duration(e.rand.Int64N(int64(top))) + 1
}
