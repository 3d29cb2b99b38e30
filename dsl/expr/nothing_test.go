package expr

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMissingNullValue is the rule of the package comment as a table: what an
// expression gives when the field is not there, null, and a value.
func TestMissingNullValue(t *testing.T) {
	tests := []struct{ name, expr, missing, null, value string }{
		{"plain read", `record.email`, `missing`, `null`, `"Ada@X.org"`},
		{"own function", `lower(record.email)`, `missing`, `null`, `"ada@x.org"`},
		{"own functions nested", `upper(trim(lower(record.email)))`, `missing`, `null`, `"ADA@X.ORG"`},
		{"two arguments", `truncate(record.email, 3)`, `missing`, `null`, `"Ada"`},
		{"blank", `blank(record.email)`, `true`, `true`, `false`},
		{"default", `default(record.email, "d")`, `"d"`, `"d"`, `"Ada@X.org"`},
		{"coalesce", `coalesce(record.email, null, "c")`, `"c"`, `"c"`, `"Ada@X.org"`},
		{"coalesce of nothing", `coalesce(record.email, record.email)`, `missing`, `null`, `"Ada@X.org"`},
		{"lookup", `lookup({"Ada@X.org": 1}, record.email, 2)`, `2`, `2`, `1`},
		{"joinNonBlank", `joinNonBlank([record.email, "x"], " ")`, `"x"`, `"x"`, `"Ada@X.org x"`},
		{"has", `has(record.email)`, `false`, `true`, `true`},
		{"equals null", `record.email == null`, `true`, `true`, `false`},
		{"null equals", `null == record.email`, `true`, `true`, `false`},
		{"is not null", `record.email != null`, `false`, `false`, `true`},
		{"equals text", `record.email == "Ada@X.org"`, `false`, `false`, `true`},
		{"differs from text", `record.email != "Ada@X.org"`, `true`, `true`, `false`},
		{"equals another field", `record.email == record.day`, `true`, `true`, `false`},
		{"in a list", `record.email in ["Ada@X.org", "y"]`, `false`, `false`, `true`},
		{"branch", `record.id == "7" ? record.email : "other"`, `missing`, `null`, `"Ada@X.org"`},
		{"guarded method", `record.email != null && record.email.startsWith("Ada")`, `false`, `false`, `true`},
		{"optional", `record.?email.orValue("o")`, `"o"`, `null`, `"Ada@X.org"`},
		{"optional alone", `record.?email`, `missing`, `null`, `"Ada@X.org"`},
		{"in a list that is built", `[record.email, "x"]`, `[null,"x"]`, `[null,"x"]`, `["Ada@X.org","x"]`},
		{"in a map that is built", `{"e": record.email, "x": 1}`, `{"x":1}`, `{"e":null,"x":1}`, `{"e":"Ada@X.org","x":1}`},
		{"method", `record.email.lowerAscii()`, `fault: record.email is missing, lowerAscii() needs a value`, `fault: record.email is null, lowerAscii() needs a value`, `"ada@x.org"`},
		{"operator", `"<" + record.email`, `fault: record.email is missing, + needs a value`, `fault: record.email is null, + needs a value`, `"<Ada@X.org"`},
		{"operator, left", `record.email + ">"`, `fault: record.email is missing, + needs a value`, `fault: record.email is null, + needs a value`, `"Ada@X.org>"`},
		{"comparison", `record.email < "B"`, `fault: record.email is missing, < needs a value`, `fault: record.email is null, < needs a value`, `true`},
		{"size", `size(record.email)`, `fault: record.email is missing, size() needs a value`, `fault: record.email is null, size() needs a value`, `9`},
		{"conversion", `string(record.email)`, `fault: record.email is missing, string() needs a value`, `fault: record.email is null, string() needs a value`, `"Ada@X.org"`},
		{"result of a function", `lower(record.email).size()`, `fault: this is missing, size() needs a value`, `fault: this is null, size() needs a value`, `9`},
	}
	env := personEnv(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.missing, outcome(env, personScope(t, `{"id":"7"}`), test.expr), "missing")
			require.Equal(t, test.null, outcome(env, personScope(t, `{"id":"7","email":null,"day":null}`), test.expr), "null")
			require.Equal(t, test.value, outcome(env, personScope(t, `{"id":"7","email":"Ada@X.org"}`), test.expr), "value")
		})
	}
}

