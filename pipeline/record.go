package pipeline

import (
	"time"

	"crmsync"
	"crmsync/dsl"
)

// arrival is a message in a partition's window. Its place ends when all its
// deliveries have.
type arrival struct {
	part    *partition
	place   int
	message crmsync.Message
	event   crmsync.Event
	replay  bool // it was a dead letter and is sent again
	kept    bool // it comes from the waiting room: its place in the log has ended
	open    int  // deliveries that have not ended
	begun   bool // one has ended
}

// item is one delivery on its way: one version of a record for one connection.
type item struct {
	*arrival
	connection crmsync.Connection
	program    *dsl.Program // of the mappings in force when it came in
}

func (it item) delivery() crmsync.Delivery {
	return crmsync.Delivery{Key: it.event.Key, Connection: it.connection.ID.Name, Version: it.event.Version, Hash: it.event.Hash}
}

// settled says whether the link leaves nothing to send of it. A replay is about
// the newest dead version: it passes unless the CRM holds as much, or a newer
// version is dead too, which is then the one to replay.
func (it item) settled(l *crmsync.Link) bool {
	if it.replay {
		return it.event.Version <= l.Applied || it.event.Version < l.Dead
	}
	return it.event.Version <= l.Settled()
}

// record is what the engine knows of one record at one connection that it has
// work for, or had.
type record struct {
	key     crmsync.LinkKey
	part    *partition
	account *account
	link    crmsync.Link // as last read or written
	known   bool         // link has been read
	busy    bool         // a task has the record: never two at a time
	queue   *queue       // where it waits in its account; nil: it doesn't
	rested  int          // how often it came to rest: tells a fresh rest from an old one
	resting bool
	pending []item // not sent, oldest first: at most a delete and what follows it
	frozen  int    // so many of them are on their way to the waiting room, and stay as they are

	flying  item         // what the task carries
	row     crmsync.Link // what link becomes once saved
	purpose purpose      // what for
	stowed  []item       // what row.Wait holds
	ends    crmsync.Outcome
	fault   *crmsync.Fault // why flying is a dead letter

	notBefore time.Time
	readyAt   time.Time
	tries     int
	tried     int64     // the version that these tries were of
	triedAt   time.Time // when it last failed
	alone     bool      // it may spoil its companions' batch
	seek      bool      // its object's id must be found first
	unsure    bool      // see distrust
	hazard    time.Time // a call may land till then of which nothing is known
	intentBy  time.Time // its row says that a create may be under way, which must leave by then
	ward      *ward     // where its row waits; nil: it doesn't
}

// newRecord returns a record that the partition knows from now on.
func (e *Engine) newRecord(key crmsync.LinkKey, p *partition, c crmsync.Connection) *record {
	r := &record{key: key, part: p, account: e.account(c)}
	p.records[key] = r
	return r
}

// begin and end frame a task that has the record.
func (r *record) begin() { r.busy = true; r.part.busy++ }
func (r *record) end()   { r.busy = false; r.part.busy-- }

// join puts it behind what is pending at r. A full record makes the versions
// before it superfluous; a delete is not, for what follows it is a new object.
func (e *Engine) join(r *record, it item) {
	n := len(r.pending)
	if n > 0 && it.event.Version <= r.pending[n-1].event.Version {
		newest := &r.pending[n-1]
		switch same := it.event.Version == newest.event.Version; {
		case same && differs(it.event.Hash, newest.event.Hash):
			e.contradict(it)
			return
		case same && it.replay:
			it, *newest = *newest, it // the gate may refuse the other as dead
		}
		e.finish(it, before(it.event.Version, newest.event.Version), nil)
		return
	}
	for ; n > r.frozen && (it.event.Op == crmsync.Deleted || r.pending[n-1].event.Op != crmsync.Deleted); n-- {
		e.finish(r.pending[n-1], crmsync.Superseded, nil)
		r.pending[n-1] = item{}
		r.pending = r.pending[:n-1]
	}
	r.pending = append(r.pending, it)
}

