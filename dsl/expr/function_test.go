package expr

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFunctionExamples(t *testing.T) {
	env := plainEnv(t)
	var scope Scope
	for _, f := range Functions() {
		t.Run(f.Name, func(t *testing.T) {
			require.NotEmpty(t, f.Examples)
			require.NotEmpty(t, f.Doc)
			for _, example := range f.Examples {
				require.Equal(t, example.Result, outcome(env, &scope, example.Expr), example.Expr)
			}
		})
	}
}

// outcome compiles and runs an expression: its JSON, "missing", "fault: …" or
// the compile issues. A constant that always fails tells the fault when it is
// compiled.
func outcome(env *Env, scope *Scope, text string) string {
	program, issues := env.Compile(text, CompileOptions{Constant: true})
	if program == nil {
		const fails = "this always fails: "
		if rest, ok := strings.CutPrefix(issues[0].Message, fails); ok {
			return "fault: " + rest
		}
		return issueText(issues)
	}
	v, err := program.Eval(scope)
	if err != nil {
		fault, ok := errors.AsType[*EvalError](err)
		if !ok {
			return "no EvalError: " + err.Error()
		}
		return "fault: " + fault.Message
	}
	if v.IsMissing() {
		return "missing"
	}
	out, err := v.AppendJSON(nil)
	if err != nil {
		return "no JSON: " + err.Error()
	}
	return string(out)
}

func plainEnv(t testing.TB, vars ...Variable) *Env {
	t.Helper()
	env, err := NewEnv(vars...)
	require.NoError(t, err)
	return env
}

// issueText writes issues a line each: code, range, message | help | fix.
func issueText(issues []Issue) string {
	var lines []string
	for _, i := range issues {
		lines = append(lines, showIssue(i))
	}
	return strings.Join(lines, "\n")
}
