package expr

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestValueJSON(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.FixedZone("", 3600))
	tests := []struct {
		name  string
		value any
		json  string
		text  string
		shown string
	}{
		{"null", nil, `null`, "", "null"},
		{"boolean", true, `true`, "true", "true"},
		{"integer", 9007199254740993, `9007199254740993`, "9007199254740993", "9007199254740993"},
		{"negative", int64(-5), `-5`, "-5", "-5"},
		{"number", 1.5, `1.5`, "1.5", "1.5"},
		{"whole number", 3.0, `3`, "3", "3"},
		{"large number", 1e21, `1e+21`, "1000000000000000000000", "1000000000000000000000"},
		{"small number", 1e-7, `1e-07`, "0.0000001", "0.0000001"},
		{"string", "a\"\\\n\t\r\x01é\u2028", `"a\"\\\n\t\r\u0001é` + "\u2028" + `"`, "a\"\\\n\t\r\x01é\u2028", `"a\"\\\n\t\r\x01é\u2028"`},
		{"bytes", []byte("hi"), `"aGk="`, "", "2 bytes"},
		{"timestamp", at, `"2026-01-02T02:04:05.6Z"`, "2026-01-02T02:04:05.6Z", "2026-01-02T02:04:05.6Z"},
		{"duration", 3500 * time.Millisecond, `"3.5s"`, "3.5s", "3.5s"},
		{"list", []any{1, "a", nil, []any{}}, `[1,"a",null,[]]`, "", `[1, "a", null, []]`},
		{"strings", []string{"a", "b"}, `["a","b"]`, "", `["a", "b"]`},
		{"map", map[string]any{"b": 1, "a": Value{}, "c": nil}, `{"b":1,"c":null}`, "", `{"a": missing, "b": 1, "c": null}`},
		{"values", map[string]Value{"x": ValueOf("y")}, `{"x":"y"}`, "", `{"x": "y"}`},
		{"long string", strings.Repeat("é", 100), `"` + strings.Repeat("é", 100) + `"`, strings.Repeat("é", 100), `"` + strings.Repeat("é", 80) + `…"`},
		{"long list", []any{1, 2, 3, 4, 5, 6, 7, 8, 9}, `[1,2,3,4,5,6,7,8,9]`, "", `[1, 2, 3, 4, 5, 6, 7, 8, …]`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := ValueOf(test.value)
			out, err := v.AppendJSON([]byte("<"))
			require.NoError(t, err)
			require.Equal(t, "<"+test.json, string(out))
			require.True(t, json.Valid(out[1:]))
			text, ok := v.Text()
			require.Equal(t, test.text, text)
			require.Equal(t, test.text != "", ok)
			require.Equal(t, test.shown, v.String())
		})
	}
}

func TestValueJSONFaults(t *testing.T) {
	deep := ValueOf(1)
	for range 70 {
		deep = ValueOf([]Value{deep})
	}
	wide := ValueOf(strings.Repeat("x", 60_000))
	for range 2 {
		wide = ValueOf([]Value{wide, wide, wide, wide, wide, wide})
	}
	tests := []struct {
		name  string
		value Value
		want  string
	}{
		{"missing", Value{}, "write JSON: the value is missing"},
		{"NaN", ValueOf(math.NaN()), "write JSON: the number is not finite"},
		{"infinity", ValueOf([]any{math.Inf(-1)}), "write JSON: the number is not finite"},
		{"deep", deep, "the result is larger than 1 MiB, or nested deeper than 64"},
		{"wide", wide, "the result is larger than 1 MiB, or nested deeper than 64"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			out, err := test.value.AppendJSON([]byte("<"))
			require.EqualError(t, err, test.want)
			require.Equal(t, "<", string(out))
		})
	}
}

// TestStringAsEncodingJSON compares AppendString with the standard library.
func TestStringAsEncodingJSON(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(r, "s")
		var got, want string
		require.NoError(t, json.Unmarshal(AppendString(nil, s), &got))
		b, err := json.Marshal(s)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(b, &want))
		require.Equal(t, want, got)
	})
}

// TestJSONThereAndBack reads random JSON and writes it back.
func TestJSONThereAndBack(t *testing.T) {
	leaf := rapid.OneOf(
		rapid.Map(rapid.String(), func(s string) any { return s }), rapid.Map(rapid.Int64(), func(n int64) any { return n }),
		rapid.Map(rapid.Float64Range(-1e15, 1e15), func(f float64) any { return f }), rapid.Map(rapid.Bool(), func(b bool) any { return b }), rapid.Just[any](nil),
	)
	tree := rapid.Custom(func(r *rapid.T) any {
		if rapid.Bool().Draw(r, "list") {
			return rapid.SliceOfN(leaf, 0, 5).Draw(r, "items")
		}
		return rapid.MapOfN(rapid.String(), leaf, 0, 5).Draw(r, "entries")
	})
	rapid.Check(t, func(r *rapid.T) {
		src, err := json.Marshal(tree.Draw(r, "tree"))
		require.NoError(t, err)
		v, err := ParseJSON(src)
		require.NoError(t, err)
		out, err := v.AppendJSON(nil)
		require.NoError(t, err)
		require.JSONEq(t, string(src), string(out))
	})
}

func TestValueAccess(t *testing.T) {
	v, err := ParseJSON([]byte(`{"n":5,"f":2.5,"whole":3.0,"s":"x","b":true,"l":[1,2],"m":{"k":null},"big":12345678901234567890}`))
	require.NoError(t, err)
	require.Equal(t, Map, v.Type())
	require.Equal(t, 8, v.Len())
	n, ok := v.Get("n").Int()
	require.Equal(t, []any{int64(5), true}, []any{n, ok})
	f, ok := v.Get("f").Float()
	require.Equal(t, []any{2.5, true}, []any{f, ok})
	_, ok = v.Get("f").Int()
	require.False(t, ok, "not whole")
	n, ok = v.Get("whole").Int()
	require.Equal(t, []any{int64(3), true}, []any{n, ok})
	s, ok := v.Get("s").Str()
	require.Equal(t, []any{"x", true}, []any{s, ok})
	b, ok := v.Get("b").Bool()
	require.Equal(t, []any{true, true}, []any{b, ok})
	_, ok = v.Get("big").Int()
	require.False(t, ok, "beyond 64 bits")
	require.True(t, v.Get("none").IsMissing())
	require.True(t, v.Get("none").Get("x").IsMissing())
	require.Equal(t, Null, v.Get("none").Type())
	require.True(t, v.Get("m").Get("k").IsNull())
	require.False(t, v.Get("m").Get("k").IsMissing())
	var items []string
	for item := range v.Get("l").Items() {
		items = append(items, item.String())
	}
	require.Equal(t, []string{"1", "2"}, items)
	keys := 0
	for key, entry := range v.Entries() {
		require.Equal(t, v.Get(key).String(), entry.String())
		keys++
	}
	require.Equal(t, 8, keys)
	require.True(t, ValueOf(struct{}{}).IsMissing(), "no other types")
	at, ok := ValueOf(time.Unix(5, 0)).Time()
	require.True(t, ok)
	require.Equal(t, int64(5), at.Unix())
	_, err = ParseJSON([]byte(`{"a":`))
	require.Error(t, err)
}
