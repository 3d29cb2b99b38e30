package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync/cmd/crmsync/demo"
)

// TestDemo runs a small demo as a user would. All checks must be 0, and the
// outcomes add up.
func TestDemo(t *testing.T) {
	var out, errs bytes.Buffer
	require.Equal(t, exitFine, run([]string{"demo", "--events", "2000", "--seed", "7", "--json"}, strings.NewReader(""), &out, &errs), out.String()+errs.String())
	require.Empty(t, errs.String())
	var r demo.Report
	decoder := json.NewDecoder(&out)
	require.NoError(t, decoder.Decode(&r))
	_, err := decoder.Token()
	require.ErrorIs(t, err, io.EOF, "one JSON object and nothing else")

	require.Equal(t, allGood(), r.Checks, r.Findings)
	require.Equal(t, 2000, r.Events)
	require.Positive(t, r.EventsPerSecond)
	require.Positive(t, r.Memory.PeakBytes)
	require.Greater(t, r.Objects, 300)
	sum := int64(0)
	for _, n := range r.Outcomes {
		sum += n
	}
	require.Equal(t, r.Deliveries, sum)
	require.Greater(t, r.Deliveries, int64(2000), "an org has two accounts")
	require.Positive(t, r.DeadLetters.Count)
	require.Equal(t, r.Outcomes["dead"], int64(r.DeadLetters.Count))
	names := map[string]demo.OrgReport{}
	for _, o := range r.Orgs {
		names[o.Name] = o
	}
	require.Positive(t, names["elm"].Accounts[0].Denied, "its credential is refused for a while")
	require.Equal(t, 20, names["dune"].Accounts[0].Allowed)
	require.Len(t, names["harbor"].Accounts, 2)
}

// allGood are a report's checks where nothing was found.
func allGood() map[string]int {
	return map[string]int{"lost": 0, "wrong": 0, "duplicates": 0, "regressions": 0, "stuck": 0, "unaccounted": 0, "illegal_sequence": 0}
}

// TestDemoUnderHeavyFaults kills and starts crmsync anew, and lets all that it
// stands on fail: the same must come out.
func TestDemoUnderHeavyFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	var out, errs bytes.Buffer
	code := run([]string{"demo", "--faults", "heavy", "--events", "4000", "--seed", "3", "--json"}, strings.NewReader(""), &out, &errs)
	require.Equal(t, exitFine, code, out.String()+errs.String())
	var r demo.Report
	require.NoError(t, json.Unmarshal(out.Bytes(), &r))
	require.Equal(t, allGood(), r.Checks)
	require.Equal(t, 4000, r.Events)
	for _, name := range []string{
		demo.HarmRestart, demo.HarmKill, demo.HarmState, demo.HarmForgetting, demo.HarmDenied,
	} {
		require.Positive(t, r.Harm[name], name)
	}
	require.Positive(t, r.Waited)
	require.NotContains(t, r.Outcomes, "waiting")
}

// staged runs a small demo and leaves it standing, to be judged.
func staged(t *testing.T, setting demo.Setting) *drive {
	m, err := moodOf("some")
	require.NoError(t, err)
	s, err := openStage(t.Context(), setting, m, false)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.close()) })
	d := newDrive(s, demoFlags{events: setting.Events})
	require.NoError(t, d.run(t.Context(), nil, &program{out: io.Discard, err: io.Discard}))
	return d
}

// TestDemoNoticesWhatOthersDo lets somebody else change the CRM after a demo:
// each change must be found.
func TestDemoNoticesWhatOthersDo(t *testing.T) {
	d := staged(t, demo.Setting{Seed: 8, Orgs: 2, Events: 500})
	r, err := d.report(t.Context())
	require.NoError(t, err)
	require.True(t, r.Sound(), r.Findings)
	require.NotNil(t, r.Sample, "a request is shown")

	account := d.orgs[1].Accounts[0]
	var ids []string
	for _, o := range d.crm.Objects(account.Portal, "contacts") {
		if !o.Archived && o.Properties["crmsync_version"] > "1" {
			ids = append(ids, o.ID)
		}
	}
	require.GreaterOrEqual(t, len(ids), 3)
	require.NoError(t, d.crm.SetFaults(nil))
	call := func(method, id, body string) {
		d.meddle(t, account.Token, method, "/crm/v3/objects/contacts/"+id, body)
	}
	call(http.MethodDelete, ids[0], "")
	call(http.MethodPatch, ids[1], `{"properties":{"lastname":"Somebody else"}}`)
	call(http.MethodPatch, ids[2], `{"properties":{"crmsync_version":"0"}}`)
	call(http.MethodPost, "", `{"properties":{"lastname":"Nobody","crmsync_id":"c-77777"}}`)
	d.catchUp(t)
	r, err = d.report(t.Context())
	require.NoError(t, err)
	want := allGood()
	want["lost"], want["wrong"], want["regressions"], want["unaccounted"] = 2, 2, 1, 4
	require.Equal(t, want, r.Checks, r.Findings)
	require.Len(t, r.Findings, 5+1+3, "the oracle's, and of the checker of histories: what is lost, and three of what nobody asked for")
}

// TestDemoFailsWhenItFindsSomething looks at how a bad end is told.
func TestDemoFailsWhenItFindsSomething(t *testing.T) {
	d := staged(t, demo.Setting{Seed: 9, Orgs: 1, Events: 200})
	d.ledger.Ended(demo.Ending{Connection: "hubspot", Version: 1})
	r, err := d.report(t.Context())
	require.NoError(t, err)
	require.False(t, r.Sound())
	var out bytes.Buffer
	p := &program{out: &out, err: io.Discard}
	require.NoError(t, p.tell(r, false))
	require.Contains(t, out.String(), "  ✖ 2 deliveries have no end, or one that can't be (unaccounted)\n    an unmapped record version 1 at hubspot")
}

// meddle calls the CRM as another of its users would.
func (d *drive) meddle(t *testing.T, token, method, path, body string) {
	base := d.config.Providers["hubspot"].BaseURL
	request, err := http.NewRequestWithContext(t.Context(), method, base+strings.TrimSuffix(path, "/"), strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Less(t, answer.StatusCode, 300, "%s %s: %s", method, path, text)
}

// catchUp reads what the CRM's log holds by now.
func (d *drive) catchUp(t *testing.T) {
	ended := make(chan struct{})
	close(ended)
	require.NoError(t, d.follow(context.Background(), ended))
}

func TestRecorderKeepsRequests(t *testing.T) {
	answers := []int{http.StatusOK, http.StatusTooManyRequests, http.StatusOK}
	r := &recorder{token: "t", path: "/upsert", next: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil || len(body) == 0 {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		w.WriteHeader(answers[0])
		answers = answers[1:]
	})}
	for _, token := range []string{"t", "t", "other"} {
		r.ServeHTTP(&discarding{header: http.Header{}}, newRequest(t, token))
	}
	require.Len(t, r.requests(), 1, "refused requests and those of others are not kept")
	require.Equal(t, "c-1", r.requests()[0].inputs[0].ID)
	require.Equal(t, int64(4), r.requests()[0].inputs[0].version())
}

func newRequest(t *testing.T, token string) *http.Request {
	body := `{"inputs":[{"id":"c-1","properties":{"crmsync_version":"4"}}]}`
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://crm.example/upsert", strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	return req
}

// discarding is an answer that nobody reads.
type discarding struct{ header http.Header }

func (d *discarding) Header() http.Header         { return d.header }
func (d *discarding) Write(b []byte) (int, error) { return len(b), nil }
func (d *discarding) WriteHeader(int)             {}
