package expr

import (
	"fmt"
	"iter"
	"math"
	"strconv"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"github.com/valyala/fastjson"
)

// Value is what an expression gave. It may alias memory of the Scope it came
// from, and is good until that scope is reset or set again. The zero Value is
// missing.
type Value struct{ v ref.Val }

// ValueOf wraps a Go value: nil, bool, int, int64, float64, string, []byte,
// time.Time, time.Duration, Value, and []any, []string, []Value, map[string]any
// or map[string]Value of them. Anything else gives missing.
func ValueOf(v any) Value {
	switch x := v.(type) {
	case Value:
		return x
	case nil:
		return Value{types.NullValue}
	case bool:
		return Value{types.Bool(x)}
	case int:
		return Value{types.Int(x)}
	case int64:
		return Value{types.Int(x)}
	case float64:
		return Value{types.Double(x)}
	case string:
		return Value{types.String(x)}
	case []byte:
		return Value{types.Bytes(x)}
	case time.Time:
		return Value{types.Timestamp{Time: x}}
	case time.Duration:
		return Value{types.Duration{Duration: x}}
	case []string:
		return Value{types.NewStringList(adapter{}, x)}
	case []any:
		return listValue(x)
	case []Value:
		return listValue(x)
	case map[string]any:
		return mapValue(x)
	case map[string]Value:
		return mapValue(x)
	}
	return Value{}
}

func listValue[T any](items []T) Value {
	values := make([]ref.Val, len(items))
	for i, item := range items {
		values[i] = ValueOf(item).ref()
	}
	return Value{types.NewRefValList(adapter{}, values)}
}

func mapValue[T any](entries map[string]T) Value {
	values := make(map[ref.Val]ref.Val, len(entries))
	for key, entry := range entries {
		values[types.String(key)] = ValueOf(entry).ref()
	}
	return Value{types.NewRefValMap(adapter{}, values)}
}

// ParseJSON returns a value that owns its memory and is decoded as it is read.
// It is not for concurrent use. It fails when data is not JSON.
func ParseJSON(data []byte) (Value, error) {
	v, err := fastjson.ParseBytes(data)
	if err != nil {
		return Value{}, fmt.Errorf("read JSON: %w", err)
	}
	return Value{untyped(v)}, nil
}

// ref returns the CEL value, a missing one for the zero Value.
func (v Value) ref() ref.Val {
	if v.v == nil {
		return &missing{}
	}
	return v.v
}

// result makes a Value of what a program gave. An optional is what it holds, or
// missing.
func result(v ref.Val) Value {
	if o, ok := v.(*types.Optional); ok {
		if !o.HasValue() {
			return Value{}
		}
		return result(o.GetValue())
	}
	if _, gone := v.(*missing); gone {
		return Value{}
	}
	return Value{v}
}

// IsMissing tells that a field was read which the data does not have.
func (v Value) IsMissing() bool {
	if v.v == nil {
		return true
	}
	_, gone := v.v.(*missing)
	return gone
}

// IsNull tells an explicit null; a missing value is not one.
func (v Value) IsNull() bool { return v.v == types.NullValue }

// Type returns the value's type; of a missing one it is Null.
func (v Value) Type() Type {
	if v.IsMissing() {
		return Null
	}
	if t, ok := v.v.Type().(*types.Type); ok {
		return typeOf(t)
	}
	return Dyn
}

// Bool returns a boolean; ok is false for any other type.
func (v Value) Bool() (b, ok bool) {
	x, ok := v.v.(types.Bool)
	return bool(x), ok
}

// Int returns an integer; ok is false for any other type, and for a number
// that is not whole or is beyond 2^53.
func (v Value) Int() (n int64, ok bool) {
	switch x := v.v.(type) {
	case types.Int:
		return int64(x), true
	case types.Uint:
		return int64(x), x <= math.MaxInt64
	case types.Double:
		f := float64(x)
		return int64(f), f == math.Trunc(f) && math.Abs(f) < exactFloat
	}
	return 0, false
}

// Float returns an integer or a number; ok is false for any other type.
func (v Value) Float() (f float64, ok bool) {
	switch x := v.v.(type) {
	case types.Double:
		return float64(x), true
	case types.Int:
		return float64(x), true
	case types.Uint:
		return float64(x), true
	}
	return 0, false
}

// Str returns a string; ok is false for any other type.
func (v Value) Str() (s string, ok bool) {
	x, ok := v.v.(types.String)
	return string(x), ok
}

// Time returns a timestamp; ok is false for any other type.
func (v Value) Time() (t time.Time, ok bool) {
	x, ok := v.v.(types.Timestamp)
	return x.Time, ok
}

// Len returns the number of items of a list or a map, else 0.
func (v Value) Len() int {
	switch x := v.v.(type) {
	case traits.Lister:
		n, _ := x.Size().(types.Int)
		return int(n)
	case traits.Mapper:
		n, _ := x.Size().(types.Int)
		return int(n)
	}
	return 0
}

// Items yields the items of a list; none for any other type.
func (v Value) Items() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		list, ok := v.v.(traits.Lister)
		if !ok {
			return
		}
		for it := list.Iterator(); it.HasNext() == types.True; {
			if !yield(result(it.Next())) {
				return
			}
		}
	}
}

// Entries yields the entries of a map or object by key, in no fixed order;
// none for any other type and for keys that are no strings.
func (v Value) Entries() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		m, ok := v.v.(traits.Mapper)
		if !ok {
			return
		}
		for it := m.Iterator(); it.HasNext() == types.True; {
			key, ok := it.Next().(types.String)
			if ok && !yield(string(key), v.Get(string(key))) {
				return
			}
		}
	}
}

// Get returns what a map or object holds at key, missing if there is nothing
// or v is of another type.
func (v Value) Get(key string) Value {
	m, ok := v.v.(traits.Mapper)
	if !ok {
		return Value{}
	}
	found, ok := m.Find(types.String(key))
	if !ok {
		return Value{}
	}
	return result(found)
}

// Text returns a scalar as text: a string as it is, an integer in digits, a
// number in its shortest form without exponent, a boolean as true or false, a
// timestamp in RFC 3339. ok is false for null, missing, lists and maps.
func (v Value) Text() (text string, ok bool) {
	switch x := v.v.(type) {
	case types.String:
		return string(x), true
	case types.Int:
		return strconv.FormatInt(int64(x), 10), true
	case types.Uint:
		return strconv.FormatUint(uint64(x), 10), true
	case types.Double:
		return strconv.FormatFloat(float64(x), 'f', -1, 64), true
	case types.Bool:
		return strconv.FormatBool(bool(x)), true
	case types.Timestamp:
		return x.Time.UTC().Format(time.RFC3339Nano), true
	case types.Duration:
		return durationText(x.Duration), true
	}
	return "", false
}
