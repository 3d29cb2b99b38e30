package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// table prints rows in columns as wide as their widest cell.
type table struct {
	p   *program
	buf bytes.Buffer
	tab *tabwriter.Writer
}

// table begins a table with a heading. It is printed by flush.
func (p *program) table(heading ...string) *table {
	t := &table{p: p}
	t.tab = tabwriter.NewWriter(&t.buf, 0, 8, 2, ' ', 0)
	t.row(heading...)
	return t
}

// row adds a row. What could steer a terminal is shown as an escape.
func (t *table) row(cells ...string) {
	for i := range cells {
		cells[i] = printable(cells[i])
	}
	fmt.Fprintln(t.tab, strings.Join(cells, "\t"))
}

// flush prints the table, without blanks at the ends of lines.
func (t *table) flush() error {
	if err := t.tab.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(t.buf.String()) {
		if _, err := fmt.Fprintln(t.p.out, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// printable replaces characters that a terminal would obey, and bytes that are
// no text.
func printable(text string) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if !strings.ContainsFunc(text, unprintable) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unprintable(r) {
			fmt.Fprintf(&b, "\\u%04x", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// moment prints a time to the second, in UTC.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// printJSON prints a value as JSON that is also fit to be read.
func (p *program) printJSON(v any) error {
	e := json.NewEncoder(p.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
