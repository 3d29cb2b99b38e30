package document

import (
	"cmp"
	"fmt"
)

// Position is a place in a file. Line and Column count from 1, columns in
// Unicode code points. The zero Position is no place.
type Position struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

// String returns "line:column".
func (p Position) String() string { return fmt.Sprintf("%d:%d", p.Line, p.Column) }

// Compare orders positions as they stand in a file.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column))
}

// Range is a stretch of a file. End is exclusive: it is the place after the
// last code point. An empty range (Start equal to End) marks a place between
// two code points, where something is missing.
type Range struct {
	Start Position `json:"start"`
	End   Position `json:"end"`
}
