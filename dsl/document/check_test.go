package document

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync/schemas"
)

func ourSchema(t *testing.T, format string) *Schema {
	t.Helper()
	src, ok := schemas.Format(format)
	require.True(t, ok)
	s, err := CompileSchema(format, src)
	require.NoError(t, err)
	return s
}

// checked returns what Check finds in a file that Parse takes, in one line
// each: position, code, message, then help and fix.
func checked(t *testing.T, s *Schema, src string) []string {
	t.Helper()
	return told(Check(parse(t, src), s, CheckOptions{}))
}

func told(ds Diagnostics) []string {
	var out []string
	for _, d := range ds {
		line := fmt.Sprintf("%v-%v %s %s [%s]", d.Range.Start, d.Range.End, d.Code, d.Message, d.Pointer)
		if d.Help != "" {
			line += " help: " + d.Help
		}
		if d.Fix != nil {
			line += fmt.Sprintf(" fix: %v-%v %s", d.Fix.Range.Start, d.Fix.Range.End, d.Fix.Text)
		}
		out = append(out, line)
	}
	return out
}

const header = "version: 1\nrecord_type: contact\nprovider: hubspot\nextends: global\n"

const allowedInMapping = "allowed: extends, fields, match, object, on_delete, on_missing, provider, record_type, vars, version, when"

