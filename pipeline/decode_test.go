package pipeline_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline"
)

const plainEvent = `{"event_id":"01JD","org_id":"acme","record_type":"contact","record_id":"c-101","version":7,` +
	`"op":"update","occurred_at":"2026-11-22T10:00:00Z","data":{"email":"ada@example.com"},"changed":["email"]}`

func TestDecode(t *testing.T) {
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	want := crmsync.Event{
		ID: "01JD", Key: crmsync.RecordKey{Org: "acme", Type: "contact", ID: "c-101"}, Version: 7, Op: crmsync.Updated,
		OccurredAt: at, Data: []byte(`{"email":"ada@example.com"}`), Changed: []string{"email"},
	}
	cases := map[string]struct {
		from    pipeline.VersionFrom
		message crmsync.Message
		want    crmsync.Event
	}{
		"plain": {message: crmsync.Message{Value: []byte(plainEvent)}, want: want},
		"cloud event": {
			message: crmsync.Message{Value: []byte(`{"specversion":"1.0","id":"01JD","source":"/x","type":"t","time":"2026-11-22T10:00:00Z",` +
				`"data":{"org_id":"acme","record_type":"contact","record_id":"c-101","version":7,"op":"update",` +
				`"data":{"email":"ada@example.com"},"changed":["email"]}}`)},
			want: want,
		},
		"spaces, escapes and unknown members": {
			message: crmsync.Message{Value: []byte("\n{ \"event_id\" : \"01\\u004aD\" , \"x\":[{\"data\":1}], \"org_id\":\"acme\",\"record_type\":\"contact\",\"record_id\":\"c\\u002d101\"," +
				"\"version\":7,\"op\":\"update\",\"occurred_at\":\"2026-11-22T10:00:00Z\",\"data\": {\"email\":\"ada@example.com\"} ,\"changed\":[\"email\"]}\n")},
			want: want,
		},
		"version from the time": {
			from:    pipeline.VersionOccurredAt,
			message: crmsync.Message{Value: []byte(strings.Replace(plainEvent, `"version":7,`, "", 1))},
			want:    withVersion(want, at.UnixMicro()),
		},
		"version from the offset": {
			from: pipeline.VersionOffset, message: crmsync.Message{Offset: 41, Value: []byte(plainEvent)}, want: withVersion(want, 42),
		},
		"delete without data": {
			message: crmsync.Message{Value: []byte(`{"event_id":"e","org_id":"o","record_type":"t","record_id":"i","version":1,"op":"delete","occurred_at":"2026-11-22T10:00:00Z"}`)},
			want:    crmsync.Event{ID: "e", Key: crmsync.RecordKey{Org: "o", Type: "t", ID: "i"}, Version: 1, Op: crmsync.Deleted, OccurredAt: at},
		},
		"tombstone with a version": {
			message: crmsync.Message{Topic: "ev", Partition: 2, Offset: 9, Key: []byte("acme/contact/a/b"), Time: at, Headers: []crmsync.Header{{Key: "crmsync-version", Value: []byte("8")}}},
			want:    crmsync.Event{ID: "ev/2/9", Key: crmsync.RecordKey{Org: "acme", Type: "contact", ID: "a/b"}, Version: 8, Op: crmsync.Deleted, OccurredAt: at},
		},
		"sent again, version from the offset": {
			from: pipeline.VersionOffset, message: replayed(crmsync.Message{Offset: 41, Value: []byte(plainEvent)}, 8), want: withVersion(want, 8),
		},
		"sent again, version of its own": {
			message: crmsync.Message{Value: []byte(plainEvent), Headers: []crmsync.Header{{Key: crmsync.HeaderReplay, Value: []byte("x/0/1")}}}, want: want,
		},
		"the header of a message with an envelope says nothing": {
			message: crmsync.Message{Value: []byte(plainEvent), Headers: []crmsync.Header{{Key: crmsync.HeaderVersion, Value: []byte("99")}}}, want: want,
		},
		"tombstone, version from the offset": {
			from: pipeline.VersionOffset, message: crmsync.Message{Topic: "ev", Partition: 2, Offset: 9, Key: []byte("acme/contact/a"), Time: at},
			want: crmsync.Event{ID: "ev/2/9", Key: crmsync.RecordKey{Org: "acme", Type: "contact", ID: "a"}, Version: 10, Op: crmsync.Deleted, OccurredAt: at},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			d := pipeline.Decoder{From: c.from}
			got, fault := d.Decode(&c.message)
			require.Nil(t, fault)
			require.NotZero(t, got.Hash)
			got.Hash = 0
			require.Equal(t, c.want, got)
		})
	}
}

func withVersion(ev crmsync.Event, v int64) crmsync.Event { ev.Version = v; return ev }

