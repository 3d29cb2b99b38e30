package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"crmsync"
	"crmsync/cmd/crmsync/demo"
	"crmsync/pipeline"
)

// demoWatch hears what one process of the demo does: it passes all on to the
// process's own watcher.
type demoWatch struct {
	*watcher
	notes *demoNotes
}

// demoNotes are what is kept of all processes of a demo.
type demoNotes struct {
	ledger *demo.Ledger
	now    func() time.Time

	mu       sync.Mutex // guards what follows
	accounts map[crmsync.ConnectionID]*demo.Seen
	samples  map[string]sampleEvent // by record id and version
	last     time.Time              // when a delivery last ended
	sendings []sending              // in order
	delay    map[string][]time.Duration
}

// sending says when events were sent: those up to the time that they name.
type sending struct{ upTo, at time.Time }

// sampleEvent is an event that may be shown beside its request.
type sampleEvent struct{ record, data string }

// oddity is how little an event suits as an example: it should be new, full, and
// have a name that needs tidying.
func (e sampleEvent) oddity() int {
	n := 4 * strings.Count(e.data, "null")
	if !strings.HasSuffix(e.record, "create") {
		n += 3
	}
	if !strings.Contains(e.data, `"first_name":" `) {
		n++
	}
	return n
}

// maxSamples bounds the events that may be shown.
const maxSamples = 400

func newDemoNotes(l *demo.Ledger, now func() time.Time) *demoNotes {
	return &demoNotes{
		ledger: l, now: now,
		accounts: map[crmsync.ConnectionID]*demo.Seen{}, samples: map[string]sampleEvent{}, delay: map[string][]time.Duration{},
	}
}

// Ended enters the delivery in the ledger.
func (d *demoWatch) Ended(e pipeline.Ended) {
	d.watcher.Ended(e)
	d.notes.note(&e)
	d.notes.ledger.Ended(demo.Ending{
		Key: e.Event.Key, Version: e.Event.Version, Connection: e.Connection.ID.Name,
		Partition: e.Partition, Offset: e.Offset, Outcome: e.Outcome, Released: e.Released,
	})
}

// note keeps what the report shows of a delivery.
func (d *demoNotes) note(e *pipeline.Ended) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = d.now()
	if e.Outcome != crmsync.Synced {
		return
	}
	key := e.Event.Key
	i, _ := slices.BinarySearchFunc(d.sendings, e.Event.OccurredAt, func(s sending, t time.Time) int { return s.upTo.Compare(t) })
	if i < len(d.sendings) {
		d.delay[key.Org] = append(d.delay[key.Org], d.last.Sub(d.sendings[i].at))
	}
	if key.Org == "acme" && key.Type == "contact" && e.Event.Data != nil && len(d.samples) < maxSamples {
		d.samples[sampleKey(key.ID, e.Event.Version)] = sampleEvent{
			record: fmt.Sprintf("%s version %d: %s", key, e.Event.Version, e.Event.Op), data: string(e.Event.Data),
		}
	}
}

// sent notes that the events up to that time are sent now.
func (d *demoNotes) sent(upTo time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sendings = append(d.sendings, sending{upTo, d.now()})
}

// delays returns how long synced deliveries took, by org.
func (d *demoNotes) delays() map[string][]time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.delay)
}

func sampleKey(id string, version int64) string { return fmt.Sprint(id, "@", version) }

// Requested counts the account's requests.
func (d *demoWatch) Requested(r pipeline.Requested) {
	d.watcher.Requested(r)
	d.notes.requested(&r)
}

func (d *demoNotes) requested(r *pipeline.Requested) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.accounts[r.Batch.Connection.ID]
	if s == nil {
		s = &demo.Seen{}
		d.accounts[r.Batch.Connection.ID] = s
	}
	if r.Answer == nil {
		s.HeldBack++
		return
	}
	s.Requests++
	s.Calls += int64(len(r.Batch.Calls))
	switch status := r.Answer.Status; {
	case status == http.StatusTooManyRequests:
		s.Throttled++
	case status == http.StatusUnauthorized:
		if s.Denied++; s.FirstDenied.IsZero() {
			s.FirstDenied = d.now()
		}
	case status < 300 && status > 0 && !s.FirstDenied.IsZero() && s.WorkedAgain.IsZero():
		s.WorkedAgain = d.now()
	}
}

// seen returns what the accounts went through.
func (d *demoNotes) seen() map[crmsync.ConnectionID]demo.Seen {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make(map[crmsync.ConnectionID]demo.Seen, len(d.accounts))
	for id, s := range d.accounts {
		out[id] = *s
	}
	return out
}

// ended returns when a delivery last ended.
func (d *demoNotes) ended() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}

// sample picks a request to be shown, and the event it is of: one that fills
// as many fields as there are.
func (d *demoNotes) sample(r *recorder) *demo.Sample {
	d.mu.Lock()
	defer d.mu.Unlock()
	var best *demo.Sample
	for _, request := range r.requests() {
		for _, in := range request.inputs {
			e, ok := d.samples[sampleKey(in.ID, in.version())]
			if !ok || best != nil && e.oddity() >= (sampleEvent{best.Event.Record, best.Event.Data}).oddity() {
				continue
			}
			if s := demo.NewSample(http.MethodPost, r.path, request.status, request.body, in.ID); s != nil {
				best = s
				best.Event.Record, best.Event.Data = e.record, e.data
			}
		}
	}
	if best != nil {
		best.File = "mappings/acme/hubspot/contact.yaml"
		best.Text, _ = demo.MappingFile(best.File)
	}
	return best
}

var _ pipeline.Observer = (*demoWatch)(nil)
