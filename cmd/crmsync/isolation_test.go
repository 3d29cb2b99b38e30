package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"crmsync"
	"crmsync/dsl"
	"crmsync/pipeline"
	"crmsync/pipeline/inmem"
	"crmsync/providers"
	"crmsync/providers/emulator/hubspot"
)

// tenant is one of two orgs whose records have the same ids, whose credentials and connections have
// the same names, and whose objects get the same ids from the CRM. Only the canaries differ.
type tenant struct {
	org, canary, token string
	portal             int64
}

// tenants are the two, and a third org that nobody has set up: it has no account to be seen in.
var tenants = [...]tenant{
	{"alpha", "cnryalpha", "pat-1-cnryalpha-token", 1},
	{"beta", "cnrybeta", "pat-2-cnrybeta-token", 2},
	{"nobody", "cnrynobody", "", 0},
}

// strangers returns whose canaries a text holds, apart from this one's own.
func strangers(text, own string) (seen []string) {
	for _, t := range tenants {
		if t.org != own && strings.Contains(strings.ToLower(text), t.canary) {
			seen = append(seen, t.org)
		}
	}
	return seen
}

// The global mapping, and the ways in which an org may have its own. CANARY is the org's.
const isolationGlobal = `version: 1
record_type: contact
provider: hubspot
object: contacts
match: {field: crmsync_id, value: record_id}
on_delete: archive
vars: {region: "global", title: "of nobody"}
fields:
  email: lower(record.email)
  firstname: record.first_name
  city: vars.region
  jobtitle: vars.title
  state: org_id
  annualrevenue: {value: record.revenue, type: number}
  hs_language: {value: record.language, map: {en: en}}
`

var isolationOwn = map[string]string{
	"fallback": "",
	"extends":  "version: 1\nrecord_type: contact\nprovider: hubspot\nobject: contacts\nextends: global\nvars: {region: \"CANARY-vars\"}\nfields: {lastname: record.last_name}\n",
	"own": "version: 1\nrecord_type: contact\nprovider: hubspot\nobject: contacts\nmatch: {field: crmsync_id, value: record_id}\non_delete: {set: {city: \"CANARY-gone\"}}\n" +
		"vars: {motto: \"CANARY-vars\"}\nfields: {email: record.email, firstname: 'default(record.first_name, \"\") + vars.motto', annualrevenue: {value: record.revenue, type: number}}\n",
}

// registry returns the mappings where each of the two orgs has its own in one of these ways.
func isolationRegistry(t *testing.T, ways [2]string) *dsl.Registry {
	t.Helper()
	p := &plant{t: t, dir: t.TempDir()}
	p.write("_global/hubspot/contact.yaml", isolationGlobal)
	for i, way := range ways {
		one := tenants[i]
		p.write(one.org+"/org.yaml", "version: 1\nconnections:\n  hubspot: {provider: hubspot, credential: main, plan: enterprise}\n")
		if own := isolationOwn[way]; own != "" {
			p.write(one.org+"/hubspot/contact.yaml", strings.ReplaceAll(own, "CANARY", one.canary))
		}
	}
	registry, found := dsl.Open(p.dir, dsl.Options{Dir: p.dir, Providers: providers.Names()})
	require.False(t, found.HasErrors(), found.Error())
	return registry
}

// gossip is a CRM that fails as it is told to, repeating what it was sent, and keeps each request.
type gossip struct {
	crm *hubspot.Server

	mu       sync.Mutex // guards what follows
	moods    []int      // of the requests to come; then all goes well
	requests []string   // head and body
}

// RoundTrip is what the provider's engine sends by.
func (g *gossip) RoundTrip(r *http.Request) (*http.Response, error) {
	var body bytes.Buffer
	if r.Body != nil {
		if _, err := body.ReadFrom(r.Body); err != nil {
			return nil, err
		}
		if err := r.Body.Close(); err != nil {
			return nil, err
		}
	}
	mood := g.keep(r, body.String())
	answer := httptest.NewRecorder()
	switch mood {
	case http.StatusOK, 0:
		request := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), &body)
		request.Header = r.Header
		g.crm.ServeHTTP(answer, request)
	case 1:
		return nil, io.ErrUnexpectedEOF
	default:
		refused(mood)(answer, echo{token: strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), body: body.String()})
	}
	return answer.Result(), nil
}

