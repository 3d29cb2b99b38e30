package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"crmsync"
	"crmsync/dsl"
	"crmsync/pipeline"
	"crmsync/pipeline/inmem"
	"crmsync/providers"
)

// rehearsalStart is when a dry run begins: its time is not the clock's, so that
// the same events always print the same.
func rehearsalStart() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// rehearsal is the engine on parts that record instead of send.
type rehearsal struct {
	engine   *pipeline.Engine
	parts    pipeline.Parts
	state    *inmem.State
	set      *dsl.Set // as it is; the engine takes paused connections for resumed
	now      time.Time
	events   *eventLines
	next     int // message to be told by Poll
	told     bool
	provider string // empty: all
	made     int    // objects that the CRM would have made
	requests map[crmsync.ConnectionID][]sentRequest
	acts     []*act
}

// act is what becomes of one event.
type act struct {
	Line       int            `json:"line"` // of the events
	EventID    string         `json:"event_id,omitempty"`
	Org        string         `json:"org,omitempty"`
	RecordType string         `json:"record_type,omitempty"`
	RecordID   string         `json:"record_id,omitempty"`
	Version    int64          `json:"version,omitempty"`
	Op         string         `json:"op,omitempty"`
	Deliveries []deliveryPlan `json:"deliveries"`
}

// deliveryPlan is what one connection would be asked.
type deliveryPlan struct {
	Connection string        `json:"connection,omitempty"`
	Provider   string        `json:"provider,omitempty"`
	Paused     bool          `json:"paused,omitempty"`
	Mapping    string        `json:"mapping,omitempty"`
	Outcome    string        `json:"outcome"`
	Reason     string        `json:"reason,omitempty"`
	Where      string        `json:"where,omitempty"`
	Requests   []sentRequest `json:"requests,omitempty"`
}

// sentRequest is a request that would have been sent.
type sentRequest struct {
	Operation string              `json:"operation"`
	Method    string              `json:"method"`
	URL       string              `json:"url"`
	Header    map[string][]string `json:"header"`
	Body      json.RawMessage     `json:"body,omitempty"`
}

func newRehearsal(set *dsl.Set, events *eventLines, provider string) (*rehearsal, error) {
	r := &rehearsal{
		events: events, set: set, now: rehearsalStart(), provider: provider,
		requests: map[crmsync.ConnectionID][]sentRequest{},
	}
	now := func() time.Time { return r.now }
	r.state = inmem.NewState(now)
	loaded, found := providers.Load(providers.Options{Now: now})
	if found.HasErrors() {
		return nil, found
	}
	recorders := map[string]crmsync.Provider{}
	for name, one := range loaded {
		if p, ok := one.(*providers.Provider); ok {
			recorders[name] = scribe{p, r}
		}
	}
	r.parts = pipeline.Parts{
		Source: r, Horizon: r, DeadLetters: inmem.NewDeadLetters(len(events.messages) + 1), State: r.state, Ownership: r.state, Waiting: r.state,
		Idempotency: inmem.NewIdempotency(1), Credentials: openDoor{}, Rate: inmem.NewRate(now),
		Providers: recorders, Mappings: dsl.Hold(set.Resumed()), Observer: r, Now: now,
	}
	cfg := pipeline.DefaultConfig()
	cfg.Once, cfg.Linger = true, 0
	r.engine = pipeline.New(cfg, r.limits, r, rand.New(rand.NewPCG(1, 1)))
	return r, nil
}

// limits answers from the providers' descriptions.
func (r *rehearsal) limits(c crmsync.Connection, object string, op crmsync.Operation) crmsync.Limits {
	if one := r.parts.Providers[c.Provider]; one != nil {
		return one.Limits(c.Plan, object, op)
	}
	return crmsync.Limits{}
}

// A rehearsal's time goes on in ticks; no event takes as many as mostTicks.
const (
	tick      = 50 * time.Millisecond
	mostTicks = 100_000
)

