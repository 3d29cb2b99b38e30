package expr

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// personSchema has a field of each kind: required and optional, with null and
// without, typed and open.
const personSchema = `{
  "type": "object",
  "additionalProperties": false,
  "required": ["id", "stage", "note", "home"],
  "properties": {
    "id": {"type": "string", "maxLength": 40},
    "email": {"type": ["string", "null"], "maxLength": 254, "format": "email"},
    "name": {"type": "string", "maxLength": 100},
    "note": {"type": ["string", "null"]},
    "stage": {"type": "string", "enum": ["lead", "won", "lost"]},
    "age": {"type": ["integer", "null"]},
    "score": {"type": ["number", "null"]},
    "vip": {"type": ["boolean", "null"]},
    "born": {"type": ["string", "null"], "format": "date-time"},
    "day": {"type": ["string", "null"], "format": "date"},
    "tags": {"type": ["array", "null"], "items": {"type": "string", "maxLength": 20}, "maxItems": 10},
    "orders": {"type": "array", "items": {"type": "object", "required": ["total"], "properties": {"total": {"type": "number"}, "code": {"type": ["string", "null"]}}}},
    "address": {"type": ["object", "null"], "additionalProperties": false, "properties": {"city": {"type": "string"}, "zip": {"type": ["string", "null"]}}},
    "home": {"$ref": "#/definitions/place"},
    "custom": {"type": ["object", "null"], "additionalProperties": true},
    "loose": {"type": "object", "additionalProperties": true, "properties": {"known": {"type": "integer"}}},
    "any": {}
  },
  "definitions": {"place": {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}, "lat": {"type": "number"}}}}
}`

func person(t testing.TB) *Schema {
	t.Helper()
	s, err := ParseSchema("person", []byte(personSchema))
	require.NoError(t, err)
	return s
}

func personEnv(t testing.TB) *Env {
	t.Helper()
	vars, err := NewVars(map[string]any{"region": "EMEA", "limit": 10, "ratio": 0.5, "codes": map[string]any{"a": "A"}, "list": []any{"x", "y"}, "none": nil, "on": true})
	require.NoError(t, err)
	env, err := NewRecordEnv(person(t), vars)
	require.NoError(t, err)
	return env
}

// personScope holds an event with this data.
func personScope(t testing.TB, data string) *Scope {
	t.Helper()
	vars, err := NewVars(map[string]any{"region": "EMEA", "limit": 10, "ratio": 0.5, "codes": map[string]any{"a": "A"}, "list": []any{"x", "y"}, "none": nil, "on": true})
	require.NoError(t, err)
	var s Scope
	require.NoError(t, s.Reset(personEvent(data), vars))
	return &s
}

func personEvent(data string) *crmsync.Event {
	return &crmsync.Event{
		ID: "e-1", Key: crmsync.RecordKey{Org: "acme", Type: "person", ID: "p-7"}, Version: 9007199254740993, Op: crmsync.Updated,
		OccurredAt: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), Data: []byte(data), Changed: []string{"email"},
	}
}
