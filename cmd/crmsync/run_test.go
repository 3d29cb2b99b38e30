package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/kafka"
	"crmsync/pipeline/kafka/embedded"
	"crmsync/pipeline/sealed"
	"crmsync/providers/emulator"
	"crmsync/providers/emulator/hubspot"
)

const runMapping = `version: 1
record_type: contact
provider: hubspot
object: contacts
match: {field: crmsync_id, value: record_id}
on_delete: archive
fields:
  email: lower(record.email)
  firstname: record.first_name
`

// plant is all that `crmsync run` needs, in one process and a folder.
type plant struct {
	t      *testing.T
	dir    string
	broker *embedded.Broker
	crm    *hubspot.Server
	admin  string
	kafka  kafka.Config
}

func newPlant(t *testing.T) *plant {
	t.Helper()
	p := &plant{t: t, dir: t.TempDir(), admin: freeAddress(t)}
	var err error
	p.broker, err = embedded.Start(embedded.Config{Topics: []embedded.Topic{{Name: "events", Partitions: 4}}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.broker.Close()) })
	p.crm, err = hubspot.New(hubspot.Config{Now: time.Now})
	require.NoError(t, err)
	require.NoError(t, p.crm.AddPortal(hubspot.Portal{ID: 7, Token: "pat-7", Plan: "enterprise", UniqueProperty: "crmsync_id"}))
	running, err := emulator.Listen("127.0.0.1:0", p.crm)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, running.Close()) })
	p.write("mappings/acme/org.yaml", "version: 1\nconnections:\n  hubspot: {provider: hubspot, credential: main, plan: enterprise}\n")
	p.write("mappings/acme/hubspot/contact.yaml", runMapping)
	p.write("crmsync.yaml", fmt.Sprintf(`kafka: {brokers: [%q], topic: events, dead_letter_topic: dead, group: g, instance_id: one}
state: {url: "sqlite:%s/links.db"}
credentials: {url: "file:%s/credentials.json", key_file: %s/credentials.key}
mappings: {dir: %s/mappings}
providers: {hubspot: {base_url: %q, max_inflight: 1s}}
admin: {listen: %q}
engine: {linger: 10ms}
log: {format: json}
`, p.broker.Brokers()[0], p.dir, p.dir, p.dir, p.dir, running.URL(), p.admin))
	p.credentials()
	p.kafka = kafka.Config{Brokers: p.broker.Brokers(), Topic: "events", DeadLetterTopic: "dead", Group: "g"}
	return p
}

func (p *plant) credentials() {
	_, err := sealed.AddKey(filepath.Join(p.dir, "credentials.key"))
	require.NoError(p.t, err)
	ring, err := sealed.LoadRing(filepath.Join(p.dir, "credentials.key"))
	require.NoError(p.t, err)
	file, err := sealed.OpenFile("file:" + filepath.Join(p.dir, "credentials.json"))
	require.NoError(p.t, err)
	require.NoError(p.t, sealed.New(file, ring).Put(p.t.Context(), []crmsync.Credential{
		{ID: crmsync.CredentialID{Org: "acme", Name: "main"}, Secret: crmsync.NewSecret("pat-7")},
	}))
}

