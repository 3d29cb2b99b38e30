package dsl

import "maps"

// What every sample rests on, unless it says otherwise: an org with one
// connection and one mapping.
const (
	sampleOrg     = "acme/org.yaml"
	sampleMapping = "acme/hubspot/contact.yaml"
	sampleGlobal  = "_global/hubspot/contact.yaml"

	sampleConnection = "version: 1\nconnections:\n  hubspot: {provider: hubspot, credential: hubspot-main}\n"
	sampleHead       = "version: 1\nrecord_type: contact\nprovider: hubspot\nobject: contacts\n"
	sampleMatch      = "match: {field: crmsync_id, value: record_id}\n"
	sampleFallback   = sampleHead + sampleMatch + "fields:\n  email: record.email\n  phone: record.phone\n"
)

// inFile is a sample of a whole mapping file.
func inFile(text string) Sample {
	return Sample{Text: text, Files: map[string]string{sampleOrg: sampleConnection, sampleMapping: text}}
}

// inMapping is a sample of a mapping whose first lines go without saying.
func inMapping(text string) Sample {
	s := inFile(sampleHead + sampleMatch + text)
	s.Text = text
	return s
}

// inFields is a sample of lines below `fields:`.
func inFields(text string) Sample { return inMapping("fields:\n" + text) }

// extending is a sample of a mapping that extends a fallback.
func extending(text string) Sample {
	return inFile("version: 1\nrecord_type: contact\nprovider: hubspot\nextends: global\n"+text).
		with(sampleGlobal, sampleFallback).shown("extends: global\n" + text)
}

// inOrg is a sample of an org.yaml.
func inOrg(text string) Sample {
	return inMapping("fields:\n  email: record.email\n").with(sampleOrg, text).shown(text)
}

// with returns the sample with another file in its folder.
func (s Sample) with(file, text string) Sample {
	s.Files = maps.Clone(s.Files)
	s.Files[file] = text
	return s
}

// without returns the sample with a file less in its folder.
func (s Sample) without(file string) Sample {
	s.Files = maps.Clone(s.Files)
	delete(s.Files, file)
	return s
}

// shown returns the sample with another text for its reader.
func (s Sample) shown(text string) Sample {
	s.Text = text
	return s
}
