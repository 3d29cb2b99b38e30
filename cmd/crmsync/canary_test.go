package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"crmsync"
	"crmsync/pipeline/kafka"
	"crmsync/pipeline/kafka/embedded"
	"crmsync/pipeline/pipelinetest"
	"crmsync/pipeline/sealed"
	"crmsync/pipeline/secure"
	"crmsync/providers/emulator"
	"crmsync/providers/emulator/hubspot"
)

// Canaries: words that stand nowhere else. What is secret and what is personal are told apart,
// because the dead-letter queue may hold the one and never the other.
const (
	secretCanary = "cnrysecret" // in each credential and password, followed by whose it is
	dataCanary   = "cnrydata"   // in each field of each event, in vars, and in what names a record
)

// sightings returns where a canary is seen in a text, in any case and in the encodings that hide one
// from a reader: hexadecimal, base64, percent.
func sightings(text, canary string) (found []string) {
	forms := []string{canary, hex.EncodeToString([]byte(canary))}
	for shift := range 3 { // the three ways in which base64 cuts a text into threes
		encoded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + canary))
		forms = append(forms, encoded[(shift*8+5)/6:len(encoded)-2])
	}
	unescaped, _ := url.QueryUnescape(text)
	for _, haystack := range []string{text, unescaped} {
		lower := strings.ToLower(haystack)
		for _, form := range forms {
			if i := strings.Index(lower, strings.ToLower(form)); i >= 0 {
				found = append(found, haystack[max(0, i-200):min(len(haystack), i+200)])
			}
		}
	}
	return found
}

func TestSightings(t *testing.T) {
	for _, text := range []string{
		"say cnrysecret-x", "CNRYSECRET", "636e7279736563726574", base64.StdEncoding.EncodeToString([]byte("acnrysecret!")),
		base64.StdEncoding.EncodeToString([]byte("abcnrysecret!")), base64.URLEncoding.EncodeToString([]byte("abccnrysecret!")), "cnry%73ecret",
	} {
		require.NotEmpty(t, sightings(text, secretCanary), text)
	}
	require.Empty(t, sightings("a canary sings", secretCanary))
}

// aviary is a system whose every secret and datum is a canary.
type aviary struct {
	*plant
	front *hostileFront
	ring  string // the key that seals credentials, as its file holds it
}

const (
	kafkaPassword = secretCanary + "-of-kafka"
	redisPassword = secretCanary + "-of-redis"
	statePassword = secretCanary + "-of-state"
	aviaryMapping = `version: 1
record_type: contact
provider: hubspot
object: contacts
match: {field: crmsync_id, value: record_id}
on_delete: archive
vars: {suffix: "cnrydata-of-vars"}
fields:
  email: lower(record.email)
  firstname: record.first_name
  lastname: default(record.last_name, "") + vars.suffix
  phone: e164(record.phone, "GB")
  lifecyclestage: {value: record.stage, map: {lead: lead}}
  annualrevenue: {value: record.revenue, type: number}
  date_of_birth: formatDate(parseDate(record.birthday, "yyyy-MM-dd"), "dd/MM/yyyy")
`
)

// newAviary sets the system up; stores are the configuration's lines for state and Redis.
func newAviary(t *testing.T, stores string) *aviary {
	t.Helper()
	a := &aviary{plant: &plant{t: t, dir: t.TempDir(), admin: freeAddress(t)}}
	var err error
	a.broker, err = embedded.Start(embedded.Config{
		Topics:  []embedded.Topic{{Name: "events", Partitions: 4}},
		Options: []kfake.Opt{kfake.EnableSASL(), kfake.Superuser(kafka.ScramSHA512, "crmsync", kafkaPassword)},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.broker.Close()) })
	a.kafka = kafka.Config{
		Brokers: a.broker.Brokers(), Topic: "events", DeadLetterTopic: "dead", Group: "g",
		SASL: kafka.SASL{Mechanism: kafka.ScramSHA512, User: "crmsync", Password: crmsync.NewSecret(kafkaPassword), Insecure: true},
	}
	front := a.openCRM()
	a.write("crmsync.yaml", fmt.Sprintf(`kafka: {brokers: [%q], topic: events, dead_letter_topic: dead, group: g, sasl: {mechanism: SCRAM-SHA-512, user: crmsync, password: %q, insecure: true}}
%s
credentials: {url: "file:%s/credentials.json", key_file: %s/credentials.key}
mappings: {dir: %s/mappings}
providers: {hubspot: {base_url: %q, max_inflight: 500ms}}
admin: {listen: %q}
engine: {linger: 10ms, send_timeout: 1s, park_after: 1s}
`, a.broker.Brokers()[0], kafkaPassword, stores, a.dir, a.dir, a.dir, front, a.admin))
	return a
}