// keep notes a request, and returns how it is to be answered.
func (g *gossip) keep(r *http.Request, body string) (mood int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.requests = append(g.requests, fmt.Sprintf("%s %s %v %s", r.Method, r.URL, r.Header, body))
	if len(g.moods) > 0 {
		mood, g.moods = g.moods[0], g.moods[1:]
	}
	return mood
}

// isolationEvent draws an event of one of the three orgs. Keys and data may name another one.
func isolationEvent(rt *rapid.T) (one tenant, m crmsync.Message) {
	one = rapid.SampledFrom(tenants[:]).Draw(rt, "org")
	other := rapid.SampledFrom(tenants[:]).Draw(rt, "named")
	id := rapid.SampledFrom([]string{"r1", "r2", "r3", other.org + "/contact/r1"}).Draw(rt, "record")
	data := map[string]any{
		"email": one.canary + "@x.example", "first_name": one.canary + "-first", "last_name": one.canary + "-last", "org_id": other.org,
		"revenue":  rapid.SampledFrom([]any{1.5, 2, 3.25, nil, one.canary + "-number"}).Draw(rt, "revenue"),
		"language": rapid.SampledFrom([]any{"en", "en", "en", nil, one.canary + "-language"}).Draw(rt, "language"),
	}
	e := map[string]any{
		"event_id": one.canary + "-event", "org_id": one.org, "record_type": "contact", "record_id": id, "version": rapid.IntRange(1, 9).Draw(rt, "version"),
		"op":          rapid.SampledFrom([]string{"create", "update", "update", "update", "upsert", "upsert", "delete", one.canary + "-op"}).Draw(rt, "op"),
		"occurred_at": "2026-11-22T10:00:00Z", "data": data,
	}
	value, err := json.Marshal(e)
	require.NoError(rt, err)
	if rapid.IntRange(0, 19).Draw(rt, "cut") == 0 {
		value = value[:len(value)-3]
	}
	key := rapid.SampledFrom([]string{one.org, one.org, one.org, other.org}).Draw(rt, "key")
	return one, crmsync.Message{Key: []byte(key + "/contact/" + id), Value: value}
}

// isolationRun is one history: what goes in, and all that came out.
type isolationRun struct {
	registry *dsl.Registry
	messages []crmsync.Message
	moods    []int

	log, metrics string
	crm          *gossip
	letters      []crmsync.DeadLetter
	synced       int64
	err          error
}

// run works the history off, in the time of a bubble.
func (run *isolationRun) run(t *testing.T) {
	crm, err := hubspot.New(hubspot.Config{Now: time.Now})
	require.NoError(t, err)
	credentials := inmem.NewCredentials()
	for _, one := range tenants[:2] {
		require.NoError(t, crm.AddPortal(hubspot.Portal{ID: one.portal, Token: one.token, Plan: hubspot.Enterprise, UniqueProperty: "crmsync_id"}))
		require.NoError(t, credentials.Put(t.Context(), []crmsync.Credential{{ID: crmsync.CredentialID{Org: one.org, Name: "main"}, Secret: crmsync.NewSecret(one.token)}}))
	}
	run.crm = &gossip{crm: crm, moods: run.moods}
	loaded, found := providers.Load(providers.Options{Transport: run.crm, MaxInflight: map[string]time.Duration{"hubspot": time.Second}})
	require.False(t, found.HasErrors())
	var said output
	watch := newWatcher(newMetrics(), slog.New(slog.NewJSONHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug})), time.Now)
	log, letters, state := inmem.NewLog("events", 2, time.Now), inmem.NewDeadLetters(1000), inmem.NewState(time.Now)
	for i, m := range run.messages {
		log.Append(int32(i%2), m) // not by key: orgs and records meet in any order
	}
	source := log.Open()
	w := &wired{Parts: pipeline.Parts{
		Source: source, Horizon: source, DeadLetters: letters, State: state, Ownership: state, Waiting: state,
		Idempotency: inmem.NewIdempotency(1000), Credentials: pipeline.NewCredentialCache(credentials, time.Minute, time.Now),
		Rate: inmem.NewRate(time.Now), Providers: map[string]crmsync.Provider{"hubspot": loaded["hubspot"]}, Mappings: run.registry, Observer: watch, Now: time.Now,
	}}
	cfg := pipeline.DefaultConfig()
	cfg.Topic, cfg.SendTimeout = "events", time.Second
	stop := make(chan struct{})
	time.AfterFunc(40*time.Second, func() { close(stop) }) // what waits meanwhile is let out again
	engine := pipeline.New(cfg, w.limits, watch, rand.New(rand.NewPCG(1, 2)))
	run.err = engine.Run(t.Context(), stop, &w.Parts)
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(watch.registry, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	run.log, run.metrics, run.letters, run.synced = said.String(), answer.Body.String(), letters.Letters(), engine.Counts().Outcomes[crmsync.Synced]
}

