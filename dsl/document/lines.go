package document

import (
	"bytes"
	"unicode/utf8"
)

// lines finds positions in a text. Its lines end at line feeds; a carriage
// return before one belongs to the line's end and not to the line.
type lines struct {
	src    []byte
	starts []int // byte offset of each line
}

func newLines(src []byte) *lines {
	l := &lines{src: src, starts: make([]int, 1, 1+bytes.Count(src, []byte{'\n'}))}
	for i, b := range src {
		if b == '\n' {
			l.starts = append(l.starts, i+1)
		}
	}
	return l
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

// at returns the position of a byte offset.
func (l *lines) at(offset int) Position {
	low, high := 0, len(l.starts) // starts[low] <= offset < starts[high]
	for high-low > 1 {
		if mid := (low + high) / 2; l.starts[mid] <= offset {
			low = mid
		} else {
			high = mid
		}
	}
	return Position{Line: low + 1, Column: utf8.RuneCount(l.src[l.starts[low]:offset]) + 1}
}

// offset returns the byte offset of a position, at most the end of its line.
func (l *lines) offset(p Position) int {
	line := l.line(p.Line)
	at := 0
	for range p.Column - 1 {
		if at >= len(line) {
			break
		}
		_, size := utf8.DecodeRune(line[at:])
		at += size
	}
	if p.Line < 1 || p.Line > len(l.starts) {
		return len(l.src)
	}
	return l.starts[p.Line-1] + at
}

// rest returns the range from p to the end of its line without trailing blanks.
func (l *lines) rest(p Position) Range {
	width := utf8.RuneCount(bytes.TrimRight(l.line(p.Line), " \t"))
	return Range{Start: p, End: Position{Line: p.Line, Column: max(p.Column, width+1)}}
}