func (p *plant) write(name, text string) {
	p.t.Helper()
	file := filepath.Join(p.dir, name)
	require.NoError(p.t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(p.t, os.WriteFile(file, []byte(text), 0o600))
}

// produce writes events of records c-0, c-1, …, each at that version.
func (p *plant) produce(records int, version int64) {
	p.t.Helper()
	producer, err := kafka.NewProducer(p.kafka)
	require.NoError(p.t, err)
	defer func() { require.NoError(p.t, producer.Close()) }()
	var messages []crmsync.Message
	for i := range records {
		id := fmt.Sprint("c-", i)
		value, err := json.Marshal(map[string]any{
			"event_id": fmt.Sprint(id, "@", version), "org_id": "acme", "record_type": "contact", "record_id": id, "version": version,
			"op": "update", "occurred_at": "2026-11-22T10:00:00Z", "data": map[string]any{"email": id + "@X.example", "first_name": fmt.Sprint("v", version)},
		})
		require.NoError(p.t, err)
		messages = append(messages, crmsync.Message{Key: []byte("acme/contact/" + id), Value: value})
	}
	require.NoError(p.t, producer.Produce(p.t.Context(), messages))
}

// crmsync runs a command line and returns its exit code and what it printed.
func (p *plant) crmsync(args ...string) (code int, out, errs string) {
	var stdout, stderr output
	code = run(append([]string{"--config", filepath.Join(p.dir, "crmsync.yaml")}, args...), strings.NewReader(""), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

// firstNames returns the first names that the CRM holds, by record.
func (p *plant) firstNames() map[string]string {
	names := map[string]string{}
	for _, o := range p.crm.Objects(7, "contacts") {
		if !o.Archived {
			names[o.Properties["crmsync_id"]] = o.Properties["firstname"]
		}
	}
	return names
}

// output is a buffer that may be written by several goroutines.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func TestRunOnce(t *testing.T) {
	p := newPlant(t)
	p.produce(30, 1)
	p.produce(30, 2)
	code, _, errs := p.crmsync("run", "--once")
	require.Equal(t, exitFine, code, errs)
	names := p.firstNames()
	require.Len(t, names, 30)
	for id, name := range names {
		require.Equal(t, "v2", name, id)
	}
	requests := p.crm.Counters()
	p.produce(30, 2)
	code, _, errs = p.crmsync("run", "--once")
	require.Equal(t, exitFine, code, errs)
	require.Equal(t, requests, p.crm.Counters(), "the same events cause no request")
	require.NotContains(t, errs, "pat-7")
}

// TestRunProbesAndDrains starts the daemon, looks at its probes and metrics,
// and ends it with a signal.
func TestRunProbesAndDrains(t *testing.T) {
	p := newPlant(t)
	ended := make(chan int, 1)
	var errs output
	go func() {
		ended <- run([]string{"--config", filepath.Join(p.dir, "crmsync.yaml"), "run"}, strings.NewReader(""), &bytes.Buffer{}, &errs)
	}()
	p.await("/readyz", http.StatusOK, "ok")
	p.produce(20, 1)
	p.await("/metrics", http.StatusOK, `crmsync_deliveries_total{object="contacts",outcome="synced",provider="hubspot"} 20`)
	status, body := p.get("/readyz?verbose")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "[+] mappings ok\n[+] kafka ok\n[+] state ok\n[+] state-writes ok\n[+] claims ok\n[+] ownership ok\n[+] waiting-room ok\n[+] dead-letters ok\n[+] commits ok\n", body)
	p.write("mappings/acme/hubspot/contact.yaml", strings.Replace(runMapping, "record.email", "record.emial", 1))
	p.await("/readyz", http.StatusServiceUnavailable, "[-] mappings: the mappings on disk are broken: 1 error")
	p.await("/metrics", http.StatusOK, "crmsync_mappings_last_reload_successful 0")
	p.produce(20, 2)
	p.await("/metrics", http.StatusOK, `crmsync_deliveries_total{object="contacts",outcome="synced",provider="hubspot"} 40`)
	p.write("mappings/acme/hubspot/contact.yaml", runMapping)
	p.await("/readyz", http.StatusOK, "ok")
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGTERM))
	require.Equal(t, exitFine, <-ended, errs.String())
	require.Contains(t, errs.String(), `"msg":"stopped","events":40`)
	require.Len(t, p.firstNames(), 20)
}

// get asks the admin listener; status 0: it did not answer.
func (p *plant) get(path string) (status int, body string) {
	ctx, cancel := context.WithTimeout(p.t.Context(), 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.admin+path, nil)
	require.NoError(p.t, err)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(answer.Body)
	require.NoError(p.t, err)
	return answer.StatusCode, b.String()
}

// await asks again until the answer is as wanted.
func (p *plant) await(path string, status int, text string) {
	p.t.Helper()
	deadline := time.After(60 * time.Second)
	for {
		got, body := p.get(path)
		if got == status && strings.Contains(body, text) {
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-deadline:
			require.FailNow(p.t, "waited in vain", "%s: want %d %q, got %d:\n%s", path, status, text, got, body)
		}
	}
}

// freeAddress returns a loopback address that nobody listens on at the moment.
func freeAddress(t *testing.T) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}
