package emulator

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// InspectPrefix is the path below which an emulator answers for itself. No
// CRM uses it.
const InspectPrefix = "/_emulator/"

// maxInspectBody bounds the body of a request to the inspection API.
const maxInspectBody = 1 << 20

// Target is the CRM side of the inspection API.
type Target interface {
	// Objects returns the objects of one account and type, oldest first,
	// archived ones too, or an error when there is no such account or type.
	Objects(account, objectType string) ([]Object, error)
	// Reset forgets all objects, entries, counts and queued faults. Accounts
	// and their settings stay.
	Reset()
}

// inspection answers the paths that all emulators share.
type inspection struct {
	log    *Log
	plan   *Plan
	target Target
}

// Inspect returns the inspection API that every emulator has:
//
//	GET    /_emulator/objects?account=&type=[&property=&value=][&archived=true|false]
//	GET    /_emulator/log[?since=SEQ][&limit=N][&account=]   JSON lines
//	GET    /_emulator/counters
//	POST   /_emulator/reset
//	GET    /_emulator/faults        rates in force and queued faults
//	PUT    /_emulator/faults        {"rates": {"throttled": 0.01}}
//	POST   /_emulator/faults        {"match": {…}, "kind": "timeout", "delay": "5s", "times": 1}
//	DELETE /_emulator/faults        drops the queue
//
// An emulator adds its own paths, such as those of its accounts.
func Inspect(log *Log, plan *Plan, target Target) *http.ServeMux {
	i := &inspection{log, plan, target}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_emulator/objects", i.objects)
	mux.HandleFunc("GET /_emulator/log", i.entries)
	mux.HandleFunc("GET /_emulator/counters", i.counters)
	mux.HandleFunc("POST /_emulator/reset", i.reset)
	mux.HandleFunc("GET /_emulator/faults", i.faults)
	mux.HandleFunc("PUT /_emulator/faults", i.setRates)
	mux.HandleFunc("POST /_emulator/faults", i.queueFault)
	mux.HandleFunc("DELETE /_emulator/faults", i.clearQueue)
	return mux
}

// WriteJSON answers with value as JSON.
func WriteJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be encoded"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that has gone needs no answer
}

// WriteError answers with {"error": …}.
func WriteError(w http.ResponseWriter, status int, err error) {
	WriteJSON(w, status, map[string]string{"error": err.Error()})
}

// ReadJSON decodes the body of a request to the inspection API. Unknown keys
// are an error, so that a misspelt one does not pass for a default.
func ReadJSON(r *http.Request, into any) error {
	decoder := json.NewDecoder(io.LimitReader(r.Body, maxInspectBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("decode the body of %s %s: %w", r.Method, r.URL.Path, err)
	}
	return nil
}

func (i *inspection) objects(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	objects, err := i.target.Objects(query.Get("account"), query.Get("type"))
	if err != nil {
		WriteError(w, http.StatusNotFound, err)
		return
	}
	property, value, archived := query.Get("property"), query.Get("value"), query.Get("archived")
	kept := objects[:0]
	for _, o := range objects {
		if property != "" && o.Properties[property] != value {
			continue
		}
		if archived != "" && strconv.FormatBool(o.Archived) != archived {
			continue
		}
		kept = append(kept, o)
	}
	WriteJSON(w, http.StatusOK, map[string]any{"objects": kept})
}

func (i *inspection) entries(w http.ResponseWriter, r *http.Request) {
	since, err := number(r, "since", 0)
	if err != nil {
		WriteError(w, http.StatusBadRequest, err)
		return
	}
	limit, err := number(r, "limit", -1)
	if err != nil {
		WriteError(w, http.StatusBadRequest, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := bufio.NewWriterSize(w, 64<<10)
	defer func() { _ = out.Flush() }() // a client that has gone needs no answer
	lines, account := json.NewEncoder(out), r.URL.Query().Get("account")
	for e := range i.log.All(since) {
		if limit == 0 {
			return
		}
		if account != "" && e.Account != account {
			continue
		}
		if lines.Encode(e) != nil {
			return
		}
		limit--
	}
}

func number(r *http.Request, name string, otherwise int64) (int64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("parameter %s is %q: give a whole number", name, text)
	}
	return n, nil
}

func (i *inspection) counters(w http.ResponseWriter, _ *http.Request) {
	WriteJSON(w, http.StatusOK, i.log.Counters())
}

func (i *inspection) reset(w http.ResponseWriter, _ *http.Request) {
	i.target.Reset()
	w.WriteHeader(http.StatusNoContent)
}

// queuedFault is QueuedFault as it travels in JSON.
type queuedFault struct {
	Match Match     `json:"match"`
	Kind  FaultKind `json:"kind"`
	Delay string    `json:"delay,omitempty"`
	Times int       `json:"times"`
}

func (i *inspection) faults(w http.ResponseWriter, _ *http.Request) {
	queue := []queuedFault{}
	for _, q := range i.plan.Queued() {
		line := queuedFault{Match: q.Match, Kind: q.Fault.Kind, Times: q.Times}
		if q.Fault.Delay > 0 {
			line.Delay = q.Fault.Delay.String()
		}
		queue = append(queue, line)
	}
	WriteJSON(w, http.StatusOK, map[string]any{"rates": i.plan.Rates(), "queue": queue})
}

func (i *inspection) setRates(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Rates FaultRates `json:"rates"`
	}
	err := ReadJSON(r, &body)
	if err == nil {
		err = i.plan.SetRates(body.Rates)
	}
	i.done(w, err)
}

func (i *inspection) queueFault(w http.ResponseWriter, r *http.Request) {
	body := queuedFault{Times: 1}
	err := ReadJSON(r, &body)
	if err == nil {
		err = i.queue(body)
	}
	i.done(w, err)
}

func (i *inspection) queue(q queuedFault) error {
	fault := Fault{Kind: q.Kind}
	if q.Delay != "" {
		delay, err := time.ParseDuration(q.Delay)
		if err != nil {
			return fmt.Errorf("delay is %q: give a duration such as 1.5s", q.Delay)
		}
		fault.Delay = delay
	}
	return i.plan.Queue(QueuedFault{Match: q.Match, Fault: fault, Times: q.Times})
}

func (i *inspection) clearQueue(w http.ResponseWriter, _ *http.Request) {
	i.plan.ClearQueue()
	i.done(w, nil)
}

// done answers 204, or 400 with the error.
func (i *inspection) done(w http.ResponseWriter, err error) {
	if err != nil {
		WriteError(w, http.StatusBadRequest, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
