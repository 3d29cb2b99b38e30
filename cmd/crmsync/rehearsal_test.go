package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/dsl"
	"crmsync/providers"
)

// wiretap is a CRM that notes what comes over the wire and takes all of it.
type wiretap struct {
	mu   sync.Mutex // guards all below
	seen []sentRequest
	made int
}

func (w *wiretap) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(out, err.Error(), http.StatusInternalServerError)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, sentRequest{Method: r.Method, URL: r.URL.String(), Header: r.Header, Body: body})
	var batch struct {
		Inputs []struct {
			ID    string `json:"id"`
			Trace string `json:"objectWriteTraceId"`
		} `json:"inputs"`
	}
	if err := json.Unmarshal(body, &batch); err != nil {
		http.Error(out, err.Error(), http.StatusBadRequest)
		return
	}
	results, missing := []map[string]any{}, []string{}
	for _, in := range batch.Inputs {
		switch {
		case strings.HasSuffix(r.URL.Path, "/upsert"):
			w.made++
			results = append(results, map[string]any{"id": fmt.Sprint("dry-run-", w.made), "new": true, "objectWriteTraceId": in.Trace, "properties": map[string]any{"crmsync_id": in.ID}})
		case strings.HasSuffix(r.URL.Path, "/update"):
			results = append(results, map[string]any{"id": in.ID, "properties": map[string]any{}})
		case strings.HasSuffix(r.URL.Path, "/read"):
			missing = append(missing, in.ID)
		}
	}
	out.Header().Set("Content-Type", "application/json")
	if strings.HasSuffix(r.URL.Path, "/archive") {
		out.WriteHeader(http.StatusNoContent)
		return
	}
	answer := map[string]any{"status": "COMPLETE", "results": results}
	if len(missing) > 0 {
		out.WriteHeader(http.StatusMultiStatus)
		answer["errors"] = []any{map[string]any{
			"status": "error", "category": "OBJECT_NOT_FOUND", "message": "Could not get some objects", "context": map[string]any{"ids": missing},
		}}
	}
	_ = json.NewEncoder(out).Encode(answer) // a client that has gone is seen by the test
}

// TestDryRunShowsWhatIsSent: a dry run's requests are, byte for byte, those
// that the provider puts on the wire for the same events.
func TestDryRunShowsWhatIsSent(t *testing.T) {
	set, found := dsl.Load(os.DirFS("../../mappings"), dsl.Options{Schemas: dsl.SchemasBeside("../../mappings")})
	require.False(t, found.HasErrors(), found)
	for _, file := range []string{"events.jsonl", "events-broken.jsonl"} {
		t.Run(file, func(t *testing.T) {
			p := &program{}
			events, err := p.readEvents(dryRunFlags{events: "../../examples/" + file, limit: 1000})
			require.NoError(t, err)
			shown := rehearse(t, set, events, nil)

			crm := &wiretap{}
			server := httptest.NewServer(crm)
			defer server.Close()
			sent := rehearse(t, set, events, func(r *rehearsal) {
				loaded, found := providers.Load(providers.Options{
					BaseURL: map[string]string{"hubspot": server.URL}, Now: func() time.Time { return r.now },
				})
				require.Empty(t, found)
				r.parts.Providers = map[string]crmsync.Provider{"hubspot": loaded["hubspot"]}
			})
			require.Equal(t, outcomeLines(shown), outcomeLines(sent))
			requests := requestsOf(shown)
			require.NotEmpty(t, requests)
			require.Len(t, crm.seen, len(requests))
			for i, want := range requests {
				requireSame(t, want, crm.seen[i])
			}
		})
	}
}

// rehearse plays the events, after a change of the parts.
func rehearse(t *testing.T, set *dsl.Set, events *eventLines, change func(*rehearsal)) *rehearsal {
	t.Helper()
	r, err := newRehearsal(set, events, "")
	require.NoError(t, err)
	if change != nil {
		change(r)
	}
	require.NoError(t, r.play(t.Context()))
	require.Len(t, r.acts, len(events.messages))
	return r
}

func outcomeLines(r *rehearsal) (all []string) {
	for _, a := range r.acts {
		for _, d := range a.Deliveries {
			all = append(all, fmt.Sprintf("%d %s %s %s", a.Line, d.Connection, d.Outcome, d.Reason))
		}
	}
	return all
}

func requestsOf(r *rehearsal) (all []sentRequest) {
	for _, a := range r.acts {
		for _, d := range a.Deliveries {
			all = append(all, d.Requests...)
		}
	}
	return all
}

// requireSame requires that a request came over the wire as it was shown, but
// for the credential and what HTTP itself adds.
func requireSame(t *testing.T, shown, sent sentRequest) {
	t.Helper()
	require.Equal(t, shown.Method, sent.Method)
	require.Equal(t, shown.URL, "https://api.hubapi.com"+sent.URL)
	require.Equal(t, string(shown.Body), string(sent.Body))
	require.Equal(t, []string{"Bearer dry-run"}, sent.Header["Authorization"])
	require.Equal(t, []string{"Bearer [redacted]"}, shown.Header["Authorization"])
	header := http.Header(sent.Header).Clone()
	header.Set("Authorization", "Bearer [redacted]")
	header.Del("Content-Length")
	require.Equal(t, http.Header(shown.Header), header)
}

func TestRehearsalGivesUp(t *testing.T) {
	set, found := dsl.Load(os.DirFS("../../mappings"), dsl.Options{Schemas: dsl.SchemasBeside("../../mappings")})
	require.False(t, found.HasErrors(), found)
	events := &eventLines{numbers: []int{7}, messages: []crmsync.Message{{Topic: "dry-run", Time: rehearsalStart(), Value: []byte(
		`{"event_id":"e1","org_id":"acme","record_type":"contact","record_id":"c-1","version":1,"op":"create","occurred_at":"2026-01-01T00:00:00Z","data":{"email":"a@b.example"}}`,
	)}}}
	r, err := newRehearsal(set, events, "")
	require.NoError(t, err)
	r.parts.Credentials = closedDoor{}
	require.EqualError(t, r.play(t.Context()), "the event in line 7 comes to no end")
}

// closedDoor is a credential store that is always down.
type closedDoor struct{ crmsync.CredentialStore }

func (closedDoor) Credentials(context.Context, []crmsync.CredentialID) ([]crmsync.Credential, error) {
	return nil, &crmsync.Fault{Kind: crmsync.Transient, Code: "down"}
}
