package document

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Decode fills into, a pointer to a struct, from a mapping. It knows the names
// of `yaml:"name"` tags (a field without one is left alone), embedded structs
// with `yaml:",inline"`, structs, pointers, slices, maps with string keys,
// strings, booleans, integers, floats, time.Duration as text ("30s"),
// encoding.TextUnmarshaler, and any and *Node as they are. A value of another
// type and a key that the struct does not have are reported at their place;
// what the file does not mention, or leaves empty, keeps the value it had. It
// panics when into is of a type it can't fill, which is the program's mistake.
func Decode(n *Node, into any) Diagnostics {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("document: Decode into %T", into))
	}
	d := &decoder{}
	d.value(n, v.Elem())
	d.ds.Sort()
	return d.ds
}

// decoder collects what is wrong while it fills a value.
type decoder struct{ ds Diagnostics }

func (d *decoder) fault(n *Node, message, help string, fix *Fix) {
	if len(d.ds) < maxReported {
		diagnostic := n.Report(Error, CodeWrongType, ruleWrongType, n.place(), n.subject()+" "+message, help)
		diagnostic.Fix = fix
		d.ds = append(d.ds, diagnostic)
	}
}

func (d *decoder) want(n *Node, kind Kind) bool {
	if n.Kind() == kind {
		return true
	}
	help, fix := n.retype([]Kind{kind})
	d.fault(n, "must be "+kind.String()+", but is "+n.kind.String(), help, fix)
	return false
}

// value fills v from n. Refused nodes were reported, and empty ones say nothing.
func (d *decoder) value(n *Node, v reflect.Value) {
	if n.Kind() == Invalid || n.Kind() == Null && v.Type() != reflect.TypeFor[*Node]() {
		return
	}
	if d.special(n, v) {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.value(n, v.Elem())
	case reflect.Struct:
		if d.want(n, Mapping) {
			d.structure(n, v)
		}
	case reflect.Map:
		if d.want(n, Mapping) {
			d.table(n, v)
		}
	case reflect.Slice:
		if d.want(n, List) {
			list := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
			for i, item := range n.items {
				d.value(item, list.Index(i))
			}
			v.Set(list)
		}
	default:
		d.scalar(n, v)
	}
}

// special fills the types that read their value themselves.
func (d *decoder) special(n *Node, v reflect.Value) bool {
	switch into := v.Addr().Interface().(type) {
	case **Node:
		*into = n
	case *any:
		*into = n.Value()
	case *time.Duration:
		text, _ := n.Text()
		length, err := time.ParseDuration(text)
		if err != nil {
			d.fault(n, "is not a length of time", "write it like 500ms, 30s, 5m or 2h", nil)
		}
		*into = length
	case encoding.TextUnmarshaler:
		if text, ok := n.Scalar(); ok {
			if err := into.UnmarshalText([]byte(text)); err != nil {
				d.fault(n, "is refused: "+err.Error(), "", nil)
			}
		} else {
			d.want(n, String)
		}
	default:
		return false
	}
	return true
}

func (d *decoder) scalar(n *Node, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if d.want(n, String) {
			v.SetString(n.raw.Value)
		}
	case reflect.Bool:
		if d.want(n, Boolean) {
			v.SetBool(n.Value() == true)
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if d.want(n, Integer) {
			i, _ := n.Value().(int64)
			if v.OverflowInt(i) {
				d.fault(n, fmt.Sprintf("does not fit into %d bits", v.Type().Bits()), "", nil)
				return
			}
			v.SetInt(i)
		}
	case reflect.Float32, reflect.Float64:
		switch f := n.Value().(type) {
		case float64:
			v.SetFloat(f)
		case int64:
			v.SetFloat(float64(f))
		default:
			d.want(n, Float)
		}
	default:
		panic(fmt.Sprintf("document: Decode into a field of type %s", v.Type()))
	}
}

func (d *decoder) table(n *Node, v reflect.Value) {
	if v.Type().Key().Kind() != reflect.String {
		panic(fmt.Sprintf("document: Decode into a field of type %s", v.Type()))
	}
	m := reflect.MakeMapWithSize(v.Type(), len(n.items))
	for _, item := range n.items {
		element := reflect.New(v.Type().Elem()).Elem()
		d.value(item, element)
		m.SetMapIndex(reflect.ValueOf(item.Key()).Convert(v.Type().Key()), element)
	}
	v.Set(m)
}

func (d *decoder) structure(n *Node, v reflect.Value) {
	fields := map[string]reflect.Value{}
	known := collect(v, fields, nil)
	slices.Sort(known)
	for _, item := range n.items {
		if field, ok := fields[item.Key()]; ok {
			d.value(item, field)
		} else if len(d.ds) < maxReported {
			d.ds = append(d.ds, unknownKey(item, known))
		}
	}
}

// collect adds the fields of a struct by the names of their tags.
func collect(v reflect.Value, fields map[string]reflect.Value, known []string) []string {
	for i := range v.NumField() {
		name, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		switch {
		case options == "inline":
			known = collect(v.Field(i), fields, known)
		case name != "" && name != "-":
			fields[name] = v.Field(i)
			known = append(known, name)
		}
	}
	return known
}
