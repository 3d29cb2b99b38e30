package dsl

import "crmsync/dsl/document"

// sampleAny is a mapping for any provider.
const sampleAny = "version: 1\nrecord_type: contact\nprovider: _any\nobject: contacts\n" + sampleMatch + "fields:\n  email: record.email\n"

// placeRules are those about mappings as a whole, and what stands beside them.
func placeRules() []Rule {
	warn := document.Warning
	return []Rule{
		{
			ID: "CM401", Slug: "shadowed-mapping", Severity: warn, Title: "A mapping is never used",
			Why:  "The first file found is used alone. When every connection of an org finds a better one first, an _any mapping is dead text that somebody will edit in vain.",
			Bad:  []Sample{inFields("  email: record.email\n").with("acme/_any/contact.yaml", sampleAny).shown("# mappings/acme/_any/contact.yaml, beside acme/hubspot/contact.yaml\nprovider: _any\n")},
			Good: []Sample{inOrg(sampleConnection).without(sampleMapping).with("acme/_any/contact.yaml", sampleAny).shown("# mappings/acme/_any/contact.yaml alone\nprovider: _any\n")},
		},
		{
			ID: "CM402", Slug: "fallback-overridden-entirely", Severity: warn, Title: "A mapping extends the fallback and keeps nothing of it",
			Why:  "What the fallback gains later would come to this org without anybody having asked for it.",
			Bad:  []Sample{extending("fields:\n  email: lower(record.email)\n  phone: null\n")},
			Good: []Sample{extending("fields:\n  email: lower(record.email)\n")},
		},
		{
			ID: "CM403", Slug: "no-test", Severity: warn, Title: "A mapping has no tests",
			Why:  "Found only when asked for (--require-tests). A test beside the mapping shows a reviewer what a change does.",
			Bad:  []Sample{required(inFields("  email: record.email\n"))},
			Good: []Sample{required(inFields("  email: record.email\n").with("acme/hubspot/contact_test.yaml", "version: 1\ntests:\n  - name: the e-mail address is taken over\n    event: {record: {email: ada@example.com}}\n    expect: {fields: {email: ada@example.com}}\n"))},
		},
		{
			ID: "CM404", Slug: "unused-ignore", Severity: warn, Title: "A comment says to ignore what isn't there, or without a reason",
			Why:  "`# crmsync:ignore CM215 reason` above a line switches a warning off for what stands below it; also what a catalogue says (CM3xx), which may be out of date. A comment that does nothing would hide the next fault.",
			Bad:  []Sample{inFields("  # crmsync:ignore CM215 the old stages are still in the archive\n  email: record.email\n"), inFields("  # crmsync:ignore CM305\n  email: record.email\n")},
			Good: []Sample{inFields("  # crmsync:ignore CM305 nobody's name is that long\n  lastname: record.last_name\n")},
		},
	}
}

