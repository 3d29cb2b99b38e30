// Package schemas holds the JSON Schemas (draft-07) of our own file formats and
// of the record types, and hands them out as bytes. Editors read the same
// files: a modeline "# yaml-language-server: $schema=…" points at them. It
// compiles and checks nothing, and imports nothing of ours.
//
// A schema that people's files are checked against uses type with if and then,
// never oneOf: of a failed oneOf nobody can say what was meant, so that one
// mistake gives a dozen messages.
package schemas

import (
	"embed"
	"io/fs"
	"path"
	"slices"
	"strings"
)

//go:embed *.schema.json records/*.schema.json providers
var files embed.FS

const suffix = ".schema.json"

// FS returns all schemas: mapping.schema.json, records/contact.schema.json, …,
// and the catalogues of CRM objects: providers/hubspot/contacts.json, …
func FS() fs.FS { return files }

// Format returns the schema of one of our file formats: "mapping", "org",
// "mapping_test", "event", "config" and whatever else Formats lists. ok is
// false for any other name.
func Format(name string) (schema []byte, ok bool) { return read(name) }

// Formats returns the names that Format knows, sorted.
func Formats() []string { return list(".") }

// Record returns the schema of a record type: "contact", "company" or "deal".
// It describes the data of its change events. ok is false for an unknown type.
func Record(recordType string) (schema []byte, ok bool) { return read("records/" + recordType) }

// Records returns the record types that Record knows, sorted.
func Records() []string { return list("records") }

func read(name string) ([]byte, bool) {
	b, err := files.ReadFile(name + suffix)
	return b, err == nil
}

// list returns the names of a folder's schemas. The folders are embedded and so
// can't fail to be there; fs sorts them.
func list(dir string) []string {
	found, err := fs.Glob(files, path.Join(dir, "*"+suffix))
	if err != nil { // only for a malformed pattern, and ours is a constant
		return nil
	}
	for i, f := range found {
		found[i] = strings.TrimSuffix(path.Base(f), suffix)
	}
	return slices.Clip(found)
}
