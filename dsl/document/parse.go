package document

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"

	"gopkg.in/yaml.v3"
)

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
// A syntax error is told at the place where it shows.
//
// The document is nil when the text could not be read at all. Otherwise it is
// there even beside errors, so that the rest can be checked in the same run:
// the value of a refused node is of kind [Invalid], and of two equal keys the
// first counts.
func Parse(file string, src []byte, l Limits) (*Document, Diagnostics) {
	d := DefaultLimits()
	l = Limits{cmp.Or(l.Bytes, d.Bytes), cmp.Or(l.Nodes, d.Nodes), cmp.Or(l.Depth, d.Depth)}
	if ds := refuse(file, src, l); len(ds) > 0 {
		return nil, ds
	}
	doc := &Document{file: file, src: src, lines: newLines(src)}
	root, err := decodeOne(src)
	if err != nil {
		return nil, Diagnostics{doc.explain(err)}
	}
	b := &builder{doc: doc, limits: l}
	doc.root = b.build(root, nil, nil, 1)
	b.finish()
	b.ds.Sort()
	if b.stopped {
		return nil, b.ds
	}
	return doc, b.ds
}

// Document is one parsed file. It does not change and may be read concurrently.
type Document struct {
	file  string
	src   []byte
	lines *lines
	root  *Node
}

// File returns the name that Parse was given.
func (d *Document) File() string { return d.file }

// Source returns the bytes that were parsed. The caller must not change them.
func (d *Document) Source() []byte { return d.src }

// Root returns the outermost node, never nil.
func (d *Document) Root() *Node { return d.root }

var errEmpty = errors.New("file is empty")

// secondDocument is the fault of a file with more than one document.
type secondDocument struct{ line int }

func (e secondDocument) Error() string { return fmt.Sprintf("second document in line %d", e.line) }

// decodeOne parses the one document of a file into yaml's own nodes.
func decodeOne(src []byte) (root *yaml.Node, err error) {
	defer func() { // yaml.v3 has panicked on hostile input before
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: %v", r)
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(src))
	var first, second yaml.Node
	switch err := decoder.Decode(&first); {
	case errors.Is(err, io.EOF):
		return nil, errEmpty
	case err != nil:
		return nil, err
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		return nil, secondDocument{second.Line}
	case !errors.Is(err, io.EOF):
		return nil, err
	}
	return first.Content[0], nil
}