// storesEmbedded are a file, and a Redis in this process that asks for a password.
func storesEmbedded(t *testing.T) string {
	redis := miniredis.RunT(t)
	redis.RequireUserAuth("crmsync", redisPassword)
	return fmt.Sprintf("state: {url: \"sqlite:%s/links.db\"}\nredis: {url: \"redis://crmsync:%s@%s/0\"}", t.TempDir(), redisPassword, redis.Addr())
}

// storesOnServers are a database and a user of a real PostgreSQL, and a user of a real Redis, each with
// a canary as its password, reached over TLS.
func storesOnServers(t *testing.T) string {
	t.Helper()
	ca := pipelinetest.Server(t, "CRMSYNC_TEST_CA")
	name := "crmsync_canary_" + strings.ToLower(rand.Text())
	state, err := url.Parse(pipelinetest.Server(t, "CRMSYNC_TEST_POSTGRES_TLS_URL") + "&sslrootcert=" + url.QueryEscape(ca))
	require.NoError(t, err)
	sql := func(statements ...string) {
		ctx := context.Background() // a Cleanup's context is over
		conn, err := pgx.Connect(ctx, state.String())
		require.NoError(t, err)
		for _, statement := range statements {
			_, err := conn.Exec(ctx, statement)
			require.NoError(t, err)
		}
		require.NoError(t, conn.Close(ctx))
	}
	sql("CREATE ROLE "+name+" LOGIN PASSWORD '"+statePassword+"'", "CREATE DATABASE "+name+" OWNER "+name)
	t.Cleanup(func() { sql("DROP DATABASE "+name+" WITH (FORCE)", "DROP ROLE "+name) })
	config, err := secure.TLS{CAFile: ca}.Config("redis")
	require.NoError(t, err)
	server, err := redis.ParseURL(pipelinetest.Server(t, "CRMSYNC_TEST_REDIS_TLS_URL"))
	require.NoError(t, err)
	server.TLSConfig = config
	admin := redis.NewClient(server)
	require.NoError(t, admin.Do(t.Context(), "ACL", "SETUSER", name, "on", ">"+redisPassword, "~*", "+@all").Err())
	t.Cleanup(func() {
		require.NoError(t, admin.Do(context.Background(), "ACL", "DELUSER", name).Err())
		require.NoError(t, admin.Close())
	})
	own := *state
	own.User, own.Path = url.UserPassword(name, statePassword), "/"+name
	return fmt.Sprintf("state: {url: %q}\nredis: {url: \"rediss://%s:%s@%s/1\", tls: {ca_file: %q}}", own.String(), name, redisPassword, server.Addr, ca)
}

// openCRM starts the emulator, in its worst mood, behind the hostile front: an org for each way of
// being hostile, each with an account and a credential of its own. It returns the front's URL.
func (a *aviary) openCRM() string {
	var err error
	a.crm, err = hubspot.New(hubspot.Config{SlowFor: 1500 * time.Millisecond, HoldFor: 2 * time.Second, Faults: emulator.FaultRates{
		emulator.ServerError: .03, emulator.BadGateway: .03, emulator.BadGatewayAfter: .03, emulator.Unavailable: .03, emulator.Locked: .03,
		emulator.Throttled: .02, emulator.Timeout: .01, emulator.Slow: .01, emulator.ResetBefore: .03, emulator.ResetAfter: .03,
		emulator.Partial: .05, emulator.BadRecord: .05, emulator.Silent: .02,
	}})
	require.NoError(a.t, err)
	a.front = &hostileFront{next: a.crm, times: 3, served: make([]int, len(hostilities()))}
	var all []crmsync.Credential
	a.write("mappings/_global/hubspot/contact.yaml", aviaryMapping)
	for i := range hostilities() {
		org, token := fmt.Sprintf("org%d", i), fmt.Sprintf("pat-%d-%s-of-crm-%d", 100+i, secretCanary, i)
		require.NoError(a.t, a.crm.AddPortal(hubspot.Portal{ID: int64(100 + i), Token: token, Plan: hubspot.Enterprise, UniqueProperty: "crmsync_id"}))
		a.front.tokens = append(a.front.tokens, token)
		all = append(all, crmsync.Credential{ID: crmsync.CredentialID{Org: org, Name: "main"}, Secret: crmsync.NewSecret(token)})
		a.write("mappings/"+org+"/org.yaml", "version: 1\nconnections:\n  hubspot: {provider: hubspot, credential: main, plan: enterprise}\n")
	}
	running, err := emulator.Listen("127.0.0.1:0", a.front)
	require.NoError(a.t, err)
	a.t.Cleanup(func() { require.NoError(a.t, running.Close()) })
	key := filepath.Join(a.dir, "credentials.key")
	_, err = sealed.AddKey(key)
	require.NoError(a.t, err)
	line, err := os.ReadFile(key)
	require.NoError(a.t, err)
	a.ring = string(line[bytes.LastIndexByte(bytes.TrimSpace(line), ':')+1:])
	a.ring = strings.TrimSpace(a.ring)
	ring, err := sealed.LoadRing(key)
	require.NoError(a.t, err)
	file, err := sealed.OpenFile("file:" + filepath.Join(a.dir, "credentials.json"))
	require.NoError(a.t, err)
	require.NoError(a.t, sealed.New(file, ring).Put(a.t.Context(), all))
	return running.URL()
}

