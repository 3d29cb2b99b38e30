package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"crmsync/dsl"
	"crmsync/dsl/document"
)

// lintFlags are the flags of lint.
type lintFlags struct {
	format    string
	strict    bool
	stdinName string
}

const lintFormats = "text, oneline, json or github"

func (p *program) lintCommand() *cobra.Command {
	var f lintFlags
	c := &cobra.Command{
		Use: "lint [PATH…|-]", Short: "Check mappings: all faults of all files in one run",
		Long: `Check mappings: all faults of all files in one run, each with its place and what to do.

PATH is a mappings folder, or a folder or file in one; without it the one of the
configuration, usually ./mappings. - reads one file from standard input.
Exit code 1 when there are errors; with --strict also for warnings.`,
		Example: "  crmsync mappings lint\n  crmsync mappings lint mappings/acme --format github\n" +
			"  crmsync mappings lint - --stdin-filename mappings/acme/hubspot/contact.yaml < draft.yaml",
		RunE: func(_ *cobra.Command, args []string) error { return p.lint(args, f) },
	}
	c.Flags().StringVar(&f.format, "format", "text", lintFormats)
	c.Flags().BoolVar(&f.strict, "strict", false, "fail for warnings too, and warn of mappings without tests")
	c.Flags().StringVar(&f.stdinName, "stdin-filename", "", "the `file` that standard input stands for")
	return c
}

// lintReport is what lint found.
type lintReport struct {
	found   document.Diagnostics
	sources document.Sources
	files   int                  // that were asked for
	beside  document.Diagnostics // errors in other files, which may hide faults in these
}

func (p *program) lint(args []string, flags lintFlags) error {
	if !slices.Contains([]string{"text", "oneline", "json", "github"}, flags.format) {
		return formatError(flags.format, lintFormats)
	}
	began := time.Now()
	folders, err := p.lintFolders(args, flags)
	if err != nil {
		return err
	}
	r := lintAll(folders, flags.strict)
	if err := p.printLint(r, flags.format); err != nil {
		return err
	}
	if flags.format == "text" || flags.format == "oneline" {
		p.closeLint(r, flags.format, time.Since(began))
	}
	if len(r.beside) > 0 {
		fmt.Fprintf(p.err, "%s elsewhere may hide more: crmsync mappings lint %s\n", r.beside.Summary(), r.beside[0].File)
	}
	if r.found.HasErrors() || flags.strict && len(r.found) > 0 {
		return problems{errors.New(r.found.Summary())}
	}
	return nil
}

// lintAll checks the folders.
func lintAll(folders []folder, strict bool) *lintReport {
	r := &lintReport{}
	sources := make([]document.Sources, len(folders))
	for i := range folders {
		f := &folders[i]
		f.onlyParts()
		_, found := f.load(dsl.Options{Tests: true, RequireTests: strict})
		for _, d := range found {
			switch {
			case f.asked(d.File):
				r.found = append(r.found, d)
			case d.Severity == document.Error:
				r.beside = append(r.beside, d)
			}
		}
		sources[i] = dsl.Sources(f.fsys, f.dir, found)
		r.files += f.count()
	}
	r.sources = func(file string) []byte {
		for i := range folders {
			if _, ok := folders[i].below(file); ok {
				return sources[i](file)
			}
		}
		return nil
	}
	return r
}

func (p *program) printLint(r *lintReport, format string) error {
	switch format {
	case "oneline":
		return document.Oneline(p.out, r.found)
	case "json":
		return document.JSON(p.out, r.found)
	case "github":
		return document.GitHub(p.out, r.found)
	}
	return document.Text(p.out, r.found, r.sources, p.color(p.out))
}

// closeLint says in the end how it went, and what to do next.
func (p *program) closeLint(r *lintReport, format string, took time.Duration) {
	if format == "text" && len(r.found) > 0 {
		fmt.Fprintln(p.err)
	}
	fmt.Fprintf(p.err, "%s (%.1fs)\n", r.summary(), took.Seconds())
	if len(r.found) > 0 && !p.quiet {
		fmt.Fprintf(p.err, "Why, with examples: crmsync mappings rules %s\n", r.found[0].Code)
	}
}

// summary is "2 errors, 1 warning in 2 of 41 files".
func (r *lintReport) summary() string {
	if len(r.found) == 0 {
		return "no faults in " + plural(r.files, "file")
	}
	with := map[string]bool{}
	for _, d := range r.found {
		with[d.File] = true
	}
	return fmt.Sprintf("%s in %d of %s", r.found.Summary(), len(with), plural(r.files, "file"))
}

// lintFolders is folders, and standard input laid over the file it stands for.
func (p *program) lintFolders(args []string, flags lintFlags) ([]folder, error) {
	switch stdin := slices.Contains(args, "-"); {
	case !stdin && flags.stdinName != "":
		return nil, usage{errors.New("--stdin-filename goes with -: crmsync mappings lint - --stdin-filename FILE")}
	case !stdin:
		return p.folders(args)
	case len(args) > 1:
		return nil, usage{errors.New("- stands for one file and goes with no other path")}
	case flags.stdinName == "":
		return nil, usage{errors.New("say with --stdin-filename which mapping standard input stands for: its folders name org and provider")}
	}
	dir, part, err := placeOf(flags.stdinName)
	if err != nil {
		return nil, err
	}
	src, err := io.ReadAll(io.LimitReader(p.in, int64(document.DefaultLimits().Bytes)+1))
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	return []folder{{fsys: laidOver{os.DirFS(dir), part, src}, dir: dir, parts: []string{part}}}, nil
}

// placeOf splits the name of a file, which need not be there, into its mappings
// folder and the rest.
func placeOf(name string) (dir, part string, err error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", "", fmt.Errorf("look for mappings: %w", err)
	}
	depth := deepest
	if filepath.Base(abs) == "org.yaml" {
		depth = deepest - 1
	}
	dir = abs
	for range depth {
		dir, part = filepath.Dir(dir), path.Join(filepath.Base(dir), part)
	}
	said := strings.Count(filepath.ToSlash(filepath.Clean(name)), "/") >= depth-1
	if filepath.Ext(abs) != ".yaml" || strings.Count(part, "/") != depth-1 || !said && !holdsOrgs(dir) {
		return "", "", usage{fmt.Errorf("--stdin-filename %s: give <mappings>/<org>/<provider>/<record_type>.yaml or <mappings>/<org>/org.yaml", name)}
	}
	return displayed(dir, name), part, nil
}
