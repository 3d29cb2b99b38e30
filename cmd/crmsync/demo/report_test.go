package demo_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/cmd/crmsync/demo"
)

// aRun is a demo of three orgs in which everything happened once.
func aRun() demo.Run {
	l := demo.NewLedger(false)
	end := func(org, kind, id, connection string, o crmsync.Outcome, times int) {
		for range times {
			l.Ended(demo.Ending{Key: crmsync.RecordKey{Org: org, Type: kind, ID: id}, Version: 1, Connection: connection, Outcome: o})
		}
	}
	end("acme", "contact", "c-1", "hubspot", crmsync.Synced, 1234)
	end("acme", "contact", "c-2", "hubspot", crmsync.Dead, 1)
	end("elm", "contact", "c-1", "hubspot", crmsync.Synced, 20)
	end("dune", "contact", "c-1", "hubspot", crmsync.Superseded, 3)
	end("nobody", "contact", "x-1", "", crmsync.Unmapped, 2)
	end("", "", "", "", crmsync.Dead, 2)
	end("elm", "contact", "c-2", "hubspot", crmsync.Waiting, 1)
	l.Ended(demo.Ending{Key: crmsync.RecordKey{Org: "elm", Type: "contact", ID: "c-2"}, Connection: "hubspot", Outcome: crmsync.Synced, Released: true})
	start := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	text, _ := demo.MappingFile("mappings/birch/hubspot/contact.yaml")
	sample := demo.NewSample("POST", "/crm/v3/objects/contacts/batch/upsert", 200, []byte(
		`{"inputs":[{"id":"c-9"},{"id":"c-1","idProperty":"crmsync_id","properties":{"company":"Birch, opal Ltd","hs_language":"sv-se"}}]}`), "c-1")
	sample.File, sample.Text = "mappings/birch/hubspot/contact.yaml", text
	sample.Event.Record, sample.Event.Data = "birch/contact/c-1 version 1: create", `{"email":"ada@opal.example","company_name":"opal Ltd","language":"sv-SE"}`
	return demo.Run{
		Setting: demo.Setting{Seed: 3, Orgs: 5, Events: 1260}, Produced: 1260, Took: 2500 * time.Millisecond, Ledger: l, Topic: "crmsync.dlq",
		PeakMemory: 123 << 20, Sample: sample, Faults: map[string]int64{"timeout": 2, "bad_gateway": 1},
		Delays: map[string][]time.Duration{"acme": {3 * time.Second, 100 * time.Millisecond, 200 * time.Millisecond}, "elm": {4 * time.Second}, "dune": {9 * time.Second}},
		Letters: []demo.Letter{
			{Code: "unlisted_value", Kind: "rejected", Where: "mappings/acme/hubspot/contact.yaml:23:12", Field: "lifecyclestage", Record: "acme/contact/c-2", Message: `map does not list "zombie"`},
			{Code: "INVALID_EMAIL", Kind: "rejected", Where: "mappings/acme/hubspot/contact.yaml:12:10", Field: "email", Record: "acme/contact/c-3",
				Message: `Property values were not valid: [{"isValid":false,"message":"Property value \"x\" is not a valid email","error":"INVALID_EMAIL"}]`},
			{Code: "invalid_json", Kind: "rejected", Message: "the event is not JSON"},
			{Code: "invalid_json", Kind: "rejected", Message: "the event is not JSON"},
		},
		Accounts: map[crmsync.ConnectionID]demo.Seen{
			{Org: "acme", Name: "hubspot"}: {Requests: 20, Calls: 1234},
			{Org: "dune", Name: "hubspot"}: {Requests: 2, Calls: 30, Throttled: 1, HeldBack: 2},
			{Org: "elm", Name: "hubspot"}:  {Requests: 4, Calls: 40, Denied: 2, FirstDenied: start, WorkedAgain: start.Add(3500 * time.Millisecond)},
		},
	}
}

// TestText compares whole reports. UPDATE=1 writes them anew; look at the
// difference before you keep it.
func TestText(t *testing.T) {
	bad := demo.Verdict{Lost: 1, Duplicates: 2000, Stuck: 1, Illegal: 2, Objects: 12, Examples: []string{
		"acme/contact/c-1 version 2 is not at hubspot", "stuck: acme/contact/c-1 v2 at 0/3 is not committed\n    row    hubspot applied v1\n",
	}}
	kept := aRun()
	kept.Folder, kept.Sample, kept.Faults = "/tmp/crmsync-demo-1", nil, nil
	kept.Harm = map[string]int64{demo.HarmKill: 3, demo.HarmRestart: 1, demo.HarmState: 1200}
	marks := demo.Style{
		Bold: func(s string) string { return "<b>" + s + "</b>" }, Dim: func(s string) string { return "<dim>" + s + "</dim>" },
		Good: func(s string) string { return "<good>" + s + "</good>" }, Bad: func(s string) string { return "<bad>" + s + "</bad>" },
	}
	for _, tc := range []struct {
		name    string
		run     demo.Run
		verdict demo.Verdict
		style   demo.Style
	}{
		{"good", aRun(), demo.Verdict{Objects: 12}, demo.Plain()},
		{"bad", kept, bad, marks},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out bytes.Buffer
			r := demo.NewReport(tc.run, tc.verdict)
			require.NoError(t, r.Text(&out, tc.style))
			require.Equal(t, tc.name == "good", r.Sound())
			file := filepath.Join("testdata", tc.name+".txt")
			if os.Getenv("UPDATE") == "1" {
				require.NoError(t, os.WriteFile(file, out.Bytes(), 0o600))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, string(want), out.String())
		})
	}
}

func TestNewSample(t *testing.T) {
	body := []byte(`{"inputs":[{"id":"a"},{"id":"b","properties":{"x":"1"}}]}`)
	require.Equal(t, &demo.Sample{Method: "POST", Path: "/p", Status: 200, Calls: 2, Input: []byte(`{"id":"b","properties":{"x":"1"}}`)}, demo.NewSample("POST", "/p", 200, body, "b"))
	require.Nil(t, demo.NewSample("POST", "/p", 200, body, "c"))
	require.Nil(t, demo.NewSample("POST", "/p", 200, []byte("no JSON"), "b"))
}

func TestNumber(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000"} {
		require.Equal(t, want, demo.Number(n))
	}
	require.Equal(t, "1 org", demo.Times(1, "org"))
	require.Equal(t, "2,000 orgs", demo.Times(2000, "org"))
}
