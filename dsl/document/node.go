package document

import (
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Kind is what a node holds.
type Kind uint8

// The kinds of a node.
const (
	Invalid Kind = iota // refused by Parse and reported there; also the kind of a nil node
	Mapping
	List
	String
	Integer
	Float
	Boolean
	Null
)

var kindNames = [...]string{
	Invalid: "nothing", Mapping: "a mapping", List: "a list", String: "text",
	Integer: "a whole number", Float: "a number", Boolean: "true or false", Null: "empty",
}

// String returns the kind as messages name it: "text", "a list", …
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "kind(" + strconv.Itoa(int(k)) + ")"
}

// Node is one value of a document. The methods of a nil Node answer as for a
// node that holds nothing, so that n.Get("a").Get("b") needs no check between.
type Node struct {
	doc    *Document
	raw    *yaml.Node
	key    *yaml.Node // nil for the root and for list items
	parent *Node
	index  int // among the items of a list
	kind   Kind
	items  []*Node
	fields map[string]*Node
}

// Document returns the document the node is part of, nil for a nil node.
func (n *Node) Document() *Document {
	if n == nil {
		return nil
	}
	return n.doc
}

// Kind returns what the node holds.
func (n *Node) Kind() Kind {
	if n == nil {
		return Invalid
	}
	return n.kind
}

// Get returns the value under key, nil if there is none or n is no mapping.
func (n *Node) Get(key string) *Node {
	if n == nil {
		return nil
	}
	return n.fields[key]
}

// Keys returns a mapping's keys in the order of the file.
func (n *Node) Keys() []string {
	if n.Kind() != Mapping {
		return nil
	}
	keys := make([]string, len(n.items))
	for i, item := range n.items {
		keys[i] = item.key.Value
	}
	return keys
}

// Items returns a list's items, or a mapping's values in the order of their
// keys. The caller must not change the slice.
func (n *Node) Items() []*Node {
	if n == nil {
		return nil
	}
	return n.items
}

// Key returns the key that the node is the value of, "" for the root and list items.
func (n *Node) Key() string {
	if n == nil || n.key == nil {
		return ""
	}
	return n.key.Value
}

// Parent returns the mapping or list that holds the node, nil for the root.
func (n *Node) Parent() *Node {
	if n == nil {
		return nil
	}
	return n.parent
}

// Pointer returns the node's JSON pointer: "" for the root, "/fields/email".
func (n *Node) Pointer() string {
	switch {
	case n == nil || n.parent == nil:
		return ""
	case n.key == nil:
		return n.parent.Pointer() + "/" + strconv.Itoa(n.index)
	}
	return n.parent.Pointer() + "/" + escapePointer(n.key.Value)
}

func escapePointer(key string) string {
	return strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
}

// Text returns a String's value; ok is false for any other kind.
func (n *Node) Text() (value string, ok bool) {
	if n.Kind() != String {
		return "", false
	}
	return n.raw.Value, true
}

// Scalar returns the text of any scalar, numbers and null as they were
// written; ok is false for mappings, lists and invalid nodes.
func (n *Node) Scalar() (text string, ok bool) {
	switch n.Kind() {
	case String, Integer, Float, Boolean, Null:
		return n.raw.Value, true
	default:
		return "", false
	}
}

// Value returns the node as plain Go values: string, int64, float64, bool, nil,
// map[string]any and []any. An Invalid node gives nil.
func (n *Node) Value() any {
	switch n.Kind() {
	case Mapping:
		m := make(map[string]any, len(n.items))
		for _, item := range n.items {
			m[item.key.Value] = item.Value()
		}
		return m
	case List:
		list := make([]any, len(n.items))
		for i, item := range n.items {
			list[i] = item.Value()
		}
		return list
	case String:
		return n.raw.Value
	case Integer:
		i, _ := strconv.ParseInt(n.raw.Value, 10, 64) // Parse refused what fails here
		return i
	case Float:
		f, _ := strconv.ParseFloat(n.raw.Value, 64) // the same
		return f
	case Boolean:
		return strings.EqualFold(n.raw.Value, "true")
	default:
		return nil
	}
}

// Report returns a diagnostic at range r that names the node's file and pointer.
func (n *Node) Report(s Severity, code, rule string, r Range, message, help string) Diagnostic {
	d := Diagnostic{Severity: s, Code: code, Rule: rule, Range: r, Message: message, Help: help}
	if n != nil {
		d.File, d.Pointer = n.doc.file, n.Pointer()
	}
	return d
}
