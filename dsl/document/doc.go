// Package document reads the YAML files that people write and says what is
// wrong with them, where, and what to do. It owns the caps before parsing, the
// positions of everything in a file, the check against a JSON Schema with each
// fault placed on its node, strict decoding into structs, diagnostics and their
// printers. It knows nothing of mappings, of CEL or of any one file format.
//
// The usual path is [Parse], then [Check] with a [Schema], then reading the
// tree from [Document.Root]; every step adds to the same [Diagnostics], so that
// all faults of a file are told in one run. A fault is told once: what Parse
// refused is not reported again by Check or [Decode].
//
// Positions count lines and columns from 1; a column is a Unicode code point,
// a tab counts as one.
package document
