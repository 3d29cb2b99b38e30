package expr

import (
	"errors"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

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
