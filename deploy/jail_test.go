package deploy_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"debug/elf"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/kafka"
	"crmsync/pipeline/kafka/embedded"
	"crmsync/pipeline/pipelinetest"
	"crmsync/pipeline/sealed"
	"crmsync/providers/emulator"
	"crmsync/providers/emulator/hubspot"
)

// nobody is the user of the image.
const nobody = 65532

// jail is a root folder of its own, as the image has it: the binary and what is mounted, nothing that
// the user may write to, no shell, no /tmp, no /etc/passwd.
type jail struct {
	t    *testing.T
	root string
	env  []string
}

// newJail builds the binary as the Dockerfile does, from what its builder would get.
func newJail(t *testing.T) *jail {
	t.Helper()
	if os.Getuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("this test needs root, to become another user in another root folder")
		}
		t.Skip("this test needs root, to become another user in another root folder")
	}
	j := &jail{t: t, root: t.TempDir()}
	require.NoError(t, os.Chmod(j.root, 0o555))
	j.mkdir("usr/bin")
	var arguments []string
	for _, run := range find(stages(t)[0], "RUN") {
		if strings.HasPrefix(run, "[") {
			require.NoError(t, json.Unmarshal([]byte(run), &arguments))
		}
	}
	require.NotEmpty(t, arguments)
	for i := range arguments {
		if arguments[i] == "/out/crmsync" {
			arguments[i] = j.path("usr/bin/crmsync")
		}
	}
	build := exec.CommandContext(t.Context(), arguments[0], arguments[1:]...)
	build.Dir, build.Env = buildContext(t), append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	require.NoError(t, os.Chmod(j.path("usr/bin/crmsync"), 0o555))
	return j
}

// buildContext copies what Dockerfile.dockerignore lets through.
func buildContext(t *testing.T) string {
	t.Helper()
	to := t.TempDir()
	for _, name := range []string{"go.mod", "go.sum", "cmd", "dsl", "mappings", "pipeline", "providers", "schemas"} {
		from := filepath.Join("..", name)
		info, err := os.Stat(from)
		require.NoError(t, err)
		if info.IsDir() {
			require.NoError(t, os.CopyFS(filepath.Join(to, name), os.DirFS(from)))
			continue
		}
		copyFile(t, from, filepath.Join(to, name))
	}
	top, err := filepath.Glob("../*.go")
	require.NoError(t, err)
	for _, from := range top {
		copyFile(t, from, filepath.Join(to, filepath.Base(from)))
	}
	return to
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, b, 0o600))
}

func (j *jail) path(name string) string { return filepath.Join(j.root, name) }

// mkdir makes a folder that only root may write to.
func (j *jail) mkdir(name string) {
	j.t.Helper()
	require.NoError(j.t, os.MkdirAll(j.path(name), 0o700))
	for at := name; at != "."; at = filepath.Dir(at) {
		require.NoError(j.t, os.Chmod(j.path(at), 0o555))
	}
}

// mount puts a file in, as Kubernetes does: root's own, readable by the group.
func (j *jail) mount(name, text string, mode fs.FileMode) {
	j.t.Helper()
	j.mkdir(filepath.Dir(name))
	_ = os.Remove(j.path(name)) // of an earlier step
	require.NoError(j.t, os.WriteFile(j.path(name), []byte(text), 0o600))
	require.NoError(j.t, os.Chown(j.path(name), 0, nobody))
	require.NoError(j.t, os.Chmod(j.path(name), mode))
}

