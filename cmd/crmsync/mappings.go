package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"crmsync/dsl"
	"crmsync/dsl/document"
)

func (p *program) mappingsCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "mappings", Short: "Check, test and try mappings; nothing is connected to", Args: noArgs,
		Long: `Check, test and try mappings. All of it works offline: no Kafka, no CRM.`,
		Example: "  crmsync mappings lint\n  crmsync mappings test\n" +
			"  crmsync mappings dry-run --events examples/events.jsonl\n  crmsync mappings explain acme/hubspot/contact",
	}
	c.AddCommand(
		p.lintCommand(), p.testCommand(), p.dryRunCommand(), p.explainCommand(), p.listCommand(),
		p.rulesCommand(), p.functionsCommand(), p.schemaCommand(),
	)
	return c
}

// loaded reads the configured mappings folder, which must be sound: all of it,
// or the orgs alone that are named.
func (p *program) loaded(opt dsl.Options, orgs ...string) (*dsl.Set, *folder, error) {
	folders, err := p.folders(nil)
	if err != nil {
		return nil, nil, err
	}
	f := &folders[0]
	f.only(orgs)
	set, found := f.load(opt)
	return set, f, p.broken(f, found)
}

// broken tells of diagnostics that keep a command from its work.
func (p *program) broken(f *folder, found document.Diagnostics) error {
	if !found.HasErrors() {
		return nil
	}
	wrong := slices.DeleteFunc(slices.Clone(found), func(d document.Diagnostic) bool { return d.Severity != document.Error })
	if err := document.Text(p.err, wrong, dsl.Sources(f.fsys, f.dir, found), p.color(p.err)); err != nil {
		return err
	}
	it := "them"
	if len(wrong) == 1 {
		it = "it"
	}
	fmt.Fprintf(p.err, "\n%s in the mappings: mend %s first\n", wrong.Summary(), it)
	return problems{fmt.Errorf("the mappings are broken: %s", wrong.Summary())}
}

// formatError refuses a --format that a command doesn't have.
func formatError(got, among string) error {
	return usage{fmt.Errorf("format %q: give %s", got, among)}
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
