package document

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// explainAt turns what two parsers say of a fault into one message: theirs is
// the second parser's, which also knows the place, first that of yaml.v3.
func (d *Document) explainAt(at Position, theirs, first string) Diagnostic {
	has := func(s string) bool { return strings.Contains(theirs, s) }
	switch {
	case strings.Contains(first, "hexdecimal number"):
		return d.fault(at, "escape with too few hexadecimal digits", `write \x41, \u0041 or \U00000041, or use single quotes`)
	case has("could not find end character"):
		return d.fault(at, "quote is not closed", "close it, and write a quote inside of single quotes twice: 'it''s'")
	case has("unknown escape character"):
		return d.fault(Position{at.Line, max(at.Column-1, 1)}, "unknown escape in double quotes", `write \\ for a backslash, or use single quotes`)
	case has("invalid header option"):
		return d.blockHeader(at)
	case has("block sequence entries"):
		return d.fault(at, "list item in the line of its key", "put each item in a line of its own, below the key")
	case has("unexpected key name"):
		return d.fault(at, `key is missing before ":"`, `write "key: value"`)
	case has("',' or '}' must be specified"), has("could not find map value"), has("could not find flow map"):
		return d.fault(at, `mapping in braces is not closed: "," or "}" is expected here`, "")
	case has("',' or ']' must be specified"), has("sequence end token"):
		return d.fault(at, `list in brackets is not closed: "," or "]" is expected`, "")
	case has("non-map value is specified"):
		return d.keyWithoutColon(at)
	case has("reserved character"), has("directive value"), has("could not find '"), strings.ContainsRune("&*!", d.runeAt(at)):
		return d.signHere(at)
	case has("mapping value is not allowed"):
		return d.secondColon(at)
	case has("value is not allowed in this context"):
		return d.valueHere(at)
	}
	return d.fault(at, short(theirs), "")
}

func (d *Document) fault(at Position, message, help string) Diagnostic {
	return syntax(d.file, d.lines.rest(at), message, help)
}

func (d *Document) runeAt(at Position) rune {
	r, _ := utf8.DecodeRune(d.src[d.lines.offset(at):])
	return r
}

// before returns what stands before at in its line, without blanks around it.
func (d *Document) before(at Position) string {
	return strings.TrimSpace(d.text(Range{Position{at.Line, 1}, at}))
}

func (d *Document) keyWithoutColon(at Position) Diagnostic {
	text := d.text(d.lines.rest(at))
	if strings.HasPrefix(text, "- ") || text == "-" {
		return d.fault(at, "list item between keys", "indent the list below its key, or remove the dash")
	}
	if key, value, ok := strings.Cut(text, ":"); ok && value != "" && !strings.ContainsAny(key, ` "'`) {
		return d.fault(at, "no blank behind the colon", fmt.Sprintf("write %q", short(key+": "+value)))
	}
	return d.fault(at, "key without a colon", `write "key: value"; text that goes on in a second line must be indented`)
}

// blockHeader explains a | or > with text behind it.
func (d *Document) blockHeader(at Position) Diagnostic {
	for d.runeAt(at) == ' ' {
		at.Column++
	}
	if d.startsValue(at) {
		return d.fault(at, "text behind | or >", "start the text in the next line, indented")
	}
	return d.signHere(at)
}

// startsValue tells whether nothing but keys and dashes stands before at.
func (d *Document) startsValue(at Position) bool {
	before := d.before(at)
	return before == "" || strings.HasSuffix(before, ":") || strings.HasSuffix(before, "-")
}

// signHere explains a sign that means something to YAML where a value was meant.
func (d *Document) signHere(at Position) Diagnostic {
	if d.startsValue(at) {
		return d.cannotStart(at)
	}
	sign := Range{at, Position{at.Line, at.Column + 1}}
	found := syntax(d.file, sign, fmt.Sprintf("%q can't stand here", string(d.runeAt(at))), "")
	return d.quoting(found, d.valueStart(at))
}

// secondColon explains "a: b: c", and a key that is indented below a value. at
// is where the value starts.
func (d *Document) secondColon(at Position) Diagnostic {
	value := d.text(d.lines.rest(at))
	if i := colon(value); i >= 0 {
		column := at.Column + utf8.RuneCountInString(value[:i])
		sign := Range{Position{at.Line, column}, Position{at.Line, column + 1}}
		return d.quoting(syntax(d.file, sign, `value with ": " in it is not in quotes`, ""), at)
	}
	for n := at.Line + 1; n <= d.lines.count(); n++ {
		line := string(d.lines.line(n))
		text := strings.TrimLeft(line, " ")
		if colon(text) >= 0 {
			start := Position{n, len(line) - len(text) + 1}
			return d.fault(start, "key is indented below a value", fmt.Sprintf("indent it like the key in line %d, or remove the value there", at.Line))
		}
	}
	return d.fault(at, `value with ":" in it is not in quotes`, "put the value in quotes")
}

// colon returns the offset of the first colon that ends a key, -1 if there is none.
func colon(text string) int {
	if i := strings.Index(text, ": "); i >= 0 {
		return i
	}
	if strings.HasSuffix(text, ":") {
		return len(text) - 1
	}
	return -1
}

// valueHere explains what follows a value that has ended: an expression that
// starts with a quote or bracket, or a line that fits no indentation.
func (d *Document) valueHere(at Position) Diagnostic {
	before := d.before(at)
	if before == "" {
		return d.fault(at, "indentation fits nothing above", "indent it like the keys or items it belongs to")
	}
	return d.quoting(d.fault(at, "text behind the end of a value", ""), d.valueStart(at))
}

// valueStart returns where the value starts that at is part of: behind the
// key, or behind the dash, in the same line.
func (d *Document) valueStart(at Position) Position {
	line := d.text(Range{Position{at.Line, 1}, at})
	i := len(line) - len(strings.TrimLeft(line, " -"))
	if key := colon(line); key >= 0 && !strings.ContainsAny(line[:key], `"'[{`) {
		i = key + 1
	}
	for i < len(line) && line[i] == ' ' {
		i++
	}
	return Position{at.Line, utf8.RuneCountInString(line[:i]) + 1}
}
