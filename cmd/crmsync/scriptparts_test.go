package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"crmsync"
	"crmsync/pipeline/kafka"
	"crmsync/pipeline/kafka/embedded"
	"crmsync/providers/emulator"
	"crmsync/providers/emulator/hubspot"
)

// scriptParts are what a script's `crmsync run` works on: a broker, a CRM.
type scriptParts struct {
	broker *embedded.Broker
	crm    *hubspot.Server
}

type scriptPartsKey struct{}

// partsOf returns the parts that the command `parts` has started.
func partsOf(ts *testscript.TestScript) *scriptParts {
	p, ok := ts.Value(scriptPartsKey{}).(*scriptParts)
	if !ok || p.broker == nil {
		ts.Fatalf("begin with: parts")
	}
	return p
}

// startParts starts a broker with the topic crmsync.events, and a fake HubSpot
// that takes any token, and lets the configuration's variables name them:
//
//	parts
func startParts(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: parts")
	}
	p, ok := ts.Value(scriptPartsKey{}).(*scriptParts)
	if !ok {
		ts.Fatalf("this script's setup keeps no parts")
	}
	var err error
	p.broker, err = embedded.Start(embedded.Config{Topics: []embedded.Topic{{Name: "crmsync.events", Partitions: 2}}})
	ts.Check(err)
	ts.Defer(func() { ts.Check(p.broker.Close()) })
	p.crm, err = hubspot.New(hubspot.Config{
		Now: time.Now, UnknownTokens: true, NewPortal: hubspot.Portal{Plan: "enterprise", UniqueProperty: "crmsync_id"},
	})
	ts.Check(err)
	running, err := emulator.Listen("127.0.0.1:0", p.crm)
	ts.Check(err)
	ts.Defer(func() { ts.Check(running.Close()) })
	ts.Setenv("CRMSYNC_KAFKA_BROKERS", p.broker.Brokers()[0])
	ts.Setenv("CRMSYNC_PROVIDERS_HUBSPOT_BASE_URL", running.URL())
	ts.Setenv("CRMSYNC_PROVIDERS_HUBSPOT_MAX_INFLIGHT", "1s")
	ts.Setenv("CRMSYNC_ADMIN_LISTEN", "127.0.0.1:0")
}

// produce writes the events of a file, one a line, to the topic:
//
//	produce FILE
func produce(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: produce FILE")
	}
	p := partsOf(ts)
	producer, err := kafka.NewProducer(kafka.Config{
		Brokers: p.broker.Brokers(), Topic: "crmsync.events", DeadLetterTopic: "crmsync.dlq", Group: "crmsync",
	})
	ts.Check(err)
	defer func() { ts.Check(producer.Close()) }()
	var messages []crmsync.Message
	for line := range bytes.Lines([]byte(ts.ReadFile(args[0]))) {
		var key struct {
			Org  string `json:"org_id"`
			Type string `json:"record_type"`
			ID   string `json:"record_id"`
		}
		ts.Check(json.Unmarshal(line, &key))
		messages = append(messages, crmsync.Message{Key: []byte(key.Org + "/" + key.Type + "/" + key.ID), Value: bytes.TrimSpace(line)})
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ts.Check(producer.Produce(ctx, messages))
}

// deny lets the CRM refuse a token, or, with !, take it again:
//
//	[!] deny TOKEN
func deny(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] deny TOKEN")
	}
	until := time.Now().Add(time.Hour)
	if neg {
		until = time.Now()
	}
	ts.Check(partsOf(ts).crm.DenyToken(args[0], until))
}

// sqlStatement changes a SQLite file behind crmsync's back:
//
//	sql FILE STATEMENT
func sqlStatement(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sql FILE STATEMENT")
	}
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	defer func() { ts.Check(db.Close()) }()
	_, err = db.ExecContext(context.Background(), args[1])
	ts.Check(err)
}

// condition knows one condition of our own: [mounts], that a script may mount
// file systems of its own.
func condition(name string) (bool, error) {
	if name != "mounts" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	return exec.CommandContext(context.Background(), "unshare", "-rm", "true").Run() == nil, nil
}

// steady writes what the last command printed into a file, with times and what
// else differs from run to run made equal:
//
//	steady stdout|stderr FILE
func steady(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: steady stdout|stderr FILE")
	}
	text := ts.ReadFile(args[0])
	text = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ`).ReplaceAllString(text, "2026-01-01 00:00:00Z")
	text = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`).ReplaceAllString(text, "2026-01-01T00:00:00Z")
	text = strings.ReplaceAll(text, ts.MkAbs("."), "$WORK")
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
}
