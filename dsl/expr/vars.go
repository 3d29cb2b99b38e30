package expr

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Vars are the constants of a mapping, typed by their values. Immutable, and
// fine for concurrent use. Nil Vars are no constants.
type Vars struct {
	values map[string]ref.Val
	kinds  map[string]*types.Type
	text   string // names and types, sorted
}

// NewVars takes strings, booleans, whole numbers (int, int64), float64, nil,
// and lists ([]any) and maps (map[string]any) of them. It fails for any other
// type and for a name that is no identifier.
func NewVars(values map[string]any) (*Vars, error) {
	v := &Vars{values: map[string]ref.Val{}, kinds: map[string]*types.Type{}}
	var shape strings.Builder
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value, t, err := constant(values[name])
		if err != nil {
			return nil, fmt.Errorf("vars.%s: %w", name, err)
		}
		if !isIdent(name) {
			return nil, fmt.Errorf("vars.%s: a name is letters, digits and _, and begins with no digit", name)
		}
		v.values[name], v.kinds[name] = value, t
		fmt.Fprintf(&shape, "%s %s;", name, t)
	}
	v.text = shape.String()
	return v, nil
}

func (v *Vars) shape() string {
	if v == nil {
		return ""
	}
	return v.text
}

func (v *Vars) types() map[string]*types.Type {
	if v == nil {
		return nil
	}
	return v.kinds
}

// constant converts a value and tells its type. Lists of one type are typed,
// others hold any value.
func constant(value any) (ref.Val, *types.Type, error) {
	switch x := value.(type) {
	case nil:
		return types.NullValue, types.DynType, nil
	case string:
		return types.String(x), types.StringType, nil
	case bool:
		return types.Bool(x), types.BoolType, nil
	case int:
		return types.Int(x), types.IntType, nil
	case int64:
		return types.Int(x), types.IntType, nil
	case float64:
		return types.Double(x), types.DoubleType, nil
	case []any:
		return constantList(x)
	case map[string]any:
		return constantMap(x)
	}
	return nil, nil, fmt.Errorf("a constant cannot be of type %s", reflect.TypeOf(value))
}

func constantList(items []any) (ref.Val, *types.Type, error) {
	values := make([]ref.Val, len(items))
	var common *types.Type
	for i, item := range items {
		v, t, err := constant(item)
		if err != nil {
			return nil, nil, err
		}
		values[i], common = v, join(common, t)
	}
	return types.NewRefValList(adapter{}, values), types.NewListType(orDyn(common)), nil
}

func constantMap(entries map[string]any) (ref.Val, *types.Type, error) {
	values := make(map[ref.Val]ref.Val, len(entries))
	var common *types.Type
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		v, t, err := constant(entries[key])
		if err != nil {
			return nil, nil, err
		}
		values[types.String(key)], common = v, join(common, t)
	}
	return types.NewRefValMap(adapter{}, values), types.NewMapType(types.StringType, orDyn(common)), nil
}

// join returns the type that two have in common, Dyn if there is none.
func join(a, b *types.Type) *types.Type {
	if a == nil || a.IsExactType(b) {
		return b
	}
	return types.DynType
}

func orDyn(t *types.Type) *types.Type {
	if t == nil {
		return types.DynType
	}
	return t
}

// asMap returns all constants as one value.
func (v *Vars) asMap() ref.Val {
	all := map[ref.Val]ref.Val{}
	if v != nil {
		for name, value := range v.values {
			all[types.String(name)] = value
		}
	}
	return types.NewRefValMap(adapter{}, all)
}
