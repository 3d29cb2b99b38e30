package pipeline

import (
	"slices"
	"time"

	"crmsync"
)

// partition is a partition that this process owns.
type partition struct {
	id      int32
	term    crmsync.Assignment
	window  *Window
	records map[crmsync.LinkKey]*record
	busy    int   // records and letters that a task has
	end     int64 // of the log, as last seen

	committed int64
	draining  bool
	drainBy   time.Time
	gone      bool // handed back or taken away: answers no longer count
}

// assign takes in a partition. One with a gap is owned but never read.
func (e *Engine) assign(a crmsync.Assignment) {
	p := &partition{
		id: a.Partition, term: a, committed: a.Offset, end: a.End,
		window: NewWindow(a.Offset), records: map[crmsync.LinkKey]*record{},
	}
	e.partitions = append(e.partitions, p)
	e.observe.Noticed(Notice{Partition: p.id, What: "assigned", Gap: a.Gap})
	if e.stopping {
		e.drain(p)
	}
}

func (e *Engine) partition(id int32) *partition {
	for _, p := range e.partitions {
		if p.id == id {
			return p
		}
	}
	return nil
}

// closing says that nothing new may begin.
func (p *partition) closing() bool { return p.draining || p.gone }

// drain lets started tasks finish and nothing begin.
func (e *Engine) drain(p *partition) {
	if p != nil && !p.draining {
		p.draining, p.drainBy = true, e.now.Add(e.cfg.DrainFor)
	}
}

// lose forgets a partition. What it had in flight no longer counts here.
func (e *Engine) lose(p *partition) {
	if p == nil {
		return
	}
	p.gone = true
	e.partitions = slices.DeleteFunc(e.partitions, func(x *partition) bool { return x == p })
	e.observe.Noticed(Notice{Partition: p.id, What: "released", Gap: p.term.Gap})
	for _, a := range e.accounts {
		a.purge()
		e.plan(a)
	}
	for _, r := range p.records {
		e.wakeUp(r)
		if !r.busy {
			e.forsake(r)
		}
	}
}

// forsake lets go of a record whose partition is gone.
func (e *Engine) forsake(r *record) {
	if r.flying.arrival != nil {
		e.abandon(r.flying)
		r.flying = item{}
	}
	for len(r.pending) > 0 {
		e.abandon(r.shift())
	}
}

// abandon lets go of a delivery that the partition's next owner will read again.
func (e *Engine) abandon(it item) {
	e.counts.Deliveries--
	if it.open--; it.open == 0 {
		e.counts.Messages--
		e.messages--
		e.bytes -= int64(it.message.Size())
	}
}
