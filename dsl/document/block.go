package document

import "slices"

// block reads a literal or folded scalar. The indentation of its text is that
// of the first line that is not empty, unless the header says it; then it
// depends on the parent, and the one that gives the value back is right.
func (p *mapper) block(read func(indent int)) bool {
	first := p.line + 1
	explicit := p.indentInHeader()
	lead := 0
	for n := first; n <= p.text.count(); n++ {
		if l := leading(p.text.line(n)); l < len(p.text.line(n)) {
			lead = l
			break
		}
	}
	for indent := lead; indent >= 0; indent-- {
		p.got, p.spans = p.got[:0], p.spans[:0]
		p.moveTo(first, 0)
		read(indent)
		if len(p.got) >= len(p.want) && slices.Equal(p.got[:len(p.want)], p.want) {
			p.got, p.spans = p.got[:len(p.want)], p.spans[:len(p.want)]
			p.endOfBlock(first)
			return true
		}
		if !explicit {
			return false
		}
	}
	return false
}

// endOfBlock sets the scalar's end to that of its last visible rune.
func (p *mapper) endOfBlock(first int) {
	p.line, p.at = first-1, len([]rune(string(p.text.line(first-1))))
	for i := len(p.got) - 1; i >= 0; i-- {
		if p.got[i] != '\n' && !blank(p.got[i]) {
			p.line, p.at = p.spans[i].line, p.spans[i].to-1
			return
		}
	}
}

func leading(line []byte) int {
	for i, b := range line {
		if b != ' ' {
			return i
		}
	}
	return len(line)
}

// indentInHeader tells whether the header, |2- or so, has a digit.
func (p *mapper) indentInHeader() bool {
	for _, r := range p.runes[min(p.at, len(p.runes)):] {
		if r == '#' {
			return false
		}
		if r >= '1' && r <= '9' {
			return true
		}
	}
	return false
}

// content returns the runes of a block's line behind its indentation.
func (p *mapper) content(line, indent int) []rune {
	runes := []rune(string(p.text.line(line)))
	return runes[min(indent, len(runes)):]
}

func (p *mapper) more() bool { return p.line <= p.text.count() && len(p.got) < len(p.want) }

func (p *mapper) emitLine(indent int) {
	p.at = min(indent, len(p.runes))
	for _, r := range p.runes[p.at:] {
		p.emit(r, 1)
	}
}

func (p *mapper) literal(indent int) {
	for p.more() {
		p.emitLine(indent)
		p.emit('\n', 0)
		p.moveTo(p.line+1, 0)
	}
}

func (p *mapper) folded(indent int) {
	for p.more() && len(p.content(p.line, indent)) == 0 {
		p.emit('\n', 0)
		p.moveTo(p.line+1, 0)
	}
	for p.more() {
		p.emitLine(indent)
		next := p.line + 1
		for next <= p.text.count() && len(p.content(next, indent)) == 0 {
			next++
		}
		p.foldBreaks(indent, next)
		p.moveTo(next, 0)
	}
}

// foldBreaks emits what stands for the line breaks between this line and the
// next one that is not empty: as many breaks as there are at the scalar's end
// and around lines that are indented more, else one less, else a space.
func (p *mapper) foldBreaks(indent, next int) {
	breaks := next - p.line
	if !p.atEnd() && !moreIndented(p.content(p.line, indent)) && !moreIndented(p.content(next, indent)) {
		if breaks == 1 {
			p.emit(' ', 0)
			return
		}
		breaks--
	}
	for range breaks {
		p.emit('\n', 0)
		p.moveTo(p.line+1, 0)
	}
}

// atEnd tells whether only line breaks are left of the value.
func (p *mapper) atEnd() bool {
	return !slices.ContainsFunc(p.want[min(len(p.got), len(p.want)):], func(r rune) bool { return r != '\n' })
}

func moreIndented(line []rune) bool { return len(line) > 0 && blank(line[0]) }
