package demo

import (
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
}

// entry is an ending as the ledger keeps it.
type entry struct {
	record     uint64 // hash of the key; 0: it is no event
	version    int64
	connection string
	offset     int64
	partition  int32
	outcome    crmsync.Outcome
}

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
	news chan struct{}

	mu      sync.Mutex // guards what follows
	entries []entry
	orgs    map[string]*Counts
}

// NewLedger returns an empty ledger.
func NewLedger() *Ledger {
	return &Ledger{news: make(chan struct{}, 1), orgs: map[string]*Counts{}}
}

// Ended enters an ending.
func (l *Ledger) Ended(e Ending) {
	line := entry{version: e.Version, connection: e.Connection, offset: e.Offset, partition: e.Partition, outcome: e.Outcome}
	org := ""
	if e.Connection != "" || e.Outcome != crmsync.Dead { // else it died before it came to a delivery
		line.record, org = e.Key.Hash(), e.Key.Org
	}
	l.mu.Lock()
	l.entries = append(l.entries, line)
	c := l.orgs[org]
	if c == nil {
		c = &Counts{}
		l.orgs[org] = c
	}
	c[e.Outcome]++
	l.mu.Unlock()
	select {
	case l.news <- struct{}{}:
	default:
	}
}

// News returns a channel that has something when endings were entered since it
// was last read.
func (l *Ledger) News() <-chan struct{} { return l.news }

// Len returns how many deliveries have ended.
func (l *Ledger) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.entries)
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
	for _, e := range l.entries {
		sum[e.outcome]++
	}
	return sum
}

// snapshot returns the entries so far. They are never changed.
func (l *Ledger) snapshot() []entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.entries[:len(l.entries):len(l.entries)]
}
