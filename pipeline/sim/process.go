package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"crmsync"
	"crmsync/pipeline"
)

// process is an engine and the tasks it has begun.
type process struct {
	w       *World
	name    string
	cfg     pipeline.Config
	engine  *pipeline.Engine
	parts   *pipeline.Parts
	flights []*flight
	moving  *flight // whose half is being carried out

	skew     time.Duration // of its clock, for as long as it lives
	variant  int           // of the mappings it has read
	variants uint32        // that it has ever had, as bits
	accepts  []int32       // partitions whose gap an operator accepts

	mail    crmsync.News
	tellAt  time.Time   // what it lost it is told from then on
	terms   [most]int64 // of its partitions, as it was told
	gapped  [most]bool
	next    [most]int64
	blind   [most]time.Time // nothing is fetched till then
	rooms   []crmsync.Room  // of the last poll
	refused bool            // the group wants no more of it

	asleep  time.Time // stopped till then, its memory kept
	down    time.Time // gone; another comes then
	leaving bool      // it was told to stop

	heard []func() // what the engine has told, still to be judged
	loop  *loop    // the engine's own, nil: it is stepped
}

// flight is a task under way. It moves twice: its effect, then the engine's
// hearing of it. Before, between and after a process may crash.
type flight struct {
	task  *pipeline.Task
	since time.Time
	ran   bool
	gate  chan struct{} // where the engine's own loop waits with it
}

// boot starts a process.
func (s *Sim) boot(i int) {
	s.booted++
	p := &process{w: s.World, name: fmt.Sprint("p", s.booted), variants: 1}
	if d := s.dice.N(8); d > 0 && !s.calm && !s.setup.Even && slices.Contains(s.plan.upsets, ClockSkew) {
		s.note(ClockSkew)
		p.skew = time.Duration(d-4) * 77 * ms
	}
	cfg := s.plan.config
	for part := range s.plan.partitions {
		if s.accepted[part] {
			p.accepts = append(p.accepts, int32(part))
		}
	}
	cfg.AcceptGaps = p.accepts
	p.cfg = cfg
	p.engine = pipeline.New(cfg, s.limits, witness{p}, rand.New(rand.NewPCG(uint64(s.dice.N(1<<16)), 0)))
	p.parts = &pipeline.Parts{
		Source: member{p}, Horizon: member{p}, DeadLetters: letters{p}, Idempotency: cache{p},
		State: statements{p}, Ownership: statements{p}, Waiting: waitingRoom{statements{p}},
		Credentials: pipeline.NewCredentialCache(vault{p}, 100*ms, p.clock), Rate: rates{p},
		Providers: map[string]crmsync.Provider{atlas: api{p, atlas}, basalt: api{p, basalt}},
		Mappings:  folder{p}, Observer: witness{p}, Now: p.clock,
	}
	s.processes[i] = p
	s.trace("%s starts", p.name)
	if s.setup.Bubble != nil {
		s.run(p)
	}
	s.start(p)
}

// alive says whether the process has its memory.
func (p *process) alive() bool { return p.down.IsZero() }

// up says whether the process goes on.
func (p *process) up() bool { return p.alive() && !p.asleep.After(p.w.Now) }

// inGroup says whether partitions may be given to the process.
func (p *process) inGroup() bool { return p.alive() && !p.leaving && !p.refused }

// reads lets the process have another variant of the mappings.
func (p *process) reads(variant int) {
	p.variant = variant
	p.variants |= 1 << variant
}

// lacked says whether the process ever had mappings without one for a record type.
func (p *process) lacked(provider, recordType string) bool {
	for i := range variants {
		if p.variants&(1<<i) != 0 && variants[i].lacks(provider, recordType) {
			return true
		}
	}
	return false
}

// start begins what the engine wants begun.
func (s *Sim) start(p *process) {
	if p.loop != nil {
		p.collect()
	} else {
		for _, t := range p.engine.Start(p.clock()) {
			p.flights = append(p.flights, &flight{task: t, since: s.Now})
		}
	}
	p.listen()
	if p.engine.Stopped() {
		s.trace("%s ends: %v", p.name, p.engine.Err())
		s.kill(p, s.Now.Add(5*ms))
	}
}

// move takes a task half its way.
func (s *Sim) move(p *process, f *flight) {
	p.moving = f
	if !f.ran {
		s.trace("%s does %s %d", p.name, f.task.Name, f.task.Seq)
		f.ran = true
		if s.pass(p, f); p.loop == nil {
			f.task.Do(context.Background(), p.parts)
		}
		p.listen()
		return
	}
	s.trace("%s hears of %s %d", p.name, f.task.Name, f.task.Seq)
	s.crm.air = slices.DeleteFunc(s.crm.air, func(a *airborne) bool { return a.flight == f })
	p.flights = slices.DeleteFunc(p.flights, func(x *flight) bool { return x == f })
	if s.pass(p, f); p.loop == nil {
		p.engine.Done(p.clock(), f.task)
	}
	s.start(p)
}

// kill ends a process: nothing of it reaches the world from now on.
func (s *Sim) kill(p *process, till time.Time) {
	if p.loop != nil {
		p.loop.end(p.flights)
		p.loop = nil
	}
	p.flights = nil
	p.down = till
}
