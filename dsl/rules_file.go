package dsl

import "crmsync/dsl/document"

// fileRules are those about the form of a file and its place.
func fileRules() []Rule {
	return []Rule{
		{
			ID: "CM101", Slug: "yaml-syntax", Title: "The file is not the YAML that is read here",
			Why:  "Beside broken YAML this is anything that a mapping has no use for and a reader may misunderstand: anchors, aliases, merge keys, tags, a second document, tabs, a byte order mark, control characters, more than 256 KiB, 5,000 nodes or 32 levels.",
			Bad:  []Sample{inMapping("fields:\n  email: record.email\n   phone: record.phone\n"), inMapping("fields:\n  email: &e record.email\n")},
			Good: []Sample{inMapping("fields:\n  email: record.email\n  phone: record.phone\n")},
		},
		{
			ID: "CM102", Slug: "unknown-key", Title: "A key means nothing here",
			Why:  "A misspelled key would be left out without a word, and the mapping would do something else than its author thinks.",
			Bad:  []Sample{inMapping("feilds:\n  email: record.email\nfields:\n  phone: record.phone\n"), inFields("  email: {value: record.email, onerror: omit}\n")},
			Good: []Sample{inFields("  email: {value: record.email, on_error: omit}\n")},
		},
		{
			ID: "CM103", Slug: "missing-key", Title: "A key that must be there is missing",
			Why:  "A mapping needs version, record_type and provider, and object, match and fields unless it extends the fallback. Without match the CRM can't tell whether it has the object already, and a record could get two.",
			Bad:  []Sample{inFile(sampleHead + "fields:\n  email: record.email\n"), inFields("  email: {type: string}\n")},
			Good: []Sample{inFile(sampleHead + sampleMatch + "fields:\n  email: record.email\n")},
		},
		{
			ID: "CM104", Slug: "wrong-type", Title: "A value is of the wrong type, or not one of the allowed ones",
			Why:  "Options are few and fixed. A constant that is not text needs no quotes; an expression is always text.",
			Bad:  []Sample{inMapping("on_delete: remove\nfields:\n  email: record.email\n"), inFields("  email: [record.email]\n")},
			Good: []Sample{inMapping("on_delete: archive\nfields:\n  email: record.email\n")},
		},
		{
			ID: "CM105", Slug: "duplicate-key", Title: "A key stands twice in the same table",
			Why:  "Only one of the two can count, and readers differ on which.",
			Bad:  []Sample{inFields("  email: record.email\n  email: lower(record.email)\n")},
			Good: []Sample{inFields("  email: lower(record.email)\n")},
		},
		{
			ID: "CM106", Slug: "non-string-key", Title: "A key is not text",
			Why:  "In YAML a bare 1, yes, no, on, off, true or null is no text. Put the key in quotes.",
			Bad:  []Sample{inFields("  email: {value: string(event.version), map: {1: a@b.example}, default: c@d.example}\n")},
			Good: []Sample{inFields("  email: {value: string(event.version), map: {\"1\": a@b.example}, default: c@d.example}\n")},
		},
		{
			ID: "CM107", Slug: "path-mismatch", Title: "A file stands in another place than it says",
			Why:  "A mapping is found by its path: <org>/<provider>/<record_type>.yaml. What the file says of itself must agree, so that a copy that nobody adapted is found.",
			Bad:  []Sample{inFile("version: 1\nrecord_type: company\nprovider: hubspot\nobject: contacts\n" + sampleMatch + "fields:\n  email: record.email\n"), inOrg(sampleConnection).with("acme/contact.yaml", sampleFallback).shown("# mappings/acme/contact.yaml\nversion: 1\nrecord_type: contact\n")},
			Good: []Sample{inFields("  email: record.email\n")},
		},
		{
			ID: "CM108", Slug: "duplicate-mapping", Title: "Two files of an org map the same records",
			Why:  "A file that stands in the wrong place says that it is a mapping which is there already. Most likely it is a copy that nobody adapted.",
			Bad:  []Sample{inFields("  email: record.email\n").with("acme/hubspot/company.yaml", sampleFallback).shown("# mappings/acme/hubspot/company.yaml, beside contact.yaml\nversion: 1\nrecord_type: contact\n")},
			Good: []Sample{inFields("  email: record.email\n")},
		},
		{
			ID: "CM109", Slug: "unsupported-version", Title: "The file is of a version that this program doesn't know",
			Why:  "Nothing else is checked in such a file, because nothing is known of it.",
			Bad:  []Sample{inFile("version: 2\nrecord_type: contact\nprovider: hubspot\nobject: contacts\n" + sampleMatch + "fields:\n  email: record.email\n")},
			Good: []Sample{inFile(sampleHead + sampleMatch + "fields:\n  email: record.email\n")},
		},
		{
			ID: "CM110", Slug: "unknown-record-type", Title: "Nothing is known of the records that are mapped",
			Why:  "The schema in schemas/records types record, so that a misspelled field is found before a change comes in. Without one nothing could be checked.",
			Bad:  []Sample{inOrg(sampleConnection).with("acme/hubspot/contat.yaml", "version: 1\nrecord_type: contat\nprovider: hubspot\nobject: contacts\n"+sampleMatch+"fields:\n  email: record.email\n").shown("record_type: contat\n")},
			Good: []Sample{inFields("  email: record.email\n")},
		},
		{
			ID: "CM111", Slug: "nothing-to-extend", Title: "There is no fallback that the mapping could extend",
			Why:  "`extends: global` takes mappings/_global/<provider>/<record_type>.yaml, or that of _any. A fallback itself extends nothing.",
			Bad:  []Sample{extending("").without(sampleGlobal)},
			Good: []Sample{extending("fields:\n  country: record.country\n")},
		},
		{
			ID: "CM112", Slug: "too-many-files", Title: "A folder holds more than is read",
			Why:  "An org may have 200 files, and a folder of mappings 50,000 orgs, so that one of them can't use up the memory of all.",
			Bad:  []Sample{crowded()},
			Good: []Sample{inFields("  email: record.email\n")},
		},
	}
}

