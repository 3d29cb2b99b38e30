package document

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestLines(t *testing.T) {
	for name, src := range map[string]string{
		"empty":       "",
		"short":       "é: ü\r\nb\n\n",
		"one line":    strings.Repeat("aé漢😀", 1000),
		"many lines":  strings.Repeat("aé漢😀 b\n", 1000),
		"no line end": "a\nb",
	} {
		t.Run(name, func(t *testing.T) {
			l := newLines([]byte(src))
			require.Equal(t, strings.Count(src, "\n")+1, l.count())
			p := Position{1, 1}
			for i, r := range src {
				require.Equal(t, p, l.at(i))
				if r != '\r' && r != '\n' {
					require.Equal(t, i, l.offset(p), "%v", p)
				}
				p.Column++
				if r == '\n' {
					p = Position{p.Line + 1, 1}
				}
			}
			require.Equal(t, p, l.at(len(src)))
			require.Equal(t, len(src), l.offset(p))
			for n := 1; n <= l.count(); n++ {
				require.Equal(t, utf8.RuneCount(l.line(n)), l.width(n))
				require.Equal(t, len(l.line(n))+l.starts[n-1], l.offset(Position{n, 1 << 30}), "no further than the line's end")
			}
			require.Equal(t, len(src), l.offset(Position{l.count() + 1, 1}))
			require.Nil(t, l.line(0))
			require.Nil(t, l.line(l.count()+1))
			require.Zero(t, l.width(l.count()+1))
		})
	}
}
