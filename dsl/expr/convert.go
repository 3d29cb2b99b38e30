package expr

import (
	"bytes"
	"math"
	"strconv"
	"sync"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/valyala/fastjson"
)

// exactFloat is where a float64 stops telling whole numbers apart.
const exactFloat = 1 << 53

// untyped converts a value of which no schema tells the type. Whole numbers are
// integers as long as they fit, so that long ids keep their digits.
func untyped(v *fastjson.Value) ref.Val {
	switch v.Type() {
	case fastjson.TypeString:
		b, _ := v.StringBytes()
		return types.String(alias(b))
	case fastjson.TypeNumber:
		n, f, whole, err := numeral(v)
		switch {
		case err != nil:
			return types.WrapErr(faultf("a number in the data cannot be read"))
		case whole:
			return types.Int(n)
		}
		return types.Double(f)
	case fastjson.TypeTrue:
		return types.True
	case fastjson.TypeFalse:
		return types.False
	case fastjson.TypeObject:
		return (*object)(v)
	case fastjson.TypeArray:
		items, _ := v.Array()
		return listOf(items, nil)
	}
	return types.NullValue
}

// exactDigits is how many characters of a number the fast parser reads without
// an error in the last place, as long as there is no exponent.
const exactDigits = 15

// numberTexts holds buffers for the text of a number.
var numberTexts = sync.Pool{New: func() any { return new([]byte) }}

// numeral reads a number exactly: as an integer where it is written as one of 64
// bits, else as strconv does.
func numeral(v *fastjson.Value) (n int64, f float64, whole bool, err error) {
	room, _ := numberTexts.Get().(*[]byte)
	defer numberTexts.Put(room)
	*room = v.MarshalTo((*room)[:0])
	text := *room
	if !bytes.ContainsAny(text, ".eE") {
		if n, err := v.Int64(); err == nil {
			return n, float64(n), true, nil
		}
	}
	if len(text) <= exactDigits && !bytes.ContainsAny(text, "eE") {
		f, err = v.Float64()
	} else {
		f, err = strconv.ParseFloat(alias(text), 64)
	}
	return 0, f, false, err
}

// listOf converts the items of an array; f tells their type, nil: any.
func listOf(items []*fastjson.Value, f *field) ref.Val {
	if f == nil {
		f = &field{} // of any type
	}
	values := make([]ref.Val, len(items))
	for i, item := range items {
		v, err := f.read(item)
		if err != nil {
			return types.WrapErr(err)
		}
		values[i] = v
	}
	return types.NewRefValList(adapter{}, values)
}

// read converts a value to the type that the schema gives. The error is a
// *fault that names the field.
func (f *field) read(v *fastjson.Value) (ref.Val, error) {
	t := v.Type()
	if t == fastjson.TypeNull {
		return types.NullValue, nil
	}
	switch f.Type {
	case String:
		if t == fastjson.TypeString {
			b, _ := v.StringBytes()
			return types.String(alias(b)), nil
		}
	case Int, Double:
		if t == fastjson.TypeNumber {
			return f.number(v)
		}
	case Bool:
		if t == fastjson.TypeTrue || t == fastjson.TypeFalse {
			return types.Bool(t == fastjson.TypeTrue), nil
		}
	case Timestamp:
		if t == fastjson.TypeString {
			return f.timestamp(v)
		}
	case List:
		if t == fastjson.TypeArray {
			items, _ := v.Array()
			return noFault(listOf(items, f.items))
		}
	case Object, Map:
		if t == fastjson.TypeObject {
			return (*object)(v), nil
		}
	default:
		return noFault(untyped(v))
	}
	return nil, faultf("%s holds %s, its schema says %s", f.path, jsonKind(t), f.Type)
}

// noFault gives a value that is an error as an error.
func noFault(v ref.Val) (ref.Val, error) {
	if err, bad := v.(*types.Err); bad {
		return nil, err.Unwrap()
	}
	return v, nil
}

func (f *field) number(v *fastjson.Value) (ref.Val, error) {
	n, x, whole, err := numeral(v)
	if err != nil || math.IsInf(x, 0) {
		return nil, faultf("%s holds a number that is too large", f.path)
	}
	if whole && (f.Type == Int || math.Abs(x) >= exactFloat) {
		return types.Int(n), nil // a large one would lose digits as a float
	}
	if f.Type == Double {
		return types.Double(x), nil
	}
	if x != math.Trunc(x) || math.Abs(x) >= exactFloat {
		return nil, faultf("%s holds a number that is not a whole one of 64 bits, its schema says integer", f.path)
	}
	return types.Int(int64(x)), nil
}

func (f *field) timestamp(v *fastjson.Value) (ref.Val, error) {
	b, _ := v.StringBytes()
	t, err := time.Parse(time.RFC3339, alias(b))
	if err != nil || t.Year() < 1 || t.Year() > 9999 {
		return nil, faultf("%s is no timestamp such as 2026-01-31T12:00:00Z", f.path)
	}
	return types.Timestamp{Time: t}, nil
}

// jsonKind names what stands in the data.
func jsonKind(t fastjson.Type) string {
	switch t {
	case fastjson.TypeString:
		return "a string"
	case fastjson.TypeNumber:
		return "a number"
	case fastjson.TypeTrue, fastjson.TypeFalse:
		return "a boolean"
	case fastjson.TypeArray:
		return "a list"
	case fastjson.TypeObject:
		return "an object"
	}
	return "null"
}
