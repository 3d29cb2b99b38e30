package expr

import (
	"errors"
	"reflect"
	"unsafe"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"github.com/valyala/fastjson"
)

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