// check returns the first thing of one org that another could see.
func (run *isolationRun) check() error {
	for _, r := range run.crm.requests {
		if seen := strangers(r, ownerOf(r)); len(seen) > 0 {
			return fmt.Errorf("a request of %s holds what is %v's: %s", ownerOf(r), seen, r)
		}
	}
	for i, l := range run.letters {
		own, found := l.Key.Org, strangers(fmt.Sprintf("%s %+v %v", l.Message.Value, l.Fault, l.Message.Headers), l.Key.Org)
		if own == "" && len(found) > 1 || own != "" && len(found) > 0 {
			return fmt.Errorf("dead letter %d of %q holds what is %v's, code %s", i, own, found, l.Fault.Code)
		}
	}
	for _, one := range tenants[:2] {
		for _, o := range run.crm.crm.Objects(one.portal, "contacts") {
			if seen := strangers(fmt.Sprint(o), one.org); len(seen) > 0 {
				return fmt.Errorf("an object of %s holds what is %v's", one.org, seen)
			}
		}
	}
	if seen := strangers(run.log+run.metrics, ""); len(seen) > 0 {
		return fmt.Errorf("log or metrics hold canaries of %v:\n%s", seen, run.log)
	}
	return run.err
}

// ownerOf returns whose credential a request carries.
func ownerOf(request string) string {
	for _, one := range tenants[:2] {
		if strings.Contains(request, "Bearer "+one.token) {
			return one.org
		}
	}
	return ""
}

// TestOrgsAreIsolated: whatever comes in which order, and however the CRM fails, nothing of an org is
// in a request, an object, a dead letter, a log line or a metric of another.
func TestOrgsAreIsolated(t *testing.T) {
	registries := map[[2]string]*dsl.Registry{}
	for a := range isolationOwn {
		for b := range isolationOwn {
			registries[[2]string{a, b}] = isolationRegistry(t, [2]string{a, b})
		}
	}
	ways := []string{"fallback", "extends", "own"}
	var synced, refused, requests int64
	rapid.Check(t, func(rt *rapid.T) {
		run := &isolationRun{registry: registries[[2]string{rapid.SampledFrom(ways).Draw(rt, "alpha"), rapid.SampledFrom(ways).Draw(rt, "beta")}]}
		for range rapid.IntRange(1, 40).Draw(rt, "events") {
			_, m := isolationEvent(rt)
			run.messages = append(run.messages, m)
		}
		run.moods = rapid.SliceOfN(rapid.SampledFrom([]int{0, 0, 0, 1, 207, 400, 401, 404, 409, 423, 429, 500, 503}), 0, 12).Draw(rt, "moods")
		synctest.Test(t, run.run)
		require.NoError(rt, run.check())
		synced, refused, requests = synced+run.synced, refused+int64(len(run.letters)), requests+int64(len(run.crm.requests))
	})
	require.Positive(t, synced)
	require.Positive(t, refused)
	t.Logf("%d deliveries synced, %d dead letters, %d requests", synced, refused, requests)
}
