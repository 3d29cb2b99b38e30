package document

import (
	"bytes"
	"slices"
)

// block reads a literal or folded scalar. The indentation of its text is that
// of the first line that is not empty, unless the header says it.
func (p *mapper) block(folded bool) bool {
	header := p.line
	indent := p.indentation()
	p.moveTo(header+1, 1)
	if folded {
		p.folded(indent)
	} else {
		p.literal(indent)
	}
	if len(p.got) < len(p.want) {
		return false
	}
	p.got, p.spans = p.got[:len(p.want)], p.spans[:len(p.want)]
	p.line, p.column = header, p.text.width(header)+1
	for i, r := range slices.Backward(p.got) { // the end is that of the last rune that shows
		if r != '\n' && !blank(r) {
			p.line, p.column = p.spans[i].line, p.spans[i].to
			break
		}
	}
	return true
}

// indentation returns how many blanks stand before the text of a block, whose
// header is next.
func (p *mapper) indentation() int {
	for _, c := range p.rest {
		if c == '#' {
			break
		}
		if c >= '1' && c <= '9' {
			return p.parent + int(c-'0')
		}
	}
	for n := p.line + 1; n <= p.text.count(); n++ {
		line := p.text.line(n)
		if text := bytes.TrimLeft(line, " "); len(text) > 0 {
			return len(line) - len(text)
		}
	}
	return 0
}

func (p *mapper) more() bool { return !p.pastEnd() && len(p.got) < len(p.want) }

// content returns a block's line behind its indentation, which is blanks.
func (p *mapper) content(line, indent int) []byte {
	all := p.text.line(line)
	return all[min(indent, len(all)):]
}

// copyLine takes the rest of the line behind its indentation.
func (p *mapper) copyLine(indent int) {
	for range min(indent, len(p.rest)) {
		p.skip()
	}
	for len(p.rest) > 0 {
		p.copy()
	}
}

func (p *mapper) literal(indent int) {
	for p.more() {
		p.copyLine(indent)
		p.put('\n', 0)
		p.moveTo(p.line+1, 1)
	}
}

func (p *mapper) folded(indent int) {
	for p.more() && len(p.content(p.line, indent)) == 0 {
		p.put('\n', 0)
		p.moveTo(p.line+1, 1)
	}
	for p.more() {
		p.copyLine(indent)
		next := p.line + 1
		for next <= p.text.count() && len(p.content(next, indent)) == 0 {
			next++
		}
		p.foldBreaks(indent, next)
		p.moveTo(next, 1)
	}
}

// foldBreaks notes what stands for the line breaks between this line and the
// next one that is not empty: as many breaks as there are at the scalar's end
// and around lines that are indented more, else one less, else a space.
func (p *mapper) foldBreaks(indent, next int) {
	breaks := next - p.line
	if !p.atEnd() && !moreIndented(p.content(p.line, indent)) && !moreIndented(p.content(next, indent)) {
		if breaks == 1 {
			p.put(' ', 0)
			return
		}
		breaks--
	}
	for range breaks {
		p.put('\n', 0)
		p.moveTo(p.line+1, 1)
	}
}

// atEnd tells whether only line breaks are left of the value.
func (p *mapper) atEnd() bool {
	return !slices.ContainsFunc(p.want[min(len(p.got), len(p.want)):], func(r rune) bool { return r != '\n' })
}

func moreIndented(line []byte) bool { return len(line) > 0 && blank(rune(line[0])) }
