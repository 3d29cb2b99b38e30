package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/kafka"
)

// brokenMapping refuses the record's stage: no entry of the map has it.
const brokenMapping = runMapping + `  lifecyclestage:
    value: record.stage
    map: {lead: lead}
`

const mendedMapping = runMapping + `  lifecyclestage:
    value: record.stage
    map: {lead: lead, won: customer}
`

// send writes messages to the topic of the events.
func (p *plant) send(messages ...crmsync.Message) {
	p.t.Helper()
	producer, err := kafka.NewProducer(p.kafka)
	require.NoError(p.t, err)
	defer func() { require.NoError(p.t, producer.Close()) }()
	require.NoError(p.t, producer.Produce(p.t.Context(), messages))
}

// contact is an event of a record whose stage the broken mapping refuses.
func contact(id string, version int) crmsync.Message {
	return crmsync.Message{
		Key: []byte("acme/contact/" + id),
		Value: fmt.Appendf(nil, `{"event_id": "%s-%d", "org_id": "acme", "record_type": "contact", "record_id": "%[1]s", "version": %[2]d, "op": "update",
 "occurred_at": "2026-11-22T10:00:00Z", "data": {"email": "%[1]s@x.example", "first_name": "v%[2]d", "stage": "won"}}`, id, version),
	}
}

// well runs a command line that must end well, and returns what it prints.
func (p *plant) well(args ...string) (out, errs string) {
	p.t.Helper()
	code, out, errs := p.crmsync(args...)
	require.Equal(p.t, exitFine, code, errs)
	return out, errs
}

