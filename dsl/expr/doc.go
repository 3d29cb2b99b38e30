// Package expr is the expression language of mapping files and provider files:
// CEL, with types taken from a record's JSON Schema, a table of our own
// functions, caps on what an expression may cost, and messages written for the
// people who write mappings.
//
// It owns the environments, the caps, compile issues as ranges inside the text
// of an expression, the lazy reading of JSON under CEL, evaluation, traces and
// the writing of results as JSON. It knows nothing of YAML, files or mappings.
//
// # Missing and null
//
// Reading a field that the data does not have gives "missing", which is no
// fault. As the whole result it means "leave this CRM field alone", where null
// means "clear it". Otherwise the two behave alike: both may be compared with ==
// and != (missing equals null, and neither equals anything else) and are in no
// list of values; a conditional passes its branch on; our own functions that
// take null give back what they got (null for null, missing for missing);
// blank(x) is true, default(x, d) and coalesce(…) put another value in their
// place. Below a field that is missing or null every field and item is missing.
// Only has(x) tells them apart: false for missing, true for null. In a list that
// is built a missing item is written as null, in a map it is left out. Whatever
// needs a value (operators such as +, < and !, conditions, loops, CEL's methods
// and conversions) is a fault that names the field; where the record's schema
// shows that it can happen, Compile warns (CM211) with a fix that compiles.
//
// # Limits
//
// A text has at most 4,096 characters, loops stand at most 2 deep, patterns of
// regular expressions are literals, and by the sizes that the schema allows an
// expression costs at most 100,000 of CEL's units. At run time strings that are
// made or searched have at most 64 KiB, lists that are made 10,000 items, and
// what loops or may cost more than a fifth of the limit runs under a cost limit
// and 50 ms. No function knows the time, and none is random.
package expr