func TestDecodeRefusesWhatStandsBesideTheValue(t *testing.T) {
	for name, m := range map[string]crmsync.Message{
		"key":          {Key: make([]byte, 256<<10+1), Value: []byte(plainEvent)},
		"one header":   {Value: []byte(plainEvent), Headers: []crmsync.Header{{Key: "x", Value: make([]byte, 256<<10)}}},
		"many headers": {Value: []byte(plainEvent), Headers: make([]crmsync.Header, 5000)},
	} {
		d := pipeline.Decoder{}
		_, f := d.Decode(&m)
		require.NotNil(t, f, name)
		require.Equal(t, "the message's key and headers have more than 262144 bytes", f.Message, name)
	}
}

func TestDecodeHashesWhatTheEventSays(t *testing.T) {
	hash := func(op, data string) uint64 {
		d := pipeline.Decoder{}
		ev, f := d.Decode(&crmsync.Message{Value: []byte(`{"event_id":"e","org_id":"o","record_type":"t","record_id":"i","version":1,"op":"` + op +
			`","occurred_at":"2026-11-22T10:00:00Z","data":` + data + `}`)})
		require.Nil(t, f)
		require.NotZero(t, ev.Hash)
		return ev.Hash
	}
	a := hash("update", `{"a":1,"b":{"c":2}}`)
	require.Equal(t, a, hash("create", ` { "b" : {"c":2} , "a" : 1 } `), "fields in another order")
	for name, other := range map[string]uint64{
		"value":      hash("update", `{"a":2,"b":{"c":2}}`),
		"field gone": hash("update", `{"b":{"c":2}}`),
		"names swap": hash("update", `{"b":1,"a":{"c":2}}`),
		"a delete":   hash("delete", `{"a":1,"b":{"c":2}}`),
		"empty":      hash("update", `{}`),
	} {
		require.NotEqual(t, a, other, name)
	}
}

func TestDecodeRefuses(t *testing.T) {
	without := func(member string) string {
		var m map[string]json.RawMessage
		if err := json.Unmarshal([]byte(plainEvent), &m); err != nil {
			t.Fatal(err)
		}
		delete(m, member)
		b, _ := json.Marshal(m)
		return string(b)
	}
	with := func(old, other string) string { return strings.Replace(plainEvent, old, other, 1) }
	cases := map[string]struct{ value, code, message string }{
		"empty":                 {"", "invalid_json", "the event is not JSON"},
		"hidden slash":          {with(`"org_id":"acme"`, `"org_id":"ac\u002fme"`), "bad_name", "org_id must not hold a slash"},
		"not JSON":              {"{nope", "invalid_json", "the event is not JSON"},
		"trailing text":         {plainEvent + "x", "invalid_json", "the event is not JSON"},
		"bad number":            {with(`"version":7`, `"version":07`), "invalid_json", "the event is not JSON"},
		"not an object":         {`[1]`, "wrong_type", "the event must be a JSON object"},
		"not UTF-8":             {with("ada@", "\xff\xfe"), "not_utf8", "the event is not UTF-8"},
		"too deep":              {with(`{"email":"ada@example.com"}`, strings.Repeat("[", 40)+strings.Repeat("]", 40)), "too_deep", "the event nests deeper than 32 levels"},
		"only brackets":         {strings.Repeat("[", 1<<20), "too_deep", "the event nests deeper than 32 levels"},
		"too large":             {with("ada@", strings.Repeat("x", 1<<20)), "too_large", fmt.Sprintf("the event has %d bytes, at most 1048576 are taken", len(plainEvent)-4+1<<20)},
		"no event_id":           {without("event_id"), "missing_field", "the event has no event_id"},
		"no org_id":             {without("org_id"), "missing_field", "the event has no org_id"},
		"no record_type":        {without("record_type"), "missing_field", "the event has no record_type"},
		"no record_id":          {without("record_id"), "missing_field", "the event has no record_id"},
		"no version":            {without("version"), "missing_field", "the event has no version"},
		"no op":                 {without("op"), "missing_field", "the event has no op"},
		"no occurred_at":        {without("occurred_at"), "missing_field", "the event has no occurred_at"},
		"no data":               {without("data"), "missing_field", "the event has no data"},
		"null org_id":           {with(`"acme"`, `null`), "missing_field", "the event has no org_id"},
		"empty record_id":       {with(`"c-101"`, `""`), "missing_field", "record_id is empty"},
		"number as org_id":      {with(`"acme"`, `5`), "wrong_type", "org_id must be a text"},
		"slash in org_id":       {with(`"acme"`, `"a/b"`), "bad_name", "org_id must not hold a slash"},
		"NUL in record_id":      {with(`"c-101"`, `"c\u0000"`), "bad_name", "record_id must not hold a NUL character"},
		"long record_id":        {with(`"c-101"`, `"`+strings.Repeat("c", 600)+`"`), "too_long", "record_id has 602 bytes, at most 512 are taken"},
		"unknown op":            {with(`"update"`, `"merge"`), "unknown_op", "op must be create, update, delete or upsert"},
		"version below 1":       {with(`"version":7`, `"version":0`), "bad_version", "version must be a whole number of at least 1"},
		"version not whole":     {with(`"version":7`, `"version":1.5`), "bad_version", "version must be a whole number of at least 1"},
		"version too large":     {with(`"version":7`, `"version":99999999999999999999`), "bad_version", "version must be a whole number of at least 1"},
		"time not a time":       {with(`2026-11-22T10:00:00Z`, `yesterday`), "bad_time", "occurred_at must be a time like 2026-11-22T10:00:00Z"},
		"data not an object":    {with(`{"email":"ada@example.com"}`, `"x"`), "wrong_type", "data must be an object"},
		"changed not a list":    {with(`["email"]`, `"email"`), "wrong_type", "changed must be a list of at most 1000 texts"},
		"a member twice":        {with(`"version":7`, `"version":7,"version":8`), "duplicate_field", `the event has "version" twice`},
		"old cloud event":       {`{"specversion":"0.3","id":"x"}`, "unknown_specversion", `CloudEvents "0.3" is not supported, only "1.0"`},
		"cloud event, no data":  {`{"specversion":"1.0","id":"x"}`, "missing_field", "the CloudEvent has no data"},
		"cloud event, odd data": {`{"specversion":"1.0","id":"x","data":[1]}`, "wrong_type", "the event must be a JSON object"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m := crmsync.Message{Value: []byte(c.value)}
			if c.value == "" {
				m.Value = []byte{}
			}
			var d pipeline.Decoder
			_, fault := d.Decode(&m)
			require.NotNil(t, fault)
			require.Equal(t, crmsync.Rejected, fault.Kind)
			require.Equal(t, c.code, fault.Code)
			require.Equal(t, c.message, fault.Message)
		})
	}
}

