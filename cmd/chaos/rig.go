package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/jackc/pgx/v5"

	"crmsync"
	"crmsync/pipeline/postgres"
	"crmsync/pipeline/sealed"
)

// rig is one scenario's world: topic, database, fake CRM, daemons and the feed
// of events. The servers and proxies outlive it.
type rig struct {
	opt     *options
	name    string
	dir     string
	kin     *kin
	program string
	parts   *parts
	front   *front
	rng     *rand.Rand
	say     func(format string, args ...any)

	topic    string
	database string // URL, with no proxy between
	store    *postgres.Store
	journal  *journal
	stream   *stream
	feed     *feed
	meter    *meter
	crm      *crm
	fleet    *fleet
	ports    int // of probes that were given away
	joiners  int

	mu       sync.Mutex // guards what follows
	harms    []harm
	troubles []string
}

// harm is one thing that was done, and how long until all was steady again.
type harm struct {
	What   string        `json:"what"`
	Steady time.Duration `json:"steady"`
}

// partitions of a topic.
const partitions = 12

// Times of the daemons, shorter than in production so that a run shows more in
// the same time. The fake CRM is done with a request within inflight of its
// deadline: its late effects come 2 s after the request.
const (
	session  = 6 * time.Second
	lease    = 3 * time.Second
	inflight = 3 * time.Second
	deadline = 3 * time.Second
)

// trouble notes something that must not be.
func (r *rig) trouble(text string) {
	r.mu.Lock()
	r.troubles = append(r.troubles, text)
	r.mu.Unlock()
	r.say("TROUBLE: %s", text)
}

// did notes harm, and how long until all was steady again.
func (r *rig) did(what string, steady time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.harms = append(r.harms, harm{what, steady})
}

