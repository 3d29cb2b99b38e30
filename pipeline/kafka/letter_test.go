package kafka

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"crmsync"
)

func aLetter() crmsync.DeadLetter {
	at := time.Date(2026, 11, 22, 10, 0, 0, 123_456_789, time.UTC)
	return crmsync.DeadLetter{
		Message: crmsync.Message{
			Topic: "crmsync.events", Partition: 3, Offset: 17, Time: at, Key: []byte("acme/contact/c-1"), Value: []byte("{}"),
			Headers: []crmsync.Header{{Key: "source", Value: []byte("billing")}, {Key: headerKind, Value: []byte("not ours")}},
		},
		Key: crmsync.RecordKey{Org: "acme", Type: "contact", ID: "c-1"}, Version: 7, Provider: "hubspot", Connection: "hubspot-eu",
		Attempts: 3, At: at.Add(time.Second),
		Fault: &crmsync.Fault{
			Kind: crmsync.Conflict, Code: "OBJECT_ALREADY_EXISTS", Message: "Contact already exists", Where: "mappings/acme/hubspot/contact.yaml:14:9",
			Field: "email", ExistingID: "901",
		},
	}
}

// consumed returns an entry as a reader gets it.
func consumed(out *sarama.ProducerMessage) *sarama.ConsumerMessage {
	in := &sarama.ConsumerMessage{Topic: out.Topic, Partition: 1, Offset: 5, Timestamp: time.Unix(0, 0)}
	if out.Key != nil {
		in.Key, _ = out.Key.Encode()
	}
	if out.Value != nil {
		in.Value, _ = out.Value.Encode()
	}
	for i := range out.Headers {
		in.Headers = append(in.Headers, &out.Headers[i])
	}
	return in
}

func TestEntryHeaders(t *testing.T) {
	l := aLetter()
	entry := entryOf("dlq", &l)
	require.True(t, entry.Timestamp.IsZero(), "the time of an entry is when it is written")
	got := map[string]string{}
	for _, h := range entry.Headers {
		got[string(h.Key)] = string(h.Value)
	}
	require.Equal(t, map[string]string{
		"crmsync-kind":       "conflict",
		"crmsync-code":       "OBJECT_ALREADY_EXISTS",
		"crmsync-message":    "Contact already exists",
		"crmsync-mapping":    "mappings/acme/hubspot/contact.yaml:14:9",
		"crmsync-field":      "email",
		"crmsync-existing":   "901",
		"crmsync-provider":   "hubspot",
		"crmsync-connection": "hubspot-eu",
		"crmsync-record":     "acme/contact/c-1",
		"crmsync-version":    "7",
		"crmsync-attempts":   "3",
		"crmsync-at":         "2026-11-22T10:00:01.123456789Z",
		"crmsync-topic":      "crmsync.events",
		"crmsync-partition":  "3",
		"crmsync-offset":     "17",
		"crmsync-time":       "2026-11-22T10:00:00.123456789Z",
		"header.source":      "billing", "header.crmsync-kind": "not ours",
	}, got)
	require.Equal(t, Letter{DeadLetter: l, Entry: Entry{Partition: 1, Offset: 5}}, letterOf(consumed(entry)))
}

func TestReference(t *testing.T) {
	l := aLetter()
	l.Message.Value = []byte(strings.Repeat("v", 5<<20))
	t.Run("keeps all but the value", func(t *testing.T) {
		entry := referenceTo("dlq", &l)
		value, err := entry.Value.Encode()
		require.NoError(t, err)
		require.JSONEq(t, `{"crmsync_reference":true,"topic":"crmsync.events","partition":3,"offset":17,"bytes":5242880}`, string(value))
		want := Letter{DeadLetter: l, Entry: Entry{Partition: 1, Offset: 5}, Reference: true}
		want.Message.Value = nil
		require.Equal(t, want, letterOf(consumed(entry)))
	})
	t.Run("fits with room to spare, whatever is large", func(t *testing.T) {
		long := strings.Repeat("ä", 50_000)
		l := l
		l.Message.Key, l.Message.Topic = []byte(long), long
		l.Message.Headers = []crmsync.Header{{Key: "h", Value: []byte(long)}}
		l.Provider, l.Connection, l.Key = long, long, crmsync.RecordKey{Org: long, Type: long, ID: long}
		l.Fault = &crmsync.Fault{Code: long, Message: long, Where: long, Field: long, ExistingID: long}
		entry := referenceTo("dlq", &l)
		require.Nil(t, entry.Key)
		require.Less(t, entry.ByteSize(2), letterHeaderBytes)
		require.Equal(t, strings.Repeat("ä", 248)+"…", letterOf(consumed(entry)).Fault.Message)
	})
}

