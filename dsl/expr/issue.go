package expr

import "fmt"

// Issue is one fault of an expression, or a warning about it. Its code is
//
//	CM201 unknown field            CM208 too costly
//	CM202 unknown name             CM209 too long, or nested too deep
//	CM203 types do not fit         CM210 not the type that is wanted
//	CM204 syntax                   CM211 may be null (warning)
//	CM205 regular expression       CM212 constant (a fault where it always fails)
//	CM206 date, layout or zone     CM213 always true or false (warning)
//	CM207 struct literal
type Issue struct {
	Warning bool // it compiles, but is likely to be wrong
	Code    string
	// Start and End are rune offsets in the expression's text, End exclusive.
	Start, End    int
	Message, Help string // Message has no final period, Help may hold several lines
	Fix           *Fix   // optional; the text with it applied compiles without this issue
}

// Fix is an edit of an expression's text: the runes from Start to before End
// are replaced by Text.
type Fix struct {
	Start, End int
	Text       string
}

// EvalError is why an expression gave no value. Its text names fields and
// functions, never a value of the record.
type EvalError struct {
	Start, End int    // rune offsets of the culprit in the expression's text
	Message    string // no final period
	Costly     bool   // stopped by the cost limit, the clock or a cap on size
	Panicked   bool   // a mistake in our own code, contained to this evaluation
}

// Error returns the message.
func (e *EvalError) Error() string { return e.Message }

// At returns "1:5: message", with line and column in the expression's text.
func (e *EvalError) At(text string) string {
	line, col := 1, 1
	for i, r := range []rune(text) {
		if i == e.Start {
			break
		}
		if col++; r == '\n' {
			line, col = line+1, 1
		}
	}
	return fmt.Sprintf("%d:%d: %s", line, col, e.Message)
}

// fault is an error in our own words: it may be shown as it is.
type fault struct {
	message string
	costly  bool
}

// Error returns the message.
func (f *fault) Error() string { return f.message }

func faultf(format string, args ...any) *fault { return &fault{message: fmt.Sprintf(format, args...)} }

func costlyf(format string, args ...any) *fault {
	return &fault{message: fmt.Sprintf(format, args...), costly: true}
}
