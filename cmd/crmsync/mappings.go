package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"crmsync/dsl"
	"crmsync/dsl/document"
	"crmsync/providers"
)

func (p *program) mappingsCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "mappings", Short: "Check, test and try mappings; nothing is connected to", Args: noArgs,
		Long: `Check, test and try mappings. All of it works offline: no Kafka, no CRM.`,
	}
	c.AddCommand(
		p.lintCommand(), p.testCommand(), p.dryRunCommand(), p.explainCommand(), p.listCommand(),
		p.rulesCommand(), p.functionsCommand(), p.schemaCommand(),
	)
	return c
}

// folder is a mappings folder, or the part of one that a command is about.
type folder struct {
	fsys  fs.FS
	dir   string   // as messages name it
	parts []string // files and folders below dir that are asked for; none: all
}

// folders returns the mappings folders that paths lie in. Without a path it is
// the one of the configuration, usually ./mappings.
func (p *program) folders(paths []string) ([]folder, error) {
	if len(paths) == 0 {
		c, _, err := readConfig(p.config, nil)
		if err != nil {
			return nil, err
		}
		paths = []string{c.Mappings.Dir}
	}
	var all []folder
	for _, name := range paths {
		dir, part, err := locate(filepath.ToSlash(filepath.Clean(name)))
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(all, func(f folder) bool { return f.dir == dir })
		if i < 0 {
			i = len(all)
			all = append(all, folder{fsys: os.DirFS(dir), dir: dir})
		}
		if part != "" {
			all[i].parts = append(all[i].parts, part)
		}
	}
	return all, nil
}

// locate finds the mappings folder that name is, or lies in, and what of it.
// A mappings folder holds orgs' folders; an org's folder holds org.yaml.
func locate(name string) (dir, part string, err error) {
	if _, err := os.Stat(name); err != nil {
		return "", "", fmt.Errorf("look for mappings: %w", err)
	}
	for at := name; ; at, part = path.Dir(at), path.Join(path.Base(at), part) {
		if isFolder(at) {
			return at, part, nil
		}
		if path.Dir(at) == at {
			return "", "", fmt.Errorf("%s is not in a mappings folder: no org.yaml in any folder beside it, and no %s", name, dsl.Global)
		}
	}
}

// isFolder says whether dir holds orgs.
func isFolder(dir string) bool {
	if st, err := os.Stat(path.Join(dir, dsl.Global)); err == nil && st.IsDir() {
		return true
	}
	found, err := filepath.Glob(path.Join(dir, "*", "org.yaml"))
	return err == nil && len(found) > 0
}

// asked says whether a file, as messages name it, is one that is asked for.
func (f *folder) asked(file string) bool {
	rest := strings.TrimPrefix(file, f.dir+"/")
	return len(f.parts) == 0 || slices.ContainsFunc(f.parts, func(part string) bool {
		return rest == part || strings.HasPrefix(rest, part+"/")
	})
}

// load reads the folder.
func (f *folder) load(opt dsl.Options) (*dsl.Set, document.Diagnostics) {
	opt.Dir, opt.Schemas, opt.Providers = f.dir, dsl.SchemasBeside(f.dir), providers.Names()
	return dsl.Load(f.fsys, opt)
}

// broken tells of diagnostics that keep a command from its work.
func (p *program) broken(f *folder, found document.Diagnostics) error {
	if !found.HasErrors() {
		return nil
	}
	errorsOnly := slices.DeleteFunc(slices.Clone(found), func(d document.Diagnostic) bool { return d.Severity != document.Error })
	if err := document.Text(p.err, errorsOnly, dsl.Sources(f.fsys, f.dir, found), p.color(p.err)); err != nil {
		return err
	}
	return problems{fmt.Errorf("the mappings are broken: %s", errorsOnly.Summary())}
}

// lintFlags are the flags of lint.
type lintFlags struct {
	format    string
	strict    bool
	stdinName string
}

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
	c.Flags().StringVar(&f.format, "format", "text", "text, oneline, json or github")
	c.Flags().BoolVar(&f.strict, "strict", false, "fail for warnings too, and warn of mappings without tests")
	c.Flags().StringVar(&f.stdinName, "stdin-filename", "", "the `file` that standard input stands for")
	return c
}

