package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/dsl"
	"crmsync/pipeline"
	"crmsync/pipeline/inmem"
)

// instant is a provider that takes everything at once.
type instant struct{}

func (instant) Name() string { return "fake" }

func (instant) Limits(string, string, crmsync.Operation) crmsync.Limits {
	return crmsync.Limits{Items: 100, Bytes: 1 << 20, MaxInflight: time.Minute}
}

func (instant) Apply(_ context.Context, b crmsync.Batch) crmsync.Answer {
	results := make([]crmsync.Result, len(b.Calls))
	for i, c := range b.Calls {
		results[i].ExternalID = c.Key.ID
	}
	return crmsync.Answer{Results: results, Status: 200}
}

// finish closes itself after so many deliveries.
type finish struct {
	pipeline.Quiet
	left int64
	done chan struct{}
}

func (f *finish) Ended(pipeline.Ended) {
	if f.left--; f.left == 0 {
		close(f.done)
	}
}

// BenchmarkEngine is the engine with all its tasks over parts in memory and a
// CRM that answers at once: what an event costs that is not Kafka, database or
// network. One operation is 20,000 events of 50 orgs.
func BenchmarkEngine(b *testing.B) {
	const events, orgs = 20_000, 50
	names := make([]string, orgs)
	for i := range names {
		names[i] = fmt.Sprint("org", i)
	}
	set, found := dsl.Load(mappings(names...), dsl.Options{})
	require.Empty(b, found.Error())
	credentials := inmem.NewCredentials()
	for _, org := range set.Orgs() {
		id := crmsync.CredentialID{Org: org, Name: "main"}
		require.NoError(b, credentials.Put(b.Context(), []crmsync.Credential{{ID: id, Secret: crmsync.NewSecret("token")}}))
	}
	messages := make([]crmsync.Message, events)
	data := map[string]any{"email": "Ada@Example.com", "status": "active", "score": 5}
	for i := range messages {
		messages[i] = event(names[i%orgs], fmt.Sprint("r", i%10_000), int64(i+1), "update", data)
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		cfg := pipeline.DefaultConfig()
		cfg.Linger = 5 * time.Millisecond
		all := &finish{left: events, done: make(chan struct{})}
		log := inmem.NewLog("events", 8, time.Now)
		for i, m := range messages {
			log.Append(int32(i%orgs%8), m)
		}
		source := log.Open()
		state := inmem.NewState(time.Now)
		parts := pipeline.Parts{
			Source: source, Horizon: source, DeadLetters: &graveyard{}, State: state, Ownership: state, Waiting: state, Idempotency: inmem.NewIdempotency(100_000),
			Credentials: pipeline.NewCredentialCache(credentials, time.Minute, time.Now), Rate: inmem.NewRate(time.Now),
			Providers: map[string]crmsync.Provider{"fake": instant{}}, Mappings: dsl.Hold(set), Observer: all, Now: time.Now,
		}
		engine := pipeline.New(cfg, func(crmsync.Connection, string, crmsync.Operation) crmsync.Limits { return instant{}.Limits("", "", 0) },
			all, rand.New(rand.NewPCG(1, 2)))
		b.StartTimer()
		require.NoError(b, engine.Run(b.Context(), all.done, &parts))
		require.Equal(b, int64(events), engine.Counts().Messages)
		source.Leave()
	}
	b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkTransform pairs, in one run, what an event costs from its bytes to
// the call's fields with what encoding/json takes only to decode the same event
// into a map. The ratio of the two is the bar, at most 0.8; so are 70 allocations.
func BenchmarkTransform(b *testing.B) {
	value, err := os.ReadFile("testdata/event.json")
	require.NoError(b, err)
	program := benchProgram(b)
	m := crmsync.Message{Value: value}
	b.Run("crmsync", func(b *testing.B) {
		b.ReportAllocs()
		var d pipeline.Decoder
		var r dsl.Renderer
		for b.Loop() {
			ev, fault := d.Decode(&m)
			if fault != nil {
				b.Fatal(fault.Message)
			}
			if _, _, err := r.Render(program, &ev, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json-decode-only", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var v map[string]any
			if err := json.Unmarshal(value, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// benchProgram is the mapping of 15 fields that docs/performance.md speaks of.
func benchProgram(tb testing.TB) *dsl.Program {
	tb.Helper()
	set, found := dsl.Load(os.DirFS("testdata/mappings"), dsl.Options{Schemas: os.DirFS("testdata/schemas")})
	require.NoError(tb, found.Err())
	program := set.Program(set.Connections("acme")[0], "contact")
	require.NotNil(tb, program)
	return program
}
