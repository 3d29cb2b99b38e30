package expr

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestGuards runs the library functions on values that are larger than what
// their static cost was estimated with.
func TestGuards(t *testing.T) {
	const text, list = "the result would be a string of more than 64 KiB", "the list has more than 10000 items, or is compared with too many"
	tests := []struct{ expr, want string }{
		{`s.replace("a", "bb")`, "2-9 " + text},
		{`s.replace("", "b")`, "2-9 " + text},
		{`s.replace("a", "bb", 1)`, "2-9 " + text},
		{`s.replace("x", "bb") == s`, ``},
		{`strs.join("")`, "5-9 " + text},
		{`"%s%s".format([s, s])`, "7-13 " + text},
		{`layout.format([n])`, "7-13 format takes widths and precisions of at most two digits"},
		{`strings.quote(s)`, "8-13 " + text},
		{`base64.encode(bytes(s))`, "7-13 " + text},
		{`regex.replace(s, "a", "bb")`, "6-13 " + text},
		{`regex.replace(s, "x", "bb") == s`, ``},
		{`long.matches("^(a+)+$")`, "0-4 " + text},
		{`s.matches("^a+$")`, ``},
		{`long.lowerAscii()`, "5-15 " + text},
		{`long.substring(3)`, "5-14 " + text},
		{`long.split("")`, "5-10 " + text},
		{`s + s`, "2-3 " + text},
		{`bytes(s) + bytes(s)`, "9-10 " + text},
		{`l + l`, "2-3 " + list},
		{`lists.range(n * 10000)`, "6-11 " + list},
		{`[l, l].flatten()`, "7-14 " + list},
		{`l.distinct()`, "0-12 stopped: it costs more than 100000, or takes longer than 50ms"},
		{`l.sort()`, "2-6 " + list},
		{`sets.contains(l, l)`, "5-13 " + list},
		{`lower(long)`, "0-5 lower takes a string of at most 64 KiB"},
		{`joinNonBlank(strs, "")`, "0-12 joinNonBlank would make a string of more than 64 KiB"},
		{`l.map(a, l.map(b, a)).size()`, "0-28 stopped: it costs more than 100000, or takes longer than 50ms"},
		{`l.all(a, size([a, a]) == 2)`, "0-27 stopped: it costs more than 100000, or takes longer than 50ms"},
		{`long == long`, ``},
		{`l[9999] in l`, ``},
	}
	env := plainEnv(t, Variable{Name: "s", Type: String}, Variable{Name: "long", Type: String}, Variable{Name: "layout", Type: String}, Variable{Name: "n", Type: Int}, Variable{Name: "l", Type: List}, Variable{Name: "strs", Type: List})
	var scope Scope
	numbers, texts := make([]any, 10_000), make([]any, 20)
	for i := range numbers {
		numbers[i] = int64(i)
	}
	for i := range texts {
		texts[i] = strings.Repeat("x", 4000)
	}
	scope.Set("s", strings.Repeat("a", 60_000))
	scope.Set("long", strings.Repeat("a", 100_000))
	scope.Set("layout", "%0999d")
	scope.Set("n", 7)
	scope.Set("l", numbers)
	scope.Set("strs", texts)
	for _, test := range tests {
		t.Run(test.expr, func(t *testing.T) {
			program, issues := env.Compile(test.expr, CompileOptions{})
			if program == nil {
				require.Contains(t, issueText(issues), "CM208", "refused before it runs")
				return
			}
			_, err := program.Eval(&scope)
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			fault, ok := errors.AsType[*EvalError](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, test.want, fmt.Sprintf("%d-%d %s", fault.Start, fault.End, fault.Message))
			require.True(t, fault.Costly)
		})
	}
}
