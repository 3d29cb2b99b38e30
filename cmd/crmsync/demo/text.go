package demo

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"crmsync"
)

// Style says how a report looks. Each function wraps a text in what the
// terminal takes for that look, or returns it as it is.
type Style struct {
	Bold, Dim, Good, Bad func(string) string
}

// Plain is the look without any.
func Plain() Style {
	same := func(s string) string { return s }
	return Style{same, same, same, same}
}

// printer writes a report as text. Writing to its buffer never fails.
type printer struct {
	bytes.Buffer
	Style
	*Report
}

// shownOrgs is how many orgs are listed one by one.
const shownOrgs = 16

// Text writes the report for people.
func (r *Report) Text(w io.Writer, s Style) error {
	p := &printer{Style: s, Report: r}
	p.summary()
	p.orgs()
	p.sample()
	p.letters()
	p.accounts()
	p.faults()
	p.harm()
	p.verdict()
	p.next()
	_, err := w.Write(p.Bytes())
	return err
}

func (p *printer) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *printer) head(format string, args ...any) {
	p.line("\n%s", p.Bold(fmt.Sprintf(format, args...)))
}

// meanings tells what the outcomes are, in the order of Outcomes.
var meanings = [crmsync.Outcomes]string{
	crmsync.Synced:     "the CRM took it",
	crmsync.Unchanged:  "the CRM holds it already: no request was needed",
	crmsync.Duplicate:  "the same version was finished before",
	crmsync.Stale:      "a newer version was finished before",
	crmsync.Superseded: "a newer version came before it was sent, and went in its place",
	crmsync.Filtered:   "the mapping leaves it out",
	crmsync.Unmapped:   "no connection or no mapping is for it",
	crmsync.Waiting:    "it waits durably for its turn",
	crmsync.Dead:       "it is in the dead-letter queue",
}

func (p *printer) summary() {
	p.line("%s in %.1f s: %s, with at most %s of memory for", p.Bold(Times(int64(p.Events), "change event")), p.Seconds,
		p.Bold(Number(int64(p.EventsPerSecond))+" events/s"), mib(p.Memory.PeakBytes))
	p.line("the Kafka broker, the CRM, the database and crmsync itself: all of it ran in this process.")
	p.head("How their %s deliveries ended", Number(p.Deliveries))
	for o, meaning := range meanings {
		name := crmsync.Outcome(o).String()
		if n := p.Outcomes[name]; n > 0 {
			p.line("  %9s %-11s %s", Number(n), name, p.Dim(meaning))
		}
	}
	if p.Waited > 0 {
		p.line("  %s", p.Dim(Times(p.Waited, "time")+" a delivery went to the waiting room first, because its account, or the database, kept it too long"))
	}
}

func (p *printer) orgs() {
	p.head("Org by org")
	for _, o := range p.Orgs[:min(len(p.Orgs), Archetypes)] {
		if len(o.Accounts) > 0 {
			p.line("  %-8s %s", o.Name, p.Dim(o.Story))
		}
	}
	p.line("")
	var columns []string
	for o := range meanings {
		if name := crmsync.Outcome(o).String(); p.Outcomes[name] > 0 {
			columns = append(columns, name)
		}
	}
	rows := [][]string{append(append([]string{"org"}, columns...), "half in", "slowest")}
	shown, rest := p.shown()
	for _, o := range shown {
		rows = append(rows, o.row(o.Name, columns))
	}
	if rest.Name != "" {
		rows = append(rows, rest.row(rest.Name, columns))
	}
	p.table(rows)
	p.line("  %s", p.Dim("half in, slowest: from the sending of an event to the CRM's answer, of what was synced"))
}

// shown returns the orgs to be listed, and the sum of the others.
func (p *printer) shown() (shown []OrgReport, rest OrgReport) {
	if len(p.Orgs) <= shownOrgs {
		return p.Orgs, rest
	}
	others := p.Orgs[shownOrgs:]
	rest = OrgReport{Name: fmt.Sprintf("%d more", len(others)), Outcomes: map[string]int64{}}
	for _, o := range others {
		rest.Half, rest.Slowest = max(rest.Half, o.Half), max(rest.Slowest, o.Slowest)
		for name, n := range o.Outcomes {
			rest.Outcomes[name] += n
		}
	}
	return p.Orgs[:shownOrgs], rest
}

func (o *OrgReport) row(name string, columns []string) []string {
	row := []string{name}
	for _, c := range columns {
		row = append(row, count(o.Outcomes[c]))
	}
	return append(row, seconds(o.Half), seconds(o.Slowest))
}

// table writes rows in columns: the first to the left, the others to the right.
func (p *printer) table(rows [][]string) {
	wide := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			wide[i] = max(wide[i], utf8.RuneCountInString(cell))
		}
	}
	for n, row := range rows {
		text := "  " + row[0] + strings.Repeat(" ", wide[0]-utf8.RuneCountInString(row[0]))
		for i, cell := range row[1:] {
			text += strings.Repeat(" ", 2+wide[i+1]-utf8.RuneCountInString(cell)) + cell
		}
		if n == 0 {
			text = p.Dim(text)
		}
		p.line("%s", text)
	}
}

func (p *printer) sample() {
	s := p.Sample
	if s == nil {
		return
	}
	p.head("One mapping, and the request that it made")
	p.line("  %s %s", p.Dim("event  "), s.Event.Record)
	for line := range strings.SplitSeq(fold(s.Event.Data, 88), "\n") {
		p.line("          %s", p.Dim(line))
	}
	p.line("  %s %s", p.Dim("mapping"), s.File)
	p.line("  %s %s %s → %d, one of %s in it\n", p.Dim("request"), s.Method, s.Path, s.Status, Times(int64(s.Calls), "record"))
	const left = 60
	for _, row := range s.beside() {
		line := "  " + cut(row[0], left)
		if row[1] != "" {
			line += strings.Repeat(" ", max(1, left+4-utf8.RuneCountInString(line))) + p.Good(row[1])
		}
		p.line("%s", strings.TrimRight(line, " "))
	}
}

// fold breaks a JSON text after commas into lines of at most that width, where
// its parts allow that.
func fold(s string, wide int) string {
	var lines []string
	line := ""
	for part := range strings.SplitAfterSeq(s, ",") {
		if line != "" && utf8.RuneCountInString(line+part) > wide {
			lines, line = append(lines, line), ""
		}
		line += part
	}
	return strings.Join(append(lines, line), "\n")
}

func sortedNames(m map[string]int64) []string { return slices.Sorted(maps.Keys(m)) }

// Number writes thousands apart: 12,345.
func Number(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// count is Number, with a point for nothing.
func count(n int64) string {
	if n == 0 {
		return "·"
	}
	return Number(n)
}

// seconds writes a time, with a point for none.
func seconds(s float64) string {
	if s == 0 {
		return "·"
	}
	return fmt.Sprintf("%.1f s", s)
}

func mib(n uint64) string { return fmt.Sprintf("%d MiB", (n+1<<19)>>20) }
