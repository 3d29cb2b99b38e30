package dsl

// fileRules are those about the form of a file.
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
	}
}

// pathRules are those about where a file stands.
func pathRules() []Rule {
	return []Rule{
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