// event returns an envelope whose every text is a canary; change spoils it.
func event(org string, n int, version int64, change func(e, data map[string]any)) map[string]any {
	data := map[string]any{
		"email": fmt.Sprintf("cnrydata-mail-%d@x.example", n), "first_name": "cnrydata-first", "last_name": "cnrydata-last", "phone": "+44 20 7946 0018",
		"stage": "lead", "revenue": 12.5, "birthday": "1990-01-02", "notes": "cnrydata-notes", "job_title": "cnrydata-job",
		"custom": map[string]any{"cnrydata_key": "cnrydata-value"}, "tags": []string{"cnrydata-tag"}, "address": map[string]any{"city": "cnrydata-city"},
	}
	e := map[string]any{
		"event_id": fmt.Sprintf("cnrydata-event-%d-%d", n, version), "org_id": org, "record_type": "contact", "record_id": fmt.Sprintf("cnrydata-id-%d", n),
		"version": version, "op": "update", "occurred_at": "2026-11-22T10:00:00Z", "data": data, "changed": []string{"email"},
	}
	if change != nil {
		change(e, data)
	}
	return e
}

// spoilt are events that no mapping can do right by, and messages that are no events.
func spoilt() []func(e, data map[string]any) {
	return []func(e, data map[string]any){
		func(_, data map[string]any) { data["revenue"] = "cnrydata-number" },
		func(_, data map[string]any) { data["stage"] = "cnrydata-stage" },
		func(_, data map[string]any) { data["phone"] = "cnrydata-phone" },
		func(_, data map[string]any) { data["birthday"] = "cnrydata-day" },
		func(_, data map[string]any) { data["first_name"] = map[string]any{"cnrydata": "cnrydata-object"} },
		func(_, data map[string]any) { data["last_name"] = []any{"cnrydata-list"} },
		func(_, data map[string]any) { data["email"] = 7; data["cnrydata_unknown"] = "cnrydata-unknown" },
		func(e, _ map[string]any) { e["version"] = "cnrydata-version" },
		func(e, _ map[string]any) { e["op"] = "cnrydata-op" },
		func(e, _ map[string]any) { e["occurred_at"] = "cnrydata-time" },
		func(e, _ map[string]any) { e["record_id"] = []any{"cnrydata-id"} },
		func(e, _ map[string]any) { e["record_type"] = "cnrydata-type" },
		func(e, _ map[string]any) { e["org_id"] = "cnrydata-org" },
		func(e, _ map[string]any) { e["data"] = "cnrydata-data" },
		func(e, _ map[string]any) { e["data"] = nil; e["op"] = "delete" },
		func(e, _ map[string]any) { e["changed"] = "cnrydata-changed" },
		func(e, _ map[string]any) { e["cnrydata"] = "cnrydata-extra" },
	}
}

// messages returns n events for each org, the spoilt ones for the first, and garbage.
func (a *aviary) messages(n int, version int64) (out []crmsync.Message) {
	add := func(key, value []byte) {
		headers := []crmsync.Header{{Key: "cnrydata-header", Value: []byte("cnrydata-header")}}
		out = append(out, crmsync.Message{Key: key, Value: value, Headers: headers})
	}
	take := func(e map[string]any) {
		value, err := json.Marshal(e)
		require.NoError(a.t, err)
		add([]byte(fmt.Sprintf("%v/contact/%v", e["org_id"], e["record_id"])), value)
	}
	for org := range hostilities() {
		for i := range n {
			take(event(fmt.Sprintf("org%d", org), org*1000+i, version, nil))
		}
	}
	for i, change := range spoilt() {
		take(event("org0", 900+i, version, change))
	}
	for _, garbage := range []string{"cnrydata-no-json", `{"event_id":"cnrydata`, `{"org_id":"org0","cnrydata":`, "cnrydata\xff\xfe", `["cnrydata"]`, `{"specversion":"cnrydata"}`} {
		add([]byte("org0/contact/cnrydata-garbage"), []byte(garbage))
	}
	add([]byte("org0/contact/cnrydata-tombstone"), nil)
	add([]byte("cnrydata-key-that-is-none"), nil)
	return out
}

