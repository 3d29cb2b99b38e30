package dsl

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIgnoreComments(t *testing.T) {
	const file = "mappings/acme/hubspot/contact.yaml"
	cases := []struct {
		name, fields string
		want         []string
	}{
		{"it covers what stands below", "  # crmsync:ignore CM211 the schema is too careful\n  email: record.email.lowerAscii()\n", nil},
		{"also all lines of it", "  # crmsync:ignore CM211 the schema is too careful\n  email: >-\n    'x' +\n    record.email.lowerAscii()\n", nil},
		{"and a whole table", "  # crmsync:ignore CM215 old names\n  email:\n    value: record.stage\n    map:\n      wonn: x\n    default: y\n", nil},
		{"over other comments and empty lines", "  # crmsync:ignore CM211 the schema is too careful\n\n  # what follows\n  email: record.email.lowerAscii()\n", nil},
		{"two of them", "  # crmsync:ignore CM211 the schema is too careful\n  # crmsync:ignore CM305 short names only\n  lastname: record.last_name.lowerAscii()\n", []string{file + ":8:3: warning: there is no CM305 value-too-long here to ignore [CM404]"}},
		{"not what stands further down", "  # crmsync:ignore CM211 the schema is too careful\n  phone: record.phone\n  email: record.email.lowerAscii()\n", []string{
			file + ":7:3: warning: there is no CM211 possibly-null here to ignore [CM404]",
			file + ":9:10: warning: record.email may be null here, lowerAscii() fails on it [CM211]",
		}},
		{"a reason is needed", "  # crmsync:ignore CM211\n  email: record.email.lowerAscii()\n", []string{
			file + ":7:3: warning: this gives no reason [CM404]",
			file + ":8:10: warning: record.email may be null here, lowerAscii() fails on it [CM211]",
		}},
		{"a code is needed", "  # crmsync:ignore\n  email: record.email\n", []string{file + ":7:3: warning: this does not say what to ignore [CM404]"}},
		{"a code that exists", "  # crmsync:ignore CM999 because\n  email: record.email\n", []string{file + ":7:3: warning: there is no rule CM999 [CM404]"}},
		{"not what keeps it from working", "  # crmsync:ignore CM201 because\n  email: record.emial\n", []string{
			file + ":7:3: warning: CM201 unknown-record-field can't be ignored: the mapping does not work with it [CM404]",
			file + `:8:17: error: contact has no field "emial" [CM201]`,
		}},
		{"text is no comment", "  email: |\n    lower(\n    # crmsync:ignore CM305 because\n    record.email)\n", []string{file + ":9:5: error: # is not part of the language [CM204]"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, ds := loadSample(inFields(c.fields))
			require.Equal(t, c.want, lines(ds))
		})
	}
}
