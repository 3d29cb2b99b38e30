// Command testlog reads the event stream of "go test -json" and prints what a person wants of it:
// one line a package, the whole output of each test that failed, the list of tests that were
// skipped, and a closing line with the counts.
//
// It exits 1 when a test or a package failed, when a test was skipped (the run that it serves has
// all servers, so nothing has a reason to skip) and when no test ran at all.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() {
	r, err := read(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintf(os.Stderr, "testlog: read the test events: %v\n", err)
		os.Exit(1)
	}
	if !r.close(os.Stdout) {
		os.Exit(1)
	}
}

// event is one line of the stream; see "go doc test2json".
type event struct {
	Action, Package, Test, Output string
	ImportPath                    string // of build output, which belongs to no test
	Elapsed                       float64
}

// report is what is known after some events.
type report struct {
	out             io.Writer
	output          map[string][]string // test or package → its lines so far, forgotten when it passes
	passed          int
	failed, skipped []string
}

// read follows the stream to its end and prints packages and failures as they come. Lines that are
// no events (the go command's own complaints) are printed as they are.
func read(in io.Reader, out io.Writer) (*report, error) {
	r := &report{out: out, output: map[string][]string{}}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(out, lines.Text())
			continue
		}
		r.add(e)
	}
	return r, lines.Err()
}

func (r *report) add(e event) {
	name := e.name()
	switch e.Action {
	case "output", "build-output":
		r.output[name] = append(r.output[name], e.Output)
	case "pass":
		r.passes(e)
		delete(r.output, name)
	case "skip":
		r.skips(e)
		delete(r.output, name)
	case "fail", "build-fail":
		r.fails(e)
		delete(r.output, name)
	}
}

// name is the test's, or the package's where the event belongs to none of its tests.
func (e event) name() string {
	return strings.TrimSpace(e.Package + e.ImportPath + " " + e.Test)
}

func (r *report) passes(e event) {
	if e.Test == "" {
		fmt.Fprintf(r.out, "ok    %-45s %6.1fs\n", e.Package, e.Elapsed)
		return
	}
	r.passed++
}

// skips notes the reason, which is the last line before the verdict. A package without tests also
// reports "skip"; that is no test left out.
func (r *report) skips(e event) {
	if e.Test == "" {
		fmt.Fprintf(r.out, "-     %-45s no tests\n", e.Package)
		return
	}
	var reason string
	for _, line := range r.output[e.name()] {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "===") && !strings.HasPrefix(line, "---") {
			reason = line
		}
	}
	r.skipped = append(r.skipped, strings.TrimSpace(e.name()+": "+reason))
}

func (r *report) fails(e event) {
	r.failed = append(r.failed, e.name())
	fmt.Fprintf(r.out, "FAIL  %s (%.1fs)\n", e.name(), e.Elapsed)
	for _, line := range r.output[e.name()] {
		fmt.Fprint(r.out, "      ", line)
	}
}

// close prints the summary and tells whether the run is good.
func (r *report) close(out io.Writer) bool {
	list(out, "failed", r.failed)
	list(out, "skipped", r.skipped)
	if r.passed == 0 {
		fmt.Fprintln(out, "no test passed: nothing was tested")
	}
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped\n", r.passed, len(r.failed), len(r.skipped))
	return r.passed > 0 && len(r.failed) == 0 && len(r.skipped) == 0
}

func list(out io.Writer, title string, names []string) {
	for _, name := range slices.Sorted(slices.Values(names)) {
		fmt.Fprintf(out, "%s: %s\n", title, name)
	}
}
