package document

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

// String returns the kind as messages name it: "text", "a list", …
func (k Kind) String() string { return "" }

// Node is one value of a document. The methods of a nil Node answer as for a
// node that holds nothing, so that n.Get("a").Get("b") needs no check between.
type Node struct {
	doc  *Document
	kind Kind
}

// Document returns the document the node is part of.
func (n *Node) Document() *Document { return n.doc }

// Kind returns what the node holds.
func (n *Node) Kind() Kind { return n.kind }

// Get returns the value under key, nil if there is none or n is no mapping.
func (n *Node) Get(key string) *Node { return nil }

// Keys returns a mapping's keys in the order of the file.
func (n *Node) Keys() []string { return nil }

// Items returns a list's items, or a mapping's values in the order of their keys.
func (n *Node) Items() []*Node { return nil }

// Key returns the key that the node is the value of, "" for the root and list items.
func (n *Node) Key() string { return "" }

// Parent returns the mapping or list that holds the node, nil for the root.
func (n *Node) Parent() *Node { return nil }

// Pointer returns the node's JSON pointer: "" for the root, "/fields/email".
func (n *Node) Pointer() string { return "" }

// Range returns where the value stands, quotes and brackets included.
func (n *Node) Range() Range { return Range{} }

// KeyRange returns where the node's key stands; for a list item its first key
// if it has one, and for the root the place 1:1.
func (n *Node) KeyRange() Range { return Range{} }

// Text returns a String's value; ok is false for any other kind.
func (n *Node) Text() (value string, ok bool) { return "", false }

// Scalar returns the text of any scalar, numbers and null as they were
// written; ok is false for mappings, lists and invalid nodes.
func (n *Node) Scalar() (text string, ok bool) { return "", false }

// Value returns the node as plain Go values: string, int64, float64, bool, nil,
// map[string]any and []any. An Invalid node gives nil.
func (n *Node) Value() any { return nil }

// Sub returns where the runes [start, end) of a scalar's value stand in the
// file. It is exact for plain, quoted, literal and folded scalars. Offsets
// outside of the value are moved to its nearest end; an empty range stays empty.
func (n *Node) Sub(start, end int) Range { return Range{} }

// Report returns a diagnostic at range r that names the node's file and pointer.
func (n *Node) Report(s Severity, code, rule string, r Range, message, help string) Diagnostic {
	return Diagnostic{}
}