// TestCheck: one mistake gives one diagnostic, at its place.
func TestCheck(t *testing.T) {
	tests := []struct {
		name, format, src string
		want              []string
	}{
		{"sound", "mapping", header + "fields: {email: record.email, n: 3, gone: null, b: true}\n", nil},
		{"misspelt key, and nothing of the one that is missing", "org", "version: 1\nconections:\n  a: {provider: b, credential: c}\n", []string{
			`2:1-2:11 CM102 unknown key "conections" [/conections] help: did you mean "connections"?  allowed: connections, version fix: 2:1-2:11 connections`}},
		{"unknown key far from any", "org", "version: 1\nzzz: 1\nconnections:\n  a: {provider: b, credential: c}\n", []string{
			`2:1-2:4 CM102 unknown key "zzz" [/zzz] help: allowed: connections, version`}},
		{"misspelt beside the right one: nothing to suggest", "org", "version: 1\nconnections:\n  a: {provider: b, credential: c, provder: d}\n", []string{
			`3:35-3:42 CM102 unknown key "provder" [/connections/a/provder] help: allowed: credential, paused, plan, provider`}},
		{"a key of a later version of the language", "mapping", header + "refs: {company: {record_type: company}}\n", []string{
			`5:1-5:5 CM102 unknown key "refs" [/refs] help: ` + allowedInMapping}},
		{"missing at the root", "org", "# empty\nversion: 1\n", []string{
			`1:1-1:1 CM103 missing key "connections" [] help: connections: The org's accounts at CRMs, by a name of your choice.`}},
		{"missing in a mapping: at its key", "org", "version: 1\nconnections:\n  é: x\n  main:\n    provider: b\n", []string{
			`3:3-3:4 CM104 key "é" is not of the form ^[a-z][a-z0-9_-]*$ [/connections/é]`,
			`3:6-3:7 CM104 "é" must be a mapping, but is text [/connections/é]`,
			`4:3-4:7 CM103 missing key "credential" [/connections/main] help: credential: Name of the credential in the credential store. The secret itself is set with: crmsync credentials set`}},
		{"missing in a list: at the item's first key", "mapping_test", "version: 1\ntests:\n  - event: {op: delete}\n    expect: {outcome: filtered}\n", []string{
			`3:5-3:10 CM103 missing key "name" [/tests/0] help: name: Says what is expected, in words; unique in the file.`}},
		{"missing in an empty mapping", "org", "version: 1\nconnections: {a: {}}\n", []string{
			`2:15-2:16 CM103 missing key "credential" [/connections/a] help: credential: Name of the credential in the credential store. The secret itself is set with: crmsync credentials set`,
			`2:15-2:16 CM103 missing key "provider" [/connections/a] help: provider: The kind of CRM: hubspot.`}},
		{"without extends three keys more", "mapping", "version: 1\nrecord_type: contact\nprovider: hubspot\n", []string{
			`1:1-1:1 CM103 missing key "fields" [] help: fields: The CRM's fields and what they hold.`,
			`1:1-1:1 CM103 missing key "match" [] help: match: How the CRM finds an object that is there already. It is what keeps a record from getting two objects.`,
			`1:1-1:1 CM103 missing key "object" [] help: object: The CRM's kind of object, in the CRM's own name: contacts, Account. May be left out under extends.`}},
		{"another version, alone", "mapping", "version: 2\nfoo: 1\nfields: 3\n", []string{`1:10-1:11 CM109 version 2 of this file format is not supported [/version] help: supported: 1`}},
		{"a quoted version", "org", "version: '1'\nconnections: {}\n", []string{`1:10-1:13 CM109 version "1" of this file format is not supported [/version] help: supported: 1`}},
		{"empty version", "org", "version:\nconnections: {}\n", []string{`1:1-1:8 CM109 the version of the file format is empty [/version] help: supported: 1`}},
		{"boolean for text", "mapping", header + "when: true\n", []string{`5:7-5:11 CM104 "when" must be text, but is true or false [/when] help: write 'true' fix: 5:7-5:11 'true'`}},
		{"text for boolean", "org", "version: 1\nconnections:\n  a: {provider: b, credential: c, paused: yes}\n", []string{
			`3:43-3:46 CM104 "paused" must be true or false, but is text [/connections/a/paused] help: write true fix: 3:43-3:46 true`}},
		{"scalar for list", "config", "kafka: {brokers: 127.0.0.1:9092}\n", []string{
			`1:18-1:32 CM104 "brokers" must be a list, but is text [/kafka/brokers] help: write [127.0.0.1:9092] fix: 1:18-1:32 [127.0.0.1:9092]`}},
		{"empty for mapping: at the key", "org", "version: 1\nconnections:\n", []string{`2:1-2:12 CM104 "connections" must be a mapping, but is empty [/connections]`}},
		{"list for a field", "mapping", header + "fields:\n  a: [1,\n    2]\n", []string{
			`6:6-7:7 CM104 "a" must be text, a number, true or false, empty or a mapping, but is a list [/fields/a]`}},
		{"item of a list", "config", "kafka:\n  brokers:\n    - a:1\n    - 2\n", []string{
			`4:7-4:8 CM104 item 2 of "brokers" must be text, but is a whole number [/kafka/brokers/1] help: write '2' fix: 4:7-4:8 '2'`}},
		{"list for the file", "org", "- a\n", []string{`1:1-1:4 CM104 the file must be a mapping, but is a list []`}},
		{"not among the allowed", "mapping", header + "fields:\n  a: {value: x, on_error: ommit, write: if_empty}\n", []string{
			`6:27-6:32 CM104 "on_error" must be omit or fail [/fields/a/on_error] help: did you mean "omit"? fix: 6:27-6:32 omit`,
			`6:41-6:49 CM104 "write" must be always, on_create or on_update [/fields/a/write]`}},
		{"not among the allowed, of a union", "mapping", header + "on_delete: delete\n", []string{`5:12-5:18 CM104 "on_delete" must be ignore or archive [/on_delete]`}},
		{"misspelt on_missing", "mapping", header + "on_missing: recrate\n", []string{
			`5:13-5:20 CM104 "on_missing" must be recreate or fail [/on_missing] help: did you mean "recreate"? fix: 5:13-5:20 recreate`}},
		{"on_missing of references", "mapping", header + "on_missing: omit\n", []string{`5:13-5:17 CM104 "on_missing" must be recreate or fail [/on_missing]`}},
		{"on_missing: no", "mapping", header + "on_missing: no\n", []string{`5:13-5:15 CM104 "on_missing" must be recreate or fail [/on_missing]`}},
		{"misspelt below a union", "mapping", header + "on_delete: {sett: {a: 1}}\n", []string{
			`5:13-5:17 CM102 unknown key "sett" [/on_delete/sett] help: did you mean "set"?  allowed: set fix: 5:13-5:17 set`}},
		{"pattern", "mapping", "version: 1\nrecord_type: Contact\nprovider: hubspot\nextends: global\n", []string{
			`2:14-2:21 CM104 "record_type" is not of the form ^[a-z][a-z0-9_]*$ [/record_type]`}},

		{"no version", "mapping", "record_type: contact\nprovider: hubspot\nextends: global\n", []string{
			`1:1-1:1 CM103 missing key "version" [] help: write version: 1`}},
		{"too short", "mapping", header + "object: ''\n", []string{`5:9-5:11 CM104 "object" is empty [/object]`}},
		{"too long", "mapping", header + "object: " + strings.Repeat("x", 129) + "\n", []string{`5:9-5:138 CM104 "object" is longer than 128 characters [/object]`}},
		{"too few", "mapping_test", "version: 1\ntests: []\n", []string{`2:8-2:10 CM104 "tests" is empty [/tests]`}},
		{"a key that needs another", "mapping", header + "fields:\n  a: {value: x, default: 3}\n", []string{
			`6:17-6:24 CM103 key "default" needs the key "map" beside it [/fields/a] help: map: Translates the value: what it is, and what the CRM gets instead.`}},
		{"the other one misspelt", "mapping", header + "fields:\n  a: {value: x, mapp: {a: b}, default: 3}\n", []string{
			`6:17-6:21 CM102 unknown key "mapp" [/fields/a/mapp] help: did you mean "map"?  allowed: default, map, on_error, type, value, write fix: 6:17-6:21 map`}},
		{"keys that exclude each other", "mapping_test", "version: 1\ntests:\n- name: x\n  event: {op: delete}\n  expect: {operation: find, outcome: filtered}\n", []string{
			`5:12-5:21 CM102 key "operation" is not allowed beside "outcome" [/tests/0/expect/operation] help: remove one of them`}},
		{"exact and partial", "mapping_test", "version: 1\ntests:\n- name: x\n  event: {op: delete}\n  expect: {fields: {}, fields_include: {a: 1}}\n", []string{
			`5:24-5:38 CM102 key "fields_include" is not allowed beside "fields" [/tests/0/expect/fields_include] help: remove one of them`}},
		{"format", "mapping_test", "version: 1\ntests:\n- name: x\n  event: {op: delete, occurred_at: today, version: 0}\n  expect: {outcome: filtered}\n", []string{
			`4:36-4:41 CM104 "occurred_at" is not a date-time [/tests/0/event/occurred_at] help: for example 2026-11-22T10:00:00Z`,
			`4:52-4:53 CM104 "version" must be at least 1 [/tests/0/event/version]`}},
		{"keys with slashes and tildes", "mapping", header + "fields:\n  a/b~c %41: [1]\n", []string{
			`6:14-6:17 CM104 "a/b~c %41" must be text, a number, true or false, empty or a mapping, but is a list [/fields/a~1b~0c %41]`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, checked(t, ourSchema(t, tt.format), tt.src))
		})
	}
}

