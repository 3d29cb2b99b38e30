package expr

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The bounds of a record's schema.
const (
	schemaBytes  = 256 << 10
	schemaDepth  = 8
	schemaFields = 2000
)

// jsonSchema is the part of draft-07 JSON Schema that types a record.
type jsonSchema struct {
	Ref                  string                 `json:"$ref"`
	Type                 jsonTypes              `json:"type"`
	Properties           map[string]*jsonSchema `json:"properties"`
	Required             []string               `json:"required"`
	AdditionalProperties json.RawMessage        `json:"additionalProperties"`
	Items                *jsonSchema            `json:"items"`
	Enum                 []any                  `json:"enum"`
	Const                any                    `json:"const"`
	Format               string                 `json:"format"`
	MaxLength            int                    `json:"maxLength"`
	MaxItems             int                    `json:"maxItems"`
	Description          string                 `json:"description"`
	Definitions          map[string]*jsonSchema `json:"definitions"`
	Defs                 map[string]*jsonSchema `json:"$defs"`
}

// jsonTypes is a name or a list of names.
type jsonTypes []string

// UnmarshalJSON reads "string" and ["string", "null"].
func (t *jsonTypes) UnmarshalJSON(src []byte) error {
	if len(src) > 0 && src[0] == '[' {
		return json.Unmarshal(src, (*[]string)(t))
	}
	var name string
	if err := json.Unmarshal(src, &name); err != nil {
		return err
	}
	*t = jsonTypes{name}
	return nil
}

// ParseSchema reads the JSON Schema of an object. Name is what messages call
// it, as in `contact has no field "emial"`. It understands type (also with
// "null"), properties, required, additionalProperties, items, enum, const,
// format, maxLength, maxItems, description and $ref to definitions of the same
// file; it fails when the schema is not one of an object. An object is open
// when additionalProperties says so, or when it lists no properties.
func ParseSchema(name string, src []byte) (*Schema, error) {
	if len(src) > schemaBytes {
		return nil, fmt.Errorf("read schema of %s: it has more than %d bytes", name, schemaBytes)
	}
	var root jsonSchema
	decoder := json.NewDecoder(bytes.NewReader(src))
	decoder.UseNumber()
	if err := decoder.Decode(&root); err != nil {
		return nil, fmt.Errorf("read schema of %s: %w", name, err)
	}
	p := schemaParser{root: &root, left: schemaFields}
	f, err := p.field("", "", &root, 0)
	if err != nil {
		return nil, fmt.Errorf("read schema of %s: %w", name, err)
	}
	if !slices.Contains(root.Type, "object") {
		return nil, fmt.Errorf("read schema of %s: its type must be \"object\"", name)
	}
	if f.Object == nil {
		return newSchema(name, true, nil), nil
	}
	f.Object.rename(name)
	return f.Object, nil
}

// rename gives a schema and what is inside it their names.
func (s *Schema) rename(name string) {
	s.name = name
	for _, f := range s.fields {
		for at := f; at != nil; at = at.items {
			if at.Object != nil {
				at.Object.rename(name + "." + f.Name)
			}
		}
	}
}

type schemaParser struct {
	root *jsonSchema
	left int // fields that may still come
}

// resolve follows $ref to a definition of the same file.
func (p *schemaParser) resolve(js *jsonSchema) (*jsonSchema, error) {
	for range schemaDepth {
		if js == nil || js.Ref == "" {
			return js, nil
		}
		ref := js.Ref
		if name, ok := strings.CutPrefix(ref, "#/definitions/"); ok {
			js = p.root.Definitions[name]
		} else if name, ok := strings.CutPrefix(ref, "#/$defs/"); ok {
			js = p.root.Defs[name]
		} else {
			return nil, fmt.Errorf("$ref %q: only definitions of the same file can be referred to", ref)
		}
		if js == nil {
			return nil, fmt.Errorf("$ref %q: there is no such definition", ref)
		}
	}
	return nil, errors.New("$ref leads in a circle")
}

func (p *schemaParser) field(name, path string, js *jsonSchema, depth int) (*field, error) {
	js, err := p.resolve(js)
	if err != nil {
		return nil, err
	}
	if p.left--; p.left < 0 || depth > schemaDepth {
		return nil, fmt.Errorf("more than %d fields, or nested deeper than %d", schemaFields, schemaDepth)
	}
	f := &field{Field: Field{
		Name: name, Type: fieldType(js), Enum: enumOf(js), Format: js.Format, Description: js.Description,
		MaxLength: max(0, js.MaxLength), MaxItems: max(0, js.MaxItems), Nullable: nullable(js),
	}, path: path, absent: &missing{path: path}}
	switch f.Type {
	case Object:
		f.Object, err = p.object(path, js, depth)
	case List:
		err = p.list(f, js, depth)
	}
	return f, err
}

func (p *schemaParser) list(f *field, js *jsonSchema, depth int) error {
	if js.Items == nil {
		return nil
	}
	items, err := p.field("", f.path, js.Items, depth+1)
	if err != nil {
		return err
	}
	items.Required = true
	f.items, f.Items = items, &items.Field
	return nil
}

func (p *schemaParser) object(path string, js *jsonSchema, depth int) (*Schema, error) {
	fields := make([]*field, 0, len(js.Properties))
	for name, property := range js.Properties {
		at := name
		if path != "" {
			at = path + "." + name
		}
		f, err := p.field(name, at, property, depth+1)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", at, err)
		}
		f.Required = slices.Contains(js.Required, name)
		fields = append(fields, f)
	}
	return newSchema("", opened(js), fields), nil
}

// opened tells whether the schema says that other fields are allowed.
func opened(js *jsonSchema) bool {
	more := string(bytes.TrimSpace(js.AdditionalProperties))
	return more != "" && more != "false"
}

// fieldType tells the type of a field. An object without properties is a Map,
// several types are Dyn.
func fieldType(js *jsonSchema) Type {
	names := slices.DeleteFunc(slices.Clone(js.Type), func(n string) bool { return n == "null" })
	if len(names) == 0 {
		return literalType(js)
	}
	if len(names) > 1 {
		return Dyn
	}
	switch names[0] {
	case "string":
		if js.Format == "date-time" {
			return Timestamp
		}
		return String
	case "integer":
		return Int
	case "number":
		return Double
	case "boolean":
		return Bool
	case "array":
		return List
	case "object":
		if len(js.Properties) == 0 {
			return Map
		}
		return Object
	}
	return Dyn
}

// literalType tells the type of a schema that has only an enum or a const.
func literalType(js *jsonSchema) Type {
	values := js.Enum
	if js.Const != nil {
		values = []any{js.Const}
	}
	if len(values) == 0 {
		return Dyn
	}
	for _, v := range values {
		if _, text := v.(string); !text && v != nil {
			return Dyn
		}
	}
	return String
}

func enumOf(js *jsonSchema) []string {
	values := js.Enum
	if js.Const != nil {
		values = []any{js.Const}
	}
	var texts []string
	for _, v := range values {
		if v != nil {
			texts = append(texts, fmt.Sprint(v))
		}
	}
	return texts
}

// nullable tells whether null is allowed: by type, or by an enum without type.
func nullable(js *jsonSchema) bool {
	if len(js.Type) == 0 {
		return len(js.Enum) == 0 && js.Const == nil || slices.Contains(js.Enum, nil)
	}
	return slices.Contains(js.Type, "null")
}
