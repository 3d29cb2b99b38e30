package dsl

import (
	"strings"

	"crmsync/dsl/document"
)

// expressionRules are those about what can't be compiled.
func expressionRules() []Rule {
	return []Rule{
		{
			ID: "CM201", Slug: "unknown-record-field", Title: "The record has no field of that name",
			Why:  "record is typed by the record's JSON Schema, so that a misspelled field is found here and not by a customer.",
			Bad:  []Sample{inFields("  email: record.emial\n"), inFields("  email: >-\n    lower(\n      record.emial)\n"), inFields("  email: record.email\n  country: record.address.contry\n")},
			Good: []Sample{inFields("  email: record.email\n"), inFields("  email: record.email\n  country: record.address.country\n")},
		},
		{
			ID: "CM202", Slug: "unknown-function", Title: "A function, variable or constant of that name does not exist",
			Why:  "In scope are record, event, record_id, org_id and vars; the functions are listed in docs/mapping.md.",
			Bad:  []Sample{inFields("  email: lowercase(record.email)\n"), inFields("  email: recrod.email\n")},
			Good: []Sample{inFields("  email: lower(record.email)\n"), inMapping("vars: {region: EMEA}\nfields:\n  email: record.email\n  country: vars.region\n")},
		},
		{
			ID: "CM203", Slug: "type-mismatch", Title: "An operator or function does not take values of these types",
			Why:  "There is no silent conversion: say what is meant with string(…), int(…) or double(…).",
			Bad:  []Sample{inFields("  email: record_id + event.version\n"), inFields("  email: lower(record.opt_in)\n")},
			Good: []Sample{inFields("  email: \"record_id + string(event.version)\"\n")},
		},
		{
			ID: "CM204", Slug: "cel-syntax", Title: "The expression can't be read",
			Why:  "Text stands in quotes inside of an expression: email: \"'none'\".",
			Bad:  []Sample{inFields("  email: lower(record.email\n"), inFields("  email: record.email +\n")},
			Good: []Sample{inFields("  email: lower(record.email)\n")},
		},
		{
			ID: "CM205", Slug: "bad-regex", Title: "A pattern can't be read",
			Why:  "Patterns are RE2, and literals, so that they are checked here.",
			Bad:  []Sample{inMapping("when: default(record.email, '').matches('(abc')\nfields:\n  email: record.email\n")},
			Good: []Sample{inMapping("when: default(record.email, '').matches('(abc)')\nfields:\n  email: record.email\n")},
		},
		{
			ID: "CM206", Slug: "bad-timestamp", Title: "A time or duration can't be read",
			Why:  "A time is written as in 2026-11-22T10:00:00Z, a duration as in 90m or 24h.",
			Bad:  []Sample{inMapping("when: event.occurred_at > timestamp('2026-13-01T00:00:00Z')\nfields:\n  email: record.email\n")},
			Good: []Sample{inMapping("when: event.occurred_at > timestamp('2026-12-01T00:00:00Z')\nfields:\n  email: record.email\n")},
		},
		{
			ID: "CM207", Slug: "struct-literal", Title: "An object can't be built",
			Why:  "A field of a CRM takes text, a number, a boolean, a time or a list.",
			Bad:  []Sample{inFields("  email: \"contact{email: record.email}.email\"\n")},
			Good: []Sample{inFields("  email: default(record.email, 'a@b.example')\n")},
		},
		{
			ID: "CM208", Slug: "too-costly", Title: "The expression can cost too much",
			Why:  "The cost is estimated from the sizes that the record's schema allows. A loop in a loop over long lists is refused, so that one org can't hold up the others.",
			Bad:  []Sample{inFields("  email: \"default(record.notes, '').split(' ').map(a, default(record.notes, '').split(' ').map(b, a + b).join()).join()\"\n")},
			Good: []Sample{inFields("  email: \"string(default(record.tags, []).size())\"\n")},
		},
		{
			ID: "CM209", Slug: "expression-too-large", Title: "The expression is too long or nested too deep",
			Why:  "An expression has at most 4 KiB, 2 loops inside each other, and few levels of parentheses. Use vars, map or lookup for tables.",
			Bad:  []Sample{inFields("  email: \"" + strings.Repeat("(", 60) + "record.email" + strings.Repeat(")", 60) + "\"\n").shown("fields:\n  email: \"((((((((… record.email …))))))))\"\n")},
			Good: []Sample{inFields("  email: (record.email)\n")},
		},
	}
}

