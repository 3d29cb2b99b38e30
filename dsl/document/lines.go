package document

import (
	"bytes"
	"sort"
	"unicode/utf8"
)

// lines finds positions in a text. Its lines end at line feeds; a carriage
// return before one belongs to the line's end and not to the line. Finding one
// costs the same in a file of one long line as in any other.
type lines struct {
	src    []byte
	starts []int // byte offset of each line
	runes  []int // how many code points stand before each stride of bytes
}

// stride is how far apart the counts of code points are.
const stride = 1 << 10

func newLines(src []byte) *lines {
	l := &lines{src: src, starts: make([]int, 1, 1+bytes.Count(src, []byte{'\n'}))}
	for i, b := range src {
		if b == '\n' {
			l.starts = append(l.starts, i+1)
		}
	}
	total := 0
	for i := 0; ; i += stride {
		l.runes = append(l.runes, total)
		if i+stride >= len(src) {
			return l
		}
		total += starters(src[i : i+stride])
	}
}

// starters counts the bytes that start a code point; in UTF-8 that is how many
// code points there are. (RuneCount would count one twice that a stride cuts.)
func starters(b []byte) int {
	n := 0
	for _, c := range b {
		if utf8.RuneStart(c) {
			n++
		}
	}
	return n
}

// before returns how many code points stand before a byte offset.
func (l *lines) before(offset int) int {
	i := min(offset/stride, len(l.runes)-1)
	return l.runes[i] + starters(l.src[i*stride:offset])
}

// count returns the number of lines; text after the last line feed, even
// empty text, is one.
func (l *lines) count() int { return len(l.starts) }

// line returns a line without its end, nil outside of the text. Lines count
// from 1.
func (l *lines) line(n int) []byte {
	if n < 1 || n > len(l.starts) {
		return nil
	}
	end := len(l.src)
	if n < len(l.starts) {
		end = l.starts[n] - 1
	}
	return bytes.TrimSuffix(l.src[l.starts[n-1]:end], []byte{'\r'})
}

// width returns how many code points a line has.
func (l *lines) width(n int) int {
	line := l.line(n)
	if line == nil {
		return 0
	}
	start := l.starts[n-1]
	return l.before(start+len(line)) - l.before(start)
}

// at returns the position of a byte offset.
func (l *lines) at(offset int) Position {
	line := sort.SearchInts(l.starts, offset+1)
	return Position{Line: line, Column: l.before(offset) - l.before(l.starts[line-1]) + 1}
}

// offset returns the byte offset of a position, at most the end of its line;
// the end of the text for a line behind it.
func (l *lines) offset(p Position) int {
	if p.Line < 1 || p.Line > len(l.starts) {
		return len(l.src)
	}
	start := l.starts[p.Line-1]
	end := start + len(l.line(p.Line))
	target := l.before(start) + max(p.Column, 1) - 1
	i := sort.Search(len(l.runes), func(i int) bool { return l.runes[i] > target }) - 1
	at, count := max(i*stride, start), max(l.runes[i], l.before(start))
	for at < end && (count < target || !utf8.RuneStart(l.src[at])) {
		if utf8.RuneStart(l.src[at]) {
			count++
		}
		at++
	}
	return min(at, end)
}

// rest returns the range from p to the end of its line without trailing blanks.
func (l *lines) rest(p Position) Range {
	blanks := len(l.line(p.Line)) - len(bytes.TrimRight(l.line(p.Line), " \t"))
	return Range{Start: p, End: Position{Line: p.Line, Column: max(p.Column, l.width(p.Line)-blanks+1)}}
}
