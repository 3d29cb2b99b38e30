package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"crmsync"
	"crmsync/cmd/crmsync/demo"
	"crmsync/pipeline"
)

// demoWatch hears what the engine does, on behalf of the demo: it passes all on
// to the program's own watcher.
type demoWatch struct {
	*watcher
	ledger *demo.Ledger
	now    func() time.Time

	mu       sync.Mutex // guards what follows
	accounts map[crmsync.ConnectionID]*demo.Seen
	samples  map[string]sampleEvent // by record id and version
	last     time.Time              // when a delivery last ended
}

// sampleEvent is an event that may be shown beside its request.
type sampleEvent struct{ record, data string }

// maxSamples bounds the events that may be shown.
const maxSamples = 2000

func newDemoWatch(w *watcher, l *demo.Ledger, now func() time.Time) *demoWatch {
	return &demoWatch{
		watcher: w, ledger: l, now: now,
		accounts: map[crmsync.ConnectionID]*demo.Seen{}, samples: map[string]sampleEvent{},
	}
}

// Ended enters the delivery in the ledger.
func (d *demoWatch) Ended(e pipeline.Ended) {
	d.watcher.Ended(e)
	d.mu.Lock()
	d.last = d.now()
	if k := e.Event.Key; e.Outcome == crmsync.Synced && k.Org == "acme" && k.Type == "contact" && e.Event.Data != nil && len(d.samples) < maxSamples {
		d.samples[sampleKey(k.ID, e.Event.Version)] = sampleEvent{
			record: fmt.Sprintf("%s version %d: %s", k, e.Event.Version, e.Event.Op), data: string(e.Event.Data),
		}
	}
	d.mu.Unlock()
	d.ledger.Ended(demo.Ending{
		Key: e.Event.Key, Version: e.Event.Version, Connection: e.Connection.ID.Name,
		Partition: e.Partition, Offset: e.Offset, Outcome: e.Outcome,
	})
}

func sampleKey(id string, version int64) string { return fmt.Sprint(id, "@", version) }

// Requested counts the account's requests.
func (d *demoWatch) Requested(r pipeline.Requested) {
	d.watcher.Requested(r)
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.accounts[r.Batch.Connection.ID]
	if s == nil {
		s = &demo.Seen{}
		d.accounts[r.Batch.Connection.ID] = s
	}
	if r.Answer == nil {
		s.RateChecks++
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
func (d *demoWatch) seen() map[crmsync.ConnectionID]demo.Seen {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make(map[crmsync.ConnectionID]demo.Seen, len(d.accounts))
	for id, s := range d.accounts {
		out[id] = *s
	}
	return out
}

// ended returns when a delivery last ended.
func (d *demoWatch) ended() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}

// sample picks a request to be shown, and the event it is of: one that fills
// as many fields as there are.
func (d *demoWatch) sample(r *recorder) *demo.Sample {
	d.mu.Lock()
	defer d.mu.Unlock()
	var best *demo.Sample
	for _, request := range r.requests() {
		for _, in := range request.inputs {
			e, ok := d.samples[sampleKey(in.ID, in.version())]
			if !ok || best != nil && strings.Count(e.data, "null") >= strings.Count(best.Event.Data, "null") {
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

// recorder keeps the first few requests of one kind that reach the CRM, as
// they came over the wire.
type recorder struct {
	next        http.Handler
	token, path string

	mu   sync.Mutex // guards kept
	kept []recorded
}

type recorded struct {
	status int
	body   []byte
	inputs []recordedInput
}

type recordedInput struct {
	ID         string `json:"id"`
	Properties struct {
		Version json.Number `json:"crmsync_version"`
	} `json:"properties"`
}

func (i recordedInput) version() int64 {
	v, err := i.Properties.Version.Int64()
	if err != nil {
		return 0
	}
	return v
}

// maxRecorded bounds how many requests are kept.
const maxRecorded = 8

// ServeHTTP passes the request on.
func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if !r.wants(req) {
		r.next.ServeHTTP(w, req)
		return
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		http.Error(w, "the request broke off", http.StatusBadRequest)
		return
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	answer := &statusWriter{ResponseWriter: w}
	r.next.ServeHTTP(answer, req)
	var batch struct {
		Inputs []recordedInput `json:"inputs"`
	}
	if answer.status != http.StatusOK || json.Unmarshal(body, &batch) != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept = append(r.kept, recorded{answer.status, body, batch.Inputs})
}

func (r *recorder) wants(req *http.Request) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.kept) < maxRecorded && req.URL.Path == r.path && strings.HasSuffix(req.Header.Get("Authorization"), " "+r.token)
}

func (r *recorder) requests() []recorded {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kept
}

// statusWriter notes the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status and writes it.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets the handler reach what lies below, to cut the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