// differs says that two hashes are of different events, as far as both are known.
func differs(a, b uint64) bool { return a != b && a != 0 && b != 0 }

// before is how a version ends that meets a pending one at least as new.
func before(version, newest int64) crmsync.Outcome {
	if version == newest {
		return crmsync.Duplicate
	}
	return crmsync.Superseded
}

// gate is how a version ends that meets a link which is settled at least as far.
func gate(version int64, l *crmsync.Link) crmsync.Outcome {
	if version == l.Settled() {
		return crmsync.Duplicate
	}
	return crmsync.Stale
}

// shift takes the oldest pending item.
func (r *record) shift() item {
	it := r.pending[0]
	n := copy(r.pending, r.pending[1:])
	r.pending[n] = item{}
	r.pending = r.pending[:n]
	return it
}

// back puts the flying item in front of what came meanwhile.
func (e *Engine) back(r *record) {
	later := r.pending
	r.pending = append(make([]item, 0, 2), r.flying)
	r.flying = item{}
	for _, it := range later {
		e.join(r, it)
	}
}

// finish ends a delivery.
func (e *Engine) finish(it item, o crmsync.Outcome, fault *crmsync.Fault) {
	if it.kept {
		e.counts.Released[o]++
	} else {
		e.counts.Outcomes[o]++
	}
	e.observe.Ended(Ended{
		Event: &it.event, Partition: it.message.Partition, Offset: it.message.Offset, Released: it.kept,
		Connection: it.connection, Program: it.program, Outcome: o, Fault: fault, First: !it.begun, At: e.now,
	})
	it.begun = true
	if it.open--; it.open > 0 {
		return
	}
	e.messages--
	e.bytes -= int64(it.message.Size())
	if !it.part.gone && !it.kept {
		it.part.window.Finish(it.place)
	}
}

// advance starts what a record at rest needs next: its link, the waiting room,
// its account's queue, or nothing.
func (e *Engine) advance(r *record) {
	switch {
	case r.busy || r.part.closing():
		return
	case !r.known:
		r.begin()
		e.reads.add(r)
		return
	}
	if e.dequeueSettled(r) {
		return
	}
	switch reason, until, wait := e.waits(r); {
	case len(r.pending) == 0 && r.ward != nil:
		e.write(r, r.link, clears)
	case len(r.pending) == 0:
		e.rest(r)
	case wait:
		e.park(r, reason, until)
	default:
		e.enqueue(r)
	}
}

// dequeueSettled ends what the link leaves nothing to send of. It returns true
// if that gave the record to a task.
func (e *Engine) dequeueSettled(r *record) bool {
	for len(r.pending) > 0 && r.pending[0].settled(&r.link) {
		it := r.shift()
		if it.event.Version == r.link.Applied && differs(it.event.Hash, r.link.EventHash) {
			r.flying = it
			e.reject(r, contradiction(), 0)
			return true
		}
		e.finish(it, gate(it.event.Version, &r.link), nil)
	}
	return false
}

// rest is a record's place in the line of those that are kept for their links.
type rest struct {
	r  *record
	no int
}

// rest keeps a record with nothing to do. When too many rest, those that have
// rested longest go.
func (e *Engine) rest(r *record) {
	if r.unsure {
		r.sure()
		r.part.calmAt = latest(r.part.calmAt, r.hazard) // no row tells of it
	}
	r.tries, r.alone, r.notBefore = 0, false, time.Time{}
	if !r.resting {
		r.resting = true
		r.rested++
		e.idle++
		e.resting = append(e.resting, rest{r, r.rested})
	}
	for e.idle > e.cfg.Cache || len(e.resting) > 2*e.cfg.Cache+1 {
		old := e.resting[0]
		e.resting = e.resting[1:]
		if old.r.resting && old.r.rested == old.no {
			old.r.resting = false
			e.idle--
			delete(old.r.part.records, old.r.key)
		}
	}
}

// wakeUp ends a record's rest.
func (e *Engine) wakeUp(r *record) {
	if r.resting {
		r.resting = false
		e.idle--
	}
}
