package document

import (
	"math/rand"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

func parse(t *testing.T, src string) *Document {
	t.Helper()
	d, ds := Parse("f.yaml", []byte(src), Limits{})
	require.Empty(t, ds)
	return d
}

// requireRunes requires that each rune of a scalar's value stands where Sub says.
func requireRunes(t *testing.T, n *Node) {
	t.Helper()
	value, ok := n.Scalar()
	require.True(t, ok)
	if strings.TrimSpace(value) == "" {
		return // a block of blanks has no readable place
	}
	_, ok = mapScalar(n.doc.lines, n.raw, indentOf(n.parent))
	require.True(t, ok, "no places for %q in\n%s", value, n.doc.src)
	last := Position{}
	starts := n.Starts()
	require.Len(t, starts, utf8.RuneCountInString(value))
	for i, r := range []rune(value) {
		at := n.Sub(i, i+1)
		require.Equal(t, at.Start, starts[i])
		text := n.doc.text(at)
		require.True(t, written(text, r), "rune %d (%q) of %q is %q at %v in\n%s", i, r, value, text, at, n.doc.src)
		require.LessOrEqual(t, last.Compare(at.Start), 0, "order of %q", value)
		last = at.Start
	}
}

// written tells whether text in a file stands for the rune r.
func written(text string, r rune) bool {
	switch {
	case text == string(r):
		return true
	case text == "":
		return r == ' ' || r == '\n' // a folded line break
	case text == "''":
		return r == '\''
	case text[0] == '\\':
		return unescaped(text) == r
	}
	return false
}

func unescaped(text string) rune {
	if digits, hex := hexDigits[rune(text[1])]; hex {
		v, err := strconv.ParseUint(text[2:2+digits], 16, 32)
		if err != nil {
			return utf8.RuneError
		}
		return rune(v)
	}
	r, _ := utf8.DecodeRuneInString(text[1:])
	return escapes[r]
}

func TestSub(t *testing.T) {
	tests := []struct {
		name, src, find string
		want            Range
	}{
		{"plain", "a: record.emial\n", "emial", Range{Position{1, 11}, Position{1, 16}}},
		{"plain after other scripts", "é😀: 漢字 emial\n", "emial", Range{Position{1, 8}, Position{1, 13}}},
		{"plain over two lines", "a: one\n   two emial\n", "two emial", Range{Position{2, 4}, Position{2, 13}}},
		{"across a folded break", "a: one\n   two\n", "one two", Range{Position{1, 4}, Position{2, 7}}},
		{"plain before a comment", "a: one   # two\n", "one", Range{Position{1, 4}, Position{1, 7}}},
		{"in a flow list", "a: [one, two]\n", "one", Range{Position{1, 5}, Position{1, 8}}},
		{"single quoted", "a: 'it''s emial'\n", "emial", Range{Position{1, 11}, Position{1, 16}}},
		{"a doubled quote", "a: 'it''s'\n", "'", Range{Position{1, 7}, Position{1, 9}}},
		{"double quoted", `a: "t\tq\"u\u00e9 emial"` + "\n", "emial", Range{Position{1, 19}, Position{1, 24}}},
		{"a hex escape", `a: "\u00e9"` + "\n", "é", Range{Position{1, 5}, Position{1, 11}}},
		{"a long hex escape", `a: "\U0001F600 x"` + "\n", "x", Range{Position{1, 16}, Position{1, 17}}},
		{"an escaped line break", "a: \"one \\\n   two\"\n", "two", Range{Position{2, 4}, Position{2, 7}}},
		{"an escaped line break and an empty line", "a: \"one\\\n\n   two\"\n", "two", Range{Position{3, 4}, Position{3, 7}}},
		{"an escaped blank at a line's end", "a: \"one\\t\n  two\"\n", "two", Range{Position{2, 3}, Position{2, 6}}},
		{"a paragraph in quotes", "a: 'one\n\n  two'\n", "two", Range{Position{3, 3}, Position{3, 6}}},
		{"literal", "a: |\n  one\n    two\n\n  emial\n", "emial", Range{Position{5, 3}, Position{5, 8}}},
		{"literal, stripped", "a: |-\n  emial\n\n\nb: 1\n", "emial", Range{Position{2, 3}, Position{2, 8}}},
		{"literal with an indentation", "a: |2-\n    two lead\n   one\n", "one", Range{Position{3, 4}, Position{3, 7}}},
		{"literal with a comment behind", "a: | # 9\n emial\n", "emial", Range{Position{2, 2}, Position{2, 7}}},
		{"folded", "a: >-\n  f1\n  f2\n\n  f3\n    more\n  emial\n", "emial", Range{Position{7, 3}, Position{7, 8}}},
		{"folded, line break within", "a: >-\n  f1\n  f2\n", "f1 f2", Range{Position{2, 3}, Position{3, 5}}},
		{"folded, leading empty lines", "a: >\n\n  lead\n  x\n\n\nb: 1\n", "x", Range{Position{4, 3}, Position{4, 4}}},
		{"folded, kept", "a: >+\n  x\n\n\n", "x", Range{Position{2, 3}, Position{2, 4}}},
		{"carriage returns", "b: 1\r\na: >-\r\n  one\r\n  emial\r\n", "emial", Range{Position{4, 3}, Position{4, 8}}},
		{"at the end of a file without a line break", "a: |\n  emial", "emial", Range{Position{2, 3}, Position{2, 8}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := parse(t, tt.src).Root()
			n := root.Items()[len(root.Items())-1]
			if root.Get("a") != nil {
				n = root.Get("a")
			}
			if n.Kind() == List {
				n = n.Items()[0]
			}
			requireRunes(t, n)
			value, _ := n.Text()
			i := strings.Index(value, tt.find)
			require.GreaterOrEqual(t, i, 0, value)
			start := utf8.RuneCountInString(value[:i])
			require.Equal(t, tt.want, n.Sub(start, start+utf8.RuneCountInString(tt.find)))
		})
	}
}

func TestSubOutside(t *testing.T) {
	d := parse(t, "a: one\nb:\nc: {x: 1}\nd: |\n\ne: \"\"\n")
	a := d.Root().Get("a")
	end := Position{1, 7}
	require.Equal(t, Range{Position{1, 4}, end}, a.Sub(-5, 99))
	require.Equal(t, Range{end, end}, a.Sub(3, 3), "the place behind the last rune")
	require.Equal(t, Range{Position{1, 5}, Position{1, 5}}, a.Sub(1, 1))
	require.Equal(t, Range{end, end}, a.Sub(7, 2))
	require.Equal(t, Range{Position{2, 3}, Position{2, 3}}, d.Root().Get("b").Sub(0, 1), "nothing is written")
	require.Equal(t, Range{Position{3, 4}, Position{3, 10}}, d.Root().Get("c").Sub(0, 1), "no scalar")
	require.Equal(t, Range{Position{6, 4}, Position{6, 6}}, d.Root().Get("e").Sub(0, 0), "empty text")
	require.Equal(t, Range{}, d.Root().Get("nothing").Sub(0, 1))
}

var styles = []yaml.Style{0, yaml.SingleQuotedStyle, yaml.DoubleQuotedStyle, yaml.LiteralStyle, yaml.FoldedStyle}

// roundTrip writes value in a style, indented twice, and requires its places.
func roundTrip(t *testing.T, value string, style yaml.Style) {
	t.Helper()
	scalar := func(v string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: v} }
	mapping := func(c ...*yaml.Node) *yaml.Node { return &yaml.Node{Kind: yaml.MappingNode, Content: c} }
	subject := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value, Style: style}
	src, err := yaml.Marshal(mapping(scalar("k"), mapping(scalar("inner"), subject, scalar("next"), scalar("end"))))
	if err != nil {
		return // the writer does not take every text
	}
	d, ds := Parse("f.yaml", src, Limits{})
	if ds.HasErrors() {
		return // nor do we: control characters, tags, tabs
	}
	requireRunes(t, d.Root().Get("k").Get("inner"))
	require.Equal(t, "end", d.text(d.Root().Get("k").Get("next").Range()))
	require.Equal(t, "inner", d.text(d.Root().Get("k").Get("inner").KeyRange()))
}

