package dsl

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync/dsl/expr"
)

func TestConversions(t *testing.T) {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 5e8, time.FixedZone("", 3600))
	cases := []struct {
		name string
		as   conversion
		in   any
		want string // JSON, or what it does not become
	}{
		{"string of text", asString, "a\"b", `"a\"b"`},
		{"string of an integer", asString, int64(7), `"7"`},
		{"string of a number", asString, 7.25, `"7.25"`},
		{"string of a boolean", asString, true, `"true"`},
		{"string of a time", asString, noon, `"2026-11-22T11:00:00.5Z"`},
		{"string of a list", asString, []any{"a"}, "text"},
		{"integer of an integer", asInteger, int64(-7), "-7"},
		{"integer of a whole number", asInteger, 7.0, "7"},
		{"integer of a fraction", asInteger, 7.5, "a whole number"},
		{"integer of text", asInteger, " 42 ", "42"},
		{"integer of words", asInteger, "many", "a whole number"},
		{"integer of text with a fraction", asInteger, "4.0", "a whole number"},
		{"integer of too much", asInteger, "9223372036854775808", "a whole number"},
		{"integer of a boolean", asInteger, true, "a whole number"},
		{"number of an integer", asNumber, int64(7), "7"},
		{"number of a number", asNumber, 7.25, "7.25"},
		{"number keeps the digits of text", asNumber, "1500.00", "1500.00"},
		{"number of a long text", asNumber, "1234567890123456789012345678901234567890123", "a number"},
		{"number of NaN", asNumber, math.NaN(), "a number"},
		{"number of infinity", asNumber, math.Inf(1), "a number"},
		{"number of text that Go takes and JSON does not", asNumber, "0x1p4", "a number"},
		{"number of an empty text", asNumber, "", "a number"},
		{"number with a comma", asNumber, "1,5", "a number"},
		{"boolean of a boolean", asBoolean, false, "false"},
		{"boolean of text", asBoolean, " TRUE ", "true"},
		{"boolean of yes", asBoolean, "yes", "true or false"},
		{"boolean of a number", asBoolean, int64(1), "true or false"},
		{"date of a time", asDate, noon, `"2026-11-22"`},
		{"date of text with a zone", asDate, "2026-11-22T23:30:00-02:00", `"2026-11-23"`},
		{"date of a date", asDate, "2026-11-22", `"2026-11-22"`},
		{"date of words", asDate, "soon", "a date (2006-01-02)"},
		{"timestamp of a time", asTimestamp, noon, `"2026-11-22T11:00:00.5Z"`},
		{"timestamp of a date", asTimestamp, "2026-11-22", `"2026-11-22T00:00:00Z"`},
		{"timestamp of a number", asTimestamp, int64(5), "a time (2006-01-02T15:04:05Z)"},
		{"list of a list", asList, []any{"a", int64(1)}, `["a",1]`},
		{"list of one", asList, "a", `["a"]`},
		{"as it is", asIs, []any{"ü<"}, `["ü<"]`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.as.append([]byte("x"), expr.ValueOf(c.in))
			if err != nil {
				require.Equal(t, c.want, err.Error())
				return
			}
			require.Equal(t, "x"+c.want, string(got))
		})
	}
}

func FuzzConversions(f *testing.F) {
	for _, s := range []string{"12.5", "-0", "1e5", "1E700", "true", "2026-11-22", "2026-11-22T10:00:00Z", "", "\xff", "\u2028"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for as := asIs; as <= asList; as++ {
			js, err := as.append(nil, expr.ValueOf(s))
			if err != nil {
				continue
			}
			again, err := as.append(nil, expr.ValueOf(s))
			require.NoError(t, err)
			require.Equal(t, string(js), string(again))
			require.True(t, equalJSON(js, js), "%q as %d is no JSON: %s", s, as, js)
		}
	})
}
