package document

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"crmsync/schemas"
)

func at(line, column, endLine, endColumn int) Range {
	return Range{Position{line, column}, Position{endLine, endColumn}}
}

// refusal of a file, as the tables below write it.
func cm101(r Range, message, help string) Diagnostic {
	return Diagnostic{Code: CodeSyntax, Rule: ruleSyntax, Message: message, Help: help, File: "f.yaml", Range: r}
}

func fixed(d Diagnostic, r Range, text string) Diagnostic {
	d.Fix = &Fix{Range: r, Text: text}
	return d
}

func pointed(d Diagnostic, pointer string) Diagnostic {
	d.Pointer = pointer
	return d
}

const quoteHelp = "put the whole value in quotes: "

// TestRefused: what makes a file unreadable is told once, with its place.
func TestRefused(t *testing.T) {
	tests := []struct {
		name, src string
		want      Diagnostic
	}{
		{"empty", "", cm101(at(1, 1, 1, 1), "file is empty", "it must hold one YAML mapping")},
		{"only a comment", "# nothing\n", cm101(at(1, 1, 1, 1), "file is empty", "it must hold one YAML mapping")},
		{"byte order mark", "\ufeffa: 1\n", fixed(cm101(at(1, 1, 1, 2), "file starts with a byte order mark (BOM)",
			`save it as "UTF-8" and not "UTF-8 with BOM", or remove the mark: sed -i '1s/^\xEF\xBB\xBF//' f.yaml`), at(1, 1, 1, 2), "")},
		{"UTF-16", "\xff\xfea\x00:\x00", cm101(at(1, 1, 1, 2), "file is UTF-16, not UTF-8", "save it as UTF-8: iconv -f UTF-16 -t UTF-8 f.yaml")},
		{"Latin-1", "a: 1\nb: caf\xe9\n", cm101(at(2, 7, 2, 8), "byte 0xE9 is not UTF-8", "save the file as UTF-8")},
		{"tab", "a:\n \tb: 1\n", cm101(at(2, 2, 2, 3), "tab in the indentation", "YAML is indented with spaces only: replace the tab, two spaces a level")},
		{"bell", "é: b\x07\n", cm101(at(1, 5, 1, 6), "control character U+0007", `remove it, or write it as "\u0007" in double quotes`)},
		{"carriage return", "a: 1\rb: 2\n", cm101(at(1, 5, 1, 6), "control character U+000D", "end lines with a line feed, or with a carriage return and a line feed")},
		{"line separator", "a: b\u2028c\n", cm101(at(1, 5, 1, 6), "control character U+2028", `remove it, or write it as "\u2028" in double quotes`)},
		{"second document", "a: 1\n---\nb: 2\n", cm101(at(2, 1, 2, 4), "second document in one file", "put it into a file of its own")},
		{"second document after an end", "a: 1\n...\nb: 2\n", cm101(at(3, 1, 3, 5), "text behind the end of the document", "a file holds one document: put the rest into it, or into a file of its own")},
		{"text behind a mapping in braces", "{a: 1}\nb: 2\n", cm101(at(2, 1, 2, 5), "text behind the end of the document", "a file holds one document: put the rest into it, or into a file of its own")},
		{"alias of nothing", "a: '*x'\nb: [*x]\n", cm101(at(2, 5, 2, 7), "alias *x is not allowed", "if it is text that starts with *, put it in quotes")},
		{"deep", "a: " + strings.Repeat("[", 32) + strings.Repeat("]", 32), cm101(at(1, 35, 1, 68), "values are nested deeper than 32 levels", "write it flatter")},
		{"many values", "a: [" + strings.Repeat("b, ", 5000) + "]\n", cm101(at(1, 14996, 1, 15006), "file has more than 5000 values", "split the file")},

		{"expression that starts with text", "f:\n  email: \"x\" + record.a\n",
			fixed(cm101(at(2, 14, 2, 24), "text behind the end of a value", quoteHelp+`'"x" + record.a'`), at(2, 10, 2, 24), `'"x" + record.a'`)},
		{"expression that starts with a list", "é: [record.a].filter(x, x)\n",
			fixed(cm101(at(1, 14, 1, 27), "text behind the end of a value", quoteHelp+`'[record.a].filter(x, x)'`), at(1, 4, 1, 27), `'[record.a].filter(x, x)'`)},
		{"item that starts with text", "- \"a\" b\n", fixed(cm101(at(1, 7, 1, 8), "text behind the end of a value", quoteHelp+`'"a" b'`), at(1, 3, 1, 8), `'"a" b'`)},
		{"with a comment behind", "a: \"x\" + y # z\n", cm101(at(1, 8, 1, 15), "text behind the end of a value", "put the whole value in quotes")},
		{"colon in an expression", "f:\n  a: c ? \"x\": \"y\"\n",
			fixed(cm101(at(2, 13, 2, 14), `value with ": " in it is not in quotes`, quoteHelp+`'c ? "x": "y"'`), at(2, 6, 2, 18), `'c ? "x": "y"'`)},
		{"colon and both quotes", "a: b: 'c' \"d\"\n",
			fixed(cm101(at(1, 5, 1, 6), `value with ": " in it is not in quotes`, quoteHelp+`"b: 'c' \"d\""`), at(1, 4, 1, 14), `"b: 'c' \"d\""`)},
		{"key below a value", "a: b\n  c: d\n", cm101(at(2, 3, 2, 7), "key is indented below a value", "indent it like the key in line 1, or remove the value there")},
		{"key without a colon", "f:\n  a: b\n  first record.first\n  c: d\n",
			cm101(at(3, 3, 3, 21), "key without a colon", `write "key: value"; text that goes on in a second line must be indented`)},
		{"no blank behind a colon", "a: 1\nb:2\nc: 3\n", cm101(at(2, 1, 2, 4), "no blank behind the colon", `write "b: 2"`)},
		{"quote left open", "v: 1\na: \"open\nb: 2\n", cm101(at(2, 4, 2, 9), "quote is not closed", "close it, and write a quote inside of single quotes twice: 'it''s'")},
		{"quote in quotes", "a: 'it's'\n", fixed(cm101(at(1, 8, 1, 10), "text behind the end of a value", quoteHelp+`"'it's'"`), at(1, 4, 1, 10), `"'it's'"`)},
		{"unknown escape", `a: "\d+"` + "\n", cm101(at(1, 5, 1, 9), "unknown escape in double quotes", `write \\ for a backslash, or use single quotes`)},
		{"short escape", `a: "\u12"` + "\n", cm101(at(1, 4, 1, 10), "escape with too few hexadecimal digits", `write \x41, \u0041 or \U00000041, or use single quotes`)},
		{"indentation", "a:\n   b: 1\n  c: 2\n", cm101(at(3, 3, 3, 7), "indentation fits nothing above", "indent it like the keys or items it belongs to")},
		{"list open", "v: 1\na: [1, 2\nb: 3\n", cm101(at(3, 1, 3, 5), `list in brackets is not closed: "," or "]" is expected`, "")},
		{"mapping open", "v: 1\na: {x: 1\nb: 3\n", cm101(at(3, 1, 3, 5), `mapping in braces is not closed: "," or "}" is expected here`, "")},
		{"bracket", "a: ]\n", fixed(cm101(at(1, 4, 1, 5), `a value can't start with "]"`, quoteHelp+"']'"), at(1, 4, 1, 5), "']'")},
		{"brace", "a: 1\nb: }\n", fixed(cm101(at(2, 4, 2, 5), `a value can't start with "}"`, quoteHelp+"'}'"), at(2, 4, 2, 5), "'}'")},
		{"reserved sign", "a: @x\n", fixed(cm101(at(1, 4, 1, 5), `a value can't start with "@"`, quoteHelp+"'@x'"), at(1, 4, 1, 6), "'@x'")},
		{"percent", "a: %x\n", fixed(cm101(at(1, 4, 1, 5), `a value can't start with "%"`, quoteHelp+"'%x'"), at(1, 4, 1, 6), "'%x'")},
		{"and without quotes", "w: !record.a && record.b\n", fixed(cm101(at(1, 14, 1, 15), `"&" can't stand here`, quoteHelp+"'!record.a && record.b'"), at(1, 4, 1, 25), "'!record.a && record.b'")},
		{"or without quotes", "w: !record.a || record.b\n", fixed(cm101(at(1, 14, 1, 15), `"|" can't stand here`, quoteHelp+"'!record.a || record.b'"), at(1, 4, 1, 25), "'!record.a || record.b'")},
		{"text behind the bar", "a: |x\n  b\n", cm101(at(1, 4, 1, 6), "text behind | or >", "start the text in the next line, indented")},
		{"item in the line of its key", "a: - b\n", cm101(at(1, 4, 1, 7), "list item in the line of its key", "put each item in a line of its own, below the key")},
		{"item between keys", "v: 1\n- a\n", cm101(at(2, 1, 2, 4), "list item between keys", "indent the list below its key, or remove the dash")},
		{"key between items", "- a\nb: 1\n", cm101(at(2, 1, 2, 5), "indentation fits nothing above", "indent it like the keys or items it belongs to")},
		{"no key", ": a\n", cm101(at(1, 1, 1, 4), `key is missing before ":"`, `write "key: value"`)},
		{"in a large file only the line is known", strings.Repeat("# 40 characters of comment to fill it up\n", 900) + "a: [1\nb: 2\n",
			cm101(at(901, 1, 901, 6), "did not find expected ',' or ']'", "the fault is in this line or in one of the next")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc, ds := Parse("f.yaml", []byte(tt.src), Limits{})
			require.Equal(t, Diagnostics{tt.want}, ds)
			require.Nil(t, doc)
			if tt.want.Fix != nil {
				doc, ds = Parse("f.yaml", tt.want.Fix.Apply([]byte(tt.src)), Limits{})
				require.Empty(t, ds, "the fix")
				require.NotNil(t, doc)
			}
		})
	}
}