// TestSubRandom maps texts made of what is hard in YAML.
func TestSubRandom(t *testing.T) {
	words := []string{"record.email", "==", "null", "?", "''", `"x"`, "'it''s'", "é", "😀", "# c", ":", "a: b", `\n`, "- ",
		"\t", "  ", "\n", "\n\n", "\n  ", "{", "}", "[", "&&", "||", "0x1F", "\u00a0", strings.Repeat("long ", 20)}
	random := rand.New(rand.NewSource(1))
	for range 2_000 {
		var b strings.Builder
		for range 1 + random.Intn(9) {
			b.WriteString(words[random.Intn(len(words))])
			if random.Intn(2) == 0 {
				b.WriteByte(' ')
			}
		}
		roundTrip(t, b.String(), styles[random.Intn(len(styles))])
	}
}

func FuzzSub(f *testing.F) {
	f.Add("record.email == 'x' ? \"é\\t\" : null", uint8(2))
	f.Add("one\n  two\n\nthree\n", uint8(4))
	f.Add("\n\nlead\n", uint8(3))
	f.Add(" blank at both ends ", uint8(1))
	f.Fuzz(func(t *testing.T, value string, style uint8) {
		if len(value) > 1<<10 || !utf8.ValidString(value) {
			return
		}
		roundTrip(t, value, styles[int(style)%len(styles)])
	})
}
