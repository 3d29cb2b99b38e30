package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReadmeShowsRealOutput: what the README's first screen shows of a mapping,
// its request and a typing mistake is what this program prints.
func TestReadmeShowsRealOutput(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	events, err := os.ReadFile(filepath.Join(root, "examples", "events.jsonl"))
	require.NoError(t, err)
	first, _, _ := bytes.Cut(events, []byte("\n"))

	t.Chdir(t.TempDir())
	for _, dir := range []string{"mappings", "schemas"} {
		require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join(root, dir))))
	}
	const file = "mappings/acme/hubspot/contact.yaml"
	mapping := fenced(t, readme, "# "+file)
	require.NoError(t, os.WriteFile(file, []byte(mapping), 0o600))

	var out, errs bytes.Buffer
	require.Equal(t, exitFine, run([]string{"mappings", "dry-run", "--events", "-"}, bytes.NewReader(first), &out, &errs))
	want := fenced(t, readme, "$ head -1 examples/events.jsonl | crmsync mappings dry-run --events -")
	want, shortened := strings.CutSuffix(after(want), "…\n")
	require.True(t, shortened)
	require.True(t, strings.HasPrefix(out.String(), want), "the README shows\n%s\nand the program\n%s", want, out.String())

	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(mapping, "record.email", "record.emial", 1)), 0o600))
	var all bytes.Buffer // as a terminal shows both
	require.Equal(t, exitProblems, run([]string{"mappings", "lint"}, nil, &all, &all))
	told := regexp.MustCompile(`\(\d+\.\ds\)`).ReplaceAllString(all.String(), "(0.0s)")
	require.Equal(t, after(fenced(t, readme, "$ crmsync mappings lint")), told)
}

// fenced returns the block of code that begins with a line.
func fenced(t *testing.T, text []byte, line string) string {
	t.Helper()
	_, rest, ok := strings.Cut(string(text), "\n"+line+"\n")
	require.True(t, ok, "the README has no block that begins with %q", line)
	block, _, ok := strings.Cut(rest, "```")
	require.True(t, ok)
	return line + "\n" + block
}

// after returns a text without its first line.
func after(text string) string {
	_, rest, _ := strings.Cut(text, "\n")
	return rest
}