// recovered waits until all is steady again after a harm and notes it. Not to
// recover is trouble, and the run goes on.
func (r *rig) recovered(ctx context.Context, what string, since time.Time) error {
	steady, err := r.meter.awaitSteady(ctx, since, r.opt.patience)
	if errors.Is(err, errNotSteady) {
		r.trouble(what + ": " + err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	r.did(what, steady)
	r.say("%s: steady after %s", what, steady.Round(100*time.Millisecond))
	return nil
}

// open sets the rig up, from the topic to the daemons. What it opened before a
// fault is closed by close.
func (r *rig) open(ctx context.Context) error {
	r.topic = "chaos-" + r.name
	r.journal, r.stream = newJournal(partitions), newStream(r.opt.seed, r.opt.orgs, r.opt.records)
	// The cache of finished deliveries would know of the scenario before, whose
	// events have the same names.
	if err := r.flushRedis(ctx); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{r.makeTopic, r.makeDatabase, r.writeMappings, r.openCRM, r.storeCredentials, r.openFleet} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	r.meter = newMeter(r.parts.plain(), r.topic, r.topic, r.journal)
	var err error
	r.feed, err = openFeed(r.parts.plain(), r.topic, r.stream, r.journal, r.opt.rate)
	return err
}

// close ends what open began.
func (r *rig) close() {
	if r.fleet != nil {
		r.fleet.destroy()
	}
	if r.crm != nil {
		r.crm.child.kill()
	}
	r.front.shut(toCRM)
	if r.store != nil {
		_ = r.store.Close() // all that was asked of it was answered
	}
}

func (r *rig) makeTopic(context.Context) error {
	return r.asAdmin(func(admin sarama.ClusterAdmin) error {
		if err := admin.CreateTopic(r.topic, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: -1}, false); err != nil {
			return fmt.Errorf("create topic %s: %w", r.topic, err)
		}
		return nil
	})
}

// asAdmin calls do with a connection to the brokers.
func (r *rig) asAdmin(do func(sarama.ClusterAdmin) error) error {
	admin, err := sarama.NewClusterAdmin(r.parts.plain(), kafkaConfig())
	if err != nil {
		return fmt.Errorf("reach Kafka: %w", err)
	}
	return errors.Join(do(admin), admin.Close())
}

// letters is the dead-letter topic.
func (r *rig) letters() string { return r.topic + "-dlq" }

func (r *rig) makeDatabase(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, r.parts.postgres)
	if err != nil {
		return fmt.Errorf("reach PostgreSQL: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }() // it has answered
	name := "chaos_" + r.name
	if _, err := conn.Exec(ctx, "create database "+pgx.Identifier{name}.Sanitize()); err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	u, err := url.Parse(r.parts.postgres)
	if err != nil {
		return fmt.Errorf("read the address of PostgreSQL: %w", err)
	}
	u.Path = "/" + name
	r.database = u.String()
	migrating, err := postgres.Open(ctx, r.database, postgres.Options{AnyVersion: true})
	if err != nil {
		return err
	}
	if err := errors.Join(migrating.Migrate(ctx), migrating.Close()); err != nil {
		return err
	}
	r.store, err = postgres.Open(ctx, r.database, postgres.Options{})
	return err
}

func (r *rig) writeMappings(context.Context) error {
	for name, text := range mappings(r.opt.orgs) {
		file := filepath.Join(r.dir, "mappings", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("write the mappings: %w", err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return fmt.Errorf("write the mappings: %w", err)
		}
	}
	return nil
}

func (r *rig) openCRM(ctx context.Context) (err error) {
	r.crm, err = openCRM(ctx, r.kin, r.program, filepath.Join(r.dir, "crm.log"), r.nextPort(ctx), r.opt.seed, r.stream)
	if err != nil {
		return err
	}
	return r.front.open(toCRM, "127.0.0.1:0", strings.TrimPrefix(r.crm.url, "http://"))
}

// nextPort returns a port of the run's row that nobody has now, nor a daemon
// that is about to come back.
func (r *rig) nextPort(ctx context.Context) int {
	const first, count = 40, partsPorts - 40
	taken := map[string]bool{}
	if r.fleet != nil {
		for _, d := range r.fleet.members() {
			taken[d.admin] = true
		}
	}
	port := 0
	for range count {
		r.ports++
		port = r.parts.port + first + r.ports%count
		if !taken[adminAddress(port)] && rowIsFree(ctx, port, 1) {
			break
		}
	}
	return port
}

// token returns an org's token at the CRM.
func token(org int, age string) string {
	return fmt.Sprintf("pat-%d-%s%s", firstAccount+org, orgName(org), age)
}

func (r *rig) keyFile() string { return filepath.Join(r.dir, "credentials.key") }

func (r *rig) storeCredentials(ctx context.Context) error {
	id, line := sealed.GenerateKey()
	if err := os.WriteFile(r.keyFile(), []byte(line.Reveal()+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the key %s: %w", id, err)
	}
	ring, err := sealed.LoadRing(r.keyFile())
	if err != nil {
		return err
	}
	all := make([]crmsync.Credential, r.opt.orgs)
	for n := range all {
		all[n] = crmsync.Credential{
			ID: crmsync.CredentialID{Org: orgName(n), Name: "main"}, Secret: crmsync.NewSecret(token(n, "")), UpdatedAt: time.Now(),
		}
	}
	return sealed.New(r.store, ring).Put(ctx, all)
}

func (r *rig) openFleet(ctx context.Context) error {
	r.fleet = &fleet{kin: r.kin, program: r.program, dir: r.dir, config: r.daemonConfig, trouble: r.trouble}
	for n := range 3 {
		name := fmt.Sprintf("d%d", n+1)
		if _, err := r.fleet.add(name, name, r.nextPort(ctx)); err != nil {
			return err
		}
	}
	for _, d := range r.fleet.members() {
		if err := r.fleet.ready(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// daemonConfig returns the configuration of a daemon, which reaches everything
// through the proxies.
func (r *rig) daemonConfig(instance, admin string) string {
	if instance != "" {
		instance = ", instance_id: " + instance
	}
	brokers := make([]string, r.parts.brokers)
	for n := range brokers {
		brokers[n] = r.parts.outer(n)
	}
	return fmt.Sprintf(`kafka: {brokers: ["%s"], topic: %s, dead_letter_topic: %s, group: %s, session_timeout: %s%s}
state: {url: "%s"}
redis: {url: "%s"}
credentials: {url: state, key_file: %s}
mappings: {dir: %s}
providers: {hubspot: {base_url: "http://%s", max_inflight: %s}}
admin: {listen: "%s"}
engine: {linger: 200ms, send_timeout: %s, lease: %s, drain_timeout: 5s, commit_every: 500ms}
log: {format: json}
`, strings.Join(brokers, `", "`), r.topic, r.letters(), r.topic, session, instance,
		r.front.through(toPostgres, r.database), r.front.through(toRedis, r.parts.redis), r.keyFile(), filepath.Join(r.dir, "mappings"),
		r.front.address(toCRM), inflight, admin, deadline, lease)
}
