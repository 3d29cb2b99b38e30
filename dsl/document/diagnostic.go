package document

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity is how bad a diagnostic is.
type Severity uint8

// The severities. An Error keeps a file from being used, a Warning does not.
const (
	Error Severity = iota
	Warning
)

// String returns "error" or "warning".
func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// MarshalText returns what String returns.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// The codes of the diagnostics that this package reports.
const (
	CodeSyntax       = "CM101" // yaml-syntax: not YAML, or a part of YAML or a size that is refused
	CodeUnknownKey   = "CM102" // unknown-key
	CodeMissingKey   = "CM103" // missing-key
	CodeWrongType    = "CM104" // wrong-type: of another type, or not one of the allowed values
	CodeDuplicateKey = "CM105" // duplicate-key
	CodeNonStringKey = "CM106" // non-string-key
	CodeVersion      = "CM109" // unsupported-version
)

// The names of the codes.
const (
	ruleSyntax       = "yaml-syntax"
	ruleUnknownKey   = "unknown-key"
	ruleMissingKey   = "missing-key"
	ruleWrongType    = "wrong-type"
	ruleDuplicateKey = "duplicate-key"
	ruleNonStringKey = "non-string-key"
	ruleVersion      = "unsupported-version"
)

// Diagnostic is one fault of one file.
type Diagnostic struct {
	Severity Severity
	Code     string // stable: "CM201"
	Rule     string // the code's name: "unknown-record-field"
	Message  string // one line, without a final period
	Help     string // what to do; may hold several lines; may be empty
	File     string
	Range    Range
	Pointer  string   // JSON pointer of the node, "/fields/email"; "" is the root
	Fix      *Fix     // optional: an edit that mends the fault
	Notes    []string // what else is worth knowing, each one line

	Org, Provider, Object string // which mapping it is in; empty where that means nothing
}

// Fix is an edit of the file: Text takes the place of what stands in Range.
type Fix struct {
	Range Range  `json:"range"`
	Text  string `json:"text"`
}

// Apply returns src with the fix made.
func (f Fix) Apply(src []byte) []byte {
	text := newLines(src)
	start, end := text.offset(f.Range.Start), text.offset(f.Range.End)
	return slices.Concat(src[:start], []byte(f.Text), src[max(start, end):])
}

// Diagnostics is what was found in one or more files. It is an error whose
// text has one line per diagnostic.
type Diagnostics []Diagnostic

// Sort orders by file, position, and then code and message, so that the same
// faults always print in the same order.
func (ds Diagnostics) Sort() {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.File, b.File),
			a.Range.Start.Compare(b.Range.Start),
			cmp.Compare(a.Code, b.Code),
			cmp.Compare(a.Message, b.Message),
		)
	})
}

// HasErrors tells whether any is an Error.
func (ds Diagnostics) HasErrors() bool { return ds.Count(Error) > 0 }

// Count returns how many are of that severity.
func (ds Diagnostics) Count(s Severity) int {
	n := 0
	for i := range ds {
		if ds[i].Severity == s {
			n++
		}
	}
	return n
}

// Summary returns "2 errors, 1 warning", or "no errors" when there is neither.
func (ds Diagnostics) Summary() string {
	var parts []string
	for _, s := range [...]Severity{Error, Warning} {
		switch n := ds.Count(s); {
		case n == 1:
			parts = append(parts, "1 "+s.String())
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %ss", n, s))
		}
	}
	if len(parts) == 0 {
		return "no errors"
	}
	return strings.Join(parts, ", ")
}

// Error returns the diagnostics as Oneline prints them, without a final line break.
func (ds Diagnostics) Error() string {
	var b strings.Builder
	for i := range ds {
		b.WriteString(oneline(&ds[i]))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Err returns ds as an error when it holds an Error, else nil.
func (ds Diagnostics) Err() error {
	if ds.HasErrors() {
		return ds
	}
	return nil
}