// TestCheckFixes: each edit that the check proposes leaves a file with one
// mistake less.
func TestCheckFixes(t *testing.T) {
	schema := ourSchema(t, "mapping")
	src := header + "objekt: contacts\nwhen: true\nfields:\n  a: {value: x, on_error: ommit, tpye: string}\n"
	for left := 4; left > 0; left-- {
		ds := Check(parse(t, src), schema, CheckOptions{})
		require.Len(t, ds, left)
		src = string(ds[0].Fix.Apply([]byte(src)))
	}
	require.Empty(t, Check(parse(t, src), schema, CheckOptions{}))
	require.Equal(t, header+"object: contacts\nwhen: 'true'\nfields:\n  a: {value: x, on_error: omit, type: string}\n", src)
}

// TestCheckAfterRefusal: what Parse refused is not told again, what else is
// wrong is.
func TestCheckAfterRefusal(t *testing.T) {
	doc, ds := Parse("f.yaml", []byte(header+"object: *x\nwhen: &x record.a\nfields:\n  a: !b\n  b: 012\n  c: [1]\n"), Limits{})
	require.Len(t, ds, 1, "an alias before its anchor is no YAML")
	require.Nil(t, doc)
	doc, ds = Parse("f.yaml", []byte(header+"when: &x record.a\nobject: *x\nfields:\n  a: !b\n  b: 012\n  c: [1]\n  c: 2\n"), Limits{})
	require.Len(t, ds, 4)
	require.Equal(t, []string{`10:6-10:9 CM104 "c" must be text, a number, true or false, empty or a mapping, but is a list [/fields/c]`},
		told(Check(doc, ourSchema(t, "mapping"), CheckOptions{})))
}

func TestCheckMax(t *testing.T) {
	var b strings.Builder
	for i := range 300 {
		fmt.Fprintf(&b, "  f%d: [1]\n", i)
	}
	doc := parse(t, header+"fields:\n"+b.String())
	ds := Check(doc, ourSchema(t, "mapping"), CheckOptions{})
	require.Len(t, ds, 100)
	require.Equal(t, "/fields/f0", ds[0].Pointer, "the first ones in the file")
	require.Equal(t, "/fields/f99", ds[99].Pointer)
	require.Len(t, Check(doc, ourSchema(t, "mapping"), CheckOptions{Max: 3}), 3)
}

