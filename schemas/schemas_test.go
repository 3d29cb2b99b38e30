package schemas_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"github.com/stretchr/testify/require"

	"crmsync/schemas"
)

func TestNames(t *testing.T) {
	require.Subset(t, schemas.Formats(), []string{"catalog", "config", "event", "mapping", "mapping_test", "org"})
	require.IsIncreasing(t, schemas.Formats())
	require.Equal(t, []string{"company", "contact", "deal"}, schemas.Records())
	for _, name := range schemas.Formats() {
		_, ok := schemas.Format(name)
		require.True(t, ok, name)
	}
	for _, name := range schemas.Records() {
		_, ok := schemas.Record(name)
		require.True(t, ok, name)
	}
	_, ok := schemas.Format("nothing")
	require.False(t, ok)
	_, ok = schemas.Record("../mapping")
	require.False(t, ok, "a record type is no path")
}

// TestEverySchema holds what all schemas have in common.
func TestEverySchema(t *testing.T) {
	err := fs.WalkDir(schemas.FS(), ".", func(file string, d fs.DirEntry, err error) error {
		if file == "providers" { // catalogues: data in the form of catalog.schema.json
			return fs.SkipDir
		}
		if err != nil || d.IsDir() {
			return err
		}
		t.Run(file, func(t *testing.T) {
			src, err := fs.ReadFile(schemas.FS(), file)
			require.NoError(t, err)
			var doc map[string]any
			require.NoError(t, json.Unmarshal(src, &doc))
			require.Equal(t, "http://json-schema.org/draft-07/schema#", doc["$schema"], "older editors know no newer draft")
			require.NotEmpty(t, doc["title"])
			require.NotEmpty(t, doc["description"])
			require.Equal(t, file, strings.TrimPrefix(doc["$id"].(string), "https://crmsync.example/schemas/"))
			_, err = jsonschema.CompileString(file, string(src))
			require.NoError(t, err)
			if !strings.HasPrefix(file, "event.") { // events may carry more than we know of
				walk(t, "", doc)
			}
		})
		return nil
	})
	require.NoError(t, err)
}

// walk requires of each object of a schema that it can be checked with one
// message per mistake, and that it refuses keys it does not know.
func walk(t *testing.T, at string, node any) {
	t.Helper()
	switch n := node.(type) {
	case []any:
		for _, v := range n {
			walk(t, at+"/*", v)
		}
	case map[string]any:
		require.NotContains(t, n, "oneOf", at)
		require.NotContains(t, n, "anyOf", at)
		if _, lists := n["properties"].(map[string]any); lists && n["type"] == "object" {
			require.Contains(t, n, "additionalProperties", at)
		}
		for k, v := range n {
			walk(t, at+"/"+k, v)
		}
	}
}

// TestRecordFields: the estimate of what an expression costs needs the largest
// size of every text and list.
func TestRecordFields(t *testing.T) {
	for _, name := range schemas.Records() {
		src, _ := schemas.Record(name)
		var doc map[string]any
		require.NoError(t, json.Unmarshal(src, &doc))
		bounded(t, name, doc)
	}
}

func bounded(t *testing.T, at string, node map[string]any) {
	t.Helper()
	kind, _ := json.Marshal(node["type"])
	switch {
	case strings.Contains(string(kind), `"string"`):
		require.Contains(t, node, "maxLength", at)
	case strings.Contains(string(kind), `"array"`):
		require.Contains(t, node, "maxItems", at)
		bounded(t, at+"[]", node["items"].(map[string]any))
	}
	properties, _ := node["properties"].(map[string]any)
	for name, p := range properties {
		require.NotEmpty(t, p.(map[string]any)["description"], at+"."+name)
		bounded(t, at+"."+name, p.(map[string]any))
	}
}