// TestMissingOfOtherTypes is the same for fields that are no strings.
func TestMissingOfOtherTypes(t *testing.T) {
	tests := []struct{ name, expr, missing, null, value string }{
		{"boolean condition", `record.vip ? 1 : 2`, `fault: record.vip is missing, the condition needs a value`, `fault: record.vip is null, the condition needs a value`, `1`},
		{"boolean default", `default(record.vip, false) ? 1 : 2`, `2`, `2`, `1`},
		{"not", `!record.vip`, `fault: record.vip is missing, ! needs a value`, `fault: record.vip is null, ! needs a value`, `false`},
		{"and", `record.vip && true`, `fault: record.vip is missing, && needs a value`, `fault: record.vip is null, && needs a value`, `true`},
		{"or that is settled", `record.vip || record.id == "7"`, `true`, `true`, `true`},
		{"number", `record.score * 2.0`, `fault: record.score is missing, * needs a value`, `fault: record.score is null, * needs a value`, `3`},
		{"number compared with integer", `default(record.score, 0.0) >= 1`, `false`, `false`, `true`},
		{"integer", `-record.age`, `fault: record.age is missing, - needs a value`, `fault: record.age is null, - needs a value`, `-36`},
		{"timestamp", `epochMillis(record.born)`, `missing`, `null`, `0`},
		{"timestamp method", `record.born.getFullYear()`, `fault: record.born is missing, getFullYear() needs a value`, `fault: record.born is null, getFullYear() needs a value`, `1970`},
		{"list", `record.tags.join(";")`, `fault: record.tags is missing, join() needs a value`, `fault: record.tags is null, join() needs a value`, `"a;b"`},
		{"list read at an index", `record.tags[0]`, `missing`, `missing`, `"a"`},
		{"list looped over", `record.tags.map(t, t + "!")`, `fault: record.tags is missing, map() needs a value`, `fault: record.tags is null, map() needs a value`, `["a!","b!"]`},
		{"list with default", `default(record.tags, []).size()`, `0`, `0`, `2`},
		{"field below an object", `record.address.city`, `missing`, `missing`, `"Paris"`},
		{"has below an object", `has(record.address.city)`, `false`, `false`, `true`},
		{"object", `record.address`, `missing`, `null`, `{"city":"Paris"}`},
		{"open object", `record.custom.a.b`, `missing`, `missing`, `1`},
		{"has below an open object", `has(record.custom.a.b)`, `false`, `false`, `true`},
		{"has on an open object", `has(record.custom.a)`, `false`, `false`, `true`},
		{"key of an open object", `record.custom["a"]["b"]`, `missing`, `missing`, `1`},
		{"open object in a branch", `record.id == "7" ? record.custom.a : null`, `missing`, `missing`, `{"b":1}`},
		{"field that the schema does not list", `record.loose.other`, `missing`, `missing`, `"o"`},
		{"sum of an unlisted field", `record.loose.other + "x"`, `fault: record.loose.other is missing, + needs a value`, `fault: record.loose.other is missing, + needs a value`, `"ox"`},
		{"field of any type", `record.any`, `missing`, `null`, `[1,2.5,"x",null]`},
	}
	const (
		missing = `{"id":"7"}`
		null    = `{"id":"7","vip":null,"score":null,"age":null,"born":null,"tags":null,"address":null,"custom":null,"loose":null,"any":null}`
		value   = `{"id":"7","vip":true,"score":1.5,"age":36,"born":"1970-01-01T00:00:00Z","tags":["a","b"],"address":{"city":"Paris"},"custom":{"a":{"b":1}},"loose":{"known":1,"other":"o"},"any":[1,2.5,"x",null]}`
	)
	env := personEnv(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.missing, outcome(env, personScope(t, missing), test.expr), "missing")
			require.Equal(t, test.null, outcome(env, personScope(t, null), test.expr), "null")
			require.Equal(t, test.value, outcome(env, personScope(t, value), test.expr), "value")
		})
	}
}

// TestFaultsShowNoData puts a secret everywhere and lets everything fail.
func TestFaultsShowNoData(t *testing.T) {
	const secret = "s3cr3t"
	data := `{"id":"` + secret + `","email":"` + secret + `","name":"` + secret + `","custom":{"` + secret + `":"` + secret + `"},"any":"` + secret + `"}`
	env := personEnv(t)
	for _, text := range []string{
		`int(record.email)`, `double(record.email)`, `timestamp(record.email)`, `duration(record.email)`, `bool(record.email)`,
		`{"a": 1}[record.email]`, `record.custom.map(k, record.custom[k] + 1)`, `e164(record.email, "GB")`, `parseDate(record.email, "dd/MM/yyyy")`,
		`countryName(record.email)`, `number(record.email)`, `boolean(record.email)`, `record.any + 1`, `record.any[3]`, `record.any.x.y + "a"`,
		`"%d".format([record.any])`, `record.email.substring(99)`, `record.tags[9]`,
	} {
		got := outcome(env, personScope(t, data), text)
		require.True(t, strings.HasPrefix(got, "fault: ") || got == "missing", "%s: %s", text, got)
		require.NotContains(t, got, secret, text)
	}
}