func TestDecodeRefusesTombstones(t *testing.T) {
	header := func(v string) []crmsync.Header {
		return []crmsync.Header{{Key: "crmsync-version", Value: []byte(v)}}
	}
	cases := map[string]struct {
		message crmsync.Message
		code    string
	}{
		"no version":      {crmsync.Message{Key: []byte("acme/contact/c")}, "missing_version"},
		"version no good": {crmsync.Message{Key: []byte("acme/contact/c"), Headers: header("-1")}, "bad_version"},
		"no key":          {crmsync.Message{}, "bad_key"},
		"half a key":      {crmsync.Message{Key: []byte("acme/contact"), Headers: header("1")}, "bad_key"},
		"key not UTF-8":   {crmsync.Message{Key: []byte("acme/contact/\xff"), Headers: header("1")}, "bad_key"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var d pipeline.Decoder
			_, fault := d.Decode(&c.message)
			require.NotNil(t, fault)
			require.Equal(t, c.code, fault.Code)
		})
	}
}

// FuzzDecode holds that no bytes break the decoder, that it never keeps a
// broken envelope, and that data are the message's own bytes.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(plainEvent))
	f.Add([]byte(`{"specversion":"1.0","id":"x","data":{"a":"\u0041"}}`))
	f.Add([]byte(`{"a":"\"`))
	f.Add([]byte(`{"a":[[[{"b":"}"}]]],"\u0061":"\\\\","c":-1e5 , "d":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var d pipeline.Decoder
		ev, fault := d.Decode(&crmsync.Message{Value: b})
		if fault != nil {
			require.NotEmpty(t, fault.Code)
			var members map[string]json.RawMessage
			if json.Unmarshal(b, &members) == nil && members != nil {
				require.NotEqual(t, "the event must be a JSON object", fault.Message)
			}
			return
		}
		require.True(t, json.Valid(b))
		require.Positive(t, ev.Version)
		require.NotEmpty(t, ev.Key.ID)
		if ev.Data != nil {
			require.True(t, json.Valid(ev.Data))
			require.Contains(t, string(b), string(ev.Data))
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	value, err := os.ReadFile("testdata/event.json")
	require.NoError(b, err)
	b.Run("envelope", func(b *testing.B) {
		b.ReportAllocs()
		var d pipeline.Decoder
		m := crmsync.Message{Value: value}
		for b.Loop() {
			if _, fault := d.Decode(&m); fault != nil {
				b.Fatal(fault.Message)
			}
		}
	})
	b.Run("encoding-json-map", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var v map[string]any
			if err := json.Unmarshal(value, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// A store refuses what these would name, and with it all that travels beside it.
func TestTombstoneKeyIsBounded(t *testing.T) {
	for key, code := range map[string]string{
		"acme/contact/a\x00b":                      "bad_key",
		"acme/contact/" + strings.Repeat("x", 513): "too_long",
		strings.Repeat("x", 513) + "/contact/a":    "too_long",
	} {
		d := pipeline.Decoder{From: pipeline.VersionOffset}
		_, f := d.Decode(&crmsync.Message{Key: []byte(key)})
		require.NotNil(t, f)
		require.Equal(t, code, f.Code)
	}
}
