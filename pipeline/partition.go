package pipeline

import (
	"slices"
	"time"

	"crmsync"
)

// partition is a partition that this process owns, or believes it does.
type partition struct {
	id      int32
	term    crmsync.Assignment
	window  *Window
	records map[crmsync.LinkKey]*record
	wards   []*ward // who waits, by connection
	ward    map[crmsync.ConnectionID]*ward
	told    int64 // of those who wait, as was last told
	busy    int   // records and letters that a task has
	doubts  int   // records whose link in the store says more than is known
	end     int64 // of the log, as last seen
	readTo  int64 // all before it has come in, also holes

	epoch    int64 // 0 until claimed
	claiming bool
	sendBy   time.Time // how long the proof of ownership lasts

	// After an unclean take-over nothing is sent until no earlier owner can send
	// any more, and until we have read as far as it can have read: it may have sent
	// a version that made others superfluous and left no word of it.
	open    bool
	unclean bool
	aloneAt time.Time // no earlier owner sends after it
	reach   int64     // where the log ended then; -1: not known yet
	most    int       // messages that an earlier owner took in at most
	calmAt  time.Time // what was in doubt has landed by then, as far as memory alone knows

	committed int64
	spent     int       // places of the window that are committed
	movedAt   time.Time // since when there is something to commit; zero: there isn't
	stalled   bool      // that was told
	draining  bool
	drainBy   time.Time
	gone      bool // handed back or taken away: answers no longer count
}

// assign takes in a partition. One with a gap is owned but never read, unless an
// operator has accepted the gap.
func (e *Engine) assign(a crmsync.Assignment) {
	p := &partition{
		id: a.Partition, term: a, committed: a.Offset, end: a.End, readTo: a.Offset, reach: -1,
		window: NewWindow(a.Offset), records: map[crmsync.LinkKey]*record{}, ward: map[crmsync.ConnectionID]*ward{},
	}
	e.partitions = append(e.partitions, p)
	e.observe.Noticed(Notice{Partition: p.id, What: "assigned", Gap: a.Gap})
	if a.Gap != nil && slices.Contains(e.cfg.AcceptGaps, a.Partition) {
		e.observe.Noticed(Notice{Partition: p.id, What: "gap_accepted", Gap: a.Gap})
		p.window = NewWindow(a.Gap.Start)
		p.draining, p.drainBy = true, e.now // the group deals it anew, from there
	}
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

// taken is how many messages have been taken in beyond what is committed. It
// bounds how far a next owner must read to know all that we may have sent.
func (p *partition) taken() int { return p.window.Places() - p.spent }

// waits is how many records of the partition are in the waiting room.
func (p *partition) waits() (n int64) {
	for _, w := range p.wards {
		n += max(0, w.entries)
	}
	return n
}

// clean says whether a next owner may begin at once: no call of ours can land
// any more, and the rows tell of every call that did, also of earlier owners'.
func (p *partition) clean(now time.Time) bool {
	return p.open && p.busy == 0 && p.doubts == 0 && !now.Before(p.calmAt)
}

// wake tells when something of the partition is next due.
func (p *partition) wake(cfg *Config, sooner func(time.Time)) {
	switch {
	case p.draining:
		sooner(p.drainBy)
	case p.epoch > 0 && !p.open:
		sooner(p.aloneAt)
	}
	if !p.movedAt.IsZero() && !p.stalled {
		sooner(p.movedAt.Add(cfg.CommitAlarm))
	}
}

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
	for _, a := range e.inOrder {
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

// fenced gives up a partition that someone else has claimed. Usually the group
// has dealt it to them; if it was a sleeper's claim, the group must deal anew.
func (e *Engine) fenced(p *partition) {
	if p.gone {
		return
	}
	e.observe.Noticed(Notice{Partition: p.id, What: "fenced"})
	e.lose(p)
	e.leaves.add(p.term)
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

// forsaken lets go of a record that a task could not serve and need not any
// more: its partition is gone.
func (e *Engine) forsaken(r *record) bool {
	if !r.part.gone {
		return false
	}
	r.end()
	e.forsake(r)
	return true
}

// abandon lets go of a delivery that the partition's next owner will read again,
// from the log or from the waiting room.
func (e *Engine) abandon(it item) {
	if !it.kept {
		e.counts.Deliveries--
	}
	if it.open--; it.open > 0 {
		return
	}
	if !it.kept {
		e.counts.Messages--
	}
	e.messages--
	e.bytes -= int64(it.message.Size())
}
