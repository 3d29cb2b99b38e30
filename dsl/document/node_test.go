package document

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNode(t *testing.T) {
	doc := parse(t, "a: {b: [x, 1, 2.5, true, null]}\nc/d~: |\n  e\n")
	require.Equal(t, "f.yaml", doc.File())
	require.Equal(t, "a: {b: [x, 1, 2.5, true, null]}\nc/d~: |\n  e\n", string(doc.Source()))
	root := doc.Root()
	require.Equal(t, Mapping, root.Kind())
	require.Equal(t, []string{"a", "c/d~"}, root.Keys())
	require.Empty(t, root.Pointer())
	require.Empty(t, root.Key())
	require.Nil(t, root.Parent())

	list := root.Get("a").Get("b")
	require.Same(t, doc, list.Document())
	require.Equal(t, List, list.Kind())
	require.Equal(t, "/a/b", list.Pointer())
	require.Nil(t, list.Keys())
	require.Nil(t, list.Get("x"))
	var kinds, texts, pointers []string
	for _, item := range list.Items() {
		text, ok := item.Scalar()
		require.True(t, ok)
		kinds, texts, pointers = append(kinds, item.Kind().String()), append(texts, text), append(pointers, item.Pointer())
	}
	require.Equal(t, []string{"text", "a whole number", "a number", "true or false", "empty"}, kinds)
	require.Equal(t, []string{"x", "1", "2.5", "true", "null"}, texts)
	require.Equal(t, []string{"/a/b/0", "/a/b/1", "/a/b/2", "/a/b/3", "/a/b/4"}, pointers)
	require.Equal(t, []any{"x", int64(1), 2.5, true, nil}, list.Value())

	text, ok := root.Get("c/d~").Text()
	require.True(t, ok)
	require.Equal(t, "e\n", text)
	require.Equal(t, "/c~1d~0", root.Get("c/d~").Pointer())
	_, ok = list.Items()[1].Text()
	require.False(t, ok, "a number is no text")
	_, ok = list.Scalar()
	require.False(t, ok)
	require.Equal(t, "kind(99)", Kind(99).String())
}

// TestNilNode: what is not there answers as what holds nothing.
func TestNilNode(t *testing.T) {
	n := parse(t, "a: 1").Root().Get("b").Get("c")
	require.Nil(t, n)
	require.Nil(t, n.Document())
	require.Equal(t, Invalid, n.Kind())
	require.Nil(t, n.Keys())
	require.Nil(t, n.Items())
	require.Nil(t, n.Parent())
	require.Nil(t, n.Value())
	require.Empty(t, n.Key())
	require.Empty(t, n.Pointer())
	require.Equal(t, Range{}, n.Range())
	require.Equal(t, at(1, 1, 1, 1), n.KeyRange())
	require.Equal(t, Diagnostic{Severity: Warning, Code: "C", Rule: "r", Message: "m", Help: "h"}, n.Report(Warning, "C", "r", Range{}, "m", "h"))
}

func TestRanges(t *testing.T) {
	tests := []struct {
		name, src  string
		value, key Range
	}{
		{"plain", "a: one two  # c\n", at(1, 4, 1, 11), at(1, 1, 1, 2)},
		{"not written", "a:   # c\n", at(1, 3, 1, 3), at(1, 1, 1, 2)},
		{"not written at the end", "? a", at(1, 4, 1, 4), at(1, 3, 1, 4)},
		{"quoted", "'a b': 'it''s' # c\n", at(1, 8, 1, 15), at(1, 1, 1, 6)},
		{"over lines", "a: \"one\n  two\"\n", at(1, 4, 2, 7), at(1, 1, 1, 2)},
		{"literal", "a: |-  # c\n  one\n  two\n\n", at(1, 4, 3, 6), at(1, 1, 1, 2)},
		{"blanks in a literal", "a: |+\n\n\n", at(1, 4, 1, 6), at(1, 1, 1, 2)},
		{"mapping", "a:\n  b: 1\n  c: x y\n", at(2, 3, 3, 9), at(1, 1, 1, 2)},
		{"list", "a:\n- 1\n- [2,\n   3]\n", at(2, 1, 4, 6), at(1, 1, 1, 2)},
		{"in brackets", "a: [1, 2 , # ]\n  ]\n", at(1, 4, 2, 4), at(1, 1, 1, 2)},
		{"in braces", "a: {b: [], c: {} }\n", at(1, 4, 1, 19), at(1, 1, 1, 2)},
		{"empty brackets", "a: [ ]\n", at(1, 4, 1, 7), at(1, 1, 1, 2)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := parse(t, tt.src).Root().Items()[0]
			require.Equal(t, tt.value, n.Range())
			require.Equal(t, tt.key, n.KeyRange())
		})
	}
}

func TestKeyRangeOfItems(t *testing.T) {
	items := parse(t, "- a: 1\n- {}\n- x\n- - y\n").Root().Items()
	require.Equal(t, at(1, 3, 1, 4), items[0].KeyRange(), "its first key")
	require.Equal(t, at(2, 3, 2, 5), items[1].KeyRange())
	require.Equal(t, at(3, 3, 3, 4), items[2].KeyRange())
	require.Equal(t, at(4, 3, 4, 6), items[3].KeyRange())
}

// TestRefusedValues: a value behind an anchor has its places all the same.
func TestRefusedValues(t *testing.T) {
	doc, ds := Parse("f.yaml", []byte("a: &x one\nb: &y   # c\n  'two'\nc: *x\nd: &z {e: 1}\n"), Limits{})
	require.Len(t, ds, 1)
	root := doc.Root()
	require.Equal(t, at(1, 7, 1, 10), root.Get("a").Sub(0, 3))
	require.Equal(t, at(3, 4, 3, 7), root.Get("b").Sub(0, 3))
	require.Equal(t, Invalid, root.Get("c").Kind())
	require.Equal(t, at(4, 4, 4, 6), root.Get("c").Range())
	require.Nil(t, root.Get("c").Value())
	require.Equal(t, map[string]any{"e": int64(1)}, root.Get("d").Value())
}

func TestLimits(t *testing.T) {
	src := []byte("a: [b, c]\n")
	_, ds := Parse("f.yaml", src, Limits{Bytes: 9})
	require.Equal(t, Diagnostics{cm101(at(1, 1, 1, 1), "file is larger than 9 bytes", "split the file")}, ds)
	_, ds = Parse("f.yaml", src, Limits{Nodes: 4})
	require.Equal(t, Diagnostics{cm101(at(1, 8, 1, 10), "file has more than 4 values", "split the file")}, ds)
	_, ds = Parse("f.yaml", src, Limits{Depth: 2})
	require.Equal(t, Diagnostics{cm101(at(1, 5, 1, 10), "values are nested deeper than 2 levels", "write it flatter")}, ds)
	_, ds = Parse("f.yaml", []byte("a: [,,,,]\n"), Limits{Nodes: 1})
	require.Equal(t, Diagnostics{cm101(at(1, 7, 1, 7), "file has more than 4 line breaks, commas, colons and brackets", "split the file")}, ds)
	_, ds = Parse("f.yaml", src, Limits{Bytes: 10, Nodes: 5, Depth: 3})
	require.Empty(t, ds, "at the limits")
}