// play drives the engine, one task after the other, in a time of its own.
func (r *rehearsal) play(ctx context.Context) error {
	for ticks, before := 0, 0; !r.engine.Stopped(); ticks++ {
		if before != r.next {
			ticks, before = 0, r.next
		}
		if ticks > mostTicks {
			return fmt.Errorf("the event in line %d comes to no end", r.events.numbers[max(r.next-1, 0)])
		}
		tasks := slices.Clone(r.engine.Start(r.now))
		for _, t := range tasks {
			t.Do(ctx, &r.parts)
			r.engine.Done(r.now, t)
		}
		r.now = r.now.Add(tick)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return r.engine.Err()
}

// Poll tells of the next event once the one before has ended.
func (r *rehearsal) Poll(_ context.Context, rooms []crmsync.Room) (crmsync.News, error) {
	messages := r.events.messages
	end := int64(len(messages))
	if !r.told {
		r.told = true
		return crmsync.News{Assigned: []crmsync.Assignment{{Term: 1, End: end}}}, nil
	}
	counts := r.engine.Counts()
	if len(rooms) == 0 || r.next == len(messages) || counts.Messages > int64(len(r.acts)) || r.open() {
		return crmsync.News{}, nil
	}
	m := messages[r.next]
	r.next++
	return crmsync.News{Fetched: []crmsync.Fetch{{Term: 1, Messages: []crmsync.Message{m}, End: end}}}, nil
}

// open says whether a delivery has not ended.
func (r *rehearsal) open() bool {
	counts, ended := r.engine.Counts(), int64(0)
	for _, n := range counts.Outcomes {
		ended += n
	}
	return ended < counts.Deliveries
}

// Commit has nothing to do.
func (r *rehearsal) Commit(context.Context, []crmsync.Mark) error { return nil }

// Release has nothing to do.
func (r *rehearsal) Release(context.Context, []crmsync.Assignment) error { return nil }

// Ends answers where the events end, whatever the partition.
func (r *rehearsal) Ends(_ context.Context, partitions []int32) ([]int64, error) {
	ends := make([]int64, len(partitions))
	for i := range ends {
		ends[i] = int64(len(r.events.messages))
	}
	return ends, nil
}

// scribe notes the exact requests, and answers for a CRM that takes them.
type scribe struct {
	*providers.Provider
	r *rehearsal
}

// Limits are the provider's, but nothing is drawn from its budgets.
func (c scribe) Limits(plan, object string, op crmsync.Operation) crmsync.Limits {
	l := c.Provider.Limits(plan, object, op)
	l.Budgets = nil
	return l
}

// Apply sends nothing.
func (c scribe) Apply(_ context.Context, b crmsync.Batch) crmsync.Answer {
	b.Credential = crmsync.Secret{}
	request, results := c.Request(b)
	if request == nil {
		return crmsync.Answer{Results: results}
	}
	id := b.Connection.ID
	c.r.requests[id] = append(c.r.requests[id], sentRequest{b.Operation.String(), request.Method, request.URL, request.Header, request.Body})
	for i, call := range b.Calls {
		switch {
		case results[i].Fault != nil:
		case b.Operation == crmsync.Find:
			results[i].Fault = &crmsync.Fault{Kind: crmsync.Missing, Code: "not_known"}
		case call.ExternalID == "":
			c.r.made++
			results[i] = crmsync.Result{ExternalID: fmt.Sprint("dry-run-", c.r.made), Created: true}
		default:
			results[i].ExternalID = call.ExternalID
		}
	}
	return crmsync.Answer{Results: results, Status: 200}
}

// openDoor is a credential store that has one for everybody: it is never sent.
type openDoor struct{ crmsync.CredentialStore }

// Credentials answers a stand-in for each.
func (openDoor) Credentials(_ context.Context, ids []crmsync.CredentialID) ([]crmsync.Credential, error) {
	all := make([]crmsync.Credential, len(ids))
	for i, id := range ids {
		all[i] = crmsync.Credential{ID: id, Secret: crmsync.NewSecret("dry-run")}
	}
	return all, nil
}