// orgRules are those about an org and its connections.
func orgRules() []Rule {
	warn := document.Warning
	return []Rule{
		{
			ID: "CM405", Slug: "secret-in-file", Title: "A secret stands in a file, or an address in org.yaml",
			Why:  "Files go through pull requests and stay in the history. Secrets live in the credential store; addresses in the provider's description, so that no file can send a token elsewhere.",
			Bad:  []Sample{inOrg("version: 1\nconnections:\n  hubspot: {provider: hubspot, credential: hubspot-main, base_url: \"https://api.example.com\"}\n"), inMapping("vars:\n  password: hunter2\nfields:\n  email: record.email\n")},
			Good: []Sample{inOrg(sampleConnection)},
		},
		{
			ID: "CM406", Slug: "no-connection", Severity: warn, Title: "A mapping is for a provider that the org has no connection to",
			Why:  "It is never used: the connection is missing from org.yaml, or the folder's name is misspelled.",
			Bad:  []Sample{inOrg(sampleConnection).without(sampleMapping).with("acme/_any/contact.yaml", sampleAny).with("acme/pipedrive/contact.yaml", "version: 1\nrecord_type: contact\nprovider: pipedrive\nobject: persons\n"+sampleMatch+"fields:\n  email: record.email\n").shown("# mappings/acme/pipedrive/contact.yaml\nprovider: pipedrive\n")},
			Good: []Sample{inFields("  email: record.email\n")},
		},
		{
			ID: "CM407", Slug: "unmapped-connection", Severity: warn, Title: "No mapping serves a connection",
			Why:  "All events for it end as unmapped.",
			Bad:  []Sample{inOrg("version: 1\nconnections:\n  hubspot: {provider: hubspot, credential: hubspot-main}\n  sales: {provider: pipedrive, credential: pipedrive-main}\n")},
			Good: []Sample{inOrg(sampleConnection)},
		},
		{
			ID: "CM408", Slug: "unknown-provider", Title: "A connection or a fallback names a provider that nobody has described",
			Why:  "Providers are the folders of providers/.",
			Bad:  []Sample{inOrg("version: 1\nconnections:\n  hubspot: {provider: hubspott, credential: hubspot-main}\n"), inFields("  email: record.email\n").with("_global/hubspt/contact.yaml", "version: 1\nrecord_type: contact\nprovider: hubspt\nobject: contacts\n"+sampleMatch+"fields:\n  email: record.email\n").shown("# mappings/_global/hubspt/contact.yaml\nprovider: hubspt\n")},
			Good: []Sample{inOrg(sampleConnection)},
		},
		{
			ID: "CM409", Slug: "nothing-to-remove", Severity: warn, Title: "A field that isn't inherited is taken out",
			Why:  "Under extends, null takes an inherited field out. Here none of that name is inherited, so nothing happens.",
			Bad:  []Sample{extending("fields:\n  fone: null\n")},
			Good: []Sample{extending("fields:\n  phone: null\n")},
		},
	}
}

// testRules are those about tests of mappings.
func testRules() []Rule {
	warn := document.Warning
	return []Rule{
		{
			ID: "CM501", Slug: "orphan-test", Title: "A test has no mapping beside it",
			Why:  "contact_test.yaml tests contact.yaml in the same folder.",
			Bad:  []Sample{inFields("  email: record.email\n").with("acme/hubspot/deal_test.yaml", "version: 1\ntests:\n  - name: nothing to test\n    event: {record: {name: Paper}}\n    expect: {outcome: filtered}\n").shown("# mappings/acme/hubspot/deal_test.yaml, without a deal.yaml\nversion: 1\n")},
			Good: []Sample{inFields("  email: record.email\n").with("acme/hubspot/contact_test.yaml", "version: 1\ntests:\n  - name: the e-mail address is taken over\n    event: {record: {email: ada@example.com}}\n    expect: {fields: {email: ada@example.com}}\n")},
		},
		{
			ID: "CM502", Slug: "duplicate-test", Title: "Two tests of a file have one name",
			Why:  "A failing test is found by its name.",
			Bad:  []Sample{inFields("  email: record.email\n").with("acme/hubspot/contact_test.yaml", "version: 1\ntests:\n  - {name: one, event: {record: {}}, expect: {fields: {}}}\n  - {name: one, event: {record: {}}, expect: {fields: {}}}\n").shown("tests:\n  - {name: one, event: {record: {}}, expect: {fields: {}}}\n  - {name: one, event: {record: {}}, expect: {fields: {}}}\n")},
			Good: []Sample{inFields("  email: record.email\n")},
		},
		{
			ID: "CM503", Slug: "unknown-test-field", Severity: warn, Title: "A test's record has a field that its schema doesn't know",
			Why:  "No event has such a field, so the test shows nothing. The records' schemas are in schemas/records.",
			Bad:  []Sample{inFields("  email: record.email\n").with("acme/hubspot/contact_test.yaml", "version: 1\ntests:\n  - {name: one, event: {record: {emial: a@b.example}}, expect: {fields: {}}}\n").shown("tests:\n  - {name: one, event: {record: {emial: a@b.example}}, expect: {fields: {}}}\n")},
			Good: []Sample{inFields("  email: record.email\n")},
		},
	}
}

// required is a sample for which tests are asked for.
func required(s Sample) Sample {
	s.RequireTests = true
	return s
}
