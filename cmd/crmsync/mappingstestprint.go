package main

import (
	"fmt"
	"strings"

	"crmsync/dsl"
	"crmsync/dsl/document"
)

// printTests prints a line per file, and below it what failed.
func (p *program) printTests(all *dsl.TestReport, flags testFlags) {
	style, wide := p.style(), 0
	for _, r := range all.Results {
		wide = max(wide, len(r.File))
	}
	left := all.Failed()
	for _, of := range byFile(all.Results) {
		failed := (&dsl.TestReport{Results: of}).Failed()
		word, counts := style.good("ok  "), fmt.Sprintf("%d passed", len(of)-failed)
		if failed > 0 {
			word, counts = style.bad("FAIL"), counts+fmt.Sprintf(", %d failed", failed)
		}
		fmt.Fprintf(p.out, "%s  %-*s  %s\n", word, wide, of[0].File, counts)
		for i := range of {
			if of[i].Passed {
				continue
			}
			p.printFailure(&of[i])
			if left--; flags.failFast {
				if left > 0 {
					fmt.Fprintf(p.out, "  … %s not shown\n", plural(left, "more failure"))
				}
				return
			}
		}
	}
	if !flags.coverage {
		return
	}
	for _, missed := range all.Coverage.Missed {
		fmt.Fprintf(p.out, "not exercised: %s\n", missed)
	}
}

func (p *program) printFailure(r *dsl.TestResult) {
	style := p.style()
	fmt.Fprintf(p.out, "  %s %q (line %d)\n", style.bad("×"), r.Name, r.Line)
	for _, d := range r.Differences {
		fmt.Fprintf(p.out, "      %s\n", d.Path)
		fmt.Fprintf(p.out, "        - want  %s\n", style.good(printable(orNothing(d.Want))))
		fmt.Fprintf(p.out, "        + got   %s\n", style.bad(printable(orNothing(d.Got))))
	}
	for _, b := range r.Because {
		fmt.Fprintf(p.out, "      because %s\n", b.Where)
		p.printSteps("        ", &b)
	}
}

func orNothing(text string) string {
	if text == "" {
		return "nothing"
	}
	return text
}

// widestStep is how wide the expressions of a trace may be for their values to
// stand beside them.
const widestStep = 60

// printSteps prints how a value came about, sub-expressions below.
func (p *program) printSteps(indent string, f *dsl.FieldTrace) {
	texts, wide := make([]string, len(f.Steps)), 0
	for i, s := range f.Steps {
		texts[i] = strings.Repeat("  ", s.Depth) + printable(oneLine(s.Text))
		if n := document.Width(texts[i]); n <= widestStep {
			wide = max(wide, n)
		}
	}
	for i, s := range f.Steps {
		value := "→ " + printable(s.Value)
		switch {
		case s.Err == "":
		case i+1 < len(f.Steps) && f.Steps[i+1].Depth > s.Depth && f.Steps[i+1].Err == s.Err:
			value = "✖" // told where it comes from
		default:
			value = "✖ " + printable(s.Err)
		}
		if n := document.Width(texts[i]); n <= wide {
			fmt.Fprintf(p.out, "%s%s%s  %s\n", indent, texts[i], strings.Repeat(" ", wide-n), value)
		} else {
			fmt.Fprintf(p.out, "%s%s\n%s%s  %s\n", indent, texts[i], indent, strings.Repeat(" ", wide), value)
		}
	}
	switch {
	case f.Fault != nil:
		fmt.Fprintf(p.out, "%s%s %s\n", indent, p.style().bad("✖"), printable(faultText(f.Fault)))
	case f.Note != "":
		fmt.Fprintf(p.out, "%s(%s)\n", indent, f.Note)
	case f.JSON != "" && (len(f.Steps) == 0 || f.Steps[0].Value != f.JSON):
		fmt.Fprintf(p.out, "%s= %s\n", indent, printable(f.JSON)) // by map, type or default
	}
}

// oneLine folds an expression of several lines into one.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// testJSON is a report as JSON.
func testJSON(all *dsl.TestReport) any {
	type difference struct {
		Path string `json:"path"`
		Want string `json:"want"`
		Got  string `json:"got"`
	}
	type result struct {
		File        string       `json:"file"`
		Line        int          `json:"line"`
		Name        string       `json:"name"`
		Passed      bool         `json:"passed"`
		Differences []difference `json:"differences,omitempty"`
		Because     []string     `json:"because,omitempty"` // file:line:col of the expressions
	}
	type coverage struct {
		Fields      int      `json:"fields"`
		FieldsHit   int      `json:"fields_hit"`
		Branches    int      `json:"branches"`
		BranchesHit int      `json:"branches_hit"`
		Missed      []string `json:"missed"`
	}
	results := []result{}
	for _, r := range all.Results {
		one := result{File: r.File, Line: r.Line, Name: r.Name, Passed: r.Passed}
		for _, d := range r.Differences {
			one.Differences = append(one.Differences, difference(d))
		}
		for _, b := range r.Because {
			one.Because = append(one.Because, b.Where)
		}
		results = append(results, one)
	}
	c := coverage(all.Coverage)
	if c.Missed == nil {
		c.Missed = []string{}
	}
	failed := all.Failed()
	return struct {
		Passed   int      `json:"passed"`
		Failed   int      `json:"failed"`
		Tests    []result `json:"tests"`
		Coverage coverage `json:"coverage"`
	}{len(results) - failed, failed, results, c}
}
