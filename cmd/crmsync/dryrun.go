package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"crmsync"
	"crmsync/dsl"
	"crmsync/pipeline"
	"crmsync/pipeline/inmem"
	"crmsync/providers"
)

// dryRunFlags are the flags of dry-run.
type dryRunFlags struct {
	events   string
	org      string
	provider string
	state    string
	format   string
	limit    int
}

func (p *program) dryRunCommand() *cobra.Command {
	var f dryRunFlags
	c := &cobra.Command{
		Use: "dry-run --events FILE|-", Short: "The requests that events would cause; none is sent", Args: noArgs,
		Long: `The requests that events would cause, with the engine's own code and parts that
record instead of send. None is sent.

Events are JSON lines as they stand in Kafka. They are handled one after the
other, so that each shows its own request. Which CRM objects are known already
can be told by --state: JSON lines with org, connection, record_type, record_id,
external_id and version; without it nothing is known, and records are upserted.
Exit code 1 when an event would go to the dead-letter queue.`,
		Example: "  crmsync mappings dry-run --events examples/events.jsonl\n" +
			"  kcat -C -t crmsync.events -c 100 -e | crmsync mappings dry-run --events - --org acme",
		RunE: func(c *cobra.Command, _ []string) error { return p.dryRun(c.Context(), f) },
	}
	c.Flags().StringVar(&f.events, "events", "", "`file` with events, or - for standard input")
	c.Flags().StringVar(&f.org, "org", "", "only events of this org")
	c.Flags().StringVar(&f.provider, "provider", "", "only connections to this provider")
	c.Flags().StringVar(&f.state, "state", "", "`file` with the CRM objects that are known")
	c.Flags().StringVar(&f.format, "format", "text", "text or json")
	c.Flags().IntVar(&f.limit, "limit", 1000, "events at most")
	return c
}

func (p *program) dryRun(ctx context.Context, flags dryRunFlags) error {
	if flags.events == "" {
		return usage{errors.New("say with --events which events to try: a file with JSON lines, or -")}
	}
	if flags.format != "text" && flags.format != "json" {
		return usage{fmt.Errorf("format %q: give text or json", flags.format)}
	}
	set, err := p.loaded(dsl.Options{})
	if err != nil {
		return err
	}
	messages, err := p.readMessages(flags)
	if err != nil {
		return err
	}
	r, err := newRehearsal(set, messages, flags)
	if err != nil {
		return err
	}
	if err := r.knows(ctx, flags.state); err != nil {
		return err
	}
	if err := r.play(ctx); err != nil {
		return err
	}
	if flags.format == "json" {
		err = p.printJSON(map[string]any{"events": r.acts, "plan": r.plan()})
	} else {
		err = p.printRehearsal(r)
	}
	if n := r.plan()["dead"]; err == nil && n > 0 {
		return problems{fmt.Errorf("%s would go to the dead-letter queue", plural(n, "delivery"))}
	}
	return err
}

