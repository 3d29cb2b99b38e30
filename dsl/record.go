package dsl

import (
	"fmt"
	"io/fs"

	"crmsync/dsl/document"
	"crmsync/dsl/expr"
	"crmsync/schemas"
)

// record finds the schema of the mapping's record type.
func (l *loader) record(s *source) {
	name := s.slot.record
	if _, ok := l.records[name]; !ok {
		l.records[name] = nil
		if src, file := l.schema("records/" + name + ".schema.json"); src != nil {
			schema, err := expr.ParseSchema(name, src)
			if err != nil {
				l.wrong = append(l.wrong, fileDiagnostic(file, "CM101", err.Error(), "mend the schema: no mapping of this record type can be compiled"))
				return
			}
			l.records[name] = schema
		}
	}
	n := s.root.Get("record_type")
	if says, ok := n.Text(); l.records[name] == nil && ok && says == name {
		help := "describe its records in schemas/records/" + name + ".schema.json"
		if near := document.Suggest(name, schemas.Records()); near != "" {
			help = fmt.Sprintf("did you mean %q? otherwise %s", near, help)
		}
		s.wrong = append(s.wrong, diagnose(n, "CM110", n.Range(), fmt.Sprintf("nothing is known of records of type %q", name), help))
	}
}

// schema returns a file of the folder schemas and its name in messages; nil if
// there is none.
func (l *loader) schema(p string) (src []byte, file string) {
	return schemaFile(l.Schemas, p)
}

// schemaFile looks in the given folder first and in what is built in then. Of a
// file that is larger than a catalogue may be it returns a little more than
// that, which no reader takes.
func schemaFile(own fs.FS, p string) (src []byte, file string) {
	for _, fsys := range []fs.FS{own, schemas.FS()} {
		if fsys == nil {
			continue
		}
		if b, err := readFile(fsys, p, catalogLimits().Bytes); err == nil {
			return b, "schemas/" + p
		}
	}
	return nil, ""
}
