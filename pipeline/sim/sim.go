package sim

import (
	"time"
)

// Setup says how a history is played.
type Setup struct {
	Sets    *Sets
	Safety  bool // faults never stop: only what must hold at any time is judged
	NoFence bool // the store is broken: it lets every epoch write
	// NoRevisions: the store is broken in another way, it compares no revisions.
	NoRevisions bool
	Trace       func(format string, args ...any)
	// Even lets no process sleep and no clock be off, and time stop whenever an
	// engine would wake: what a Bubble needs.
	Even bool
	// Bubble lets the engines' own loops run. It is Wait of testing/synctest, in
	// whose bubble the history is played. Nil: the simulation steps the engines.
	Bubble func()
}

// Bounds of a history, in steps.
const (
	stepsMax   = 40_000
	safetyMost = 1_500
	patience   = 10_000 // without faults, until an operator releases all that waits
)

// Sim plays one history.
type Sim struct {
	*World
	Steps     int
	processes []*process
	booted    int
	accepted  [most]bool // partitions whose gap an operator has accepted
	ready     []ready    // scratch
}

// ready is a task that could go on.
type ready struct {
	p *process
	f *flight
}

// Play plays the history that the dice decide.
func Play(d *Dice, setup Setup) *Sim {
	s := &Sim{World: newWorld(d, &setup)}
	s.processes = make([]*process, s.plan.processes)
	for i := range s.processes {
		s.boot(i)
	}
	for p := range s.plan.partitions {
		s.assign(int32(p), s.processes[d.N(len(s.processes))])
	}
	for most := s.stepsMost(); s.Steps < most && len(s.Breaches) == 0 && !s.over(); s.Steps++ {
		if !s.calm && !setup.Safety && s.Steps >= s.plan.calmAt {
			s.trace("all faults end")
			s.settle()
		}
		s.step()
	}
	if len(s.Breaches) == 0 && !setup.Safety {
		s.verdict()
	}
	for _, p := range s.processes {
		s.kill(p, s.Now)
	}
	return s
}

func (s *Sim) stepsMost() int {
	if s.setup.Safety {
		return safetyMost
	}
	return stepsMax
}

// over says whether nothing is left to do and nobody can still do harm.
func (s *Sim) over() bool {
	if !s.World.over() {
		return false
	}
	for _, p := range s.processes {
		if !p.up() || !p.balanced() {
			return false
		}
		for _, f := range p.flights {
			if f.task.Name != "poll" {
				return false
			}
		}
	}
	return true
}

// step lets one thing happen: an upset, half a task, or time.
func (s *Sim) step() {
	if !s.calm && s.plan.upsetsLeft > 0 && len(s.plan.upsets) > 0 && s.dice.Chance(s.plan.upsetChance) {
		s.plan.upsetsLeft--
		s.upset(s.plan.upsets[s.dice.N(len(s.plan.upsets))])
		return
	}
	switch s.look(); {
	case len(s.ready) == 0:
		s.tick(s.wake())
	case s.dice.Chance(150):
		s.tick(s.Now.Add(s.span(8 * ms)))
	default:
		r := s.ready[s.dice.N(len(s.ready))]
		s.move(r.p, r.f)
	}
}

// look finds the tasks that could go on. A poll without news could not.
func (s *Sim) look() {
	s.ready = s.ready[:0]
	for _, p := range s.processes {
		if !p.up() {
			continue
		}
		for _, f := range p.flights {
			waits := f.task.Name == "poll" && !f.ran && !(member{p}).news(p.rooms, f.since)
			if !waits && (f.task.Name != s.plan.slow || s.calm || s.Steps%16 == 0) {
				s.ready = append(s.ready, ready{p, f})
			}
		}
	}
}

// tick moves time on.
func (s *Sim) tick(to time.Time) {
	if wake := s.wake(); s.setup.Even && wake.Before(to) {
		to = wake
	}
	by := to.Sub(s.Now)
	s.advance(to)
	if s.setup.Bubble != nil {
		<-time.After(by) // its clock, and the loops' timers
		s.setup.Bubble()
	}
	for _, p := range s.processes {
		if p.up() && (p.loop != nil || !p.engine.Wake().Add(-p.skew).After(s.Now)) {
			s.start(p)
		}
	}
	for i, p := range s.processes {
		if !p.alive() && !p.down.After(s.Now) {
			s.boot(i)
		}
	}
	s.coordinate()
}

// wake is when something next happens by itself.
func (s *Sim) wake() time.Time {
	at := s.Now.Add(time.Minute)
	sooner := func(t time.Time) {
		if t.After(s.Now) && t.Before(at) {
			at = t
		}
	}
	sooner(s.World.wake())
	for _, p := range s.processes {
		sooner(p.down)
		sooner(p.asleep)
		if !p.up() {
			continue
		}
		sooner(p.engine.Wake().Add(-p.skew))
		for _, f := range p.flights {
			if f.task.Name == "poll" && !f.ran {
				sooner(f.since.Add(s.plan.fetchFor))
				sooner(f.since.Add(s.plan.idle))
			}
		}
		for part := range s.plan.partitions {
			sooner(p.blind[part])
		}
		sooner(p.tellAt)
	}
	return at
}