// steady replaces what differs from run to run.
func (p *plant) steady(text string) string {
	text = strings.ReplaceAll(text, p.dir, "DIR")
	text = regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z`).ReplaceAllStringFunc(text, func(at string) string {
		if at == "2026-11-22T10:00:00Z" { // the events'
			return at
		}
		return "TIME"
	})
	return regexp.MustCompile(`  +`).ReplaceAllString(text, "  ")
}

// threeLetters is what `dlq list` prints of the letters of bury.
const threeLetters = `ENTRY  GIVEN UP  RECORD  VERSION  CONNECTION  REASON  MAPPING
0/0  TIME  acme/contact/b  1  hubspot  unlisted_value  DIR/mappings/acme/hubspot/contact.yaml:11:12
2/0  TIME  -  -  -  invalid_json  -
5/0  TIME  acme/contact/a  1  hubspot  unlisted_value  DIR/mappings/acme/hubspot/contact.yaml:11:12
`

// bury has two events refused by a broken mapping and one by the decoder.
func bury(t *testing.T) *plant {
	t.Helper()
	p := newPlant(t)
	p.write("mappings/acme/hubspot/contact.yaml", brokenMapping)
	p.send(contact("a", 1), contact("b", 1), crmsync.Message{Key: []byte("k"), Value: []byte("{broken\x1b[31m")})
	p.well("run", "--once")
	require.Empty(t, p.firstNames())
	return p
}

// TestDeadLettersAreMended: a broken mapping sends events to the dead letters,
// it is mended, and a replay delivers them.
func TestDeadLettersAreMended(t *testing.T) {
	p := bury(t)
	out, errs := p.well("dlq", "list")
	require.Equal(t, threeLetters, p.steady(out))
	require.Empty(t, errs)
	out, _ = p.well("dlq", "list", "--group-by", "reason")
	require.Equal(t, "COUNT  REASON  ORGS  NEWEST  ENTRY\n2  unlisted_value  1  TIME  0/0\n1  invalid_json  0  TIME  2/0\n", p.steady(out))

	p.write("mappings/acme/hubspot/contact.yaml", mendedMapping)
	mapping := filepath.Join(p.dir, "mappings/acme/hubspot/contact.yaml")
	out, _ = p.well("dlq", "replay", "--mapping", mapping, "--dry-run")
	require.Equal(t, `ENTRY  RECORD  VERSION  REASON  MAPPING
0/0  acme/contact/b  1  unlisted_value  DIR/mappings/acme/hubspot/contact.yaml:11:12
5/0  acme/contact/a  1  unlisted_value  DIR/mappings/acme/hubspot/contact.yaml:11:12
2 of 2 dead letters would be sent again to events. Nothing was sent.
`, p.steady(out))
	p.well("run", "--once")
	require.Empty(t, p.firstNames(), "a dry run sends nothing")

	out, errs = p.well("dlq", "replay", "--mapping", mapping)
	require.Equal(t, "2 of 2 dead letters sent again to events.\n", out)
	require.Equal(t, "They are on their way. Those that fail again are listed by \"crmsync dlq list --since 5m --open\".\n", errs)
	p.well("run", "--once")
	require.Equal(t, map[string]string{"a": "v1", "b": "v1"}, p.firstNames())
	require.Equal(t, []string{"2/0"}, p.entries("--open"), "what the CRM has is not open any more")

	requests := p.crm.Counters()
	p.well("dlq", "replay", "--org", "acme")
	p.well("run", "--once")
	require.Equal(t, requests, p.crm.Counters(), "what the CRM has is not sent again")
}

// TestReplayThatDiesAgain: its letter and the first one are of the same version,
// and are sent once.
func TestReplayThatDiesAgain(t *testing.T) {
	p := bury(t)
	out, _ := p.well("dlq", "replay", "0/0", "--quiet")
	require.Equal(t, "1 of 1 dead letters sent again to events.\n", out)
	p.well("run", "--once")
	require.Equal(t, []string{"0/0", "0/1"}, p.entries("--record", "acme/contact/b"))
	out, _ = p.well("dlq", "show", "0/1", "--quiet")
	require.Equal(t, `dead letter  0/1
given up  TIME, after 1 attempt
record  acme/contact/b, version 1
connection  hubspot, provider hubspot
reason  unlisted_value, rejected
message  map does not list "won"
mapping  DIR/mappings/acme/hubspot/contact.yaml:11:12
field  lifecyclestage
read from  events/2/1, TIME
replay of  dead/0/0
key  acme/contact/b
header  crmsync-replay: dead/0/0
header  crmsync-version: 1
event
  {
  "event_id": "b-1",
  "org_id": "acme",
  "record_type": "contact",
  "record_id": "b",
  "version": 1,
  "op": "update",
  "occurred_at": "2026-11-22T10:00:00Z",
  "data": {
  "email": "b@x.example",
  "first_name": "v1",
  "stage": "won"
  }
  }
`, p.steady(out))
	out, _ = p.well("dlq", "replay", "--org", "acme", "--json")
	require.JSONEq(t, `{"topic":"events","dry_run":false,"letters":3,"sent":2,"repeats":1,"failed":[],"more":false,"stopped":false}`, out)
}

// TestShowUnreadable: what is no JSON is shown so that no terminal obeys it, and
// its bytes can be had.
func TestShowUnreadable(t *testing.T) {
	p := bury(t)
	out, _ := p.well("dlq", "show", "2/0", "--quiet")
	require.Equal(t, `dead letter  2/0
given up  TIME
reason  invalid_json, rejected
message  the event is not JSON
read from  events/0/0, TIME
key  k
event
  "{broken\x1b[31m"
`, p.steady(out))
	out, _ = p.well("dlq", "show", "2/0", "--raw")
	require.Equal(t, "{broken\x1b[31m", out)
	out, _ = p.well("dlq", "show", "2/0", "--json")
	var whole letterWhole
	require.NoError(t, json.Unmarshal([]byte(out), &whole))
	require.Equal(t, "e2Jyb2tlbhtbMzFt", whole.Base64)
}

// TestReplayWhatCannotBe: a letter of another topic, one whose message is gone,
// and one that crmsync did not write. The others are sent.
func TestReplayWhatCannotBe(t *testing.T) {
	p := bury(t)
	elsewhere, gone := contact("c", 1), contact("d", 1)
	elsewhere.Topic, gone.Topic, gone.Offset = "elsewhere", "events", 99
	gone.Value = make([]byte, 1_200_000) // too large for the topic: kept by reference
	queue, err := kafka.NewDeadLetters(p.kafka)
	require.NoError(t, err)
	fault := &crmsync.Fault{Kind: crmsync.Rejected, Code: "no"}
	key := func(id string) crmsync.RecordKey { return crmsync.RecordKey{Org: "acme", Type: "contact", ID: id} }
	require.NoError(t, queue.Put(t.Context(), []crmsync.DeadLetter{
		{Message: elsewhere, Key: key("c"), Version: 1, Fault: fault}, {Message: gone, Key: key("d"), Version: 1, Fault: fault},
	}))
	require.NoError(t, queue.Close())
	stranger := p.kafka
	stranger.Topic, stranger.DeadLetterTopic = "dead", "events"
	(&plant{t: t, kafka: stranger}).send(crmsync.Message{Key: []byte("x"), Value: []byte("hello")})

	code, out, errs := p.crmsync("dlq", "replay", "--all")
	require.Equal(t, exitProblems, code)
	require.Equal(t, "3 of 6 dead letters sent again to events, 3 not.\n", out)
	require.Equal(t, `1/0: not sent: it came from topic elsewhere, not from events
6/0: not sent: crmsync did not write it
9/0: not sent: missing message_gone: read offset 99 of partition 0 of events: the log no longer holds it
They are on their way. Those that fail again are listed by "crmsync dlq list --since 5m --open".
`, errs)
}

// entries returns the entries that `dlq list --json` tells.
func (p *plant) entries(args ...string) (entries []string) {
	p.t.Helper()
	out, _ := p.well(append([]string{"dlq", "list", "--json"}, args...)...)
	var letters []letterShown
	require.NoError(p.t, json.Unmarshal([]byte(out), &letters))
	for _, l := range letters {
		entries = append(entries, l.Entry)
	}
	return entries
}

func TestDeadLetterSelection(t *testing.T) {
	p := bury(t)
	all := []string{"0/0", "2/0", "5/0"}
	cases := map[string]struct {
		args []string
		want []string
	}{
		"all":              {nil, all},
		"an org":           {[]string{"--org", "acme"}, []string{"0/0", "5/0"}},
		"another org":      {[]string{"--org", "birch"}, nil},
		"a provider":       {[]string{"--provider", "hubspot"}, []string{"0/0", "5/0"}},
		"a connection":     {[]string{"--connection", "other"}, nil},
		"a record":         {[]string{"--record", "acme/contact/a"}, []string{"5/0"}},
		"a reason":         {[]string{"--reason", "invalid_json"}, []string{"2/0"}},
		"half a file name": {[]string{"--mapping", filepath.Join(p.dir, "mappings/acme")}, nil},
		"an hour":          {[]string{"--since", "1h"}, all},
		"days":             {[]string{"--since", "2d"}, all},
		"a time to come":   {[]string{"--since", "2999-01-01T00:00:00Z"}, nil},
		"a mapping":        {[]string{"--mapping", filepath.Join(p.dir, "mappings/acme/hubspot/contact.yaml")}, []string{"0/0", "5/0"}},
		"a limit":          {[]string{"--limit", "2"}, []string{"0/0", "2/0"}},
		"open":             {[]string{"--open"}, all},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, p.entries(c.args...)) })
	}
	for _, c := range [][]string{
		{"list", "--since", "yesterday"}, {"list", "--since", "-2h"}, {"list", "--limit", "0"}, {"list", "--group-by", "colour"},
		{"list", "--record", "acme"}, {"show", "17"}, {"show", "0/0", "--json", "--raw"}, {"show"}, {"replay"}, {"replay", "--all", "--rate", "fast"},
		{"replay", "--all", "--limit", "-1"}, {"replay", "-1/2"},
	} {
		t.Run(strings.Join(c, " "), func(t *testing.T) {
			code, out, _ := p.crmsync(append([]string{"dlq"}, c...)...)
			require.Equal(t, exitUsage, code)
			require.Empty(t, out)
		})
	}
	code, _, errs := p.crmsync("dlq", "show", "9/9")
	require.Equal(t, exitFailed, code)
	require.Equal(t, "crmsync: there is no such dead letter 9/9 in dead; see: crmsync dlq list\n", errs)
}

func TestDeadLettersWithoutKafka(t *testing.T) {
	p := newPlant(t)
	code, _, errs := p.crmsync("dlq", "list")
	require.Equal(t, exitFailed, code)
	require.Equal(t, "crmsync: topic dead does not exist on "+p.broker.Brokers()[0]+
		": crmsync run makes it when it starts; else correct kafka.dead_letter_topic\n", errs)
	t.Setenv("CRMSYNC_KAFKA_BROKERS", "127.0.0.1:1")
	code, _, errs = p.crmsync("dlq", "list")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "kafka at 127.0.0.1:1: nothing listens there")
}