func TestSamples(t *testing.T) {
	tests := []struct{ name, format, sample, fault string }{
		{"design's mapping", "mapping", `{"version":1,"record_type":"contact","provider":"hubspot","object":"contacts","extends":"global",
			"when":"record.status != \"internal\"","match":{"field":"crmsync_id","value":"record_id"},"on_delete":"archive","vars":{"region":"EMEA"},
			"fields":{"email":"lower(record.email)","a":{"value":"record.stage","map":{"lead":"lead"},"default":"other"},"n":3,"gone":null,
			"r":{"value":"record.revenue","type":"number","on_error":"omit"},"p":{"value":"record.phone","write":"on_create"}}}`, ""},
		{"on_delete sets fields", "mapping", `{"version":1,"record_type":"a","provider":"b","extends":"global","on_delete":{"set":{"status":"Inactive","x":null}}}`, ""},
		{"on_missing", "mapping", `{"version":1,"record_type":"a","provider":"b","extends":"global","on_missing":"recreate"}`, ""},
		{"on_missing of references", "mapping", `{"version":1,"record_type":"a","provider":"b","extends":"global","on_missing":"omit"}`, `value must be one of "recreate", "fail"`},
		{"without extends all of it", "mapping", `{"version":1,"record_type":"a","provider":"b"}`, "missing properties: 'object', 'match', 'fields'"},
		{"refs", "mapping", `{"version":1,"record_type":"a","provider":"b","extends":"global","refs":{}}`, "additionalProperties 'refs' not allowed"},
		{"if_empty", "mapping", `{"version":1,"record_type":"a","provider":"b","extends":"global","fields":{"a":{"value":"x","write":"if_empty"}}}`,
			`value must be one of "always", "on_create", "on_update"`},
		{"default without map", "mapping", `{"version":1,"record_type":"a","provider":"b","extends":"global","fields":{"a":{"value":"x","default":1}}}`, "property 'map' is required, if 'default' property exists"},
		{"design's org", "org", `{"version":1,"connections":{"hubspot":{"provider":"hubspot","credential":"hubspot-main","plan":"professional","paused":false}}}`, ""},
		{"a URL in an org", "org", `{"version":1,"connections":{"hubspot":{"provider":"hubspot","credential":"x","base_url":"http://x"}}}`, "additionalProperties 'base_url' not allowed"},
		{"tests", "mapping_test", `{"version":1,"tests":[
			{"name":"new","event":{"record":{"email":"A@B"}},"expect":{"operation":"upsert","match":{"field":"crmsync_id","value":"r-1"},"fields":{"email":"a@b"}}},
			{"name":"gone","event":{"op":"delete"},"link":{"external_id":"5"},"expect":{"operation":"archive","external_id":"5"}},
			{"name":"skipped","event":{"op":"create","record":{}},"expect":{"outcome":"filtered"}},
			{"name":"broken","event":{"record":{"birthday":"x"}},"expect":{"error":{"code":"cel_error","field":"date_of_birth"}}}]}`, ""},
		{"an error beside a call", "mapping_test", `{"version":1,"tests":[{"name":"x","event":{"op":"delete"},"expect":{"operation":"find","outcome":"filtered"}}]}`, `value must be "outcome"`},
		{"a test without a record", "mapping_test", `{"version":1,"tests":[{"name":"x","event":{"op":"update"},"expect":{"outcome":"filtered"}}]}`, "missing properties: 'record'"},
		{"design's event", "event", `{"event_id":"01JD","org_id":"acme","record_type":"contact","record_id":"c-101","version":7,
			"op":"update","occurred_at":"2026-11-22T10:00:00Z","data":{"email":"ada@example.com"},"changed":["email"],"trace_id":"x"}`, ""},
		{"a delete without data", "event", `{"event_id":"1","org_id":"acme","record_type":"contact","record_id":"c","version":1,"op":"delete","occurred_at":"2026-11-22T10:00:00Z"}`, ""},
		{"an update without data", "event", `{"event_id":"1","org_id":"acme","record_type":"contact","record_id":"c","version":1,"op":"update","occurred_at":"2026-11-22T10:00:00Z"}`, "missing properties: 'data'"},
		{"the issue's configuration", "config", `{"kafka":{"brokers":["127.0.0.1:9092"],"topic":"crmsync.events","dead_letter_topic":"crmsync.dlq","group":"crmsync"},
			"state":{"url":"postgres://crmsync@127.0.0.1/crmsync"},"redis":{"url":"redis://127.0.0.1:6379/0"},
			"credentials":{"url":"file:credentials.json","key_file":"credentials.key"},"mappings":{"dir":"mappings"},
			"providers":{"hubspot":{"base_url":"http://127.0.0.1:8089"}},"admin":{"listen":"127.0.0.1:8080"}}`, ""},
		{"an unknown database", "config", `{"state":{"url":"mysql://x"}}`, "does not match pattern '^(postgres(ql)?://|sqlite:).+$'"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src, ok := schemas.Format(tt.format)
			require.True(t, ok)
			var v any
			require.NoError(t, json.Unmarshal([]byte(tt.sample), &v))
			err := jsonschema.MustCompileString(tt.format, string(src)).Validate(v)
			if tt.fault == "" {
				require.NoError(t, err)
				return
			}
			failed, ok := errors.AsType[*jsonschema.ValidationError](err)
			require.True(t, ok)
			require.Equal(t, []string{tt.fault}, leaves(failed))
		})
	}
}

// leaves returns the messages of an error that no other one explains.
func leaves(e *jsonschema.ValidationError) []string {
	if len(e.Causes) == 0 {
		return []string{e.Message}
	}
	var out []string
	for _, c := range e.Causes {
		out = append(out, leaves(c)...)
	}
	return out
}
