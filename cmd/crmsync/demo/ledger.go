package demo

import (
	"slices"
	"sync"

	"crmsync"
)

// Ending is how one delivery ended, as the engine told of it.
type Ending struct {
	Key        crmsync.RecordKey // may be zero where the envelope could not be read
	Version    int64
	Connection string // empty: it never came to one
	Partition  int32
	Offset     int64
	Outcome    crmsync.Outcome
	Released   bool // it had ended as waiting before
}

// entry is an ending as the ledger keeps it.
type entry struct {
	record     uint64 // hash of the key; 0: it is no event
	version    int64
	connection string
	offset     int64
	partition  int32
	outcome    crmsync.Outcome
	released   bool
}

func (e *entry) spot() spot { return spot{e.partition, e.offset, e.connection} }

// Counts are deliveries by how they ended.
type Counts [crmsync.Outcomes]int64

// Total returns how many they are.
func (c Counts) Total() (n int64) {
	for _, one := range c {
		n += one
	}
	return n
}

// Ledger keeps how deliveries ended. It may be used concurrently.
type Ledger struct {
	news     chan struct{}
	restarts bool

	mu      sync.Mutex // guards what follows
	entries []entry
	ended   int // deliveries that have ended at least once
	orgs    map[string]*Counts
	waited  int64
	index   map[spot]int // with restarts: the entry of a delivery
}

// NewLedger returns an empty ledger. Where processes are stopped and started
// anew, a delivery may end several times, because who ended it was killed before
// it could commit; and the end of one that waited may go untold. Then the ledger
// keeps one ending of each.
func NewLedger(restarts bool) *Ledger {
	return &Ledger{news: make(chan struct{}, 1), restarts: restarts, orgs: map[string]*Counts{}, index: map[spot]int{}}
}

// Ended enters an ending.
func (l *Ledger) Ended(e Ending) {
	line := entry{
		version: e.Version, connection: e.Connection, offset: e.Offset, partition: e.Partition, outcome: e.Outcome, released: e.Released,
	}
	org := ""
	if e.Connection != "" || e.Outcome != crmsync.Dead { // else it died before it came to a delivery
		line.record, org = e.Key.Hash(), e.Key.Org
	}
	l.mu.Lock()
	l.enter(line, org)
	l.mu.Unlock()
	select {
	case l.news <- struct{}{}:
	default:
	}
}

// enter counts a delivery once: as waiting until it has been let out.
func (l *Ledger) enter(line entry, org string) {
	c := l.orgs[org]
	if c == nil {
		c = &Counts{}
		l.orgs[org] = c
	}
	if line.outcome == crmsync.Waiting {
		l.waited++
	}
	if l.restarts {
		l.enterOnce(line, c)
		return
	}
	l.entries = append(l.entries, line)
	c[line.outcome]++
	if line.released {
		c[crmsync.Waiting]--
	} else {
		l.ended++
	}
}

// enterOnce keeps the first ending that is one for good.
func (l *Ledger) enterOnce(line entry, c *Counts) {
	i, again := l.index[line.spot()]
	if !again {
		l.index[line.spot()] = len(l.entries)
		l.entries = append(l.entries, line)
		l.ended++
		c[line.outcome]++
		return
	}
	if old := &l.entries[i]; old.outcome == crmsync.Waiting && line.outcome != crmsync.Waiting {
		c[old.outcome]--
		c[line.outcome]++
		*old = line
	}
}

// News returns a channel that has something when endings were entered since it
// was last read.
func (l *Ledger) News() <-chan struct{} { return l.news }

// Len returns how many deliveries have ended, those that wait among them.
func (l *Ledger) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
}

// Waited returns how often a delivery went to the waiting room.
func (l *Ledger) Waited() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waited
}

// Org returns how the deliveries of an org ended; of the empty name, those of
// messages whose envelope could not be read.
func (l *Ledger) Org(name string) Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.orgs[name]; c != nil {
		return *c
	}
	return Counts{}
}

// Counts returns how all deliveries ended.
func (l *Ledger) Counts() (sum Counts) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.orgs {
		for o, n := range c {
			sum[o] += n
		}
	}
	return sum
}

// snapshot returns the entries so far.
func (l *Ledger) snapshot() []entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.restarts {
		return slices.Clone(l.entries)
	}
	return l.entries[:len(l.entries):len(l.entries)] // they never change
}
