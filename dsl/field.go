package dsl

import (
	"fmt"

	"crmsync/dsl/document"
	"crmsync/dsl/expr"
)

// field is one CRM field of a program.
type field struct {
	name      string
	key       []byte // `"name":`
	at        place  // of the value
	inherited bool
	value     *snippet
	fixed     []byte            // JSON of a constant, when value is nil
	listed    map[string][]byte // `map`: a value's text to JSON; nil: none
	instead   []byte            // `default` as JSON; nil: none
	as        conversion
	omit      bool // on_error: omit
	write     writing
	options   string // how explain shows the options
}

// writing says in which calls a field goes.
type writing uint8

const (
	writeAlways writing = iota
	writeOnCreate
	writeOnUpdate
)

var writings = map[string]writing{"on_create": writeOnCreate, "on_update": writeOnUpdate}

// in tells whether a field that is written so goes into calls that create, or
// into those that update.
func (w writing) in(create bool) bool {
	return w == writeAlways || create == (w == writeOnCreate)
}

// field compiles one field; ok is false when it has errors.
func (b *build) field(name string, n *document.Node) (f field, ok bool) {
	before := b.wrong.Count(document.Error)
	f = field{name: name, key: append(jsonString(name), ':'), inherited: b.inherited(n)}
	value, options := n, (*document.Node)(nil)
	if n.Kind() == document.Mapping {
		value, options = n.Get("value"), n
	}
	if kind := value.Kind(); kind == document.Invalid || kind == document.Mapping || kind == document.List {
		return f, false // told by the check of the file's form
	}
	f.at = placeOf(value)
	f.as = conversionTypes[text(options, "type")]
	f.omit = text(options, "on_error") == "omit"
	f.write = writings[text(options, "write")]
	f.options = optionText(options)
	b.table(&f, options)
	if value.Kind() == document.String {
		f.value = b.expression(value, expr.CompileOptions{Want: f.wants()})
	} else {
		b.constant(&f, value)
	}
	return f, b.wrong.Count(document.Error) == before
}

// table reads `map` and `default`, and converts their constants once and for
// all.
func (b *build) table(f *field, options *document.Node) {
	if m := options.Get("map"); m.Kind() == document.Mapping {
		f.listed = make(map[string][]byte, len(m.Items()))
		for _, n := range m.Items() {
			f.listed[n.Key()] = b.converted(f, n)
		}
	}
	if d := options.Get("default"); d.Kind() != document.Invalid {
		f.instead = b.converted(f, d)
	}
}

// converted returns a constant as the field's JSON.
func (b *build) converted(f *field, n *document.Node) []byte {
	if n.Kind() == document.Mapping || n.Kind() == document.List {
		return nil // told by the check of the file's form
	}
	v := expr.ValueOf(n.Value())
	if v.IsNull() {
		return []byte("null")
	}
	js, err := f.as.append(nil, v)
	if err != nil {
		b.wrong = append(b.wrong, diagnose(n, "CM210", n.Range(), fmt.Sprintf("%s is %s, which does not become %s", f.name, n.Kind(), err), "write a constant of that type"))
	}
	return js
}

// constant sets the field to a value that isn't computed.
func (b *build) constant(f *field, n *document.Node) {
	js, fault := f.finish(nil, expr.ValueOf(n.Value()))
	if fault != nil {
		b.wrong = append(b.wrong, diagnose(n, "CM210", n.Range(), fmt.Sprintf("the constant of %s can't be used: %s", f.name, fault.Message), "write a constant that fits the options beside it"))
	}
	f.fixed = js
}

// The types that an expression may give, by the field's options.
var (
	plainTypes  = []expr.Type{expr.Bool, expr.Int, expr.Double, expr.String, expr.Timestamp, expr.List}
	listedTypes = []expr.Type{expr.Bool, expr.Int, expr.Double, expr.String}
	wantedTypes = [...][]expr.Type{
		asIs:        plainTypes,
		asString:    {expr.Bool, expr.Int, expr.Double, expr.String, expr.Timestamp},
		asInteger:   {expr.Int, expr.Double, expr.String},
		asNumber:    {expr.Int, expr.Double, expr.String},
		asBoolean:   {expr.Bool, expr.String},
		asDate:      {expr.Timestamp, expr.String},
		asTimestamp: {expr.Timestamp, expr.String},
		asList:      plainTypes,
	}
)

// wants returns the types that the field's expression may give.
func (f *field) wants() []expr.Type {
	if f.listed != nil {
		return listedTypes
	}
	return wantedTypes[f.as]
}

// optionText returns a field's options in one line, as explain shows them.
func optionText(n *document.Node) string {
	out := ""
	for _, k := range n.Keys() {
		o := n.Get(k)
		switch v, ok := o.Scalar(); {
		case k == "value":
		case ok:
			out += fmt.Sprintf(", %s: %s", k, v)
		case o.Kind() == document.Mapping:
			out += fmt.Sprintf(", %s of %d", k, len(o.Items()))
		}
	}
	if out == "" {
		return ""
	}
	return out[len(", "):]
}