// run runs the program as the image's user, and returns its exit code and what it said.
func (j *jail) run(stdin string, arguments ...string) (code int, said string) {
	j.t.Helper()
	ctx, cancel := context.WithTimeout(j.t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "/usr/bin/crmsync", arguments...)
	c.Env, c.Dir, c.Stdin = j.env, "/etc/crmsync", strings.NewReader(stdin)
	c.SysProcAttr = &syscall.SysProcAttr{Chroot: j.root, Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	require.NotNil(j.t, c.ProcessState, err)
	return c.ProcessState.ExitCode(), out.String()
}

// files returns the names of all that is in the jail.
func (j *jail) files() (names []string) {
	j.t.Helper()
	require.NoError(j.t, filepath.WalkDir(j.root, func(path string, _ fs.DirEntry, err error) error {
		names = append(names, path)
		return err
	}))
	return names
}

// mappings mounts the manifest's ConfigMap the way the kubelet does: links to links to a folder that
// is replaced as a whole.
func (j *jail) mappings() {
	j.t.Helper()
	data := at(j.t, manifest(j.t)["ConfigMap/crmsync-mappings"], "data").(object)
	spec, _ := pod(j.t)
	for _, v := range at(j.t, spec, "volumes").([]any) {
		if v.(object)["name"] != "mappings" {
			continue
		}
		for _, item := range at(j.t, v, "configMap", "items").([]any) {
			key, path := at(j.t, item, "key").(string), at(j.t, item, "path").(string)
			require.Contains(j.t, data, key)
			j.mount("etc/crmsync/mappings/..2026_11_24/"+path, data[key].(string), 0o444)
			top, _, _ := strings.Cut(path, "/")
			if err := os.Symlink("..data/"+top, j.path("etc/crmsync/mappings/"+top)); err != nil {
				require.ErrorIs(j.t, err, fs.ErrExist)
			}
		}
	}
	require.NoError(j.t, os.Symlink("..2026_11_24", j.path("etc/crmsync/mappings/..data")))
}

// TestImageRunsTheManifest: the binary that the Dockerfile builds takes the manifest's configuration,
// in a root that it can't write to.
func TestImageRunsTheManifest(t *testing.T) {
	j := newJail(t)
	_, container := pod(t)
	for name, value := range environment(t, container) {
		if text, ok := value.(string); ok {
			j.env = append(j.env, name+"="+text)
		}
	}
	j.env = append(j.env, "CRMSYNC_KAFKA_INSTANCE_ID=crmsync-0")
	j.mount("etc/crmsync/crmsync.yaml", at(t, manifest(t)["ConfigMap/crmsync"], "data", "crmsync.yaml").(string), 0o444)
	j.mount("etc/crmsync/secrets/state-url", "postgres://crmsync:p@postgresql/crmsync?sslmode=verify-full", 0o440)
	j.mount("etc/crmsync/secrets/redis-url", "rediss://crmsync:p@redis:6379/0", 0o440)
	j.mappings()
	code, said := j.run("", "config", "lint", "--config", "/etc/crmsync/crmsync.yaml")
	require.Zero(t, code, said)
	code, said = j.run("", "mappings", "lint")
	require.Zero(t, code, said)
	code, said = j.run("", "version")
	require.Zero(t, code, said)
	binary, err := elf.Open(j.path("usr/bin/crmsync"))
	require.NoError(t, err)
	for _, part := range binary.Progs {
		require.NotEqual(t, elf.PT_INTERP, part.Type, "static: it needs no loader and no library")
	}
	require.NoError(t, binary.Close())

	t.Run("an event reaches the CRM", func(t *testing.T) { j.work(t) })
}

// work lets an event through all of it: Kafka's protocol, PostgreSQL, a CRM.
func (j *jail) work(t *testing.T) {
	database := jailDatabase(t)
	broker, err := embedded.Start(embedded.Config{Topics: []embedded.Topic{{Name: "events"}}})
	require.NoError(t, err)
	defer func() { require.NoError(t, broker.Close()) }()
	crm, err := hubspot.New(hubspot.Config{})
	require.NoError(t, err)
	require.NoError(t, crm.AddPortal(hubspot.Portal{ID: 7, Token: "pat-7", UniqueProperty: "crmsync_id"}))
	running, err := emulator.Listen("127.0.0.1:0", crm)
	require.NoError(t, err)
	defer func() { require.NoError(t, running.Close()) }()

	key := filepath.Join(t.TempDir(), "credentials.key")
	_, err = sealed.AddKey(key)
	require.NoError(t, err)
	line, err := os.ReadFile(key)
	require.NoError(t, err)
	j.mount("etc/crmsync/secrets/credentials.key", string(line), 0o440)
	j.mount("etc/crmsync/secrets/state-url", database, 0o440)
	j.mount("etc/crmsync/crmsync.yaml", fmt.Sprintf(`kafka: {brokers: [%q], topic: events, dead_letter_topic: dead, group: g}
credentials: {url: state, key_file: /etc/crmsync/secrets/credentials.key}
mappings: {dir: /etc/crmsync/mappings}
providers: {hubspot: {base_url: %q, max_inflight: 1s}}
admin: {listen: "127.0.0.1:0"}
`, broker.Brokers()[0], running.URL()), 0o444)
	j.env = []string{"CRMSYNC_STATE_URL_FILE=/etc/crmsync/secrets/state-url", "GOMEMLIMIT=900MiB"}
	before := j.files()
	for _, step := range [][]string{{"db", "migrate"}, {"credentials", "set", "acme", "hubspot-main"}} {
		code, said := j.run("pat-7", step...)
		require.Zero(t, code, said)
	}
	producer, err := kafka.NewProducer(kafka.Config{Brokers: broker.Brokers(), Topic: "events", DeadLetterTopic: "dead", Group: "g"})
	require.NoError(t, err)
	defer func() { require.NoError(t, producer.Close()) }()
	require.NoError(t, producer.Produce(t.Context(), []crmsync.Message{{
		Key: []byte("acme/contact/c-1"),
		Value: []byte(`{"event_id":"e-1","org_id":"acme","record_type":"contact","record_id":"c-1","version":1,"op":"create",` +
			`"occurred_at":"2026-11-22T10:00:00Z","data":{"email":"Ada@x.example","first_name":"Ada","last_name":"Lovelace"}}`),
	}}))
	code, said := j.run("", "run", "--once")
	require.Zero(t, code, said)
	objects := crm.Objects(7, "contacts")
	require.Len(t, objects, 1, said)
	require.Equal(t, "ada@x.example", objects[0].Properties["email"])
	require.Equal(t, before, j.files(), "it has written nothing")
}

// jailDatabase makes a database of the test's own and returns its URL.
func jailDatabase(t *testing.T) string {
	t.Helper()
	server := pipelinetest.Server(t, "CRMSYNC_TEST_POSTGRES_URL")
	name := "crmsync_jail_" + strings.ToLower(rand.Text())
	execute := func(statement string) {
		ctx := context.Background() // a Cleanup's context is over
		conn, err := pgx.Connect(ctx, server)
		require.NoError(t, err)
		_, err = conn.Exec(ctx, statement)
		require.NoError(t, err)
		require.NoError(t, conn.Close(ctx))
	}
	execute("CREATE DATABASE " + name)
	t.Cleanup(func() { execute("DROP DATABASE " + name + " WITH (FORCE)") })
	u, err := url.Parse(server)
	require.NoError(t, err)
	u.Path = "/" + name
	return u.String()
}
