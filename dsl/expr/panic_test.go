package expr

import (
	"testing"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/stretchr/testify/require"
)

// brittle panics with the record's text in the panic.
func brittle(v ref.Val) ref.Val {
	if s, ok := v.(types.String); ok && s != "fine" {
		panic("canary: " + string(s))
	}
	return v
}

// brittleEnv has a function of ours that panics.
func brittleEnv(t *testing.T) *Env {
	t.Helper()
	c, err := newCompiler(append(table(), &function{
		name: "brittle", params: []string{"s"}, unary: brittle, result: size{times: 1},
		overloads: []overload{on(maybeText(), maybeText())},
	}))
	require.NoError(t, err)
	env, err := c.RecordEnv(person(t), nil)
	require.NoError(t, err)
	return env
}

// TestPanicOfAFunction: cel-go takes a panic for a value's error. It must come
// out as what it is, with its place and without its text, whatever stands
// around the call: what swallows errors must not swallow it.
func TestPanicOfAFunction(t *testing.T) {
	const message = panicText + " in dsl/expr.brittle (panic_test.go:14)"
	tests := []struct{ name, text, want string }{
		{"alone", `brittle(record.name)`, message},
		{"inside of another", `lower(trim(brittle(record.name)))`, message},
		{"beside what is true", `brittle(record.name) == "x" || record.id == "7"`, message},
		{"in a loop that others end", `record.tags.exists(t, brittle(t) == "x" || t == "b")`, message},
		{"in a branch", `record.id == "7" ? brittle(record.name) : "x"`, message},
		{"behind default", `default(brittle(record.name), "x")`, message},
		{"in a branch that isn't taken", `record.id == "8" ? brittle(record.name) : "x"`, ""},
	}
	env := brittleEnv(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			program, issues := env.Compile(test.text, CompileOptions{})
			require.NotNil(t, program, issueText(issues))
			_, err := program.Eval(personScope(t, `{"id":"7","stage":"won","name":"Ada","tags":["a","b"]}`))
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			fault, ok := err.(*EvalError)
			require.True(t, ok, "%v", err)
			require.Equal(t, EvalError{End: len(test.text), Message: test.want, Panicked: true}, *fault)
		})
	}
}

// TestPanicOutsideOfCalls: where no place can be found, the panic is one still.
func TestPanicOutsideOfCalls(t *testing.T) {
	program, issues := personEnv(t).Compile(`record.name`, CompileOptions{})
	require.Empty(t, issues)
	_, err := program.Eval(&Scope{record: (*object)(nil), event: personEvent("")})
	fault, ok := err.(*EvalError)
	require.True(t, ok, "%v", err)
	require.Equal(t, EvalError{End: len("record.name"), Message: panicText, Panicked: true}, *fault)
}

// TestPanicOfAConstant: what panics when it is compiled does not compile.
func TestPanicOfAConstant(t *testing.T) {
	program, issues := brittleEnv(t).Compile(`brittle("x")`, CompileOptions{})
	require.Nil(t, program)
	require.Equal(t, []Issue{{
		Code: "CM212", End: len(`brittle("x")`), Message: "this always fails: " + panicText, Help: "correct it, or leave the field out",
	}}, issues)
}

func TestPanicPlaceOfNoPanic(t *testing.T) { require.Empty(t, PanicPlace()) }
