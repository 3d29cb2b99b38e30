package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/dsl"
	"crmsync/providers"
)

func TestStreamRepeats(t *testing.T) {
	a, b := newStream(7, 3, 10), newStream(7, 3, 10)
	seen := map[class]int{}
	for range 20_000 {
		p := a.next()
		require.Equal(t, p, b.next())
		require.Equal(t, p.class, classOf(p.record, p.version), "a version that comes again says the same")
		require.GreaterOrEqual(t, p.version, int64(1))
		require.LessOrEqual(t, p.version, a.newest[p.record])
		seen[p.class]++
	}
	require.Len(t, seen, 5, "each class comes")
	bad := seen[barred] + seen[refused] + seen[broken]
	require.InDelta(t, 20_000*badPerMille/1000, bad, 100)
}

func TestStreamMessages(t *testing.T) {
	s := newStream(1, 2, 2)
	tests := []struct {
		name       string
		event      planned
		key, value string
		headers    []crmsync.Header
		unreadable bool
		data       string
	}{
		{name: "a contact", event: planned{0, 3, good}, key: "o00/contact/r-0",
			value: `{"event_id":"e-0-3","org_id":"o00","record_type":"contact","record_id":"r-0","version":3,"op":"update","occurred_at":"2026-11-22T10:00:00Z","data":{"email":"r-0@example.com","last_name":"Name 3","phone":"+1 202 555 0003"}}`},
		{name: "a company", event: planned{3, 1, good}, key: "o01/company/r-3",
			value: `{"event_id":"e-3-1","org_id":"o01","record_type":"company","record_id":"r-3","version":1,"op":"create","occurred_at":"2026-11-22T10:00:00Z","data":{"name":"Name 1","industry":"AIRLINES_AVIATION"}}`},
		{name: "a delete", event: planned{1, 3, remove}, key: "o00/company/r-1",
			value: `{"event_id":"e-1-3","org_id":"o00","record_type":"company","record_id":"r-1","version":3,"op":"delete","occurred_at":"2026-11-22T10:00:00Z","data":{"name":"Name 3","industry":"AIRLINES_AVIATION"}}`},
		{name: "a tombstone", event: planned{1, 4, remove}, key: "o00/company/r-1", headers: []crmsync.Header{{Key: crmsync.HeaderVersion, Value: []byte("4")}}},
		{name: "one that can't be rendered", event: planned{1, 2, barred}, key: "o00/company/r-1",
			value: `{"event_id":"e-1-2","org_id":"o00","record_type":"company","record_id":"r-1","version":2,"op":"update","occurred_at":"2026-11-22T10:00:00Z","data":{"name":7,"industry":"AIRLINES_AVIATION"}}`},
		{name: "one that the CRM refuses", event: planned{0, 2, refused}, key: "o00/contact/r-0",
			value: `{"event_id":"e-0-2","org_id":"o00","record_type":"contact","record_id":"r-0","version":2,"op":"update","occurred_at":"2026-11-22T10:00:00Z","data":{"email":"no address","last_name":"Name 2","phone":"+1 202 555 0002"}}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			key, value, headers := s.message(test.event)
			require.Equal(t, test.key, string(key))
			require.Equal(t, test.value, string(value))
			require.Equal(t, test.headers, headers)
			n, ok := recordOf(s.key(test.event.record).ID)
			require.True(t, ok)
			require.Equal(t, test.event.record, n)
		})
	}
	_, value, _ := s.message(planned{0, 2, broken})
	require.False(t, json.Valid(value))
}

// TestMappingsHold: what the daemons are given compiles, so that a verdict is
// not about a mapping that nobody could use.
func TestMappingsHold(t *testing.T) {
	dir := t.TempDir()
	for name, text := range mappings(2) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	registry, found := dsl.Open(dir, dsl.Options{Dir: dir, Providers: providers.Names()})
	require.Empty(t, found)
	require.Equal(t, []string{"o00", "o01"}, registry.Current().Orgs())
}

func TestRecordOfRefuses(t *testing.T) {
	for _, id := range []string{"", "r-", "x-1", "r-x", "r"} {
		_, ok := recordOf(id)
		require.False(t, ok, id)
	}
}
