package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"crmsync/dsl"
)

// testFlags are the flags of test.
type testFlags struct {
	run      string
	format   string
	update   bool
	coverage bool
	failFast bool
}

func (p *program) testCommand() *cobra.Command {
	var f testFlags
	c := &cobra.Command{
		Use: "test [PATH…]", Short: "Run the tests that stand beside mappings",
		Long: `Run the tests that stand beside mappings: contact_test.yaml tests contact.yaml.

A test names an event and what it must become: the call, an outcome, or an error.
Exit code 1 when one fails.`,
		Example: "  crmsync mappings test\n  crmsync mappings test mappings/acme --run 'deleted|skipped'\n  crmsync mappings test --update",
		RunE:    func(_ *cobra.Command, args []string) error { return p.test(args, f) },
	}
	c.Flags().StringVar(&f.run, "run", "", "only tests whose name matches the regular `expression`")
	c.Flags().StringVar(&f.format, "format", "text", "text or json")
	c.Flags().BoolVar(&f.update, "update", false, "rewrite what tests expect to what the mappings make, and show the difference")
	c.Flags().BoolVar(&f.coverage, "coverage", false, "list fields and branches that no test exercises")
	c.Flags().BoolVar(&f.failFast, "fail-fast", false, "show the first failure only")
	return c
}

func (p *program) test(args []string, flags testFlags) error {
	only, err := regexp.Compile(flags.run)
	if err != nil {
		return usage{fmt.Errorf("--run: %w", err)}
	}
	if flags.format != "text" && flags.format != "json" {
		return usage{fmt.Errorf("format %q: give text or json", flags.format)}
	}
	folders, err := p.folders(args)
	if err != nil {
		return err
	}
	failed := 0
	for i := range folders {
		n, err := p.testFolder(&folders[i], only, flags)
		if err != nil {
			return err
		}
		failed += n
	}
	if failed > 0 {
		return problems{fmt.Errorf("%s failed", plural(failed, "test"))}
	}
	return nil
}

func (p *program) testFolder(f *folder, only *regexp.Regexp, flags testFlags) (failed int, err error) {
	began := time.Now()
	set, found := f.load(dsl.Options{Tests: true})
	if err := p.broken(f, found); err != nil {
		return 0, err
	}
	names := make([]string, len(f.parts))
	for i, part := range f.parts {
		names[i] = path.Join(f.dir, part)
	}
	if flags.update {
		return 0, p.updateTests(f, set, names)
	}
	report, err := set.RunTests(names...)
	if err != nil {
		return 0, err
	}
	results := report.Results[:0]
	for _, r := range report.Results {
		if only.MatchString(r.Name) {
			results = append(results, r)
		}
	}
	report.Results = results
	if flags.format == "json" {
		return report.Failed(), p.printJSON(testJSON(report))
	}
	p.printTests(report, flags)
	fmt.Fprintf(p.out, "\n%s\n", testSummary(report, time.Since(began)))
	if report.Failed() > 0 {
		fmt.Fprintln(p.err, "Accept the new values with: crmsync mappings test --update")
	}
	return report.Failed(), nil
}

// printTests prints a line per file, and below it what failed.
func (p *program) printTests(report *dsl.TestReport, flags testFlags) {
	for i := 0; i < len(report.Results); {
		file, from := report.Results[i].File, i
		passed := 0
		for ; i < len(report.Results) && report.Results[i].File == file; i++ {
			if report.Results[i].Passed {
				passed++
			}
		}
		failed := i - from - passed
		word, counts := "ok  ", fmt.Sprintf("%d passed", passed)
		if failed > 0 {
			word, counts = "FAIL", fmt.Sprintf("%d passed, %d failed", passed, failed)
		}
		fmt.Fprintf(p.out, "%s  %-48s  %s\n", word, file, counts)
		for _, r := range report.Results[from:i] {
			if r.Passed {
				continue
			}
			p.printFailure(&r)
			if flags.failFast {
				return
			}
		}
	}
	if flags.coverage {
		for _, missed := range report.Coverage.Missed {
			fmt.Fprintf(p.out, "not exercised: %s\n", missed)
		}
	}
}

func (p *program) printFailure(r *dsl.TestResult) {
	fmt.Fprintf(p.out, "  × %q (line %d)\n", r.Name, r.Line)
	for _, d := range r.Differences {
		fmt.Fprintf(p.out, "      %s\n", d.Path)
		fmt.Fprintf(p.out, "        - want  %s\n", orNothing(d.Want))
		fmt.Fprintf(p.out, "        + got   %s\n", orNothing(d.Got))
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

// printSteps prints how a value came about, sub-expressions below.
func (p *program) printSteps(indent string, f *dsl.FieldTrace) {
	wide := 0
	for _, s := range f.Steps {
		wide = max(wide, 2*s.Depth+len([]rune(oneLine(s.Text))))
	}
	wide = min(wide, 60)
	for _, s := range f.Steps {
		value := s.Value
		if s.Err != "" {
			value = "✖ " + s.Err
		}
		text := strings.Repeat("  ", s.Depth) + oneLine(s.Text)
		fmt.Fprintf(p.out, "%s%-*s  → %s\n", indent, wide, text, value)
	}
	switch {
	case f.Fault != nil:
		fmt.Fprintf(p.out, "%s✖ %s\n", indent, faultText(f.Fault))
	case f.Note != "":
		fmt.Fprintf(p.out, "%s(%s)\n", indent, f.Note)
	}
}

// oneLine folds an expression of several lines into one.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func testSummary(report *dsl.TestReport, took time.Duration) string {
	failed, files := report.Failed(), map[string]bool{}
	for _, r := range report.Results {
		files[r.File] = true
	}
	text := fmt.Sprintf("%d passed in %s", len(report.Results)-failed, plural(len(files), "file"))
	if failed > 0 {
		text = fmt.Sprintf("%d failed, %s", failed, text)
	}
	c := report.Coverage
	return fmt.Sprintf("%s · %d of %d mapped fields and %d of %d branches exercised (%.1fs)",
		text, c.FieldsHit, c.Fields, c.BranchesHit, c.Branches, took.Seconds())
}

// testJSON is a report as JSON.
func testJSON(report *dsl.TestReport) any {
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
	}
	all := []result{}
	for _, r := range report.Results {
		one := result{r.File, r.Line, r.Name, r.Passed, nil}
		for _, d := range r.Differences {
			one.Differences = append(one.Differences, difference(d))
		}
		all = append(all, one)
	}
	c := report.Coverage
	return map[string]any{
		"passed": len(all) - report.Failed(), "failed": report.Failed(), "tests": all,
		"coverage": map[string]any{"fields": c.Fields, "fields_hit": c.FieldsHit, "branches": c.Branches, "branches_hit": c.BranchesHit, "missed": c.Missed},
	}
}

// updateTests rewrites expectations and shows what changed.
func (p *program) updateTests(f *folder, set *dsl.Set, names []string) error {
	updates, err := set.UpdateTests(names...)
	if err != nil {
		return err
	}
	var errs []error
	for _, u := range updates {
		file := filepath.Join(f.dir, filepath.FromSlash(u.Path))
		old, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if _, err := p.out.Write(diff.Diff(u.File, old, u.File+" (updated)", u.Source)); err != nil {
			return err
		}
		errs = append(errs, os.WriteFile(file, u.Source, 0o644))
		fmt.Fprintf(p.err, "%s: %s updated\n", u.File, plural(u.Changed, "test"))
	}
	if len(updates) == 0 {
		fmt.Fprintln(p.err, "nothing to update: all tests pass")
	}
	return errors.Join(errs...)
}