// TestKeywords: what our own formats do not use, other schemas may.
func TestKeywords(t *testing.T) {
	tests := []struct{ name, schema, src, want string }{
		{"maximum", `{"properties":{"a":{"maximum":3}}}`, "a: 4", `1:4-1:5 CM104 "a" must be at most 3 [/a]`},
		{"exclusiveMinimum", `{"properties":{"a":{"exclusiveMinimum":0}}}`, "a: 0", `1:4-1:5 CM104 "a" must be greater than 0 [/a]`},
		{"exclusiveMaximum", `{"properties":{"a":{"exclusiveMaximum":1}}}`, "a: 1.0", `1:4-1:7 CM104 "a" must be less than 1 [/a]`},
		{"minItems", `{"properties":{"a":{"minItems":2}}}`, "a: [x]", `1:4-1:7 CM104 "a" needs at least 2 items [/a]`},
		{"maxItems", `{"properties":{"a":{"maxItems":1}}}`, "a: [x, y]", `1:4-1:10 CM104 "a" has more than 1 items [/a]`},
		{"minProperties", `{"properties":{"a":{"minProperties":2}}}`, "a: {x: y}", `1:4-1:10 CM104 "a" needs at least 2 keys [/a]`},
		{"maxProperties", `{"properties":{"a":{"maxProperties":1}}}`, "a: {x: y, z: 1}", `1:4-1:16 CM104 "a" has more than 1 keys [/a]`},
		{"uniqueItems", `{"properties":{"a":{"uniqueItems":true}}}`, "a: [x, x]", `1:4-1:10 CM104 "a" has an item twice [/a]`},
		{"const", `{"properties":{"a":{"const":"x"}}}`, "a: y", `1:4-1:5 CM104 "a" must be x [/a]`},
		{"enum of numbers", `{"properties":{"a":{"enum":[1,2.5,null]}}}`, "a: 4", `1:4-1:5 CM104 "a" must be 1, 2.5 or null [/a]`},
		{"oneOf is told once", `{"properties":{"a":{"oneOf":[{"type":"string"},{"required":["b"]},{"type":"array"}]}}}`, "a: 4", ``},
		{"oneOf", `{"properties":{"a":{"oneOf":[{"type":"string"},{"type":"object","required":["b"]}]}}}`, "a: {c: 1}",
			`1:4-1:10 CM104 "a" has none of the forms that are allowed here [/a]`},
		{"not", `{"properties":{"a":{"not":{"type":"string"}}}}`, "a: x", `1:4-1:5 CM104 "a" is refused: not failed [/a]`},
		{"example", `{"properties":{"a":{"pattern":"^[a-z]+$","examples":["abc"]}}}`, "a: X", `1:4-1:5 CM104 "a" is not of the form ^[a-z]+$ [/a] help: for example abc`},
		{"date", `{"properties":{"a":{"format":"date"}}}`, "a: tomorrow", `1:4-1:12 CM104 "a" is not a date [/a] help: for example 2026-11-22`},
		{"type before all else", `{"properties":{"a":{"allOf":[{"enum":["x"]},{"type":"string"},{"const":"x"}]}}}`, "a: 1",
			`1:4-1:5 CM104 "a" must be text, but is a whole number [/a] help: write '1' fix: 1:4-1:5 '1'`},
		{"patternProperties", `{"patternProperties":{"^x-":{}},"additionalProperties":false,"properties":{"a":{}}}`, "x-y: 1\nb: 2",
			`2:1-2:2 CM102 unknown key "b" [/b] help: allowed: a`},
		{"no key at all", `{"properties":{"a":{"additionalProperties":false}}}`, "a: {b: 1}", `1:5-1:6 CM102 unknown key "b" [/a/b] help: no key is allowed here`},
		{"names from a list", `{"propertyNames":{"enum":["create","update"]}}`, "creat: 1", `1:1-1:6 CM102 unknown key "creat" [/creat] help: did you mean "create"?  allowed: create, update fix: 1:1-1:6 create`},
		{"forbidden key", `{"then":{"properties":{"a":false}},"if":true}`, "a: 1", `1:1-1:2 CM102 key "a" is not allowed here [/a] help: remove one of them`},
		{"pattern of a literal", `{"properties":{"a":{"pattern":"^[a-z]+$"}}}`, "a: |\n  X\n", `1:4-2:4 CM104 "a" is not of the form ^[a-z]+$ [/a]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			schema, err := CompileSchema(tt.name, []byte(tt.schema))
			require.NoError(t, err)
			var want []string
			if tt.want != "" {
				want = []string{tt.want}
			}
			require.Equal(t, want, checked(t, schema, tt.src))
		})
	}
}

func TestCompileSchema(t *testing.T) {
	_, err := CompileSchema("broken", []byte(`{"type": 3`))
	require.EqualError(t, err, "schema broken: unexpected end of JSON input")
	_, err = CompileSchema("wrong", []byte(`{"type": 3}`))
	require.ErrorContains(t, err, "schema wrong: jsonschema schema:/// compilation failed")
	_, err = CompileSchema("far", []byte(`{"$ref": "https://example.com/x.json"}`))
	require.ErrorContains(t, err, "https://example.com/x.json is another file")
	_, err = CompileSchema("near", []byte(`{"$ref": "file:///etc/passwd"}`))
	require.ErrorContains(t, err, "file:///etc/passwd is another file")
}