func TestForeignEntry(t *testing.T) {
	ours := func(change func(h map[string]string)) *sarama.ConsumerMessage {
		l := aLetter()
		headers := map[string]string{}
		for _, h := range letterHeaders(&l) {
			headers[string(h.Key)] = string(h.Value)
		}
		change(headers)
		m := &sarama.ConsumerMessage{Topic: "dlq", Partition: 1, Offset: 5, Value: []byte("v")}
		for k, v := range headers {
			m.Headers = append(m.Headers, &sarama.RecordHeader{Key: []byte(k), Value: []byte(v)})
		}
		return m
	}
	tests := []struct {
		name  string
		entry *sarama.ConsumerMessage
		want  string
	}{
		{"no headers", ours(func(h map[string]string) { clear(h) }), "header crmsync-kind: no such kind"},
		{"an unknown kind", ours(func(h map[string]string) { h[headerKind] = "odd" }), "header crmsync-kind: no such kind"},
		{"no topic", ours(func(h map[string]string) { delete(h, headerTopic) }), "header crmsync-topic is missing"},
		{"an offset that is none", ours(func(h map[string]string) { h[headerOffset] = "x" }), `header crmsync-offset: strconv.ParseInt: parsing "x": invalid syntax`},
		{"a partition that is too large", ours(func(h map[string]string) { h[headerPartition] = "4294967296" }), `header crmsync-partition: strconv.ParseInt: parsing "4294967296": value out of range`},
		{"a time that is none", ours(func(h map[string]string) { h[headerAt] = "noon" }), `header crmsync-at: parsing time "noon" as "2006-01-02T15:04:05.999999999Z07:00": cannot parse "noon" as "2006"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := letterOf(test.entry)
			require.Equal(t, "foreign_entry", l.Fault.Code)
			require.EqualError(t, l.Fault.Err, test.want)
			require.Equal(t, crmsync.RecordKey{}, l.Key)
			require.Equal(t, place{topic: "dlq", partition: 1, offset: 5}, placeOf(&l))
			require.Equal(t, []byte("v"), l.Message.Value)
			require.Len(t, l.Message.Headers, len(test.entry.Headers))
		})
	}
}

func TestParseEntry(t *testing.T) {
	for _, text := range []string{"0/0", "3/17", "2147483647/9223372036854775807"} {
		e, err := ParseEntry(text)
		require.NoError(t, err)
		require.Equal(t, text, e.String())
	}
	for _, text := range []string{"", "/", "3", "3/", "/3", "-1/3", "3/-1", "2147483648/1", "1/2/3", "a/b", " 1/2"} {
		_, err := ParseEntry(text)
		require.EqualError(t, err, fmt.Sprintf("entry %q of the dead-letter topic: give partition/offset, such as 0/17", text))
	}
}

func FuzzParseEntry(f *testing.F) {
	f.Add("3/17")
	f.Add("a/b/c")
	f.Fuzz(func(t *testing.T, text string) {
		e, err := ParseEntry(text)
		if err != nil {
			return
		}
		again, err := ParseEntry(e.String())
		require.NoError(t, err)
		require.Equal(t, e, again)
	})
}

// FuzzLetterOf reads entries that anybody may have written.
func FuzzLetterOf(f *testing.F) {
	l := aLetter()
	headers := map[string]string{}
	for _, h := range entryOf("dlq", &l).Headers {
		headers[string(h.Key)] = string(h.Value)
	}
	seed, err := json.Marshal(headers)
	require.NoError(f, err)
	f.Add(seed)
	f.Add([]byte(`{"crmsync-kind":"rejected","crmsync-topic":"t","crmsync-offset":"-9"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		headers := map[string]string{}
		if json.Unmarshal(data, &headers) != nil {
			return
		}
		m := &sarama.ConsumerMessage{Topic: "dlq", Partition: 1, Offset: 5, Value: []byte("v")}
		for k, v := range headers {
			m.Headers = append(m.Headers, &sarama.RecordHeader{Key: []byte(k), Value: []byte(v)})
		}
		first := letterOf(m)
		require.NotNil(t, first.Fault)
		if first.Fault.Code == "foreign_entry" || first.Reference {
			return
		}
		again := letterOf(consumed(entryOf("dlq", &first.DeadLetter)))
		require.Len(t, again.Message.Headers, len(first.Message.Headers))
		require.Equal(t, placeOf(&first), placeOf(&again))
	})
}

func TestRecent(t *testing.T) {
	r := newRecent[int](3)
	for i := range 3 {
		require.True(t, r.add(i))
		require.False(t, r.add(i))
	}
	require.True(t, r.add(3), "pushes 0 out")
	require.True(t, r.add(0), "pushes 1 out")
	require.False(t, r.add(2))
	require.False(t, r.add(3))
	require.True(t, r.add(1))
	require.Len(t, r.keys, 3)
}
