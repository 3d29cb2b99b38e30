package document

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// Sources returns the content of a file that diagnostics name, nil if it is
// not to be had, or holds secrets; then no snippet is printed.
type Sources func(file string) []byte

// snippetWidth is how much of a long line a snippet shows, in columns.
const snippetWidth = 120

// SGR colours: bold, red, yellow, blue, and back.
const (
	bold   = "\x1b[1m"
	red    = "\x1b[1;31m"
	yellow = "\x1b[1;33m"
	blue   = "\x1b[1;34m"
	reset  = "\x1b[0m"
)

// Text prints each diagnostic with the line it is in, a caret below, help and
// notes, and an empty line between two. sources may be nil. color adds SGR
// colour codes. A snippet shows what a file's line looks like: control
// characters are replaced, and of a long line the part around the fault.
func Text(w io.Writer, ds Diagnostics, sources Sources, color bool) error {
	p := &textPrinter{w: bufio.NewWriter(w), color: color, sources: sources, files: map[string]*lines{}}
	for i := range ds {
		if i > 0 {
			p.print("\n")
		}
		p.diagnostic(&ds[i])
	}
	if err := p.w.Flush(); err != nil { // keeps the first error of all writes
		return fmt.Errorf("print diagnostics: %w", err)
	}
	return nil
}

type textPrinter struct {
	w       *bufio.Writer
	color   bool
	sources Sources
	files   map[string]*lines
}

func (p *textPrinter) print(parts ...string) {
	for _, s := range parts {
		_, _ = p.w.WriteString(s) // bufio keeps the error for Flush
	}
}

func (p *textPrinter) paint(color, text string) string {
	if !p.color || text == "" {
		return text
	}
	return color + text + reset
}

func (p *textPrinter) diagnostic(d *Diagnostic) {
	severity := red
	if d.Severity == Warning {
		severity = yellow
	}
	p.print(p.paint(bold, d.position()+":"), " ", p.paint(severity, d.Severity.String()+":"), " ",
		p.paint(bold, visible(d.Message)), " [", d.Code, " ", d.Rule, "]\n")
	gutter := strings.Repeat(" ", max(2, len(strconv.Itoa(d.Range.Start.Line))))
	p.snippet(d, gutter, severity)
	p.labelled(gutter, "help", d.Help)
	for _, note := range d.Notes {
		p.labelled(gutter, "note", note)
	}
}

// labelled prints "= label: text", further lines below the first one's text.
func (p *textPrinter) labelled(gutter, label, text string) {
	if text == "" {
		return
	}
	for i, line := range strings.Split(text, "\n") {
		if i == 0 {
			p.print(gutter, " ", p.paint(blue, "="), " ", p.paint(bold, label+":"), " ", visible(line), "\n")
			continue
		}
		p.print(gutter, "   ", strings.Repeat(" ", len(label)+2), visible(line), "\n")
	}
}

func (p *textPrinter) source(file string) *lines {
	if p.sources == nil {
		return nil
	}
	text, known := p.files[file]
	if !known {
		if src := p.sources(file); src != nil {
			text = newLines(src)
		}
		p.files[file] = text
	}
	return text
}

func (p *textPrinter) snippet(d *Diagnostic, gutter, color string) {
	text := p.source(d.File)
	if text == nil || d.Range.Start.Line < 1 || d.Range.Start.Line > text.count() {
		return
	}
	line, caret := excerpt(text.line(d.Range.Start.Line), d.Range)
	number := fmt.Sprintf("%*d", len(gutter), d.Range.Start.Line)
	bar := p.paint(blue, "|")
	p.print(gutter, " ", bar, "\n",
		p.paint(blue, number), " ", bar, strings.TrimRight(" "+line, " "), "\n",
		gutter, " ", bar, " ", caret[:strings.IndexByte(caret, '^')], p.paint(color, strings.TrimLeft(caret, " \t")), "\n")
}

// excerpt returns what to show of a line and the caret's line below it. The
// caret stands under the start of r, tildes under the rest of it.
func excerpt(line []byte, r Range) (shown, caret string) {
	runes := []rune(visibleTabs(string(line)))
	start := min(max(r.Start.Column-1, 0), len(runes))
	end := len(runes)
	if r.End.Line == r.Start.Line {
		end = min(max(r.End.Column-1, start), len(runes))
	}
	from, to := window(len(runes), start)
	var pad, under strings.Builder
	if from > 0 {
		pad.WriteString("  ") // below the ellipsis and its blank
	}
	for i := from; i < to && i < max(start, end); i++ {
		if i < start {
			pad.WriteString(padding(runes[i]))
		} else {
			under.WriteString(strings.Repeat("~", cells(runes[i])))
		}
	}
	marks := "^"
	if under.Len() > 1 {
		marks += under.String()[1:]
	}
	shown = string(runes[from:to])
	if from > 0 {
		shown = "… " + shown
	}
	if to < len(runes) {
		shown += " …"
	}
	return shown, pad.String() + marks
}

// window returns which runes of a line are shown, such that start is among them.
func window(length, start int) (from, to int) {
	if length <= snippetWidth {
		return 0, length
	}
	from = min(max(0, start-snippetWidth/2), length-snippetWidth)
	return from, from + snippetWidth
}

// visibleTabs is visible, but for tabs, which the padding repeats.
func visibleTabs(line string) string {
	if utf8.ValidString(line) && !strings.ContainsFunc(line, unicode.IsControl) {
		return line
	}
	parts := strings.Split(line, "\t")
	for i, part := range parts {
		parts[i] = visible(part)
	}
	return strings.Join(parts, "\t")
}

// Width returns how many columns a terminal gives to a text of one line.
func Width(text string) (columns int) {
	for _, r := range text {
		columns += cells(r)
	}
	return columns
}

// padding returns blanks as wide as r is on a terminal.
func padding(r rune) string {
	if r == '\t' {
		return "\t"
	}
	return strings.Repeat(" ", cells(r))
}

// cells returns how many columns a terminal gives to r.
func cells(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	if kind := width.LookupRune(r).Kind(); kind == width.EastAsianWide || kind == width.EastAsianFullwidth {
		return 2
	}
	return 1
}