// valueRules are those about what an expression gives.
func valueRules() []Rule {
	warn := document.Warning
	return []Rule{
		{
			ID: "CM210", Slug: "result-type", Title: "The value is of another type than its place takes",
			Why:  "when takes a boolean; a field takes text, numbers, booleans, times and lists, and what the CRM's field holds. `type` converts: string, integer, number, boolean, date, timestamp, list.",
			Bad:  []Sample{inMapping("when: record.status\nfields:\n  email: record.email\n"), inFields("  email: record.email\n  annualrevenue: record.opt_in\n"), inFields("  email: record.email\n  annualrevenue: {value: record.stage, type: number, map: {lead: many}, default: 0}\n"), inFields("  email: \"{'a': record.email}\"\n")},
			Good: []Sample{inMapping("when: record.status == 'active'\nfields:\n  email: record.email\n"), inFields("  email: record.email\n  annualrevenue: record.revenue\n"), inFields("  email: record.email\n  annualrevenue: {value: record.job_title, type: number, on_error: omit}\n")},
		},
		{
			ID: "CM211", Slug: "possibly-null", Severity: warn, Title: "A value that may be null or missing stands where none is taken",
			Why:  "CEL's own methods and operators fail on null. Our functions take null and give null: lower(x) for x.lowerAscii(); default(x, d) puts something in its place; blank(x) asks.",
			Bad:  []Sample{inFields("  email: record.email.lowerAscii()\n"), inFields("  email: record.first_name + '@b.example'\n")},
			Good: []Sample{inFields("  email: lower(record.email)\n"), inFields("  email: default(record.first_name, 'x') + '@b.example'\n")},
		},
		{
			ID: "CM212", Slug: "constant-expression", Severity: warn, Title: "The expression reads nothing",
			Why:  "It gives every record the same. If that is meant, write the result.",
			Bad:  []Sample{inFields("  email: \"'a' + '@b.example'\"\n")},
			Good: []Sample{inFields("  email: \"'a@b.example'\"\n")},
		},
		{
			ID: "CM213", Slug: "constant-condition", Severity: warn, Title: "A condition is always true, or never",
			Why:  "A `when` that is never true skips every record; one that is always true says nothing.",
			Bad:  []Sample{inMapping("when: \"true || record.status == 'active'\"\nfields:\n  email: record.email\n")},
			Good: []Sample{inMapping("when: record.status == 'active'\nfields:\n  email: record.email\n")},
		},
		{
			ID: "CM214", Slug: "unlisted-value", Severity: warn, Title: "map does not list a value that the record may have",
			Why:  "The record's schema lists what the field may be. A value that map doesn't list and no default catches sends the record to the dead-letter queue, or leaves the field out with on_error: omit.",
			Bad:  []Sample{inFields("  email: record.email\n  country: {value: record.status, map: {active: A, inactive: I}}\n")},
			Good: []Sample{inFields("  email: record.email\n  country: {value: record.status, map: {active: A, inactive: I}, default: X}\n"), inFields("  email: record.email\n  country: {value: record.status, map: {active: A, inactive: I, internal: X}}\n")},
		},
		{
			ID: "CM215", Slug: "unknown-map-key", Severity: warn, Title: "map lists a value that the record never has",
			Why:  "The record's schema lists what the field may be. The key is probably misspelled.",
			Bad:  []Sample{inFields("  email: record.email\n  country: {value: record.status, map: {actve: A}, default: X}\n")},
			Good: []Sample{inFields("  email: record.email\n  country: {value: record.status, map: {active: A}, default: X}\n")},
		},
	}
}
