package document

// Limits bound what Parse accepts. A zero field stands for the default.
type Limits struct {
	Bytes int // of the file
	Nodes int // mappings, lists, scalars and keys
	Depth int // of nesting; the root stands at depth 1
}

// DefaultLimits returns 256 KiB, 5,000 nodes and depth 32.
func DefaultLimits() Limits { return Limits{Bytes: 256 << 10, Nodes: 5000, Depth: 32} }

// Parse reads one YAML document. file names it in diagnostics and is not opened.
//
// Refused, each at its exact place: a file over the limits, text that is not
// UTF-8, control characters, a byte order mark, tabs as indentation, anchors,
// aliases, merge keys, tags, a second document, duplicate keys, keys that are
// not strings, and numbers that readers of YAML understand differently (012).
// What a syntax error means is told at the place where it shows.
//
// The document is nil when the text could not be read at all. Otherwise it is
// there even beside errors, so that the rest can be checked in the same run:
// the value of a refused node is of kind [Invalid], and of two equal keys the
// first counts.
func Parse(file string, src []byte, l Limits) (*Document, Diagnostics) { return nil, nil }

// Document is one parsed file. It does not change and may be read concurrently.
type Document struct {
	file string
	src  []byte
	root *Node
}

// File returns the name that Parse was given.
func (d *Document) File() string { return d.file }

// Source returns the bytes that were parsed. The caller must not change them.
func (d *Document) Source() []byte { return d.src }

// Root returns the outermost node, never nil.
func (d *Document) Root() *Node { return d.root }