// readMessages reads events as messages of a log.
func (p *program) readMessages(flags dryRunFlags) ([]crmsync.Message, error) {
	in := p.in
	if flags.events != "-" {
		f, err := os.Open(flags.events)
		if err != nil {
			return nil, fmt.Errorf("read the events: %w", err)
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	all, err := readLines(in, flags.limit)
	if err != nil {
		return nil, fmt.Errorf("read the events of %s: %w", flags.events, err)
	}
	messages := make([]crmsync.Message, 0, len(all))
	for _, line := range all {
		m := crmsync.Message{Topic: "dry-run", Value: line, Time: rehearsalStart()}
		var d pipeline.Decoder
		if ev, fault := d.Decode(&m); flags.org != "" && (fault != nil || ev.Key.Org != flags.org) {
			continue
		}
		m.Offset = int64(len(messages))
		messages = append(messages, m)
	}
	return messages, nil
}

// readLines reads lines that are not empty, as many as limit.
func readLines(in io.Reader, limit int) (all [][]byte, err error) {
	b, err := io.ReadAll(io.LimitReader(in, maxEventsFile+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxEventsFile {
		return nil, fmt.Errorf("more than %d MiB: give fewer events", maxEventsFile>>20)
	}
	for line := range bytes.Lines(b) {
		if line = bytes.TrimSpace(line); len(line) > 0 && len(all) < limit {
			all = append(all, line)
		}
	}
	return all, nil
}

const maxEventsFile = 256 << 20

// rehearsalStart is when a dry run begins: its time is not the clock's, so that
// the same events always print the same.
func rehearsalStart() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// rehearsal is the engine on parts that record instead of send.
type rehearsal struct {
	engine   *pipeline.Engine
	parts    pipeline.Parts
	state    *inmem.State
	now      time.Time
	messages []crmsync.Message
	next     int // message to be told by Poll
	told     bool
	provider string
	made     int // objects that the CRM would have made
	requests map[crmsync.ConnectionID][]sentRequest
	acts     []*act
}

// act is what becomes of one event.
type act struct {
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

func newRehearsal(set *dsl.Set, messages []crmsync.Message, flags dryRunFlags) (*rehearsal, error) {
	r := &rehearsal{
		messages: messages, now: rehearsalStart(), state: inmem.NewState(), provider: flags.provider,
		requests: map[crmsync.ConnectionID][]sentRequest{},
	}
	loaded, found := providers.Load(providers.Options{Now: func() time.Time { return r.now }})
	if found.HasErrors() {
		return nil, found
	}
	if flags.provider != "" && loaded[flags.provider] == nil {
		return nil, usage{fmt.Errorf("no provider %q%s", flags.provider, didYouMean(flags.provider, providers.Names()))}
	}
	recorders := map[string]crmsync.Provider{}
	for name, one := range loaded {
		if p, ok := one.(*providers.Provider); ok {
			recorders[name] = scribe{p, r}
		}
	}
	r.parts = pipeline.Parts{
		Source: r, DeadLetters: inmem.NewDeadLetters(len(messages) + 1), State: r.state,
		Idempotency: inmem.NewIdempotency(1), Credentials: openDoor{}, Rate: inmem.NewRate(func() time.Time { return r.now }),
		Providers: recorders, Mappings: dsl.Hold(set), Observer: r, Now: func() time.Time { return r.now },
	}
	cfg := pipeline.DefaultConfig()
	cfg.Once, cfg.Linger = true, 0
	limits := func(c crmsync.Connection, object string, op crmsync.Operation) crmsync.Limits {
		if one := recorders[c.Provider]; one != nil {
			return one.Limits(c.Plan, object, op)
		}
		return crmsync.Limits{}
	}
	r.engine = pipeline.New(cfg, limits, r, rand.New(rand.NewPCG(1, 1)))
	return r, nil
}

// play drives the engine, one task after the other, in a time of its own.
func (r *rehearsal) play(ctx context.Context) error {
	for !r.engine.Stopped() {
		tasks := slices.Clone(r.engine.Start(r.now))
		for _, t := range tasks {
			t.Do(ctx, &r.parts)
			r.engine.Done(r.now, t)
		}
		r.now = r.now.Add(50 * time.Millisecond)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return r.engine.Err()
}

// Poll tells of the next event once the one before has ended.
func (r *rehearsal) Poll(_ context.Context, rooms []crmsync.Room) (crmsync.News, error) {
	end := int64(len(r.messages))
	if !r.told {
		r.told = true
		return crmsync.News{Assigned: []crmsync.Assignment{{Term: 1, End: end}}}, nil
	}
	counts := r.engine.Counts()
	if len(rooms) == 0 || r.next == len(r.messages) || counts.Messages > int64(len(r.acts)) || r.open() {
		return crmsync.News{}, nil
	}
	m := r.messages[r.next]
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

// Commit and Release have nothing to do.
func (r *rehearsal) Commit(context.Context, []crmsync.Mark) error { return nil }

// Release has nothing to do.
func (r *rehearsal) Release(context.Context, []crmsync.Assignment) error { return nil }

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

// knownObject is a line of --state.
type knownObject struct {
	Org        string `json:"org"`
	Connection string `json:"connection"`
	RecordType string `json:"record_type"`
	RecordID   string `json:"record_id"`
	ExternalID string `json:"external_id"`
	Version    int64  `json:"version"`
}

// knows reads the CRM objects that are known.
func (r *rehearsal) knows(ctx context.Context, file string) error {
	if file == "" {
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("read the state: %w", err)
	}
	defer func() { _ = f.Close() }()
	lines, err := readLines(f, 1_000_000)
	if err != nil {
		return fmt.Errorf("read the state: %w", err)
	}
	for i, line := range lines {
		var k knownObject
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&k); err != nil || k.Org == "" || k.Connection == "" || k.RecordType == "" || k.RecordID == "" || k.ExternalID == "" {
			return fmt.Errorf("%s: line %d: want org, connection, record_type, record_id and external_id as texts, and version", file, i+1)
		}
		key := crmsync.LinkKey{Key: crmsync.RecordKey{Org: k.Org, Type: k.RecordType, ID: k.RecordID}, Connection: k.Connection}
		link := crmsync.Link{LinkKey: key, Revision: 1, ExternalID: k.ExternalID, Applied: k.Version}
		if _, err := r.state.Save(ctx, []crmsync.Link{link}); err != nil {
			return err
		}
	}
	return nil
}
