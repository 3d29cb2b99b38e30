package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"

	"crmsync"
)

// class is what must become of an event.
type class uint8

const (
	good    class = iota
	remove        // a delete
	barred        // its mapping can't render it
	refused       // the CRM refuses it
	broken        // it is no event
)

// badPerMille is how many of a thousand events are bad.
const badPerMille = 20

// firstAccount is the number of the first org's account at the CRM.
const firstAccount = 1000

// recordTypes are the types of records, each with its object at the CRM and the
// property that tells the version.
var recordTypes = [...]struct{ name, object, marker string }{
	{"contact", "contacts", "jobtitle"},
	{"company", "companies", "city"},
}

// planned is an event that is to be written.
type planned struct {
	record  int
	version int64
	class   class
}

// stream makes events. The same seed makes the same events. What an event says
// follows from its record, version and class, so that it needn't be kept.
type stream struct {
	rng     *rand.Rand
	orgs    int
	records int // per org and type
	newest  []int64
}

func newStream(seed uint64, orgs, records int) *stream {
	return &stream{
		rng: rand.New(rand.NewPCG(seed, 1)), orgs: orgs, records: records,
		newest: make([]int64, orgs*records*len(recordTypes)),
	}
}

// next returns one more event: mostly the next version of some record, now and
// then a version that comes again, comes late or skips one.
func (s *stream) next() planned {
	p := planned{record: s.rng.IntN(len(s.newest))}
	newest := &s.newest[p.record]
	p.version = max(1, *newest+[...]int64{1, 1, 1, 1, 1, 1, 1, 2, 0, -1}[s.rng.IntN(10)])
	*newest = max(*newest, p.version)
	p.class = classOf(p.record, p.version)
	return p
}

// classOf returns the class of a version, which is the same whenever it comes.
func classOf(record int, version int64) class {
	dice := rand.New(rand.NewPCG(uint64(record), uint64(version))).IntN(1000)
	switch {
	case dice < badPerMille:
		return [...]class{barred, refused, broken}[dice%3]
	case dice < badPerMille+120:
		return remove
	}
	return good
}

// key returns a record's key.
func (s *stream) key(record int) crmsync.RecordKey {
	kind := record % len(recordTypes)
	org := record / len(recordTypes) % s.orgs
	return crmsync.RecordKey{Org: orgName(org), Type: recordTypes[kind].name, ID: fmt.Sprintf("r-%d", record)}
}

func orgName(n int) string { return fmt.Sprintf("o%02d", n) }

// recordOf returns the number of the record with that id.
func recordOf(id string) (int, bool) {
	if len(id) < 3 || id[:2] != "r-" {
		return 0, false
	}
	n, err := strconv.Atoi(id[2:])
	return n, err == nil
}

// envelope is an event as it stands in the topic.
type envelope struct {
	ID         string          `json:"event_id"`
	Org        string          `json:"org_id"`
	Type       string          `json:"record_type"`
	Record     string          `json:"record_id"`
	Version    int64           `json:"version"`
	Op         string          `json:"op"`
	OccurredAt string          `json:"occurred_at"`
	Data       json.RawMessage `json:"data"`
}

// message returns what is written for an event. Every other delete is a
// tombstone.
func (s *stream) message(p planned) (key, value []byte, headers []crmsync.Header) {
	k := s.key(p.record)
	key = []byte(k.String())
	if p.class == remove && p.version%2 == 0 {
		return key, nil, []crmsync.Header{{Key: crmsync.HeaderVersion, Value: strconv.AppendInt(nil, p.version, 10)}}
	}
	e := envelope{
		ID: fmt.Sprintf("e-%d-%d", p.record, p.version), Org: k.Org, Type: k.Type, Record: k.ID, Version: p.version,
		Op: "update", OccurredAt: "2026-11-22T10:00:00Z", Data: []byte(data(p)),
	}
	switch {
	case p.class == remove:
		e.Op = "delete"
	case p.version == 1:
		e.Op = "create"
	}
	value, _ = json.Marshal(e) // strings, a number and JSON of ours
	if p.class == broken {
		value = value[:len(value)-5]
	}
	return key, value, headers
}

func data(p planned) string {
	email, name := fmt.Sprintf("r-%d@example.com", p.record), fmt.Sprintf("%q", fmt.Sprintf("Name %d", p.version))
	switch p.class {
	case barred:
		name = "7" // upper() takes no number
	case refused:
		email = "no address"
	default:
	}
	if p.record%len(recordTypes) == 1 {
		industry := "AIRLINES_AVIATION"
		if p.class == refused {
			industry = "alchemy"
		}
		return fmt.Sprintf(`{"name":%s,"industry":%q}`, name, industry)
	}
	return fmt.Sprintf(`{"email":%q,"last_name":%s,"phone":"+1 202 555 %04d"}`, email, name, p.version%10_000)
}

// mappings are the files that map the stream's records.
func mappings(orgs int) map[string]string {
	head := "version: 1\nrecord_type: %s\nprovider: hubspot\nobject: %s\nmatch: {field: crmsync_id, value: record_id}\non_delete: archive\nfields:\n"
	files := map[string]string{
		"_global/hubspot/contact.yaml": fmt.Sprintf(head, "contact", "contacts") +
			"  email: lower(trim(record.email))\n  lastname: upper(record.last_name)\n  phone: record.phone\n  jobtitle: 'string(event.version)'\n",
		"_global/hubspot/company.yaml": fmt.Sprintf(head, "company", "companies") +
			"  name: upper(record.name)\n  industry: record.industry\n  city: 'string(event.version)'\n",
	}
	for n := range orgs {
		files[orgName(n)+"/org.yaml"] = "version: 1\nconnections:\n  " + connectionName +
			": {provider: hubspot, credential: main, plan: enterprise}\n"
	}
	return files
}

// connectionName is what each org calls its only connection.
const connectionName = "hubspot"
