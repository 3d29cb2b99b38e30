package document

import (
	"bytes"
	"slices"
	"strconv"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// span is where one rune of a scalar's value stands: one line, from column
// "from" to before column "to". A line break that folding turns into a space
// stands at its line's end and is empty; an escape is as wide as it is written.
type span struct{ line, from, to int }

// scalarMap is where the runes of a scalar's value stand in the file.
type scalarMap struct {
	spans []span
	end   Position // of the scalar, after a closing quote
}

// mapper reads a scalar from its source a second time, now with positions. The
// grammar is that of YAML 1.2, chapters 7.3 and 8.1; the result counts only if
// it equals the value that the parser read.
type mapper struct {
	text   *lines
	want   []rune
	got    []rune
	spans  []span
	line   int    // from 1
	column int    // from 1
	rest   []byte // of the line, from column on
	parent int    // the indentation of the block that holds the scalar
}

// mapScalar returns where the runes of a scalar's value stand; parent is the
// indentation of the mapping or list that holds it. ok is false for a scalar of
// blanks only in a block, which has no readable place.
func mapScalar(text *lines, n *yaml.Node, parent int) (m scalarMap, ok bool) {
	want := []rune(n.Value)
	p := &mapper{text: text, want: want, got: make([]rune, 0, len(want)+1), spans: make([]span, 0, len(want)+1), parent: parent}
	p.moveTo(n.Line, n.Column)
	p.skipProperties()
	switch {
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		ok = p.block(n.Style&yaml.FoldedStyle != 0)
	case n.Style&yaml.SingleQuotedStyle != 0:
		ok = p.quoted('\'', p.singleQuoted)
	case n.Style&yaml.DoubleQuotedStyle != 0:
		ok = p.quoted('"', p.doubleQuoted)
	default:
		ok = p.plain()
	}
	if !ok || !slices.Equal(p.got, p.want) {
		return scalarMap{}, false
	}
	return scalarMap{p.spans, Position{p.line, p.column}}, true
}

func (p *mapper) moveTo(line, column int) {
	p.line, p.column, p.rest = line, column, nil
	if all := p.text.line(line); all != nil {
		start := p.text.starts[line-1]
		p.rest = p.text.src[p.text.offset(Position{line, column}) : start+len(all)]
	}
}

func (p *mapper) pastEnd() bool { return p.line > p.text.count() }

// skip steps over the next rune.
func (p *mapper) skip() {
	_, size := utf8.DecodeRune(p.rest)
	p.rest = p.rest[size:]
	p.column++
}

func (p *mapper) skipBlanks() {
	for len(p.rest) > 0 && blank(rune(p.rest[0])) {
		p.skip()
	}
}

func blank(r rune) bool { return r == ' ' || r == '\t' }

// put notes that r stands in the next width runes, without stepping over them.
func (p *mapper) put(r rune, width int) {
	p.got = append(p.got, r)
	p.spans = append(p.spans, span{p.line, p.column, p.column + width})
}

// take notes that r stands in the next width runes and steps over them.
func (p *mapper) take(r rune, width int) {
	p.put(r, width)
	for range width {
		p.skip()
	}
}

// copy takes the next rune as it is.
func (p *mapper) copy() {
	r, _ := utf8.DecodeRune(p.rest)
	p.take(r, 1)
}

// skipProperties steps over an anchor or tag in front of the scalar, which may
// stand in a later line.
func (p *mapper) skipProperties() {
	for len(p.rest) > 0 && (p.rest[0] == '&' || p.rest[0] == '!') {
		for len(p.rest) > 0 && !blank(rune(p.rest[0])) {
			p.skip()
		}
		p.skipBlanks()
		for (len(p.rest) == 0 || p.rest[0] == '#') && p.line < p.text.count() && len(p.want) > 0 {
			p.moveTo(p.line+1, 1)
			p.skipBlanks()
		}
	}
}

func (p *mapper) plain() bool {
	for len(p.got) < len(p.want) {
		for end := len(bytes.TrimRight(p.rest, " \t")); end > 0 && len(p.got) < len(p.want); {
			before := len(p.rest)
			p.copy()
			end -= before - len(p.rest)
		}
		if len(p.got) < len(p.want) && !p.fold() {
			return false
		}
	}
	return true
}

// quoted reads from one quote to the other; step reads what stands next.
func (p *mapper) quoted(quote byte, step func() bool) bool {
	p.skip()
	for {
		switch {
		case len(p.rest) == 0:
			if !p.fold() {
				return false
			}
		case p.rest[0] == quote && (quote == '"' || len(p.rest) < 2 || p.rest[1] != quote):
			p.skip()
			return true
		case !step():
			return false
		}
	}
}

func (p *mapper) singleQuoted() bool {
	if p.rest[0] == '\'' {
		p.take('\'', 2)
	} else {
		p.copy()
	}
	return true
}

var escapes = map[rune]rune{
	'0': 0, 'a': 7, 'b': 8, 't': 9, '\t': 9, 'n': 10, 'v': 11, 'f': 12, 'r': 13, 'e': 27, ' ': ' ', '"': '"',
	'\'': '\'', '/': '/', '\\': '\\', 'N': 0x85, '_': 0xa0, 'L': 0x2028, 'P': 0x2029,
}

var hexDigits = map[rune]int{'x': 2, 'u': 4, 'U': 8}

func (p *mapper) doubleQuoted() bool {
	if p.rest[0] != '\\' {
		p.copy()
		return true
	}
	if len(p.rest) < 2 {
		return p.joinLines()
	}
	if digits := hexDigits[rune(p.rest[1])]; digits > 0 {
		if len(p.rest) < 2+digits {
			return false
		}
		v, err := strconv.ParseUint(string(p.rest[2:2+digits]), 16, 32)
		p.take(rune(v), 2+digits)
		return err == nil
	}
	p.take(escapes[rune(p.rest[1])], 2)
	return true
}

// joinLines steps over a line break behind a backslash. Empty lines after it
// still count.
func (p *mapper) joinLines() bool {
	for {
		p.moveTo(p.line+1, 1)
		if p.pastEnd() {
			return false
		}
		p.skipBlanks()
		if len(p.rest) > 0 {
			return true
		}
		p.put('\n', 0)
	}
}

// fold steps over a line break in a plain or quoted scalar: blanks before it
// fall away, one break becomes a space, empty lines become breaks.
func (p *mapper) fold() bool {
	for len(p.got) > 0 && blank(p.got[len(p.got)-1]) {
		last := p.spans[len(p.spans)-1]
		if last.line != p.line || last.to-last.from != 1 { // another line's, or an escape
			break
		}
		p.got, p.spans = p.got[:len(p.got)-1], p.spans[:len(p.spans)-1]
		p.column = last.from
	}
	line, column := p.line, p.column
	empty := 0
	for {
		p.moveTo(p.line+1, 1)
		if p.pastEnd() {
			return false
		}
		p.skipBlanks()
		if len(p.rest) > 0 {
			break
		}
		empty++
	}
	if empty == 0 {
		p.got, p.spans = append(p.got, ' '), append(p.spans, span{line, column, column})
	}
	for i := range empty {
		p.got, p.spans = append(p.got, '\n'), append(p.spans, span{line + 1 + i, 1, 1})
	}
	return true
}
