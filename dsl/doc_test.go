package dsl

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync/dsl/expr"
)

var update = flag.Bool("update", false, "write docs/mapping.md anew")

const mappingDoc = "../docs/mapping.md"

func TestMappingDoc(t *testing.T) {
	tmpl, err := os.ReadFile("testdata/mapping.md.tmpl")
	require.NoError(t, err)
	want := strings.NewReplacer("{{functions}}", functionDoc(), "{{rules}}", ruleDoc()).Replace(string(tmpl))
	if *update {
		require.NoError(t, os.WriteFile(mappingDoc, []byte(want), 0o644))
	}
	got, err := os.ReadFile(mappingDoc)
	require.NoError(t, err)
	require.Equal(t, want, string(got), "docs/mapping.md is out of date: go test ./dsl -run TestMappingDoc -update")
}

// functionDoc lists the functions, a table for each group.
func functionDoc() string {
	var b strings.Builder
	group := ""
	for _, f := range expr.Functions() {
		if f.Group != group {
			group = f.Group
			fmt.Fprintf(&b, "\n**%s**\n\n| function | what it gives | for example |\n|---|---|---|\n", group)
		}
		var examples []string
		for _, e := range f.Examples {
			examples = append(examples, cell(e.Expr)+" → "+cell(e.Result))
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", strings.Join(f.Signatures, "`<br>`"), strings.ReplaceAll(f.Doc, "|", `\|`), strings.Join(examples, "<br>"))
	}
	return strings.TrimSpace(b.String())
}

// cell returns code for a cell of a table.
func cell(s string) string { return "`" + strings.ReplaceAll(s, "|", `\|`) + "`" }

// ruleDoc lists the rules with their samples.
func ruleDoc() string {
	var b strings.Builder
	for _, r := range Rules() {
		fmt.Fprintf(&b, "\n### %s %s\n\n%s (%s). %s\n", r.ID, r.Slug, r.Title, r.Severity, r.Why)
		fmt.Fprintf(&b, "\nWrong:\n\n```yaml\n%s\n```\n\nRight:\n\n```yaml\n%s\n```\n", shown(r.Bad[0]), shown(r.Good[0]))
	}
	return strings.TrimSpace(b.String())
}

func shown(s Sample) string { return strings.TrimRight(s.Text, "\n") }

// The examples of the page must be what they say.
func TestMappingDocExamples(t *testing.T) {
	tmpl, err := os.ReadFile("testdata/mapping.md.tmpl")
	require.NoError(t, err)
	files := map[string]string{}
	for _, m := range regexp.MustCompile("(?s)```yaml\n# mappings/(\\S+)\n(.*?)```").FindAllStringSubmatch(string(tmpl), -1) {
		files[m[1]] = m[2]
	}
	require.Len(t, files, 3)
	set, ds := loadFiles(files)
	require.Empty(t, ds, "%v", ds)
	report, err := set.RunTests()
	require.NoError(t, err)
	for _, r := range report.Results {
		require.Empty(t, r.Differences, r.Name)
	}
}
