package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"crmsync/dsl"
	"crmsync/dsl/document"
	"crmsync/dsl/expr"
	"crmsync/schemas"
)

func (p *program) rulesCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rules [ID]", Short: "What lint looks for, and why", Args: atMostOne("ID"),
		Example: "  crmsync mappings rules\n  crmsync mappings rules CM211",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return p.rules()
			}
			r, ok := dsl.FindRule(args[0])
			if !ok {
				return usage{fmt.Errorf("no rule %q%s", args[0], didYouMean(args[0], ruleIDs()))}
			}
			return p.rule(r)
		},
	}
}

func ruleIDs() (ids []string) {
	for _, r := range dsl.Rules() {
		ids = append(ids, r.ID, r.Slug)
	}
	return ids
}

// didYouMean is the end of a message about an unknown word.
func didYouMean(word string, among []string) string {
	if near := document.Suggest(word, among); near != "" {
		return fmt.Sprintf(": did you mean %q?", near)
	}
	return ""
}

func (p *program) rules() error {
	t := p.table("ID", "NAME", "SEVERITY", "WHAT")
	for _, r := range dsl.Rules() {
		t.row(r.ID, r.Slug, r.Severity.String(), r.Title)
	}
	return t.flush()
}

func (p *program) rule(r dsl.Rule) error {
	fmt.Fprintf(p.out, "%s %s (%s)\n%s\n\n%s\n", r.ID, r.Slug, r.Severity, r.Title, r.Why)
	for _, part := range []struct {
		title   string
		samples []dsl.Sample
	}{{"Wrong", r.Bad}, {"Right", r.Good}} {
		for _, s := range part.samples {
			fmt.Fprintf(p.out, "\n%s:\n", part.title)
			for line := range strings.SplitSeq(strings.TrimRight(s.Text, "\n"), "\n") {
				fmt.Fprintln(p.out, strings.TrimRight("  "+line, " "))
			}
		}
	}
	return nil
}

func (p *program) functionsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "functions [NAME]", Short: "The functions that expressions may call, with examples", Args: atMostOne("NAME"),
		Long: `The functions that expressions may call, with examples. Beside them there are
those of CEL itself (size, matches, startsWith, …) and of its libraries strings,
math, lists, sets, regex, base64 and optional types.`,
		Example: "  crmsync mappings functions\n  crmsync mappings functions e164",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return p.functions()
			}
			all := expr.Functions()
			i := slices.IndexFunc(all, func(f expr.Function) bool { return f.Name == args[0] })
			if i < 0 {
				return usage{fmt.Errorf("no function %q%s", args[0], didYouMean(args[0], functionNames(all)))}
			}
			return p.function(all[i])
		},
	}
}

func functionNames(all []expr.Function) (names []string) {
	for _, f := range all {
		names = append(names, f.Name)
	}
	return names
}

// atMostOne takes one argument or none.
func atMostOne(name string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usage{fmt.Errorf("%s takes one %s or none, got %d arguments", nameOf(c), name, len(args))}
		}
		return nil
	}
}

func (p *program) functions() error {
	t := p.table("GROUP", "FUNCTION", "WHAT")
	for _, f := range expr.Functions() {
		what, _, _ := strings.Cut(f.Doc, ". ")
		t.row(f.Group, f.Signatures[0], strings.TrimSuffix(what, "."))
	}
	if err := t.flush(); err != nil || p.quiet {
		return err
	}
	_, err := fmt.Fprintln(p.err, "A ? marks what may be null or missing. Examples: crmsync mappings functions NAME")
	return err
}

func (p *program) function(f expr.Function) error {
	for _, s := range f.Signatures {
		fmt.Fprintln(p.out, s)
	}
	fmt.Fprintf(p.out, "\n%s\n\n", f.Doc)
	wide := 0
	for _, e := range f.Examples {
		wide = max(wide, len([]rune(e.Expr)))
	}
	for _, e := range f.Examples {
		fmt.Fprintf(p.out, "  %-*s  → %s\n", wide, e.Expr, e.Result)
	}
	return nil
}

func (p *program) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema [NAME]", Short: "Print the JSON Schema of a file format or a record type", Args: atMostOne("NAME"),
		Example: "  crmsync mappings schema\n  crmsync mappings schema mapping > mapping.schema.json",
		RunE: func(_ *cobra.Command, args []string) error {
			known := append(schemas.Formats(), schemas.Records()...)
			if len(args) == 0 {
				return p.schemas()
			}
			text, ok := schemas.Format(args[0])
			if !ok {
				text, ok = schemas.Record(args[0])
			}
			if !ok {
				return usage{fmt.Errorf("no schema %q%s", args[0], didYouMean(args[0], known))}
			}
			_, err := p.out.Write(text)
			return err
		},
	}
}

// schemas lists the schemas, and what each is of.
func (p *program) schemas() error {
	t := p.table("NAME", "OF")
	for _, name := range schemas.Formats() {
		text, _ := schemas.Format(name)
		t.row(name, about(text))
	}
	for _, name := range schemas.Records() {
		text, _ := schemas.Record(name)
		t.row(name, "record type: "+about(text))
	}
	return t.flush()
}

// about is the first sentence of a schema's description.
func about(schema []byte) string {
	var s struct{ Description string }
	_ = json.Unmarshal(schema, &s) // our own files, tested where they are
	first, _, _ := strings.Cut(s.Description, ". ")
	return strings.TrimSuffix(first, ".")
}
