package expr

import (
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// typeProvider knows the object types of an environment. Their names begin with
// an @, so that no expression can name one.
type typeProvider struct {
	types.Provider
	objects map[string]*objectType
}

// objectType is a type with named fields.
type objectType struct {
	title  string // what messages call it: "contact", "vars"
	schema *Schema
	fields map[string]*types.FieldType
	names  []string // sorted
}

// FindStructType implements types.Provider.
func (p *typeProvider) FindStructType(name string) (*types.Type, bool) {
	if _, ok := p.objects[name]; ok {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return p.Provider.FindStructType(name)
}

// FindStructFieldNames implements types.Provider.
func (p *typeProvider) FindStructFieldNames(name string) ([]string, bool) {
	if o, ok := p.objects[name]; ok {
		return o.names, true
	}
	return p.Provider.FindStructFieldNames(name)
}

// FindStructFieldType implements types.Provider.
func (p *typeProvider) FindStructFieldType(name, member string) (*types.FieldType, bool) {
	o, ok := p.objects[name]
	if !ok {
		return p.Provider.FindStructFieldType(name, member)
	}
	if ft, ok := o.fields[member]; ok {
		return ft, true
	}
	if o.schema != nil && o.schema.open {
		return unlisted(member), true
	}
	return nil, false
}

// addSchema makes the types of a schema and of the objects inside it known, and
// returns the schema's own.
func (p *typeProvider) addSchema(s *Schema) *types.Type {
	name := "@" + s.name
	if _, ok := p.objects[name]; ok {
		return types.NewObjectType(name)
	}
	o := &objectType{title: s.name, schema: s, fields: map[string]*types.FieldType{}, names: s.names()}
	p.objects[name] = o
	for _, f := range s.fields {
		o.fields[f.Name] = &types.FieldType{Type: p.fieldType(f), IsSet: f.isSet, GetFrom: f.getFrom}
	}
	return types.NewObjectType(name)
}

// fieldType returns the CEL type of a field. One that can be null or missing is
// nullable.
func (p *typeProvider) fieldType(f *field) *types.Type {
	t := celType(f.Type)
	switch f.Type {
	case Object:
		return p.addSchema(f.Object)
	case List:
		if f.items != nil {
			t = types.NewListType(p.fieldType(f.items))
		}
	}
	if f.Nullable || !f.Required {
		return nullableType(t)
	}
	return t
}

func nullableType(t *types.Type) *types.Type {
	switch t.Kind() {
	case types.BoolKind, types.BytesKind, types.DoubleKind, types.IntKind, types.StringKind, types.UintKind:
		return types.NewNullableType(t)
	}
	return t
}

func celType(t Type) *types.Type {
	switch t {
	case Bool:
		return types.BoolType
	case Int:
		return types.IntType
	case Double:
		return types.DoubleType
	case String:
		return types.StringType
	case Bytes:
		return types.BytesType
	case Timestamp:
		return types.TimestampType
	case Duration:
		return types.DurationType
	case List:
		return types.NewListType(types.DynType)
	case Map, Object:
		return types.NewMapType(types.StringType, types.DynType)
	case Null:
		return types.NullType
	}
	return types.DynType
}

// typeOf is the inverse of celType.
func typeOf(t *types.Type) Type {
	switch t.Kind() {
	case types.BoolKind:
		return Bool
	case types.IntKind, types.UintKind:
		return Int
	case types.DoubleKind:
		return Double
	case types.StringKind:
		return String
	case types.BytesKind:
		return Bytes
	case types.TimestampKind:
		return Timestamp
	case types.DurationKind:
		return Duration
	case types.ListKind:
		return List
	case types.MapKind:
		return Map
	case types.StructKind:
		return Object
	case types.NullTypeKind:
		return Null
	}
	return Dyn
}

func (f *field) isSet(target any) bool {
	o, ok := target.(*object)
	return ok && o.get(f.Name) != nil
}

// getFrom reads the field. Under an object that is null or missing it is missing.
func (f *field) getFrom(target any) (any, error) {
	o, ok := target.(*object)
	if !ok {
		return f.absent, nil
	}
	v := o.get(f.Name)
	if v == nil {
		return f.absent, nil
	}
	return f.read(v)
}

// unlisted is a field of an open object that its schema does not list.
func unlisted(name string) *types.FieldType {
	absent := &missing{path: name}
	return &types.FieldType{
		Type:  types.DynType,
		IsSet: func(target any) bool { o, ok := target.(*object); return ok && o.get(name) != nil },
		GetFrom: func(target any) (any, error) {
			if o, ok := target.(*object); ok {
				if v := o.get(name); v != nil {
					return untyped(v), nil
				}
			}
			return absent, nil
		},
	}
}

// addPlain makes an object type known whose fields are read by a function.
func (p *typeProvider) addPlain(title string, fields map[string]*types.Type, read func(target any, name string) ref.Val) *types.Type {
	o := &objectType{title: title, fields: map[string]*types.FieldType{}}
	for name, t := range fields {
		o.names = append(o.names, name)
		o.fields[name] = &types.FieldType{
			Type:    t,
			IsSet:   func(target any) bool { _, gone := read(target, name).(*missing); return !gone },
			GetFrom: func(target any) (any, error) { return read(target, name), nil },
		}
	}
	slices.Sort(o.names)
	p.objects["@"+title] = o
	return types.NewObjectType("@" + title)
}
