package expr

import (
	"slices"
	"strings"
)

// Schema is an object as a JSON Schema describes it: the type of `record`.
// It is immutable and may be used concurrently.
type Schema struct {
	name   string
	open   bool
	fields []*field // sorted by name
	byName map[string]*field
}

// Field is one property of a Schema.
type Field struct {
	Name        string
	Type        Type
	Nullable    bool     // the data may say null
	Required    bool     // the data always has it
	Enum        []string // the allowed values as text, without null; empty: any
	Format      string   // "email", "date-time", …; may be empty
	MaxLength   int      // runes of a string; 0: not limited by the schema
	MaxItems    int      // items of a list; 0: not limited by the schema
	Description string
	Object      *Schema // of Object
	Items       *Field  // of List, where the schema says; its Name is empty
}

// field is a Field with what reading it takes.
type field struct {
	Field
	path   string   // from the record: "address.city"
	items  *field   // of a list; nil: any
	absent *missing // what a read gives where the data has no such field
}

// Name returns the name given to ParseSchema.
func (s *Schema) Name() string { return s.name }

// Open tells whether the object may have fields that the schema does not list.
// They are read as any value.
func (s *Schema) Open() bool { return s.open }

// Fields returns the fields, sorted by name.
func (s *Schema) Fields() []Field {
	fields := make([]Field, 0, len(s.fields))
	for _, f := range s.fields {
		fields = append(fields, f.Field)
	}
	return fields
}

// Field returns the field at a path such as "address.city".
func (s *Schema) Field(path string) (f Field, ok bool) {
	name, rest, nested := strings.Cut(path, ".")
	found := s.byName[name]
	if found == nil {
		return Field{}, false
	}
	if !nested {
		return found.Field, true
	}
	if found.Object == nil {
		return Field{}, false
	}
	return found.Object.Field(rest)
}

// names returns the fields' names, sorted.
func (s *Schema) names() []string {
	names := make([]string, 0, len(s.fields))
	for _, f := range s.fields {
		names = append(names, f.Name)
	}
	return names
}

func newSchema(name string, open bool, fields []*field) *Schema {
	s := &Schema{name: name, open: open, fields: fields, byName: make(map[string]*field, len(fields))}
	slices.SortFunc(fields, func(a, b *field) int { return strings.Compare(a.Name, b.Name) })
	for _, f := range fields {
		s.byName[f.Name] = f
	}
	return s
}
