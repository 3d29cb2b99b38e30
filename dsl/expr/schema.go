package expr

import "errors"

// Schema is an object as a JSON Schema describes it: the type of `record`.
// It is immutable.
type Schema struct {
	name string
	open bool
}

// Field is one property of a Schema.
type Field struct {
	Name        string
	Type        Type
	Nullable    bool     // the data may say null
	Required    bool     // the data always has it
	Enum        []string // the allowed values as text; empty: any
	Format      string   // "email", "date-time", …; may be empty
	MaxLength   int      // runes of a string; 0: not limited by the schema
	MaxItems    int      // items of a list; 0: not limited by the schema
	Description string
	Object      *Schema // of Object
	Items       *Field  // of List, where the schema says; its Name is empty
}

// ParseSchema reads the JSON Schema of an object. Name is what messages call
// it, as in `contact has no field "emial"`. It understands type (also with
// "null"), properties, required, additionalProperties, items, enum, const,
// format, maxLength, maxItems, description and local $ref; it fails when the
// schema is not one of an object.
func ParseSchema(name string, src []byte) (*Schema, error) {
	return nil, errors.New("schema: empty")
}

// Name returns the name given to ParseSchema.
func (s *Schema) Name() string { return s.name }

// Open tells whether the object may have fields that the schema does not list.
func (s *Schema) Open() bool { return s.open }

// Fields returns the fields, sorted by name.
func (s *Schema) Fields() []Field { return nil }

// Field returns the field at a path such as "address.city".
func (s *Schema) Field(path string) (f Field, ok bool) { return Field{}, false }
