package history

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"crmsync"
)

// Class is what is wrong.
type Class uint8

// The classes of findings.
const (
	Lost            Class       = iota // a change that is said to be finished is not in the CRM
	Duplicate                          // a record got a second object
	Regression                         // an older version was applied over a newer one
	Stuck                              // something is left to do, though the run came to rest
	Unaccounted                        // an event without an end, or an end without an event
	IllegalSequence                    // two versions were under way together, or an older one was sent after a newer
	Classes         = int(iota)        // how many there are
)

var classNames = [...]string{
	Lost: "lost", Duplicate: "duplicates", Regression: "regressions", Stuck: "stuck",
	Unaccounted: "unaccounted", IllegalSequence: "illegal_sequence",
}

// String returns the class as reports name it.
func (c Class) String() string { return classNames[c] }

// Finding is one thing that must not be.
type Finding struct {
	Class      Class
	Key        crmsync.RecordKey // zero: it is of no record
	Connection string            // empty: it is of none
	Version    int64
	What       string
	History    string // of the record at all its connections, one line each
}

// Report is a judgement. Findings are counted all, and the first of each class
// told in words, in the order in which their records were first heard of.
type Report struct {
	Events, Calls, Records int64
	Counts                 [Classes]int64
	Findings               []Finding // sorted by class
}

// Sound says that nothing was found.
func (r *Report) Sound() bool { return r.Counts == [Classes]int64{} }

// Checks returns how many findings there are, by the classes' names.
func (r *Report) Checks() map[string]int64 {
	out := make(map[string]int64, Classes)
	for class, n := range r.Counts {
		out[Class(class).String()] = n
	}
	return out
}

// String returns the report as text: a line of counts, then the findings.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d events, %d calls, %d records:", r.Events, r.Calls, r.Records)
	for class, n := range r.Counts {
		fmt.Fprintf(&b, " %d %s", n, Class(class))
	}
	b.WriteByte('\n')
	for _, f := range r.Findings {
		b.WriteString(f.String())
	}
	return b.String()
}

// String returns the finding and, indented, the record's history.
func (f Finding) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: ", f.Class)
	if f.Key != (crmsync.RecordKey{}) {
		fmt.Fprintf(&b, "%s ", f.Key)
	}
	if f.Connection != "" {
		fmt.Fprintf(&b, "at %s ", f.Connection)
	}
	fmt.Fprintln(&b, f.What)
	for line := range strings.Lines(f.History) {
		b.WriteString("    " + line)
	}
	return b.String()
}

// fewRecords is up to how many of them are judged without help from other cores.
const fewRecords = 4096

// Report judges what was added so far.
func (c *Checker) Report() *Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := &bench{Checker: c}
	c.deliver(first)
	c.rest(first)
	all := []*bench{first}
	var group sync.WaitGroup
	size := max(fewRecords, len(c.records)/runtime.GOMAXPROCS(0)+1)
	for part := range slices.Chunk(c.records, size) {
		b := &bench{Checker: c}
		all = append(all, b)
		judge := func() {
			for i := range part {
				b.record(&part[i])
			}
		}
		if len(part) == len(c.records) {
			judge()
		} else {
			group.Go(judge)
		}
	}
	group.Wait()
	return c.sum(all)
}

// sum puts together what the benches found.
func (c *Checker) sum(all []*bench) *Report {
	r := &Report{Events: c.events, Calls: c.calls, Records: int64(len(c.records))}
	for class := range r.Counts {
		kept := 0
		for _, b := range all {
			r.Counts[class] += b.counts[class]
			for _, f := range b.findings {
				if f.Class == Class(class) && kept < c.options.Findings {
					kept++
					r.Findings = append(r.Findings, f)
				}
			}
		}
	}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int { return cmp.Compare(a.Class, b.Class) })
	return r
}
