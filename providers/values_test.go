package providers

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	asText = values{null: `""`, booleanText: true, numberText: true, list: ";", flat: true}
	asJSON = values{null: "null"}
)

func TestMembers(t *testing.T) {
	for _, c := range []struct {
		name, src  string
		text, json string // what is appended
		code       string // of the text form, in place of it
		except     []string
	}{
		{name: "nothing", src: `{}`},
		{name: "texts as they stand", src: ` { "a" : "x\"\u00e4\n", "b":"" } `, text: `"a":"x\"\u00e4\n","b":""`, json: `"a":"x\"\u00e4\n","b":""`},
		{name: "null clears", src: `{"a":null}`, text: `"a":""`, json: `"a":null`},
		{name: "booleans", src: `{"a":true,"b":false}`, text: `"a":"true","b":"false"`, json: `"a":true,"b":false`},
		{name: "numbers", src: `{"a":1500.00,"b":-0,"c":12345678901234567890}`, text: `"a":"1500.00","b":"-0","c":"12345678901234567890"`, json: `"a":1500.00,"b":-0,"c":12345678901234567890`},
		{name: "exponents", src: `{"a":1.5e3,"b":2E-3,"c":1e400}`, text: `"a":"1500","b":"0.002","c":"1e400"`, json: `"a":1.5e3,"b":2E-3,"c":1e400`},
		{name: "lists", src: `{"a":["x","y\\"],"b":[],"c":[1,true,null,"",2e1],"d":[null,"z"]}`, text: `"a":"x;y\\","b":"","c":"1;true;20","d":"z"`, json: `"a":["x","y\\"],"b":[],"c":[1,true,null,"",2e1],"d":[null,"z"]`},
		{name: "an object", src: `{"a":{"b":[1,{"c":null}]}}`, code: codeNestedValue, json: `"a":{"b":[1,{"c":null}]}`},
		{name: "a list in a list", src: `{"a":[["x"]]}`, code: codeNestedValue, json: `"a":[["x"]]`},
		{name: "left out, wherever it stands", src: `{"k":1,"a":"x","k":2,"b":"y","k":[3]}`, except: []string{"k"}, text: `"a":"x","b":"y"`, json: `"a":"x","b":"y"`},
		{name: "left out under an escaped name", src: `{"\u006b":1}`, except: []string{"k"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, bad := asText.appendMembers(nil, []byte(c.src), c.except)
			if c.code != "" {
				require.Equal(t, &badField{code: c.code, field: "a"}, bad)
			} else {
				require.Nil(t, bad)
				require.Equal(t, c.text, string(got))
			}
			got, bad = asJSON.appendMembers(nil, []byte(c.src), c.except)
			require.Nil(t, bad)
			require.Equal(t, c.json, string(got))
		})
	}
}

func TestMembersThatAreNoJSON(t *testing.T) {
	for _, src := range []string{
		``, ` `, `[]`, `null`, `{`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,"a":1}`, `{"a":1}x`, `{"a":1}{}`, `{a:1}`, `{"a":01}`, `{"a":1.}`, `{"a":.5}`, `{"a":+1}`,
		`{"a":1e}`, `{"a":tru}`, `{"a":nul}`, `{"a":"x}`, "{\"a\":\"\n\"}", `{"a":"\x"}`, `{"a":"\u12g4"}`, `{"a":"\u12`, `{"a":[1,]}`, `{"a":[1 2]}`, `{"a":[`, "{\"a\":1}\x00",
	} {
		_, bad := asText.appendMembers(nil, []byte(src), nil)
		require.NotNil(t, bad, src)
		require.Equal(t, codeInvalidFields, bad.code, src)
	}
}

func TestNestingIsBounded(t *testing.T) {
	deep := func(n int) []byte {
		return slicesOf(`{"a":`, bytes.Repeat([]byte("["), n), bytes.Repeat([]byte("]"), n), `}`)
	}
	_, bad := asJSON.appendMembers(nil, deep(nestingMax), nil)
	require.Nil(t, bad)
	_, bad = asJSON.appendMembers(nil, deep(100_000), nil)
	require.Equal(t, &badField{code: codeInvalidFields, field: "a"}, bad)
}

func slicesOf(open string, in, out []byte, end string) []byte {
	return append(append(append([]byte(open), in...), out...), end...)
}

// FuzzMembers: whatever the fields are, a request stays JSON, and fields that
// are a JSON object are taken.
func FuzzMembers(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":"b"}`, `{"a":[1,null,"x"],"b":{"c":1e5}}`, `{"a":"\ud83d"}`, `{"a":1`, `[`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, v := range []values{asText, asJSON} {
			got, bad := v.appendMembers([]byte{'{'}, src, []string{"k"})
			if bad == nil {
				require.True(t, json.Valid(append(got, '}')), "%s\n%s", src, got)
				continue
			}
			var object map[string]any
			nested := bad.code == codeNestedValue || bytes.Count(src, []byte("["))+bytes.Count(src, []byte("{")) > nestingMax
			if !nested && json.Unmarshal(src, &object) == nil && object != nil {
				t.Fatalf("%q is an object, but %s", src, bad.code)
			}
		}
	})
}