func (a *aviary) send(n int, version int64) {
	a.t.Helper()
	producer, err := kafka.NewProducer(a.kafka)
	require.NoError(a.t, err)
	defer func() { require.NoError(a.t, producer.Close()) }()
	messages := a.messages(n, version)
	mathrand.Shuffle(len(messages), func(i, j int) { messages[i], messages[j] = messages[j], messages[i] })
	require.NoError(a.t, producer.Produce(a.t.Context(), messages))
}

// program is crmsync as a process of its own, so that nothing it prints anywhere is missed.
func (a *aviary) program(args ...string) (*exec.Cmd, *output, *output) {
	a.t.Helper()
	self, err := os.Executable()
	require.NoError(a.t, err)
	c := exec.CommandContext(a.t.Context(), self, append([]string{"--config", filepath.Join(a.dir, "crmsync.yaml")}, args...)...)
	c.Args[0] = "crmsync" // by which TestMain knows what to be
	var stdout, stderr output
	c.Stdout, c.Stderr, c.Env = &stdout, &stderr, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + a.dir}
	return c, &stdout, &stderr
}

// silent requires that a text holds no canary.
func (a *aviary) silent(where, text string) {
	a.t.Helper()
	for _, canary := range []string{secretCanary, dataCanary, a.ring} {
		require.Emptyf(a.t, sightings(text, canary), "%s shows %s", where, canary)
	}
}

// TestCanaries runs the program on a system that is full of canaries, among CRMs that repeat all they
// are sent in every way they can, and looks for them in all that the process lets out.
func TestCanaries(t *testing.T) {
	t.Run("embedded", func(t *testing.T) { sing(t, storesEmbedded(t)) })
	t.Run("on servers", func(t *testing.T) { sing(t, storesOnServers(t)) })
}

func sing(t *testing.T, stores string) {
	a := newAviary(t, stores)
	migrate, _, said := a.program("db", "migrate")
	require.NoError(t, migrate.Run(), said)
	for i, format := range []string{"json", "text"} {
		a.send(4, int64(i+1))
		a.watchOver("--log-level", "debug", "--log-format", format, "run")
	}
	require.Empty(t, a.front.unserved(), "every way of being hostile was met")
	require.Greater(t, a.letters(), 2*len(spoilt()))
	for name, args := range map[string][]string{
		"config print": {"config", "print"}, "config print --json": {"config", "print", "--json"}, "config lint": {"config", "lint"},
		"version": {"version"}, "credentials list": {"credentials", "list"}, "db status": {"db", "status"},
		"dlq list by reason": {"dlq", "list", "--group-by", "reason"}, "mappings list": {"mappings", "list"},
	} {
		t.Run(name, func(t *testing.T) {
			c, stdout, stderr := a.program(args...)
			err := c.Run()
			ended, _ := errors.AsType[*exec.ExitError](err)
			require.True(t, err == nil || ended.ExitCode() == exitProblems, "%v: %s", err, stderr)
			require.NotEmpty(t, stdout.String()+stderr.String())
			a.silent(name, stdout.String()+stderr.String())
		})
	}
	a.searchFiles()
}

// watchOver runs the daemon until all that was sent has ended, and looks at what it says meanwhile.
func (a *aviary) watchOver(args ...string) {
	a.t.Helper()
	c, stdout, stderr := a.program(args...)
	require.NoError(a.t, c.Start())
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	done := fmt.Sprintf("\ncrmsync_events_consumed_total %d\n", len(a.messages(4, 1)))
	ctx, cancel := context.WithTimeout(a.t.Context(), 3*time.Minute)
	defer cancel()
	for finished := false; !finished; {
		require.NoError(a.t, ctx.Err(), "not all events ended:\n%s", stderr)
		for _, path := range []string{"/metrics", "/readyz?verbose", "/livez", "/version", "/debug/pprof/goroutine?debug=2", "/debug/vars", "/"} {
			status, body := a.get(path)
			a.silent(path, body)
			finished = finished || path == "/metrics" && status == http.StatusOK && strings.Contains(body, done)
		}
		select {
		case err := <-ended:
			require.FailNow(a.t, "the daemon ended by itself", "%v\n%s", err, stderr)
		case <-time.After(200 * time.Millisecond):
		}
	}
	require.NoError(a.t, c.Process.Signal(syscall.SIGTERM))
	require.NoError(a.t, <-ended, stderr.String())
	require.Contains(a.t, stderr.String(), "dead letter", "the log tells something")
	require.Empty(a.t, stdout.String())
	a.silent("stderr", stderr.String())
}

