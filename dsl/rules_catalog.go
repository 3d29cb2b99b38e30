package dsl

import "crmsync/dsl/document"

// catalogRules are those about the CRM's objects, as the catalogue files in
// schemas/providers and schemas/orgs describe them.
func catalogRules() []Rule {
	warn := document.Warning
	return []Rule{
		{
			ID: "CM301", Slug: "unknown-crm-field", Title: "The CRM's object has no field of that name",
			Why:  "The CRM would refuse the whole request. Standard fields stand in schemas/providers/<provider>/<object>.json; a custom field of one org is listed in schemas/orgs/<org>/<provider>/<object>.json, and its absence there may be ignored with a comment.",
			Bad:  []Sample{inFields("  emial: record.email\n"), inFile(sampleHead + "match: {field: crm_id, value: record_id}\nfields:\n  email: record.email\n"), inMapping("on_delete: {set: {statuz: gone}}\nfields:\n  email: record.email\n")},
			Good: []Sample{inFields("  email: record.email\n"), inFields("  # crmsync:ignore CM301 added to the account last week\n  loyalty: record.source\n  email: record.email\n")},
		},
		{
			ID: "CM302", Slug: "read-only-crm-field", Title: "The CRM sets the field itself",
			Why:  "A write is refused, or done in vain.",
			Bad:  []Sample{inFields("  email: record.email\n  hs_object_id: event.version\n")},
			Good: []Sample{inFields("  email: record.email\n")},
		},
		{
			ID: "CM303", Slug: "missing-required-crm-field", Title: "A field is missing without which the CRM creates no object",
			Why:  "Every new record would end in the dead-letter queue.",
			Bad:  []Sample{inFields("  country: record.country\n")},
			Good: []Sample{inFields("  country: record.country\n  lastname: truncate(record.last_name, 40)\n")},
		},
		{
			ID: "CM304", Slug: "picklist-value", Title: "The CRM's field does not take the value",
			Why:  "The field takes one of a list. A constant that is not on it is an error; a value that the record may have, by its schema, is a warning: translate it with map.",
			Bad:  []Sample{inFields("  email: record.email\n  lifecyclestage: {value: record.stage, map: {won: custmer}, default: other}\n"), inFields("  email: record.email\n  lifecyclestage: record.stage\n")},
			Good: []Sample{inFields("  email: record.email\n  lifecyclestage: {value: record.stage, map: {won: customer}, default: other}\n")},
		},
		{
			ID: "CM305", Slug: "value-too-long", Title: "The value may be longer than the CRM's field holds",
			Why:  "The CRM would refuse it, or cut it. truncate(x, n) cuts it here.",
			Bad:  []Sample{inFields("  lastname: record.last_name\n"), inFields("  email: record.email\n  lastname: {value: record.stage, map: {lead: \"a name of more than forty characters in all\"}, default: x}\n")},
			Good: []Sample{inFields("  lastname: truncate(record.last_name, 40)\n")},
		},
		{
			ID: "CM306", Slug: "unknown-crm-object", Severity: warn, Title: "The CRM has no object of that name, but one of nearly that name",
			Why:  "An object that no catalogue describes may be a custom one; this one is probably misspelled.",
			Bad:  []Sample{inFile("version: 1\nrecord_type: contact\nprovider: hubspot\nobject: contcts\n" + sampleMatch + "fields:\n  email: record.email\n")},
			Good: []Sample{inFields("  email: record.email\n")},
		},
		{
			ID: "CM307", Slug: "match-not-unique", Severity: warn, Title: "Objects are matched by a field whose values are not unique",
			Why:  "The CRM can't tell which of several objects is meant: a record could get two, or somebody else's.",
			Bad:  []Sample{inFile(sampleHead + "match: {field: lastname, value: \"default(record.last_name, record_id)\"}\nfields:\n  email: record.email\n")},
			Good: []Sample{inFile(sampleHead + "match: {field: email, value: \"default(record.email, record_id)\"}\nfields:\n  email: record.email\n")},
		},
	}
}
