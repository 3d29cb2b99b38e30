package document

import (
	"bytes"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Range returns where the value stands, quotes and brackets included. That of a
// literal or folded scalar starts at its | or >.
func (n *Node) Range() Range {
	switch {
	case n == nil:
		return Range{}
	case n.kind == Mapping || n.kind == List:
		return Range{Position{n.raw.Line, n.raw.Column}, n.collectionEnd()}
	case n.raw.Kind != yaml.ScalarNode:
		return n.doc.word(Position{n.raw.Line, n.raw.Column})
	}
	return n.doc.scalarRange(n.raw, n.parent)
}

// KeyRange returns where the node's key stands; for a list item its first key
// if it has one, else the item, and for the root the place 1:1.
func (n *Node) KeyRange() Range {
	switch {
	case n == nil || n.parent == nil:
		return Range{Position{1, 1}, Position{1, 1}}
	case n.key != nil:
		return n.doc.scalarRange(n.key, n.parent)
	case n.kind == Mapping && len(n.items) > 0:
		return n.items[0].KeyRange()
	}
	return n.Range()
}

// Sub returns where the runes [start, end) of a scalar's value stand in the
// file. It is exact for plain, quoted, literal and folded scalars. Offsets
// outside of the value are moved to its nearest end; an empty range stays
// empty. A node that is no scalar, or holds only blanks, gives its Range.
func (n *Node) Sub(start, end int) Range {
	if _, ok := n.Scalar(); !ok {
		return n.Range()
	}
	m, ok := mapScalar(n.doc.lines, n.raw, indentOf(n.parent))
	if !ok || len(m.spans) == 0 {
		return n.Range()
	}
	start = min(max(start, 0), len(m.spans))
	end = min(max(end, start), len(m.spans))
	from := m.position(start)
	if start == end {
		return Range{from, from}
	}
	last := m.spans[end-1]
	return Range{from, Position{last.line, last.to}}
}

// Starts returns where each rune of a scalar's value begins in the file, in one
// pass: what Sub says of each alone. It is nil for a node that is no scalar, or
// holds only blanks.
func (n *Node) Starts() []Position {
	if _, ok := n.Scalar(); !ok {
		return nil
	}
	m, ok := mapScalar(n.doc.lines, n.raw, indentOf(n.parent))
	if !ok {
		return nil
	}
	out := make([]Position, len(m.spans))
	for i := range out {
		out[i] = m.position(i)
	}
	return out
}

// position returns where rune i stands, for i after the last its end.
func (m scalarMap) position(i int) Position {
	if i < len(m.spans) {
		return Position{m.spans[i].line, m.spans[i].from}
	}
	last := m.spans[i-1]
	return Position{last.line, last.to}
}

// scalarRange returns the range of a scalar in parent as it is written.
func (d *Document) scalarRange(raw *yaml.Node, parent *Node) Range {
	start := Position{raw.Line, raw.Column}
	if m, ok := mapScalar(d.lines, raw, indentOf(parent)); ok {
		return Range{start, m.end}
	}
	return d.lines.rest(start)
}

// indentOf returns the indentation of a mapping or list; what it holds is
// indented more.
func indentOf(n *Node) int {
	if n == nil {
		return 0
	}
	return n.raw.Column - 1
}

// collectionEnd returns the place after the last child and, for one in
// brackets, after the closing bracket.
func (n *Node) collectionEnd() Position {
	end := Position{n.raw.Line, n.raw.Column}
	if len(n.items) > 0 {
		end = n.items[len(n.items)-1].Range().End
	}
	if n.raw.Style&yaml.FlowStyle == 0 {
		return end
	}
	if len(n.items) == 0 {
		end.Column++
	}
	return n.doc.afterBracket(end)
}

// afterBracket returns the place after the first ] or } from p on, where
// nothing but blanks, commas and comments may stand between.
func (d *Document) afterBracket(p Position) Position {
	for i := d.lines.offset(p); i < len(d.src); i++ {
		switch d.src[i] {
		case ']', '}':
			at := d.lines.at(i)
			return Position{at.Line, at.Column + 1}
		case '#':
			skip := bytes.IndexByte(d.src[i:], '\n')
			if skip < 0 {
				return p
			}
			i += skip
		case ' ', '\t', '\r', '\n', ',':
		default:
			return p
		}
	}
	return p
}

// word returns the range from p to the next blank or sign of a flow collection.
func (d *Document) word(p Position) Range {
	from := d.lines.offset(p)
	width := bytes.IndexAny(d.src[from:], " \t\r\n,[]{}")
	if width < 0 {
		width = len(d.src) - from
	}
	return Range{p, Position{p.Line, p.Column + max(1, utf8.RuneCount(d.src[from:from+width]))}}
}

// find returns the range of text in the line of p, at or after p; p's word if
// it is not there.
func (d *Document) find(p Position, text string) Range {
	from := d.lines.offset(p)
	rest := d.src[from:min(len(d.src), d.lines.offset(Position{p.Line, 1 << 30}))]
	i := bytes.Index(rest, []byte(text))
	if i < 0 {
		return d.word(p)
	}
	start := d.lines.at(from + i)
	return Range{start, Position{start.Line, start.Column + utf8.RuneCountInString(text)}}
}
