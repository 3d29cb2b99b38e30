package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"crmsync"
	"crmsync/pipeline/history"
	"crmsync/providers/emulator"
)

// crm is the fake CRM in its own process, and what it has seen.
type crm struct {
	url    string
	child  *child
	stream *stream

	next int64 // of the CRM's log; used by follow only

	mu    sync.Mutex // guards what follows
	calls []history.Call
	wrong []string // calls that carry something else than their version says
}

// openCRM starts the fake CRM and waits until it answers.
func openCRM(ctx context.Context, k *kin, program, log string, port int, seed uint64, s *stream) (*crm, error) {
	address := fmt.Sprintf("127.0.0.1:%d", port)
	child, err := k.start(log, cleanEnv(), program, "emulate", "hubspot", "--listen", address, "--plan", "enterprise",
		"--latency", "20ms", "--seed", strconv.FormatUint(seed, 10))
	if err != nil {
		return nil, err
	}
	c := &crm{url: "http://" + address, child: child, stream: s, next: 1}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !probe(ctx, c.url+emulator.InspectPrefix+"counters") {
		select {
		case <-ctx.Done():
			return c, context.Cause(ctx)
		case <-child.done:
			return c, fmt.Errorf("the fake CRM ended at once\n%s", tail(log, 5))
		case <-tick.C:
		}
	}
	return c, nil
}

// set tells the fake CRM something below /_emulator/.
func (c *crm) set(ctx context.Context, method, path string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode what to tell the fake CRM: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.url+emulator.InspectPrefix+path, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("tell the fake CRM: %w", err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("tell the fake CRM: %w", err)
	}
	defer func() { _ = answer.Body.Close() }() // what it said is read
	if answer.StatusCode >= 300 {
		why, _ := io.ReadAll(io.LimitReader(answer.Body, 1000)) // the status tells enough
		return fmt.Errorf("tell the fake CRM: %s %s: %s %s", method, path, answer.Status, why)
	}
	return nil
}

// misbehave puts rates of faults in force; nil: none.
func (c *crm) misbehave(ctx context.Context, rates emulator.FaultRates) error {
	if rates == nil {
		rates = emulator.FaultRates{}
	}
	return c.set(ctx, http.MethodPut, "faults", map[string]any{"rates": rates})
}

// deny refuses a token for so long.
func (c *crm) deny(ctx context.Context, token string, d time.Duration) error {
	return c.set(ctx, http.MethodPost, "denials", map[string]string{"token": token, "for": d.String()})
}

// unfinished is how long a request may be under way before its line of the log
// is read without its end.
const unfinished = 2 * time.Minute

// follow reads the CRM's log as it grows, until ctx ends and all of it is read:
// the CRM keeps only so much of it.
func (c *crm) follow(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var failed error
	for ctx.Err() == nil && failed == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			failed = c.read(ctx, unfinished)
		}
	}
	if failed != nil && ctx.Err() == nil {
		return failed
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return c.read(last, 0)
}

// read takes in what is new in the log, up to the first request that is still
// under way, unless it is so for longer than patience.
func (c *crm) read(ctx context.Context, patience time.Duration) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s%slog?since=%d", c.url, emulator.InspectPrefix, c.next), http.NoBody)
	if err != nil {
		return fmt.Errorf("read the CRM's log: %w", err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("read the CRM's log: %w", err)
	}
	defer func() { _ = answer.Body.Close() }() // what it said is read
	for lines := json.NewDecoder(answer.Body); ; {
		var e emulator.Entry
		if err := lines.Decode(&e); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read the CRM's log: %w", err)
		}
		if e.End.IsZero() && time.Since(e.Start) < patience {
			return nil
		}
		if e.Seq != c.next {
			return fmt.Errorf("the CRM's log has dropped lines %d to %d before they were read", c.next, e.Seq-1)
		}
		c.next++
		c.take(&e)
	}
}

// take keeps the writes of a request.
func (c *crm) take(e *emulator.Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range e.Records {
		call, ok := c.call(e, &e.Records[i])
		if !ok {
			continue
		}
		c.calls = append(c.calls, call)
		if fault := c.judge(&call, e.Records[i].Properties); fault != "" {
			c.wrong = append(c.wrong, fault)
		}
	}
}

// call returns what a request did to one record; false if it wrote nothing.
func (c *crm) call(e *emulator.Entry, r *emulator.Record) (history.Call, bool) {
	n, ok := recordOf(r.UniqueValue)
	if !ok {
		return history.Call{}, false
	}
	call := history.Call{
		Key: c.stream.key(n), Connection: connectionName, Operation: crmsync.Upsert, Object: r.ID, Began: e.Start, Ended: e.End,
		Version: markedVersion(n, r.Properties),
	}
	switch r.Outcome {
	case emulator.Created:
		call.Effect = history.Created
	case emulator.Updated, emulator.Unchanged:
		call.Effect = history.Changed
	case emulator.Archived:
		call.Effect, call.Operation = history.Removed, crmsync.Archive
	case emulator.Absent:
		call.Operation = crmsync.Archive
	default: // refused, spared or only read
		return history.Call{}, false
	}
	if e.Account != strconv.Itoa(firstAccount+n/len(recordTypes)%c.stream.orgs) {
		c.wrong = append(c.wrong, fmt.Sprintf("a call for %s went to account %s", call.Key, e.Account))
	}
	return call, true
}

func markedVersion(record int, properties emulator.Values) int64 {
	for _, v := range properties {
		if v.Name == recordTypes[record%len(recordTypes)].marker {
			version, _ := strconv.ParseInt(v.Value, 10, 64) // 0: it tells none
			return version
		}
	}
	return 0
}

// judge says what is wrong with the values of a call; empty: nothing. What the
// mappings make of an event stands here a second time, in plain Go.
func (c *crm) judge(call *history.Call, properties emulator.Values) string {
	if call.Operation == crmsync.Archive || call.Effect == history.Nothing {
		return ""
	}
	name := "lastname"
	if call.Key.Type == recordTypes[1].name {
		name = "name"
	}
	want := strings.ToUpper(fmt.Sprintf("Name %d", call.Version))
	for _, v := range properties {
		if v.Name == name && v.Value == want {
			return ""
		}
	}
	return fmt.Sprintf("%s version %d was written without %s %q", call.Key, call.Version, name, want)
}

// seen returns the calls, and what was wrong with some.
func (c *crm) seen() ([]history.Call, []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls, c.wrong
}

// counters returns the CRM's sums over all that it has seen.
func (c *crm) counters(ctx context.Context) (emulator.Counters, error) {
	var counters emulator.Counters
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+emulator.InspectPrefix+"counters", http.NoBody)
	if err != nil {
		return counters, fmt.Errorf("ask the fake CRM: %w", err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return counters, fmt.Errorf("ask the fake CRM: %w", err)
	}
	defer func() { _ = answer.Body.Close() }() // what it said is read
	if err := json.NewDecoder(answer.Body).Decode(&counters); err != nil {
		return counters, fmt.Errorf("read the fake CRM's counters: %w", err)
	}
	return counters, nil
}
