package expr

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseSchema(t *testing.T) {
	s := person(t)
	require.Equal(t, "person", s.Name())
	require.False(t, s.Open())
	require.Len(t, s.Fields(), 17)
	require.Equal(t, "address", s.Fields()[0].Name)
	tests := []struct {
		path string
		want Field
	}{
		{"id", Field{Name: "id", Type: String, Required: true, MaxLength: 40}},
		{"email", Field{Name: "email", Type: String, Nullable: true, MaxLength: 254, Format: "email"}},
		{"stage", Field{Name: "stage", Type: String, Required: true, Enum: []string{"lead", "won", "lost"}}},
		{"age", Field{Name: "age", Type: Int, Nullable: true}},
		{"score", Field{Name: "score", Type: Double, Nullable: true}},
		{"vip", Field{Name: "vip", Type: Bool, Nullable: true}},
		{"born", Field{Name: "born", Type: Timestamp, Nullable: true, Format: "date-time"}},
		{"day", Field{Name: "day", Type: String, Nullable: true, Format: "date"}},
		{"custom", Field{Name: "custom", Type: Map, Nullable: true}},
		{"any", Field{Name: "any", Type: Dyn, Nullable: true}},
		{"address.zip", Field{Name: "zip", Type: String, Nullable: true}},
		{"home.city", Field{Name: "city", Type: String, Required: true}},
	}
	for _, test := range tests {
		t.Run(test.path, func(t *testing.T) {
			f, ok := s.Field(test.path)
			require.True(t, ok)
			require.Equal(t, test.want, f)
		})
	}
	tags, ok := s.Field("tags")
	require.True(t, ok)
	require.Equal(t, Field{Type: String, Required: true, MaxLength: 20}, *tags.Items)
	orders, _ := s.Field("orders")
	require.Equal(t, "person.orders", orders.Items.Object.Name())
	for _, path := range []string{"", "none", "id.x", "address.none", "address."} {
		_, ok := s.Field(path)
		require.False(t, ok, path)
	}
}

func TestParseSchemaFaults(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"no JSON", `{`, `read schema of r: unexpected EOF`},
		{"no object", `{"type":"string"}`, `read schema of r: its type must be "object"`},
		{"ref to another file", `{"type":"object","properties":{"a":{"$ref":"other.json"}}}`, `read schema of r: a: $ref "other.json": only definitions of the same file can be referred to`},
		{"ref to nothing", `{"type":"object","properties":{"a":{"$ref":"#/definitions/x"}}}`, `read schema of r: a: $ref "#/definitions/x": there is no such definition`},
		{"ref to itself", `{"type":"object","properties":{"a":{"$ref":"#/definitions/x"}},"definitions":{"x":{"$ref":"#/definitions/x"}}}`, `read schema of r: a: $ref leads in a circle`},
		{"endless nesting", `{"type":"object","properties":{"a":{"$ref":"#/$defs/x"}},"$defs":{"x":{"type":"array","items":{"$ref":"#/$defs/x"}}}}`, `read schema of r: a: more than 2000 fields, or nested deeper than 8`},
		{"type that is no text", `{"type":5}`, `read schema of r: json: cannot unmarshal number into Go struct field jsonSchema.type of type string`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := ParseSchema("r", []byte(test.src))
			require.EqualError(t, err, test.want)
		})
	}
}

func TestSchemaWithoutPropertiesIsOpen(t *testing.T) {
	s, err := ParseSchema("r", []byte(`{"type":"object"}`))
	require.NoError(t, err)
	require.True(t, s.Open())
	env, err := NewRecordEnv(s, nil)
	require.NoError(t, err)
	require.Equal(t, `"x"`, outcome(env, personScope(t, `{"a":"x"}`), "record.a"))
	require.Equal(t, `missing`, outcome(env, personScope(t, `{}`), "record.a"))
}

// TestOwnSchemas compiles a read of every field of the schemas we ship.
func TestOwnSchemas(t *testing.T) {
	files, err := filepath.Glob("../../schemas/records/*.schema.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		src, err := os.ReadFile(file)
		require.NoError(t, err)
		s, err := ParseSchema(filepath.Base(file), src)
		require.NoError(t, err)
		env, err := NewRecordEnv(s, nil)
		require.NoError(t, err)
		for _, f := range s.Fields() {
			program, issues := env.Compile("record."+f.Name, CompileOptions{})
			require.Empty(t, issues, f.Name)
			require.Equal(t, []string{f.Name}, program.Fields())
			kind, nullable := program.Type()
			require.Equal(t, f.Type, kind, f.Name)
			require.Equal(t, f.Nullable || !f.Required || f.Type == Dyn, nullable, f.Name)
		}
	}
}

func FuzzParseSchema(f *testing.F) {
	f.Add([]byte(personSchema))
	f.Add([]byte(`{"type":["object","null"],"properties":{"a":{"enum":["x",null,1]},"b":{"const":true}}}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		s, err := ParseSchema("r", src)
		if err != nil {
			return
		}
		for _, field := range s.Fields() {
			_, ok := s.Field(field.Name)
			require.True(t, ok || field.Name == "" || len(field.Name) > 0)
		}
	})
}
