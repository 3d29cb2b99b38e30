package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
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
	only, err := flags.check()
	if err != nil {
		return err
	}
	began := time.Now()
	folders, err := p.folders(args)
	if err != nil {
		return err
	}
	all := &dsl.TestReport{}
	for i := range folders {
		f := &folders[i]
		set, names, err := p.testSet(f, only, flags)
		if err != nil {
			return err
		}
		if flags.update {
			if err := p.updateTests(f, set, names); err != nil {
				return err
			}
			continue
		}
		report, err := set.RunTests(names...)
		if err != nil {
			return err
		}
		all = joined(all, report)
	}
	if flags.update {
		return nil
	}
	return p.reportTests(all, flags, time.Since(began))
}

// check refuses flags that make no sense.
func (f *testFlags) check() (only *regexp.Regexp, err error) {
	only, err = regexp.Compile(f.run)
	switch {
	case err != nil:
		return nil, usage{fmt.Errorf("--run: %w", err)}
	case f.format != "text" && f.format != "json":
		return nil, formatError(f.format, "text or json")
	case f.update && (f.format == "json" || f.coverage || f.failFast):
		return nil, usage{errors.New("--update rewrites files and shows the difference: of the other flags only --run goes with it")}
	}
	return only, nil
}

// testSet loads what is asked for of a folder, and the names of it. At least
// one test must match.
func (p *program) testSet(f *folder, only *regexp.Regexp, flags testFlags) (*dsl.Set, []string, error) {
	f.onlyParts()
	set, found := f.load(dsl.Options{Tests: true})
	if err := p.broken(f, found); err != nil {
		return nil, nil, err
	}
	names := make([]string, len(f.parts))
	for i, part := range f.parts {
		names[i] = path.Join(f.dir, part)
	}
	if flags.run == "" {
		return set, names, nil
	}
	matched := false
	set = set.OnlyTests(func(name string) bool {
		match := only.MatchString(name)
		matched = matched || match
		return match
	})
	if _, err := set.RunTests(names...); err != nil {
		return nil, nil, err
	}
	if !matched {
		where := f.dir
		if len(names) > 0 {
			where = strings.Join(names, ", ")
		}
		return nil, nil, fmt.Errorf("no test of %s has a name that matches %q", where, flags.run)
	}
	return set, names, nil
}

// joined returns both reports as one.
func joined(a, b *dsl.TestReport) *dsl.TestReport {
	return &dsl.TestReport{
		Results: append(a.Results, b.Results...),
		Coverage: dsl.Coverage{
			Fields: a.Coverage.Fields + b.Coverage.Fields, FieldsHit: a.Coverage.FieldsHit + b.Coverage.FieldsHit,
			Branches: a.Coverage.Branches + b.Coverage.Branches, BranchesHit: a.Coverage.BranchesHit + b.Coverage.BranchesHit,
			Missed: append(a.Coverage.Missed, b.Coverage.Missed...),
		},
	}
}

func (p *program) reportTests(all *dsl.TestReport, flags testFlags, took time.Duration) error {
	failed := all.Failed()
	if flags.format == "json" {
		if err := p.printJSON(testJSON(all)); err != nil {
			return err
		}
	} else {
		p.printTests(all, flags)
		fmt.Fprintf(p.err, "\n%s (%.1fs)\n", testSummary(all, flags), took.Seconds())
	}
	if failed == 0 {
		return nil
	}
	if flags.format == "text" && !p.quiet {
		fmt.Fprintln(p.err, "If the new values are right, accept them: crmsync mappings test --update")
	}
	return problems{fmt.Errorf("%s failed", plural(failed, "test"))}
}

// testSummary is "1 failed, 8 passed in 2 files", and what was exercised, if
// all tests of a mapping ran.
func testSummary(all *dsl.TestReport, flags testFlags) string {
	failed, files := all.Failed(), map[string]bool{}
	for _, r := range all.Results {
		files[r.File] = true
	}
	text := fmt.Sprintf("%d passed in %s", len(all.Results)-failed, plural(len(files), "file"))
	if failed > 0 {
		text = fmt.Sprintf("%d failed, %s", failed, text)
	}
	if flags.run != "" && !flags.coverage {
		return text
	}
	c := all.Coverage
	return fmt.Sprintf("%s · %d of %d mapped fields and %d of %d branches exercised", text, c.FieldsHit, c.Fields, c.BranchesHit, c.Branches)
}

// updateTests rewrites expectations and shows what changed.
func (p *program) updateTests(f *folder, set *dsl.Set, names []string) error {
	updates, err := set.UpdateTests(names...)
	if err != nil {
		return err
	}
	for _, u := range updates {
		file := filepath.Join(filepath.FromSlash(f.dir), filepath.FromSlash(u.Path))
		old, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("update tests: %w", err)
		}
		if err := os.WriteFile(file, u.Source, 0o644); err != nil {
			return fmt.Errorf("update tests: %w", err)
		}
		if _, err := p.out.Write(diff.Diff(u.File, old, u.File+" (updated)", u.Source)); err != nil {
			return err
		}
		fmt.Fprintf(p.err, "%s: %s updated\n", u.File, plural(u.Changed, "test"))
	}
	if len(updates) == 0 {
		fmt.Fprintln(p.err, "nothing to update: all tests pass")
	}
	return nil
}

// byFile returns the results of each file, in order.
func byFile(all []dsl.TestResult) (groups [][]dsl.TestResult) {
	for len(all) > 0 {
		end := slices.IndexFunc(all, func(r dsl.TestResult) bool { return r.File != all[0].File })
		if end < 0 {
			end = len(all)
		}
		groups = append(groups, all[:end])
		all = all[end:]
	}
	return groups
}
