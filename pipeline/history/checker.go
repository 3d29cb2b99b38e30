package history

import (
	"sync"
	"time"

	"crmsync"
)

// Checker gathers a run and judges it. Its methods may be called concurrently,
// but the calls of one record at one connection come in the order of their
// effects. It keeps about 100 bytes per event and 100 per call.
type Checker struct {
	options Options

	mu        sync.Mutex // guards what follows
	index     map[crmsync.RecordKey]int
	records   []record
	broken    map[place]string // messages that are no events, and the codes of their dead letters
	letters   []Letter
	committed map[int32]int64
	events    int64
	calls     int64
}

type place struct {
	partition int32
	offset    int64
}

// record is all that is known of one record.
type record struct {
	key     crmsync.RecordKey
	events  []event
	links   []link // by connection, in the order of their coming
	letters []Letter
}

// event is an Event as it is kept.
type event struct {
	place
	at      int64 // nanoseconds; 0: unknown
	version int64
	hash    uint64
	content uint64
	ways    []Way
	op      crmsync.Op
}

// link is a record's mirror at one connection.
type link struct {
	connection string
	calls      []call
	row        *crmsync.Link
}

// call is a Call as it is kept.
type call struct {
	version      int64
	content      uint64
	object       string
	began, ended int64 // nanoseconds; 0: unknown
	operation    crmsync.Operation
	effect       Effect
}

// New returns a Checker that has heard of nothing.
func New(o Options) *Checker {
	if o.Findings == 0 {
		o.Findings = 10
	}
	return &Checker{options: o, index: map[crmsync.RecordKey]int{}, broken: map[place]string{}, committed: map[int32]int64{}}
}

// Check judges a run that is given whole.
func Check(o Options, e Evidence) *Report {
	c := New(o)
	for i := range e.Events {
		c.Event(e.Events[i])
	}
	for i := range e.Calls {
		c.Call(e.Calls[i])
	}
	for i := range e.Links {
		c.Link(e.Links[i])
	}
	for i := range e.Letters {
		c.Letter(e.Letters[i])
	}
	for partition, offset := range e.Committed {
		c.Committed(partition, offset)
	}
	return c.Report()
}

// Event adds a message that the log has accepted.
func (c *Checker) Event(e Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events++
	at := place{e.Partition, e.Offset}
	if e.Broken {
		c.broken[at] = e.Code
		return
	}
	r := c.record(e.Key)
	r.events = append(r.events, event{
		place: at, at: nanoseconds(e.At), version: e.Version, hash: e.Hash, content: e.Content, ways: e.Ways, op: e.Op,
	})
	for _, w := range e.Ways {
		r.link(w.Connection)
	}
}

// Call adds a call that the CRM has seen.
func (c *Checker) Call(k Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	l := c.record(k.Key).link(k.Connection)
	l.calls = append(l.calls, call{
		version: k.Version, content: k.Content, object: k.Object, began: nanoseconds(k.Began), ended: nanoseconds(k.Ended),
		operation: k.Operation, effect: k.Effect,
	})
}

// Link adds a state row as it stands at the end. What waits needs no body.
func (c *Checker) Link(row crmsync.Link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.record(row.Key).link(row.Connection)
	if row.Revision > 0 {
		l.row = &row
	}
}

// Letter adds an entry of the dead-letter queue.
func (c *Checker) Letter(l Letter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.letters = append(c.letters, l)
}

// Committed says up to which offset a partition is committed: the first that is
// not finished. The last word counts, and without one it is 0.
func (c *Checker) Committed(partition int32, offset int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.committed[partition] = offset
}

// record returns the record of that key, new if it is unheard of. It is good
// until the next call.
func (c *Checker) record(key crmsync.RecordKey) *record {
	i, ok := c.index[key]
	if !ok {
		i = len(c.records)
		c.index[key] = i
		c.records = append(c.records, record{key: key})
	}
	return &c.records[i]
}

// link returns the record's mirror at a connection.
func (r *record) link(connection string) *link {
	for i := range r.links {
		if r.links[i].connection == connection {
			return &r.links[i]
		}
	}
	r.links = append(r.links, link{connection: connection})
	return &r.links[len(r.links)-1]
}

// nanoseconds returns a time as it is kept; 0 for the zero time.
func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
