package sim

import (
	"context"
	"slices"

	"crmsync/pipeline"
)

// loop is an engine's own loop, as production runs it, held still between its
// tasks' halves. It needs testing/synctest, whose Wait says that all are still.
type loop struct {
	born   chan *flight  // tasks that the engine has begun
	enough chan struct{} // tells the engine to stop
	cancel context.CancelFunc
	over   chan struct{} // closed when the loop has ended
}

// bornMost is more tasks than an engine begins at a time.
const bornMost = 1000

// run starts the loop of a process's engine.
func (s *Sim) run(p *process) {
	ctx, cancel := context.WithCancel(context.Background())
	l := &loop{born: make(chan *flight, bornMost), enough: make(chan struct{}), cancel: cancel, over: make(chan struct{})}
	p.loop = l
	go func() {
		defer close(l.over)
		_ = p.engine.Loop(ctx, l.enough, func(ctx context.Context, t *pipeline.Task) {
			f := &flight{task: t, gate: make(chan struct{})}
			l.born <- f
			if _, goes := <-f.gate; goes {
				t.Do(ctx, p.parts)
				<-f.gate
			}
		})
	}()
	s.setup.Bubble()
}

// pass lets a task of an engine's own loop take its next half.
func (s *Sim) pass(p *process, f *flight) {
	if p.loop != nil {
		f.gate <- struct{}{}
		s.setup.Bubble()
	}
}

// collect takes in the tasks that the loop has begun, in the order of their making.
func (p *process) collect() {
	for len(p.loop.born) > 0 {
		f := <-p.loop.born
		f.since = p.w.Now
		p.flights = append(p.flights, f)
	}
	slices.SortFunc(p.flights, func(a, b *flight) int { return a.task.Seq - b.task.Seq })
}

// end ends the loop. Its tasks under way have no further effect.
func (l *loop) end(flights []*flight) {
	l.cancel()
	for _, f := range flights {
		close(f.gate)
	}
	for len(l.born) > 0 {
		close((<-l.born).gate)
	}
	<-l.over
}
