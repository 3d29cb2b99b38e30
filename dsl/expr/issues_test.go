package expr

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write testdata/issues.txt anew")

// TestIssues compiles each expression of testdata/issues.txt and wants the
// issues below it, word for word: code, range in runes, message | help | fix.
// A line "# …" sets what the place asks: guard, constant, string, integer, ….
func TestIssues(t *testing.T) {
	src, err := os.ReadFile("testdata/issues.txt")
	require.NoError(t, err)
	env := personEnv(t)
	var opt CompileOptions
	var out []string
	for _, block := range strings.Split(strings.TrimSpace(string(src)), "\n\n") {
		if options, ok := strings.CutPrefix(block, "# "); ok {
			opt = optionsOf(options)
			out = append(out, block)
			continue
		}
		text, _, _ := strings.Cut(block, "\n")
		text = strings.ReplaceAll(text, `\n`, "\n")
		_, issues := env.Compile(text, opt)
		got := strings.TrimSpace(strings.ReplaceAll(text, "\n", `\n`) + "\n" + issueText(issues))
		out = append(out, got)
		if !*update {
			require.Equal(t, strings.TrimSpace(block), got)
		}
		t.Run(text, func(t *testing.T) { fixesWork(t, env, text, opt, issues) })
	}
	if *update {
		require.NoError(t, os.WriteFile("testdata/issues.txt", []byte(strings.Join(out, "\n\n")+"\n"), 0o644))
	}
}

func optionsOf(line string) (opt CompileOptions) {
	for _, word := range strings.Fields(line) {
		switch word {
		case "guard":
			opt.Guard = true
		case "constant":
			opt.Constant = true
		}
		for kind, name := range typeNames {
			if name == word {
				opt.Want = append(opt.Want, Type(kind))
			}
		}
	}
	return opt
}

// fixesWork applies each fix alone: its issue must be gone. A fix of a warning
// must bring no other issue; behind a fault there can be more, of a later pass.
func fixesWork(t *testing.T, env *Env, text string, opt CompileOptions, issues []Issue) {
	t.Helper()
	runes := []rune(text)
	for _, issue := range issues {
		require.LessOrEqual(t, 0, issue.Start)
		require.Less(t, issue.Start, issue.End, "an issue marks something")
		require.LessOrEqual(t, issue.End, len(runes))
		require.False(t, strings.HasSuffix(issue.Message, "."), issue.Message)
		if issue.Fix == nil {
			continue
		}
		fixed := string(runes[:issue.Fix.Start]) + issue.Fix.Text + string(runes[issue.Fix.End:])
		_, after := env.Compile(fixed, opt)
		require.False(t, slices.ContainsFunc(after, func(i Issue) bool {
			return i.Code == issue.Code && i.Message == issue.Message && i.Start == issue.Start
		}), fixed)
		if issue.Warning {
			require.Less(t, len(after), len(issues), "%s\n%s", fixed, issueText(after))
		} else if issue.Code != "CM204" {
			require.Less(t, faults(after), faults(issues), "%s\n%s", fixed, issueText(after))
		}
	}
}

func faults(issues []Issue) int {
	return len(slices.DeleteFunc(slices.Clone(issues), func(i Issue) bool { return i.Warning }))
}
