package expr

import (
	"errors"
	"regexp"
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
	const message = panicText + " in dsl/expr.brittle (panic_test.go:N)"
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
			fault, ok := errors.AsType[*EvalError](err)
			require.True(t, ok, "%v", err)
			fault.Message = regexp.MustCompile(`:\d+\)$`).ReplaceAllString(fault.Message, ":N)")
			require.Equal(t, EvalError{End: len(test.text), Message: test.want, Panicked: true}, *fault)
		})
	}
}

// TestPanicOutsideOfCalls: where no place can be found, the panic is one still.
func TestPanicOutsideOfCalls(t *testing.T) {
	program, issues := personEnv(t).Compile(`record.name`, CompileOptions{})
	require.Empty(t, issues)
	_, err := program.Eval(&Scope{record: (*object)(nil), event: personEvent("")})
	fault, ok := errors.AsType[*EvalError](err)
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

// TestNoFunctionPanics calls the libraries' functions and ours with values that
// no schema would let through: each gives a value or a fault of its own.
func TestNoFunctionPanics(t *testing.T) {
	texts := []string{
		`record.tags.sort()`, `record.any.sort()`, `record.any.sortBy(x, x)`, `record.any.distinct()`, `record.any.flatten()`, `record.any.slice(0, 1)`, `record.any.reverse()`, `record.any.first()`, `record.any.last()`,
		`record.any.join(",")`, `record.tags.join(record.any)`, `record.any.split(",")`, `record.any.replace("a", "b")`, `"a".replace(record.any, record.any)`, `"%s".format(record.any)`, `"%d %f %s".format([record.any, record.any, record.any])`,
		`record.any.charAt(0)`, `record.any.indexOf("a")`, `record.any.lastIndexOf("a")`, `record.any.lowerAscii()`, `record.any.upperAscii()`, `record.any.substring(1)`, `record.any.substring(record.any)`, `record.any.matches("a")`,
		`strings.quote(record.any)`, `base64.encode(record.any)`, `base64.decode(record.any)`, `regex.replace(record.any, "a", "b")`, `regex.extract(record.any, "a")`, `regex.extractAll(record.any, "a")`, `lists.range(record.any)`,
		`sets.contains(record.any, [1])`, `sets.equivalent([1], record.any)`, `sets.intersects(record.any, record.any)`, `math.greatest(record.any)`, `math.least(record.any, 1)`, `math.abs(record.any)`, `math.round(record.any)`,
		`record.any + record.any`, `record.any == record.custom`, `record.any < 1`, `record.any in record.any`, `record.any[record.any]`, `record.any.x.y[0]`, `has(record.any.x)`, `size(record.any)`, `-record.any`, `!record.any`,
		`record.any.map(x, x)`, `record.any.filter(x, x)`, `record.any.exists(x, x)`, `record.any.all(k, v, v)`, `record.any.transformMap(k, v, v)`, `record.any.transformList(k, v, v)`, `record.any ? 1 : 2`, `record.?any.?x[?0].orValue(1)`,
		`int(record.any)`, `double(record.any)`, `string(record.any)`, `bool(record.any)`, `bytes(record.any)`, `timestamp(record.any)`, `duration(record.any)`, `type(record.any) == int`, `record.any.getFullYear()`, `timestamp(record.any) + duration(record.any)`,
		`lower(record.any)`, `text(record.any)`, `number(record.any)`, `integer(record.any)`, `boolean(record.any)`, `round(record.any, record.any)`, `default(record.any, 1)`, `coalesce(record.any, record.tags)`, `blank(record.any)`, `lookup(record.any, record.any, 1)`,
		`joinNonBlank(record.any, record.any)`, `truncate(record.any, record.any)`, `parseDate(record.any, record.any)`, `formatDate(record.any, "yyyy")`, `addDays(record.any, record.any)`, `epochMillis(record.any)`, `fromEpochMillis(record.any)`, `e164(record.any, record.any)`,
	}
	env := personEnv(t)
	ran := 0
	for _, text := range texts {
		program, _ := env.Compile(text, CompileOptions{})
		if program == nil {
			continue // the libraries don't have it for any value
		}
		ran++
		for _, value := range []string{"", `null`, `true`, `1`, `-9223372036854775808`, `1.5`, `1e999`, `""`, `"a"`, `"\u0000\ud800"`, `[]`, `[null]`, `[1,"a"]`, `[[1],{}]`, `{}`, `{"x":{"y":[null]}}`, `{"":null}`} {
			data := `{"id":"7"}`
			if value != "" {
				data = `{"id":"7","any":` + value + `,"tags":` + value + `,"custom":` + value + `}`
			}
			checkEval(t, program, personScope(t, data), personScope(t, data))
		}
	}
	require.Greater(t, ran, 70)
}

// TestSortOfNothing: cel-go's own sort panics for what is no list.
func TestSortOfNothing(t *testing.T) {
	program, issues := personEnv(t).Compile(`record.tags.sort()`, CompileOptions{})
	require.NotNil(t, program, issueText(issues))
	_, err := program.Eval(personScope(t, `{"id":"7"}`))
	require.EqualError(t, err, "record.tags is missing, sort() needs a value")
	_, err = program.Eval(personScope(t, `{"tags":null}`))
	require.EqualError(t, err, "record.tags is null, sort() needs a value")
}
