package emulator

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

const (
	// maxQueuedFaults bounds the queue of faults on demand.
	maxQueuedFaults = 10_000
	defaultSlow     = 2 * time.Second
	defaultHold     = time.Minute
)

// ErrQueueFull is returned when no more faults on demand fit in the plan.
var ErrQueueFull = errors.New("too many queued faults")

// PlanConfig says which faults come by themselves.
type PlanConfig struct {
	Seed  uint64
	Rates FaultRates
	// Slow is the delay of Slow and Late faults, 2 s when zero. Hold is how
	// long a Timeout keeps the connection at most, 1 min when zero.
	Slow, Hold time.Duration
}

// QueuedFault is a fault on demand: it strikes the next Times requests that
// Match accepts.
type QueuedFault struct {
	Match Match
	Fault Fault
	Times int
}

// Plan chooses the fault of each request: the first queued one that matches,
// or one by chance. It is safe for concurrent use.
type Plan struct {
	config PlanConfig

	mu sync.Mutex
	// mu guards all below.
	rng   *rand.Rand
	rates FaultRates
	queue []QueuedFault
}

// NewPlan returns a plan with an empty queue, or an error when the rates are
// impossible.
func NewPlan(c PlanConfig) (*Plan, error) {
	if err := c.Rates.Validate(); err != nil {
		return nil, err
	}
	if c.Slow <= 0 {
		c.Slow = defaultSlow
	}
	if c.Hold <= 0 {
		c.Hold = defaultHold
	}
	c.Rates = maps.Clone(c.Rates)
	return &Plan{config: c, rng: rand.New(rand.NewPCG(c.Seed, 1)), rates: c.Rates}, nil
}

// Choose returns the fault of this request, or false when it shall go well.
// Every call of it may use up a queued fault or a random number.
func (p *Plan) Choose(c Call) (Fault, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fault, ok := p.fromQueue(c)
	if !ok && c.Write {
		fault, ok = p.byChance()
	}
	if fault.Delay == 0 {
		fault.Delay = p.config.Slow
		if fault.Kind == Timeout {
			fault.Delay = p.config.Hold
		}
	}
	return fault, ok
}

func (p *Plan) fromQueue(c Call) (Fault, bool) {
	for i := range p.queue {
		if !p.queue[i].Match.accepts(c) {
			continue
		}
		fault := p.queue[i].Fault
		if p.queue[i].Times--; p.queue[i].Times == 0 {
			p.queue = slices.Delete(p.queue, i, i+1)
		}
		return fault, true
	}
	return Fault{}, false
}

func (p *Plan) byChance() (Fault, bool) {
	if len(p.rates) == 0 {
		return Fault{}, false
	}
	dice := p.rng.Float64()
	for _, kind := range FaultKinds() {
		if dice -= p.rates[kind]; dice < 0 {
			return Fault{Kind: kind, Drawn: true}, true
		}
	}
	return Fault{}, false
}

// Queue adds a fault on demand behind those that wait already.
func (p *Plan) Queue(q QueuedFault) error {
	if err := q.Fault.Kind.validate(); err != nil {
		return err
	}
	if q.Times < 1 {
		return fmt.Errorf("queue fault %s for %d requests: give at least 1", q.Fault.Kind, q.Times)
	}
	if q.Fault.Delay < 0 {
		return fmt.Errorf("queue fault %s with delay %s: give a delay of zero or more", q.Fault.Kind, q.Fault.Delay)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) >= maxQueuedFaults {
		return fmt.Errorf("queue fault %s: %w: %d wait already; clear them first", q.Fault.Kind, ErrQueueFull, maxQueuedFaults)
	}
	p.queue = append(p.queue, q)
	return nil
}

// Queued returns the faults on demand that still wait, first one first.
func (p *Plan) Queued() []QueuedFault {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.queue)
}

// ClearQueue drops all faults on demand.
func (p *Plan) ClearQueue() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue = nil
}

// Rates returns a copy of the rates in force.
func (p *Plan) Rates() FaultRates {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := FaultRates{}
	maps.Copy(out, p.rates)
	return out
}

// SetRates puts new rates in force, all at once.
func (p *Plan) SetRates(r FaultRates) error {
	if err := r.Validate(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rates = maps.Clone(r)
	return nil
}

// Reset drops the queue and puts the configured rates back in force.
func (p *Plan) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue, p.rates = nil, p.config.Rates
}
