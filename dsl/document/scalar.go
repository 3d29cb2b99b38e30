package document

import (
	"slices"
	"strconv"

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
	text  *lines
	want  []rune
	got   []rune
	spans []span
	line  int    // from 1
	runes []rune // of line
	at    int    // index into runes, the column less one
}

// mapScalar returns where the runes of a scalar's value stand. ok is false for
// a scalar of blanks only in a block, which has no readable place.
func mapScalar(text *lines, n *yaml.Node) (m scalarMap, ok bool) {
	p := &mapper{text: text, want: []rune(n.Value)}
	p.moveTo(n.Line, n.Column-1)
	p.skipProperties()
	switch {
	case n.Style&yaml.LiteralStyle != 0:
		ok = p.block(p.literal)
	case n.Style&yaml.FoldedStyle != 0:
		ok = p.block(p.folded)
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
	return scalarMap{p.spans, Position{p.line, p.at + 1}}, true
}

func (p *mapper) moveTo(line, at int) {
	p.line, p.at = line, at
	p.runes = []rune(string(p.text.line(line)))
}

func (p *mapper) emit(r rune, width int) {
	p.got = append(p.got, r)
	p.spans = append(p.spans, span{p.line, p.at + 1, p.at + 1 + width})
	p.at += width
}

// skipProperties steps over an anchor or tag in front of the scalar.
func (p *mapper) skipProperties() {
	for p.at < len(p.runes) && (p.runes[p.at] == '&' || p.runes[p.at] == '!') {
		for p.at < len(p.runes) && !blank(p.runes[p.at]) {
			p.at++
		}
		p.skipBlanks()
	}
}

func (p *mapper) skipBlanks() {
	for p.at < len(p.runes) && blank(p.runes[p.at]) {
		p.at++
	}
}

func blank(r rune) bool { return r == ' ' || r == '\t' }

func (p *mapper) plain() bool {
	for len(p.got) < len(p.want) {
		if p.at < len(p.runes) {
			p.emit(p.runes[p.at], 1)
		} else if !p.fold() {
			return false
		}
	}
	return true
}

// quoted reads from one quote to the other; step reads what stands at p.at.
func (p *mapper) quoted(quote rune, step func() bool) bool {
	p.at++
	for {
		switch {
		case p.at >= len(p.runes):
			if !p.fold() {
				return false
			}
		case p.runes[p.at] == quote && !p.doubled(quote):
			p.at++
			return true
		case !step():
			return false
		}
	}
}

func (p *mapper) doubled(quote rune) bool {
	return quote == '\'' && p.at+1 < len(p.runes) && p.runes[p.at+1] == quote
}

func (p *mapper) singleQuoted() bool {
	width := 1
	if p.runes[p.at] == '\'' {
		width = 2
	}
	p.emit(p.runes[p.at], width)
	return true
}

var escapes = map[rune]rune{
	'0': 0, 'a': 7, 'b': 8, 't': 9, '\t': 9, 'n': 10, 'v': 11, 'f': 12, 'r': 13, 'e': 27, ' ': ' ', '"': '"',
	'\'': '\'', '/': '/', '\\': '\\', 'N': 0x85, '_': 0xa0, 'L': 0x2028, 'P': 0x2029,
}

var hexDigits = map[rune]int{'x': 2, 'u': 4, 'U': 8}

func (p *mapper) doubleQuoted() bool {
	if p.runes[p.at] != '\\' {
		p.emit(p.runes[p.at], 1)
		return true
	}
	if p.at+1 >= len(p.runes) {
		return p.joinLines()
	}
	if digits := hexDigits[p.runes[p.at+1]]; digits > 0 {
		if p.at+2+digits > len(p.runes) {
			return false
		}
		v, err := strconv.ParseUint(string(p.runes[p.at+2:p.at+2+digits]), 16, 32)
		p.emit(rune(v), 2+digits)
		return err == nil
	}
	p.emit(escapes[p.runes[p.at+1]], 2)
	return true
}

// joinLines steps over a line break behind a backslash. Empty lines after it
// still count.
func (p *mapper) joinLines() bool {
	for {
		p.moveTo(p.line+1, 0)
		if p.line > p.text.count() {
			return false
		}
		p.skipBlanks()
		if p.at < len(p.runes) {
			return true
		}
		p.emit('\n', 0)
	}
}

// fold steps over the line break at p.at in a plain or quoted scalar: blanks
// before it fall away, one break becomes a space, empty lines become breaks.
func (p *mapper) fold() bool {
	for len(p.got) > 0 && blank(p.got[len(p.got)-1]) {
		last := p.spans[len(p.spans)-1]
		if last.line != p.line || last.to-last.from != 1 { // another line's, or an escape
			break
		}
		p.got, p.spans = p.got[:len(p.got)-1], p.spans[:len(p.spans)-1]
		p.at = last.from - 1
	}
	line, at := p.line, p.at
	empty := 0
	for {
		p.moveTo(p.line+1, 0)
		if p.line > p.text.count() {
			return false
		}
		p.skipBlanks()
		if p.at < len(p.runes) {
			break
		}
		empty++
	}
	if empty == 0 {
		p.got, p.spans = append(p.got, ' '), append(p.spans, span{line, at + 1, at + 1})
	}
	for i := range empty {
		p.got, p.spans = append(p.got, '\n'), append(p.spans, span{line + 1 + i, 1, 1})
	}
	return true
}
