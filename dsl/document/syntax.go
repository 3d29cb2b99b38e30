package document

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	goccy "github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
)

// explain places a parser's error and says what it means. yaml.v3 knows a line
// at best, and often the wrong one, so a second parser is asked where it is.
func (d *Document) explain(err error) Diagnostic {
	var second secondDocument
	switch {
	case errors.Is(err, errEmpty):
		return syntax(d.file, Range{Position{1, 1}, Position{1, 1}}, "file is empty", "it must hold one YAML mapping")
	case errors.As(err, &second):
		at := d.lines.rest(Position{second.line, 1})
		return syntax(d.file, at, "second document in one file", "put it into a file of its own")
	}
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	if name, ok := unknownAnchor(message); ok {
		at := d.findAlias(name)
		return syntax(d.file, at, "alias *"+short(name)+" is not allowed", "if it is text that starts with *, put it in quotes")
	}
	if line, rest := splitLine(message); strings.Contains(rest, "<document start>") {
		return d.fault(d.textFrom(line), "text behind the end of the document", "a file holds one document: put the rest into it, or into a file of its own")
	}
	if at, theirs, ok := d.secondOpinion(); ok {
		return d.explainAt(at, theirs, message)
	}
	if at, ok := d.badStart(); ok {
		return d.cannotStart(at)
	}
	line, message := splitLine(message)
	return d.fault(d.textFrom(line), short(message), "the fault is in this line or in one of the next")
}

// textFrom returns where the text of a line starts.
func (d *Document) textFrom(line int) Position {
	line = min(line, d.lines.count())
	text := d.lines.line(line)
	return Position{line, 1 + len(text) - len(bytes.TrimLeft(text, " "))}
}

func unknownAnchor(message string) (string, bool) {
	rest, ok := strings.CutPrefix(message, "unknown anchor '")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(rest, "' referenced")
}

// findAlias returns where *name starts a value.
func (d *Document) findAlias(name string) Range {
	word := []byte("*" + name)
	for from := 0; ; {
		i := bytes.Index(d.src[from:], word)
		if i < 0 {
			return Range{Position{1, 1}, Position{1, 1}}
		}
		from += i
		before := bytes.TrimRight(d.src[:from], " ")
		if len(before) == 0 || bytes.IndexByte([]byte("\n:-,[{?"), before[len(before)-1]) >= 0 {
			return d.word(d.lines.at(from))
		}
		from += len(word)
	}
}

var lineInMessage = regexp.MustCompile(`^line ([0-9]+): `)

// splitLine returns the line that a message of yaml.v3 begins with, 1 if it has
// none. Its parser, unlike its scanner, counts lines from 0.
func splitLine(message string) (line int, rest string) {
	m := lineInMessage.FindStringSubmatch(message)
	if m == nil {
		return 1, message
	}
	line, _ = strconv.Atoi(m[1]) // digits, and 0 on overflow is mended by max
	rest = message[len(m[0]):]
	for _, parsers := range []string{"key", "','", "node content", "<document start>", "'-' indicator"} {
		if strings.HasPrefix(rest, "did not find expected "+parsers) {
			line++
		}
	}
	return max(line, 1), rest
}

// What the second parser is given is bounded, because its work grows with the
// square of nesting, of a line's length and of the number of its tokens: it only
// ever sees what looks like a file that a person wrote.
const (
	explainBytes    = 32 << 10
	explainLine     = 1 << 10
	explainSigns    = 5000
	explainBrackets = 64
	explainDashes   = 16
)

// secondOpinion returns where goccy/go-yaml sees the fault. ok is false when it
// sees none, or when the file is too much for it.
func (d *Document) secondOpinion() (at Position, message string, ok bool) {
	if !modest(d.src) {
		return at, "", false
	}
	defer func() { // a guest must not take the process down
		if recover() != nil {
			ok = false
		}
	}()
	_, err := parser.ParseBytes(d.src, 0, parser.AllowDuplicateMapKey())
	var fault *goccy.SyntaxError
	if !errors.As(err, &fault) || fault.Token == nil || fault.Token.Position == nil {
		return at, "", false
	}
	p := fault.Token.Position
	if p.Line < 1 || p.Line > d.lines.count() || p.Column < 1 {
		return at, "", false
	}
	return Position{p.Line, min(p.Column, utf8.RuneCount(d.lines.line(p.Line))+1)}, fault.Message, true
}

// modest tells whether a file is within the bounds of the second parser: its
// size, its longest line, the signs that may be tokens, open brackets, and
// dashes and question marks in front of a line's text.
func modest(src []byte) bool {
	if len(src) > explainBytes {
		return false
	}
	start, signs, open, dashes := 0, 0, 0, 0
	leading := true
	for i, b := range src {
		if strings.IndexByte("\n,:[]{}-?&*!|>'\"#%@`<=.", b) >= 0 {
			signs++
		}
		switch b {
		case '[', '{':
			open++
		case ']', '}':
			open = max(open-1, 0)
		case '\n':
			start, dashes, leading = i+1, 0, true
			continue
		case '-', '?':
			if leading {
				dashes++
			}
		case ' ':
		default:
			leading = false
		}
		if signs > explainSigns || open > explainBrackets || dashes > explainDashes || i-start > explainLine {
			return false
		}
	}
	return true
}

// badStarts finds values that begin with a sign that no value can begin with.
var badStarts = regexp.MustCompile("(?m)^ *(?:- +)*(?:[^\\s#\"'\\[{][^:#\n]*: +|- +)([]},@%`])")

func (d *Document) badStart() (Position, bool) {
	m := badStarts.FindSubmatchIndex(d.src)
	if m == nil {
		return Position{}, false
	}
	return d.lines.at(m[2]), true
}

func (d *Document) cannotStart(at Position) Diagnostic {
	r, _ := utf8.DecodeRune(d.src[d.lines.offset(at):])
	found := syntax(d.file, Range{at, Position{at.Line, at.Column + 1}}, fmt.Sprintf("a value can't start with %q", string(r)), "")
	return d.quoting(found, at)
}

// quoting adds to a diagnostic that the value from start to the end of its line
// belongs in quotes. Where a comment may follow it proposes no edit.
func (d *Document) quoting(found Diagnostic, start Position) Diagnostic {
	value := d.lines.rest(start)
	text := d.text(value)
	if strings.Contains(text, " #") || len(text) > explainLine {
		found.Help = "put the whole value in quotes"
		return found
	}
	found.Help = "put the whole value in quotes: " + short(quote(text))
	found.Fix = &Fix{Range: value, Text: quote(text)}
	return found
}

// text returns what stands in a range of one line.
func (d *Document) text(r Range) string {
	return string(d.src[d.lines.offset(r.Start):d.lines.offset(r.End)])
}

// quote returns text as a YAML scalar in quotes, single ones where possible:
// expressions hold double quotes more often.
func quote(text string) string {
	if !strings.Contains(text, "'") {
		return "'" + text + "'"
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
