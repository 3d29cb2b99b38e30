package pipeline

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// FuzzWaitingBody reads any bytes for a waiting entry's body. What is taken is
// one or two whole messages, and the same after it was written again; all else
// is refused by the one error that callers know.
func FuzzWaitingBody(f *testing.F) {
	for _, messages := range waitingMessages() {
		f.Add(pack(messages))
	}
	for _, text := range []string{"", "1", "0[]", "2[{}]", "1[]", "1null", "1[null]", "1[{}]", "1[{},{},{}]", `1[{"topic":1}]`, `1[{"key":"!"}]`, `1[{"topic":"t","topic":"u"}]`, `1[{"topic":"t"}] `, `1[{"topic":"t"}]x`, `1[{"offset":1e400}]`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		messages, err := unpack(body)
		if err != nil {
			require.ErrorIs(t, err, errUnreadable)
			require.Nil(t, messages)
			return
		}
		require.NotEmpty(t, messages)
		require.LessOrEqual(t, len(messages), maxWaiting)
		again, err := unpack(pack(messages))
		require.NoError(t, err)
		require.Equal(t, messages, again)
	})
}

// FuzzWaitingMessage packs any message: every byte of it comes back, because it
// may yet become a dead letter.
func FuzzWaitingMessage(f *testing.F) {
	for _, messages := range waitingMessages() {
		m := messages[0]
		f.Add(m.Key, m.Value, m.Value == nil, "crmsync-version", []byte("7"), m.Time.UnixMicro())
	}
	f.Add([]byte{0xff}, []byte{0}, false, "\xff\x00", []byte{0xff}, int64(-1))
	f.Fuzz(func(t *testing.T, key, value []byte, tombstone bool, header string, headerValue []byte, micros int64) {
		if tombstone {
			value = nil
		}
		m := crmsync.Message{
			Topic: "crmsync.events", Partition: 3, Offset: 41, Key: key, Value: value, Time: time.UnixMicro(micros).UTC(),
			Headers: []crmsync.Header{{Key: header, Value: headerValue}},
		}
		messages, err := unpack(pack([]crmsync.Message{m, m}))
		require.NoError(t, err)
		require.Len(t, messages, 2)
		for _, got := range messages {
			require.Equal(t, m.Value == nil, got.Value == nil, "a tombstone is one still")
			require.True(t, bytes.Equal(m.Key, got.Key) && bytes.Equal(m.Value, got.Value))
			require.True(t, m.Time.Equal(got.Time))
			require.Len(t, got.Headers, 1)
			require.Equal(t, header, got.Headers[0].Key)
			require.True(t, bytes.Equal(headerValue, got.Headers[0].Value))
		}
	})
}

// waitingMessages are an event, and a delete with the event behind it.
func waitingMessages() [][]crmsync.Message {
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	event := crmsync.Message{
		Topic: "crmsync.events", Partition: 1, Offset: 7, Key: []byte("acme/contact/c-1"), Time: at,
		Value: []byte(`{"event_id":"e-1","org_id":"acme","record_type":"contact","record_id":"c-1","version":2,"op":"update","occurred_at":"2026-11-22T10:00:00Z","data":{"email":"ada@example.com"}}`),
	}
	tombstone := crmsync.Message{
		Topic: "crmsync.events", Partition: 1, Offset: 6, Key: []byte("acme/contact/c-1"), Time: at,
		Headers: []crmsync.Header{{Key: crmsync.HeaderVersion, Value: []byte("1")}},
	}
	return [][]crmsync.Message{{event}, {tombstone, event}}
}