// TestParts: what Parse refuses of a file that it can read. The rest of the
// file is there.
func TestParts(t *testing.T) {
	numbers := func(r Range, text, why string) Diagnostic {
		return fixed(cm101(r, "number "+text+" "+why, `if it is text, put it in quotes: "`+text+`"`), r, `"`+text+`"`)
	}
	const readers, bits = "is understood differently by different readers of YAML", "does not fit into 64 bits"
	reference := "write the value out where it is needed; if it is text that starts with & or *, put it in quotes"
	key := func(r Range, message, help string) Diagnostic {
		return Diagnostic{Code: CodeNonStringKey, Rule: ruleNonStringKey, Message: message, Help: help, File: "f.yaml", Range: r}
	}
	noted := func(d Diagnostic, note string) Diagnostic {
		d.Notes = []string{note}
		return d
	}
	tests := []struct {
		name, src string
		want      Diagnostic
		value     any
	}{
		{"duplicate key", "a: 1\nb: 2\na: 3\n", Diagnostic{Code: CodeDuplicateKey, Rule: ruleDuplicateKey, Message: `duplicate key "a"`,
			Help: "it stands in line 1 already: remove one of the two", File: "f.yaml", Range: at(3, 1, 3, 2), Pointer: "/a"}, map[string]any{"a": int64(1), "b": int64(2)}},
		{"number as key", "m: {1: x}\n", fixed(pointed(key(at(1, 5, 1, 6), "key 1 is a number, not text", `put it in quotes: "1"`), "/m/1"), at(1, 5, 1, 6), `"1"`),
			map[string]any{"m": map[string]any{"1": "x"}}},
		{"boolean as key", "true: x\n", fixed(pointed(key(at(1, 1, 1, 5), "key true is true or false, not text", `put it in quotes: "true"`), "/true"), at(1, 1, 1, 5), `"true"`),
			map[string]any{"true": "x"}},
		{"empty key", "\"\": x\n", pointed(key(at(1, 1, 1, 3), "key is empty", "a key is one line of text"), "/"), map[string]any{}},
		{"list as key", "? [a, b]\n: x\n", pointed(key(at(1, 3, 1, 4), "key is not text", "a key is one line of text"), "/"), map[string]any{}},
		{"alias", "a: &x b\nc: *x\nd: *x\n", noted(cm101(at(1, 4, 1, 6), "anchor &x is not allowed", reference), "the file has 3 anchors, aliases and merge keys"),
			map[string]any{"a": "b", "c": nil, "d": nil}},
		{"anchor of a mapping", "a: &x\n  b: 1\n", cm101(at(1, 4, 1, 6), "anchor &x is not allowed", reference), map[string]any{"a": map[string]any{"b": int64(1)}}},
		{"anchor behind a tag", "a: !!str &x b\nc: 1\n", cm101(at(1, 10, 1, 12), "anchor &x is not allowed", reference), map[string]any{"a": nil, "c": int64(1)}},
		{"anchor of a key", "&x a: 1\nb: 2\n", cm101(at(1, 1, 1, 3), "anchor or alias at a key is not allowed", reference), map[string]any{"b": int64(2)}},
		{"merge key", "a: {b: 1}\nc:\n  <<: {d: 1}\n  e: 2\n", cm101(at(3, 3, 3, 5), "merge key << is not allowed", reference),
			map[string]any{"a": map[string]any{"b": int64(1)}, "c": map[string]any{"e": int64(2)}}},
		{"tag", "a: !!int '5'\n", pointed(cm101(at(1, 4, 1, 9), "tag !!int is not allowed", "remove it; put text in quotes"), "/a"), map[string]any{"a": nil}},
		{"expression that starts with not", "a: !record.b == c\n", fixed(pointed(cm101(at(1, 4, 1, 13), "tag !record.b is not allowed",
			"if it is an expression, put it in quotes: '!record.b == c'"), "/a"), at(1, 4, 1, 18), "'!record.b == c'"), map[string]any{"a": nil}},
		{"octal or not", "a: 012\n", pointed(numbers(at(1, 4, 1, 7), "012", readers), "/a"), map[string]any{"a": nil}},
		{"underscores", "a: 1_000\n", pointed(numbers(at(1, 4, 1, 9), "1_000", readers), "/a"), map[string]any{"a": nil}},
		{"hexadecimal", "- 0x1F\n", pointed(numbers(at(1, 3, 1, 7), "0x1F", readers), "/0"), []any{nil}},
		{"not a number", "a: .nan\n", pointed(numbers(at(1, 4, 1, 8), ".nan", readers), "/a"), map[string]any{"a": nil}},
		{"large integer", "a: 9223372036854775808\n", pointed(numbers(at(1, 4, 1, 23), "9223372036854775808", bits), "/a"), map[string]any{"a": nil}},
		{"largest unsigned", "a: 18446744073709551616\n", pointed(numbers(at(1, 4, 1, 24), "18446744073709551616", bits), "/a"), map[string]any{"a": nil}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc, ds := Parse("f.yaml", []byte(tt.src), Limits{})
			if tt.name == "anchor behind a tag" { // two mistakes
				require.Equal(t, "tag !!str is not allowed", ds[0].Message)
				ds = ds[1:]
			}
			require.Equal(t, Diagnostics{tt.want}, ds)
			require.Equal(t, tt.value, doc.Root().Value())
			if tt.want.Fix != nil {
				_, ds = Parse("f.yaml", tt.want.Fix.Apply([]byte(tt.src)), Limits{})
				require.Empty(t, ds, "the fix")
			}
		})
	}
}

