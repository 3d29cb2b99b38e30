// Package dsl is the mapping language: files that say, for one org or for all,
// how a record becomes the fields of a CRM's object.
//
// It owns mapping files (parsed, checked, compiled to a [Program]), org.yaml,
// the rules of lint with their pages, the resolution of mappings to an
// immutable [Set], its reload by a [Registry], mapping tests and explain. A
// [Renderer] turns an event into a call by a program.
//
// It does not own YAML, positions and the printing of diagnostics (package
// document), nor CEL and its functions (package expr). It does no network I/O,
// asks no clock about a record, and knows no CRM: what a CRM's object looks
// like it takes from catalogue files.
//
// # Files
//
//	mappings/<org>/org.yaml                          the org's connections
//	mappings/<org>/<provider>/<record_type>.yaml     a mapping
//	mappings/<org>/<provider>/<record_type>_test.yaml  its tests
//
// The org _global serves every org that has a connection and no mapping of its
// own; the provider _any serves every provider. A mapping is looked for in the
// order <org>/<provider>, <org>/_any, _global/<provider>, _global/_any, and the
// first one found is used alone, unless it says `extends: global`.
package dsl
