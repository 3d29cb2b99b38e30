package expr

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/traits"
)

// The sizes at which String shortens.
const (
	shownRunes = 80
	shownItems = 8
)

// String returns the value as CEL would write it, for people: long strings and
// lists are shortened. A missing value is "missing".
func (v Value) String() string {
	var b strings.Builder
	v.show(&b, 0)
	return b.String()
}

func (v Value) show(b *strings.Builder, depth int) {
	switch x := v.v.(type) {
	case nil, *missing:
		b.WriteString("missing")
	case types.Null:
		b.WriteString("null")
	case types.String:
		s := string(x)
		if utf8.RuneCountInString(s) > shownRunes {
			s = string([]rune(s)[:shownRunes]) + "…"
		}
		b.WriteString(strconv.Quote(s))
	case types.Bytes:
		fmt.Fprintf(b, "%d bytes", len(x))
	case traits.Lister:
		v.showList(b, depth)
	case traits.Mapper:
		v.showMap(b, depth)
	default:
		if text, ok := v.Text(); ok {
			b.WriteString(text)
			return
		}
		b.WriteString(x.Type().TypeName())
	}
}

func (v Value) showList(b *strings.Builder, depth int) {
	b.WriteByte('[')
	n := 0
	for item := range v.Items() {
		if n > 0 {
			b.WriteString(", ")
		}
		if n++; n > shownItems || depth > 3 {
			b.WriteString("…")
			break
		}
		item.show(b, depth+1)
	}
	b.WriteByte(']')
}

func (v Value) showMap(b *strings.Builder, depth int) {
	b.WriteByte('{')
	for i, key := range v.keys() {
		if i > 0 {
			b.WriteString(", ")
		}
		if i >= shownItems || depth > 3 {
			b.WriteString("…")
			break
		}
		b.WriteString(strconv.Quote(key) + ": ")
		v.Get(key).show(b, depth+1)
	}
	b.WriteByte('}')
}