// crowded is a sample with too many files.
func crowded() Sample {
	s := inFields("  email: record.email\n").shown("# 201 files below mappings/birch\n")
	for i := range maxFilesPerOrg + 1 {
		s.Files["birch/hubspot/t"+letters(i)+".yaml"] = "version: 1\n"
	}
	return s
}

// letters returns a name of three small letters.
func letters(i int) string {
	return string([]byte{'a' + byte(i/676%26), 'a' + byte(i/26%26), 'a' + byte(i%26)})
}

// placeRules are those about mappings as a whole, and what stands beside them.
func placeRules() []Rule {
	warn := document.Warning
	anyProvider := "version: 1\nrecord_type: contact\nprovider: _any\nobject: contacts\n" + sampleMatch + "fields:\n  email: record.email\n"
	return []Rule{
		{
			ID: "CM401", Slug: "shadowed-mapping", Severity: warn, Title: "A mapping is never used",
			Why:  "The first file found is used alone. When every connection of an org finds a better one first, an _any mapping is dead text that somebody will edit in vain.",
			Bad:  []Sample{inFields("  email: record.email\n").with("acme/_any/contact.yaml", anyProvider).shown("# mappings/acme/_any/contact.yaml, beside acme/hubspot/contact.yaml\nprovider: _any\n")},
			Good: []Sample{inOrg(sampleConnection).without(sampleMapping).with("acme/_any/contact.yaml", anyProvider).shown("# mappings/acme/_any/contact.yaml alone\nprovider: _any\n")},
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
		{
			ID: "CM405", Slug: "secret-in-file", Title: "A secret stands in a file, or an address in org.yaml",
			Why:  "Files go through pull requests and stay in the history. Secrets live in the credential store; addresses in the provider's description, so that no file can send a token elsewhere.",
			Bad:  []Sample{inOrg("version: 1\nconnections:\n  hubspot: {provider: hubspot, credential: hubspot-main, base_url: \"https://api.example.com\"}\n"), inMapping("vars:\n  password: hunter2\nfields:\n  email: record.email\n")},
			Good: []Sample{inOrg(sampleConnection)},
		},
		{
			ID: "CM406", Slug: "no-connection", Severity: warn, Title: "A mapping is for a provider that the org has no connection to",
			Why:  "It is never used: the connection is missing from org.yaml, or the folder's name is misspelled.",
			Bad:  []Sample{inOrg(sampleConnection).without(sampleMapping).with("acme/_any/contact.yaml", anyProvider).with("acme/pipedrive/contact.yaml", "version: 1\nrecord_type: contact\nprovider: pipedrive\nobject: persons\n"+sampleMatch+"fields:\n  email: record.email\n").shown("# mappings/acme/pipedrive/contact.yaml\nprovider: pipedrive\n")},
			Good: []Sample{inFields("  email: record.email\n")},
		},
		{
			ID: "CM407", Slug: "unmapped-connection", Severity: warn, Title: "No mapping serves a connection",
			Why:  "All events for it end as unmapped.",
			Bad:  []Sample{inOrg("version: 1\nconnections:\n  hubspot: {provider: hubspot, credential: hubspot-main}\n  sales: {provider: pipedrive, credential: pipedrive-main}\n")},
			Good: []Sample{inOrg(sampleConnection)},
		},
		{
			ID: "CM408", Slug: "unknown-provider", Title: "A connection names a provider that nobody has described",
			Why:  "Providers are the folders of providers/.",
			Bad:  []Sample{inOrg("version: 1\nconnections:\n  hubspot: {provider: hubspott, credential: hubspot-main}\n")},
			Good: []Sample{inOrg(sampleConnection)},
		},
		{
			ID: "CM409", Slug: "nothing-to-remove", Severity: warn, Title: "A field that isn't inherited is taken out",
			Why:  "Under extends, null takes an inherited field out. Here none of that name is inherited, so nothing happens.",
			Bad:  []Sample{extending("fields:\n  fone: null\n")},
			Good: []Sample{extending("fields:\n  phone: null\n")},
		},
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
