package demo

import (
	"bytes"
	"fmt"
	"strings"

	"crmsync"
)

// breakages turn an envelope's bytes into what no reader can take. The reasons
// are the codes that the documentation of events names.
var breakages = [...]struct {
	reason string
	spoil  func(good []byte) []byte
}{
	{"invalid_json", func(b []byte) []byte { return b[:len(b)-7] }},
	{"missing_field", func(b []byte) []byte { return bytes.Replace(b, []byte(`"record_id"`), []byte(`"recordid"`), 1) }},
	{"unknown_op", func(b []byte) []byte { return bytes.Replace(b, []byte(`"op":"update"`), []byte(`"op":"rename"`), 1) }},
	{"bad_version", func(b []byte) []byte { return bytes.Replace(b, []byte(`"version":1`), []byte(`"version":0`), 1) }},
	{"bad_time", func(b []byte) []byte {
		return bytes.Replace(b, []byte(`"occurred_at":"`), []byte(`"occurred_at":"about `), 1)
	}},
	{"wrong_type", func(b []byte) []byte { return bytes.Replace(b, []byte(`"data":{}`), []byte(`"data":["a list"]`), 1) }},
	{"duplicate_field", func(b []byte) []byte {
		return bytes.Replace(b, []byte(`"version":1`), []byte(`"version":1,"version":2`), 1)
	}},
	{"not_utf8", func(b []byte) []byte {
		return bytes.Replace(b, []byte(`"data":{}`), []byte("\"data\":{\"name\":\"\xff\xfe\"}"), 1)
	}},
	{"too_deep", func(b []byte) []byte {
		return bytes.Replace(b, []byte(`"data":{}`), []byte(`"data":{"custom":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+"}"), 1)
	}},
	{"missing_version", func([]byte) []byte { return nil }}, // a tombstone that doesn't tell its version
}

// broken makes a message that is no event.
func (s *Stream) broken() Message {
	b := pick(s.rng, breakages[:])
	key, good := s.stray("acme")
	return Message{Key: key, Value: b.spoil(good), Class: Broken, Reason: b.reason}
}

// maxEvent is the size in bytes up to which events are taken.
const maxEvent = 1 << 20

// tooLarge makes an event of more than 1 MiB.
func (s *Stream) tooLarge() Message {
	key, good := s.stray("acme")
	notes := []byte(`"data":{"notes":"` + strings.Repeat("all work and no play ", maxEvent/20) + `"}`)
	return Message{Key: key, Value: bytes.Replace(good, []byte(`"data":{}`), notes, 1), Class: Broken, Reason: "too_large"}
}

// stray makes the key and the bytes of an event of a record that has no other.
func (s *Stream) stray(org string) (key, value []byte) {
	s.ids++
	e := crmsync.Event{
		ID: fmt.Sprintf("e-%08d", s.ids), Key: crmsync.RecordKey{Org: org, Type: "contact", ID: fmt.Sprintf("stray-%d", s.ids)},
		Version: 1, Op: crmsync.Updated, OccurredAt: moment(s.ticks), Data: []byte("{}"),
	}
	return []byte(e.Key.String()), encode(envelopeOf(e))
}

// unmapped makes an event that nobody has a mapping for.
func (s *Stream) unmapped() Message {
	s.ids++
	key := crmsync.RecordKey{Org: "nobody", Type: "contact", ID: fmt.Sprintf("x-%d", s.ids)}
	if s.rng.IntN(2) == 0 {
		key.Org, key.Type = "acme", "invoice" // there is no mapping for invoices
	}
	e := crmsync.Event{ID: fmt.Sprintf("e-%08d", s.ids), Key: key, Version: 1, Op: crmsync.Created, OccurredAt: moment(s.ticks), Data: []byte("{}")}
	return Message{Key: []byte(key.String()), Value: encode(envelopeOf(e)), Class: Unmapped, Event: e}
}
