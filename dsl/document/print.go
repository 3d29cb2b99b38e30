package document

import "io"

// Sources returns the content of a file that diagnostics name, nil if it is
// not to be had; then no snippet is printed.
type Sources func(file string) []byte

// Text prints each diagnostic with the line it is in, a caret below, help and
// notes. sources may be nil. color adds SGR colour codes.
func Text(w io.Writer, ds Diagnostics, sources Sources, color bool) error { return nil }

// Oneline prints one line per diagnostic: "path:12:17: error: message [CM201]".
func Oneline(w io.Writer, ds Diagnostics) error { return nil }

// JSON prints one object with format_version, valid, error_count,
// warning_count and diagnostics.
func JSON(w io.Writer, ds Diagnostics) error { return nil }

// GitHub prints workflow commands that annotate a pull request.
func GitHub(w io.Writer, ds Diagnostics) error { return nil }
