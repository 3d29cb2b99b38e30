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
// error. As the whole result it means "leave this CRM field alone", where null
// means "clear it". Missing and null behave alike but for two things: has(x) is
// false for missing and true for null, and a result keeps which of the two it
// was. Both may be compared with == and != (missing equals null and nothing
// else) and looked up with in; a conditional passes its branch on; our own
// functions that take null give back what they got (null for null, missing for
// missing), blank(x) says true, default(x, d) and coalesce(…) replace them.
// Whatever needs a value (operators such as +, < and !, CEL's methods,
// conversions, an index, a list or map that is built) is a fault that names the
// field. Under a field that is missing or null every field is missing.
package expr