func (p *program) lint(args []string, flags lintFlags) error {
	printer, ok := printers[flags.format]
	if !ok {
		return usage{fmt.Errorf("format %q: give text, oneline, json or github", flags.format)}
	}
	began := time.Now()
	folders, err := p.lintFolders(args, flags)
	if err != nil {
		return err
	}
	var all document.Diagnostics
	sources := map[string]document.Sources{}
	files := 0
	for i := range folders {
		f := &folders[i]
		_, found := f.load(dsl.Options{Tests: true, RequireTests: flags.strict})
		all = append(all, slices.DeleteFunc(found, func(d document.Diagnostic) bool { return !f.asked(d.File) })...)
		sources[f.dir] = dsl.Sources(f.fsys, f.dir, found)
		files += f.count()
	}
	if err := printer(p, all, sources); err != nil {
		return err
	}
	if flags.format == "text" || flags.format == "oneline" {
		fmt.Fprintf(p.err, "%s (%.1fs)\n", lintSummary(all, files), time.Since(began).Seconds())
	}
	if all.HasErrors() || flags.strict && len(all) > 0 {
		return problems{errors.New(all.Summary())}
	}
	return nil
}

// lintFolders is folders, and standard input laid over the file it stands for.
func (p *program) lintFolders(args []string, flags lintFlags) ([]folder, error) {
	if len(args) != 1 || args[0] != "-" {
		return p.folders(args)
	}
	if flags.stdinName == "" {
		return nil, usage{errors.New("say with --stdin-filename which mapping standard input stands for: its folders name org and provider")}
	}
	src, err := io.ReadAll(io.LimitReader(p.in, int64(document.DefaultLimits().Bytes)+1))
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	name := filepath.ToSlash(filepath.Clean(flags.stdinName))
	dir := path.Dir(path.Dir(path.Dir(name)))
	part := strings.TrimPrefix(name, dir+"/")
	copied, err := p.copyWith(dir, part, src)
	if err != nil {
		return nil, fmt.Errorf("lay standard input over %s: %w", dir, err)
	}
	return []folder{{fsys: os.DirFS(copied), dir: dir, parts: []string{part}}}, nil
}

// copyWith returns a copy of a mappings folder in which one file is src. It
// lies in a temporary folder until the program ends.
func (p *program) copyWith(dir, part string, src []byte) (string, error) {
	root, err := os.MkdirTemp("", "crmsync-lint-")
	if err != nil {
		return "", err
	}
	p.leftovers = append(p.leftovers, root)
	if _, err := os.Stat(dir); err == nil {
		if err := os.CopyFS(filepath.Join(root, "mappings"), os.DirFS(dir)); err != nil {
			return "", err
		}
	}
	file := filepath.Join(root, "mappings", filepath.FromSlash(part))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return "", err
	}
	_ = os.Remove(file) // it may be there, write-protected
	return filepath.Join(root, "mappings"), os.WriteFile(file, src, 0o600)
}

// count returns how many YAML files are asked for.
func (f *folder) count() (n int) {
	_ = fs.WalkDir(f.fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(name, ".yaml") && f.asked(f.dir+"/"+name) {
			n++
		}
		return nil // what can't be read was reported by load
	})
	return n
}

// lintSummary is "2 errors, 1 warning in 2 of 41 files".
func lintSummary(all document.Diagnostics, files int) string {
	if len(all) == 0 {
		return fmt.Sprintf("no faults in %s", plural(files, "file"))
	}
	with := map[string]bool{}
	for _, d := range all {
		with[d.File] = true
	}
	return fmt.Sprintf("%s in %d of %s", all.Summary(), len(with), plural(files, "file"))
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// printers are the formats of lint.
var printers = map[string]func(*program, document.Diagnostics, map[string]document.Sources) error{
	"text": func(p *program, all document.Diagnostics, sources map[string]document.Sources) error {
		source := func(file string) []byte {
			for dir, of := range sources {
				if strings.HasPrefix(file, dir+"/") {
					return of(file)
				}
			}
			return nil
		}
		return document.Text(p.out, all, source, p.color(p.out))
	},
	"oneline": func(p *program, all document.Diagnostics, _ map[string]document.Sources) error {
		return document.Oneline(p.out, all)
	},
	"json": func(p *program, all document.Diagnostics, _ map[string]document.Sources) error {
		return document.JSON(p.out, all)
	},
	"github": func(p *program, all document.Diagnostics, _ map[string]document.Sources) error {
		return document.GitHub(p.out, all)
	},
}