func TestAccepted(t *testing.T) {
	doc := parse(t, "---\r\n# all kinds\r\ntext: yes\r\nquoted: '012'\r\nint: -3\r\nfloat: 1.5e3\r\nbig: 9223372036854775807\r\n"+
		"huge: 1e999\r\nbool: True\r\nempty:\r\ndate: 2026-11-22\r\nlist: [a, {b: 1}]\r\nblock: |\r\n  x\ty\r\n...\r\n")
	require.Equal(t, map[string]any{
		"text": "yes", "quoted": "012", "int": int64(-3), "float": 1500.0, "big": int64(9223372036854775807), "huge": "1e999", "bool": true,
		"empty": nil, "date": "2026-11-22", "list": []any{"a", map[string]any{"b": int64(1)}}, "block": "x\ty\n",
	}, doc.Root().Value())
	require.Equal(t, []string{"text", "quoted", "int", "float", "big", "huge", "bool", "empty", "date", "list", "block"}, doc.Root().Keys())
}

func bomb(levels, wide int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i <= levels; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), wide), ","))
	}
	return b.String()
}

func deepBlock(bytes int) string {
	var b strings.Builder
	for i := 0; b.Len() < bytes; i++ {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()[:min(bytes, b.Len())]
}

// modestOf repeats unit, in lines as long as they may be, until a few more would
// be too much for the second parser, and ends with a fault.
func modestOf(unit string) string {
	const fault = "\na: b: c ]"
	src := ""
	for brackets, units := 0, 0; ; units++ {
		next := unit
		if brackets += strings.Count(unit, "[") + strings.Count(unit, "{"); brackets > explainBrackets {
			next = strings.NewReplacer("[", "", "{", "").Replace(unit)
		}
		if last := strings.LastIndexByte(src, '\n'); len(src)-last+len(next) > explainLine {
			next = "\n" + next
		}
		if units%20 == 0 && !modest([]byte(src+strings.Repeat(unit, 20)+strings.Repeat("\n", 20)+fault)) {
			return src + fault
		}
		src += next
	}
}

func fill(bytes int, s string) string { return strings.Repeat(s, bytes/len(s)) }

// TestHostile: whatever a file is made of, it is refused with a place, in less
// than 100 ms and 64 MiB of all memory ever asked for.
func TestHostile(t *testing.T) {
	const full = 256 << 10
	hostile := map[string]string{
		"bomb": bomb(8, 9), "wide bomb": bomb(2, 4000), "padded bomb": bomb(6, 9) + "pad: \"" + fill(200<<10, "p") + "\"\n",
		"5 MB": fill(5<<20, "- {k: v, n: 1}\n"), "5 MB line": "a: " + fill(5<<20, "x"), "3,000 deep": strings.Repeat("[", 3000) + strings.Repeat("]", 3000),
		"3,000 deep block": deepBlock(1 << 20), "deep block": deepBlock(full), "200,000 deep": strings.Repeat("[", 200_000),
		"deep mappings": fill(full, "{a: "), "deep dashes": fill(full, "- "), "deep questions": fill(full, "? "),
		"list": fill(full, "- a\n"), "flow list": "[" + fill(full-2, "a,") + "]", "flow mapping": "{" + fill(full-2, "a,") + "}",
		"empty lists": "[" + fill(full-3, "[],") + "]", "keys": fill(full, "a:\n"), "commented keys": fill(full, "a: 1 #\n"), "comments between": fill(full, "a:\n#x\n\n"),
		"dashes": fill(full, "-\n"), "colons": "{" + fill(full-2, ":,") + "}", "anchors": fill(full, "- &a a\n"), "aliases": "- &a x\n" + fill(full-10, "- *a\n"),
		"tags": fill(full, "- !a b\n"), "documents": fill(full, "---\n"), "comments": fill(full, "#\n"), "breaks": fill(full, "\n"), "percents": fill(full, "%a\n"),
		"open quote": "a: \"" + fill(full-10, "b\n"), "tabs": fill(full, "\t"), "tabs before text": fill(full, "\ta\n"), "bells": fill(full, "\a"), "zeros": fill(full, "\x00"),
		"bad bytes": fill(full, "\xff"), "digits": fill(full, "0"), "digits and underscores": "a: 0" + fill(full-10, "_0"),
	}
	for name, unit := range map[string]string{
		"list": "[ a,", "mapping": "{a,", "colons": "{:,", "dashes": "\n-", "blocks": "\n a: }", "deep blocks": "\n- - - a: ", "quotes": "'a' : ", "keys": "a: b: ",
		"anchors": "&a ", "tags": "!a ", "questions": "?,", "stars": "a: *a\n", "bars": "- |\n x\n", "comments": "a: 1 #\n", "merges": "<<", "text": "filler filler\n", "zeros": "0",
	} {
		src := modestOf(unit)
		require.True(t, modest([]byte(src)), "%s is not for the second parser", name)
		hostile["second parser, "+name] = src
	}
	for name, src := range hostile {
		t.Run(name, func(t *testing.T) {
			doc, ds, took, bytes := measured(src)
			for try := 0; timed && try < 20 && took >= 100*time.Millisecond; try++ { // the machine has other work
				_, _, took, _ = measured(src)
			}
			if timed {
				require.Less(t, took, 100*time.Millisecond)
			}
			require.NotEmpty(t, ds)
			require.True(t, doc == nil || len(ds) > 0)
			for _, d := range ds {
				require.GreaterOrEqual(t, d.Range.Start.Line, 1, d.Message)
				require.GreaterOrEqual(t, d.Range.Start.Column, 1, d.Message)
			}
			require.LessOrEqual(t, len(ds), maxReported)
			require.Less(t, bytes, uint64(64<<20))
		})
	}
}

// spent returns the processor time that the process has used so far. A bound on
// it holds on a machine with other work too, where the clock runs on.
func spent() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return time.Duration(time.Now().UnixNano())
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func measured(src string) (*Document, Diagnostics, time.Duration, uint64) {
	var before, after runtime.MemStats
	in := []byte(src)
	runtime.GC()
	runtime.ReadMemStats(&before)
	start, used := time.Now(), spent()
	doc, ds := Parse("f.yaml", in, Limits{})
	took := min(time.Since(start), spent()-used)
	runtime.ReadMemStats(&after)
	return doc, ds, took, after.TotalAlloc - before.TotalAlloc
}

// TestLongLine: the places in a file of one line cost no more than in others.
func TestLongLine(t *testing.T) {
	entry := func(i int) string { return fmt.Sprintf("k%d: \"é %s\", ", i, strings.Repeat("x", 80)) }
	var b strings.Builder
	b.WriteString("{")
	for i := range 2400 {
		b.WriteString(entry(i))
	}
	doc := parse(t, b.String()+"}")
	best := time.Hour
	for range 5 {
		start := time.Now()
		for _, n := range doc.Root().Items() {
			value, key := n.Range(), n.KeyRange()
			require.Equal(t, 84, value.End.Column-value.Start.Column)
			require.Equal(t, len(n.Key())+2, value.Start.Column-key.Start.Column)
		}
		best = min(best, time.Since(start))
	}
	if timed {
		require.Less(t, best, 200*time.Millisecond)
	}
}

// FuzzParse: nothing makes Parse, Check or a printer panic, what they say has a
// place in the file, and every scalar's runes stand where Sub says.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"a: b\n", "a: &x [*x]\n", "a: |2-\n   x\n  y\n", "? a\n: b\n", "\ufeff", "a: \"\\\n\n b\"", "a: >\n x\n\n  y\n z\n", "{a: [b, 'c''d'], <<: e}",
		"version: 1\nfields:\n  a: {valeu: 1}\n", "a: b: c\n", "\ta", "---\n...\n---\n", "!a b: !!c d", "- - - a\n", "a: 'b\n\n  c' # d\n", "%YAML 1.1\n---\na: 1\n",
	} {
		f.Add([]byte(s))
	}
	source, _ := schemas.Format("mapping")
	schema, err := CompileSchema("mapping", source)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, src []byte) {
		doc, ds := Parse("f.yaml", src, Limits{Bytes: 8 << 10, Nodes: 200, Depth: 8})
		if doc != nil {
			visit(t, doc.Root(), 1, len(ds) == 0)
			ds = append(ds, Check(doc, schema, CheckOptions{})...)
		} else {
			require.NotEmpty(t, ds)
		}
		text := newLines(src)
		for _, d := range ds {
			require.NotEmpty(t, d.Message)
			require.NotContains(t, d.Message, "\n")
			require.LessOrEqual(t, d.Range.Start.Compare(d.Range.End), 0, d.Message)
			requireInside(t, text, d.Range.Start)
			requireInside(t, text, d.Range.End)
		}
		require.NoError(t, Text(io.Discard, ds, func(string) []byte { return src }, true))
		require.NoError(t, JSON(io.Discard, ds))
		require.NoError(t, GitHub(io.Discard, ds))
	})
}

func requireInside(t *testing.T, text *lines, p Position) {
	t.Helper()
	require.GreaterOrEqual(t, p.Line, 1)
	require.LessOrEqual(t, p.Line, text.count())
	require.GreaterOrEqual(t, p.Column, 1)
	require.LessOrEqual(t, p.Column, utf8.RuneCount(text.line(p.Line))+1, "%v in %q", p, text.src)
}

// visit requires of all nodes that they stand in the file, and of scalars in a
// sound file that all of their runes do.
func visit(t *testing.T, n *Node, depth int, sound bool) {
	t.Helper()
	require.LessOrEqual(t, depth, 8)
	if _, ok := n.Scalar(); ok && sound {
		requireRunes(t, n)
	}
	for _, r := range []Range{n.Range(), n.KeyRange()} {
		require.LessOrEqual(t, r.Start.Compare(r.End), 0)
		requireInside(t, n.doc.lines, r.Start)
		requireInside(t, n.doc.lines, r.End)
	}
	for _, item := range n.Items() {
		require.Same(t, n, item.Parent())
		visit(t, item, depth+1, sound)
	}
}
