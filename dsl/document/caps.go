package document

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// maxReported bounds the diagnostics of one step on one file: a file with more
// of them is not mended by reading on.
const maxReported = 100

// marksPerNode bounds the signs that start YAML's values before any is parsed,
// as a multiple of the nodes allowed. Prose and expressions stay far below it;
// a file made of nothing but values is refused before it costs memory.
const marksPerNode = 4

// refuse tells what keeps src from being parsed at all. The order matters: what
// comes first explains what would come after it.
func refuse(file string, src []byte, l Limits) Diagnostics {
	if len(src) > l.Bytes {
		d := syntax(file, Range{Position{1, 1}, Position{1, 1}},
			fmt.Sprintf("file is larger than %d bytes", l.Bytes), "split the file")
		return Diagnostics{d}
	}
	if d, bad := refuseEncoding(file, src); bad {
		return Diagnostics{d}
	}
	text := newLines(src)
	if ds := characters(file, text); len(ds) > 0 {
		return ds
	}
	return tooManyMarks(file, text, l)
}

// syntax returns a CM101 error.
func syntax(file string, r Range, message, help string) Diagnostic {
	return Diagnostic{Severity: Error, Code: CodeSyntax, Rule: ruleSyntax, Message: message, Help: help, File: file, Range: r}
}

// refuseEncoding refuses what is not plain UTF-8.
func refuseEncoding(file string, src []byte) (Diagnostic, bool) {
	first := Range{Position{1, 1}, Position{1, 2}}
	if bytes.HasPrefix(src, []byte("\xef\xbb\xbf")) {
		d := syntax(file, first, "file starts with a byte order mark (BOM)",
			"save it as \"UTF-8\" and not \"UTF-8 with BOM\", or remove the mark: sed -i '1s/^\\xEF\\xBB\\xBF//' "+file)
		d.Fix = &Fix{Range: first}
		return d, true
	}
	if bytes.HasPrefix(src, []byte("\xff\xfe")) || bytes.HasPrefix(src, []byte("\xfe\xff")) {
		return syntax(file, first, "file is UTF-16, not UTF-8", "save it as UTF-8: iconv -f UTF-16 -t UTF-8 "+file), true
	}
	for i := 0; i < len(src); {
		r, width := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && width == 1 {
			start := newLines(src).at(i)
			end := Position{start.Line, start.Column + 1}
			return syntax(file, Range{start, end}, fmt.Sprintf("byte 0x%02X is not UTF-8", src[i]), "save the file as UTF-8"), true
		}
		i += width
	}
	return Diagnostic{}, false
}

// characters refuses tabs as indentation and characters that nobody sees. Of
// each line it tells the first.
func characters(file string, text *lines) Diagnostics {
	var ds Diagnostics
	for n := 1; n <= text.count() && len(ds) < maxReported; n++ {
		line := text.line(n)
		if d, bad := indentTab(file, n, line); bad {
			ds = append(ds, d)
			continue
		}
		if d, bad := control(file, n, line); bad {
			ds = append(ds, d)
		}
	}
	return ds
}

func indentTab(file string, n int, line []byte) (Diagnostic, bool) {
	indent := len(line) - len(bytes.TrimLeft(line, " \t"))
	tab := bytes.IndexByte(line[:indent], '\t')
	if tab < 0 || indent == len(line) {
		return Diagnostic{}, false
	}
	r := Range{Position{n, tab + 1}, Position{n, tab + 2}}
	return syntax(file, r, "tab in the indentation", "YAML is indented with spaces only: replace the tab, two spaces a level"), true
}

// control finds characters that don't show, or that only some readers take for
// the end of a line.
func control(file string, n int, line []byte) (Diagnostic, bool) {
	column := 0
	for _, r := range string(line) {
		column++
		if r == '\t' || !hidden(r) {
			continue
		}
		at := Range{Position{n, column}, Position{n, column + 1}}
		help := fmt.Sprintf(`remove it, or write it as "\u%04X" in double quotes`, r)
		if r == '\r' {
			help = "end lines with a line feed, or with a carriage return and a line feed"
		}
		return syntax(file, at, fmt.Sprintf("control character U+%04X", r), help), true
	}
	return Diagnostic{}, false
}

func hidden(r rune) bool {
	switch r {
	case '\u2028', '\u2029', '\ufeff', '\ufffe', '\uffff': // line and paragraph separator, inner BOM, no characters
		return true
	}
	return unicode.IsControl(r)
}

func tooManyMarks(file string, text *lines, l Limits) Diagnostics {
	left := marksPerNode * l.Nodes
	for i, b := range text.src {
		switch b {
		case ',', ':', '[', '{', '\n':
			left--
		}
		if left < 0 {
			at := text.at(i)
			message := fmt.Sprintf("file has more than %d line breaks, commas, colons and brackets", marksPerNode*l.Nodes)
			return Diagnostics{syntax(file, Range{at, at}, message, "split the file")}
		}
	}
	return nil
}