// letters reads the dead-letter topic: each letter holds its record, none a credential.
func (a *aviary) letters() (n int) {
	a.t.Helper()
	records := 0
	for l, err := range kafka.ReadDeadLetters(a.t.Context(), a.kafka, kafka.Filter{}) {
		require.NoError(a.t, err)
		n++
		text := fmt.Sprintf("%s %s %+v %s %s %s", l.Message.Key, l.Message.Value, l.Fault, l.Fault.Message, l.Fault.Field, l.Fault.ExistingID)
		for _, h := range l.Message.Headers {
			text += fmt.Sprintf(" %s=%s", h.Key, h.Value)
		}
		require.Empty(a.t, sightings(text, secretCanary), "a dead letter shows a credential")
		require.Empty(a.t, sightings(text, a.ring), "a dead letter shows the key of the credentials")
		if strings.Contains(text, dataCanary) {
			records++
		}
	}
	require.Equal(a.t, n, records, "else nothing was looked for where something is")
	return n
}

// searchFiles looks into what the process has written: no file but the configuration and the key's
// own holds a secret.
func (a *aviary) searchFiles() {
	a.t.Helper()
	looked := 0
	require.NoError(a.t, filepath.WalkDir(a.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Base(path) == "crmsync.yaml" || filepath.Base(path) == "credentials.key" {
			return err
		}
		b, err := os.ReadFile(path)
		require.NoError(a.t, err)
		looked++
		require.Empty(a.t, sightings(string(b), secretCanary), path)
		require.Empty(a.t, sightings(string(b), a.ring), path)
		return nil
	}))
	require.Greater(a.t, looked, 2)
}

// TestCanariesAtTheEnd: what ends the program, or keeps it from starting, is told without a secret.
func TestCanariesAtTheEnd(t *testing.T) {
	a := newAviary(t, storesEmbedded(t))
	whole, err := os.ReadFile(filepath.Join(a.dir, "crmsync.yaml"))
	require.NoError(t, err)
	cases := map[string]struct{ key, line string }{
		"a database that refuses":     {"state", `state: {url: "postgres://u:` + statePassword + `@` + freeAddress(t) + `/crmsync"}`},
		"a database URL misread":      {"state", `state: {url: "postgres://u:1/` + statePassword + `@h/crmsync"}`},
		"a redis that refuses":        {"redis", strings.Replace(string(bytes.Split(whole, []byte("\n"))[2]), redisPassword, redisPassword+"-not", 1)},
		"a redis URL misread":         {"redis", `redis: {url: "redis://u:1/` + redisPassword + `@h/0"}`},
		"a kafka that refuses":        {"kafka", strings.Replace(string(bytes.Split(whole, []byte("\n"))[0]), kafkaPassword, kafkaPassword+"-not", 1)},
		"a key ring that is none":     {"credentials", `credentials: {url: "file:` + a.dir + `/credentials.json", key_file: ` + a.dir + `/crmsync.yaml}`},
		"a secret in the wrong place": {"state", `state: {url: {password: ` + statePassword + `}}`},
		"a secret under a wrong key":  {"redis", `redis: {urll: "redis://:` + redisPassword + `@h/0"}`},
		"a secret that is no YAML":    {"redis", `redis: {url: "redis://:` + redisPassword + `@h/0`},
		"a secret that is no text":    {"kafka", `kafka: {sasl: [` + kafkaPassword + `]}`},
	}
	require.NoError(t, os.Chmod(filepath.Join(a.dir, "crmsync.yaml"), 0o600))
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			a.write("crmsync.yaml", string(whole))
			a.reconfigure(c.key, c.line)
			for _, args := range [][]string{{"--log-level", "debug", "run", "--once"}, {"config", "lint"}, {"config", "print"}, {"db", "status"}, {"dlq", "list"}, {"credentials", "list"}} {
				command, stdout, stderr := a.program(args...)
				require.NoError(t, command.Start())
				timer := time.AfterFunc(3*time.Second, func() { _ = command.Process.Signal(syscall.SIGTERM) }) // what waits for a server waits on
				_ = command.Wait()                                                                             // the exit codes are others' tests
				timer.Stop()
				a.silent(strings.Join(args, " "), stdout.String()+stderr.String())
			}
		})
	}
}
