package expr

import (
	"errors"
	"math"
	"reflect"
	"time"
	"unsafe"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"github.com/valyala/fastjson"
)

// exactFloat is where a float64 stops telling whole numbers apart.
const exactFloat = 1 << 53

// object is a JSON object that is parsed but not decoded. CEL asks it for one
// key at a time. Strings read from it alias the parser's buffer.
type object fastjson.Value

func (o *object) json() *fastjson.Value { return (*fastjson.Value)(o) }

// get returns the value of a key, nil where there is none.
func (o *object) get(key string) *fastjson.Value {
	obj, err := o.json().Object()
	if err != nil {
		return nil
	}
	return obj.Get(key)
}

// FindStringKey is what cel-go asks first when a key is a constant.
func (o *object) FindStringKey(key string) (any, bool) {
	v := o.get(key)
	if v == nil {
		return nil, false
	}
	return untyped(v), true
}

// Find implements traits.Mapper.
func (o *object) Find(key ref.Val) (ref.Val, bool) {
	s, ok := key.(types.String)
	if !ok {
		return nil, false
	}
	v := o.get(string(s))
	if v == nil {
		return nil, false
	}
	return untyped(v), true
}

// Get implements traits.Indexer.
func (o *object) Get(key ref.Val) ref.Val {
	if v, ok := o.Find(key); ok {
		return v
	}
	return types.NewErr("no such key")
}

// Contains implements traits.Container.
func (o *object) Contains(key ref.Val) ref.Val {
	_, ok := o.Find(key)
	return types.Bool(ok)
}

// Size implements traits.Sizer.
func (o *object) Size() ref.Val {
	obj, err := o.json().Object()
	if err != nil {
		return types.IntZero
	}
	return types.Int(obj.Len())
}

// Iterator implements traits.Iterable, in the order of the JSON text.
func (o *object) Iterator() traits.Iterator {
	var keys []ref.Val
	if obj, err := o.json().Object(); err == nil {
		obj.Visit(func(key []byte, _ *fastjson.Value) { keys = append(keys, types.String(alias(key))) })
	}
	return types.NewRefValList(adapter{}, keys).Iterator()
}

// ConvertToNative implements ref.Val; nothing of ours asks for it.
func (o *object) ConvertToNative(reflect.Type) (any, error) {
	return nil, errors.New("a JSON object is read field by field")
}

// ConvertToType implements ref.Val.
func (o *object) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case types.MapType:
		return o
	case types.TypeType:
		return types.MapType
	}
	return types.NewErr("type conversion error from 'map' to '%s'", t)
}

// Equal implements ref.Val: equal keys with equal values.
func (o *object) Equal(other ref.Val) ref.Val {
	m, ok := other.(traits.Mapper)
	if !ok || m.Size() != o.Size() {
		return types.False
	}
	for it := o.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		mine, _ := o.Find(key)
		theirs, found := m.Find(key)
		if !found || types.Equal(mine, theirs) != types.True {
			return types.False
		}
	}
	return types.True
}

// Type implements ref.Val.
func (o *object) Type() ref.Type { return types.MapType }

// Value implements ref.Val.
func (o *object) Value() any { return o }

// missing is what a read gives where the data has no such field. Its runtime
// type is null's, so that it fits where null does.
type missing struct{ path string }

// ConvertToNative implements ref.Val.
func (m *missing) ConvertToNative(reflect.Type) (any, error) {
	return nil, errors.New("a missing value has no native form")
}

// ConvertToType implements ref.Val.
func (m *missing) ConvertToType(t ref.Type) ref.Val {
	if t == types.TypeType {
		return types.NullType
	}
	return types.NewErr("type conversion error from 'null_type' to '%s'", t)
}

// Equal implements ref.Val: missing equals missing and null.
func (m *missing) Equal(other ref.Val) ref.Val { return types.Bool(isNothing(other)) }

// Type implements ref.Val.
func (m *missing) Type() ref.Type { return types.NullType }

// Value implements ref.Val.
func (m *missing) Value() any { return m }

// isNothing tells null and missing.
func isNothing(v ref.Val) bool {
	if v == types.NullValue {
		return true
	}
	_, ok := v.(*missing)
	return ok
}

// adapter passes our own values through without a look.
type adapter struct{}

// NativeToValue implements types.Adapter.
func (adapter) NativeToValue(v any) ref.Val {
	switch x := v.(type) {
	case ref.Val:
		return x
	case string:
		return types.String(x)
	case *Vars:
		return x.asMap()
	case *envelope:
		return x.asMap()
	}
	return types.DefaultTypeAdapter.NativeToValue(v)
}

// alias returns a string that shares the bytes' memory.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// untyped converts a value of which no schema tells the type. Whole numbers are
// integers as long as they fit, so that long ids keep their digits.
func untyped(v *fastjson.Value) ref.Val {
	switch v.Type() {
	case fastjson.TypeString:
		b, _ := v.StringBytes()
		return types.String(alias(b))
	case fastjson.TypeNumber:
		if n, err := v.Int64(); err == nil {
			return types.Int(n)
		}
		f, err := v.Float64()
		if err != nil {
			return types.WrapErr(faultf("a number in the data cannot be read"))
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
	if f.Type == Int {
		if n, err := v.Int64(); err == nil {
			return types.Int(n), nil
		}
	}
	x, err := v.Float64()
	if err != nil || math.IsInf(x, 0) {
		return nil, faultf("%s holds a number that is too large", f.path)
	}
	whole := x == math.Trunc(x)
	switch {
	case f.Type == Int && (!whole || math.Abs(x) >= exactFloat):
		return nil, faultf("%s holds a number that is not a whole one of 64 bits, its schema says integer", f.path)
	case f.Type == Int:
		return types.Int(int64(x)), nil
	case whole && math.Abs(x) >= exactFloat:
		if n, err := v.Int64(); err == nil {
			return types.Int(n), nil // as a float it would lose digits
		}
	}
	return types.Double(x), nil
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
