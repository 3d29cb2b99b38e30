package expr

import (
	"iter"
	"time"
)

// Value is what an expression gave. It may alias memory of the Scope it came
// from, and is good until that scope is reset or set again. The zero Value is
// missing.
type Value struct{}

// ValueOf wraps a Go value: nil, bool, int, int64, float64, string, []byte,
// time.Time, time.Duration, Value, and []any, []string, []Value, map[string]any
// or map[string]Value of them. Anything else gives missing.
func ValueOf(v any) Value { return Value{} }

// ParseJSON returns a value that owns its memory and decodes as it is read.
func ParseJSON(data []byte) (Value, error) { return Value{}, nil }

// IsMissing tells that a field was read which the data does not have.
func (v Value) IsMissing() bool { return true }

// IsNull tells an explicit null; a missing value is not one.
func (v Value) IsNull() bool { return false }

// Type returns the value's type; of a missing one it is Null.
func (v Value) Type() Type { return Null }

// Bool returns a boolean; ok is false for any other type.
func (v Value) Bool() (b, ok bool) { return false, false }

// Int returns an integer; ok is false for any other type, and for a number
// that is not whole.
func (v Value) Int() (n int64, ok bool) { return 0, false }

// Float returns an integer or a number; ok is false for any other type.
func (v Value) Float() (f float64, ok bool) { return 0, false }

// Str returns a string; ok is false for any other type.
func (v Value) Str() (s string, ok bool) { return "", false }

// Time returns a timestamp; ok is false for any other type.
func (v Value) Time() (t time.Time, ok bool) { return time.Time{}, false }

// Len returns the number of items of a list or a map, else 0.
func (v Value) Len() int { return 0 }

// Items yields the items of a list; none for any other type.
func (v Value) Items() iter.Seq[Value] { return func(func(Value) bool) {} }

// Get returns what a map or object holds at key, missing if there is nothing
// or v is of another type.
func (v Value) Get(key string) Value { return Value{} }

// Text returns a scalar as text: a string as it is, an integer in digits, a
// number in its shortest form without exponent, a boolean as true or false, a
// timestamp in RFC 3339. ok is false for null, missing, lists and maps.
func (v Value) Text() (text string, ok bool) { return "", false }

// String returns the value as CEL would write it, for people: long strings and
// lists are shortened.
func (v Value) String() string { return "" }

// AppendJSON appends the value as JSON: timestamps in RFC 3339, bytes in
// base64, durations as "3.5s". It fails for NaN, infinities and a missing value.
func (v Value) AppendJSON(dst []byte) ([]byte, error) { return dst, nil }
