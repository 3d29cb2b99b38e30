package expr

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// FuzzCompile compiles any text: no panic, ranges inside the text, every fix of
// a warning compiles, and what compiles also runs.
func FuzzCompile(f *testing.F) {
	src, err := os.ReadFile("testdata/issues.txt")
	require.NoError(f, err)
	for _, block := range strings.Split(string(src), "\n\n") {
		text, _, _ := strings.Cut(block, "\n")
		f.Add(text)
	}
	env := personEnv(f)
	scope := personScope(f, `{"id":"7","email":"a@b.c","stage":"won","tags":["a"],"age":3,"custom":{"a":1}}`)
	f.Fuzz(func(t *testing.T, text string) {
		program, issues := env.compileOnce(text)
		length := utf8.RuneCountInString(text)
		for _, i := range issues {
			require.NotEmpty(t, i.Message)
			require.LessOrEqual(t, 0, i.Start)
			require.LessOrEqual(t, i.Start, i.End)
			require.LessOrEqual(t, i.End, max(length, 1))
			if i.Fix != nil {
				require.LessOrEqual(t, 0, i.Fix.Start)
				require.LessOrEqual(t, i.Fix.Start, i.Fix.End)
				require.LessOrEqual(t, i.Fix.End, length)
			}
		}
		if program == nil {
			require.NotEmpty(t, issues)
			return
		}
		require.Equal(t, text, program.Text())
		checkEval(t, program, scope)
		program.Trace(scope)
	})
}

// checkEval wants a value that can be written as JSON, or an EvalError.
func checkEval(t *testing.T, program *Program, scope *Scope) {
	t.Helper()
	v, err := program.Eval(scope)
	if err != nil {
		fault, ok := errors.AsType[*EvalError](err)
		require.True(t, ok, "%v", err)
		require.False(t, fault.Panicked, "%s: %s", program.Text(), fault.Message)
		require.NotEmpty(t, fault.Message)
		require.LessOrEqual(t, fault.Start, fault.End)
		return
	}
	if out, err := v.AppendJSON(nil); err == nil {
		require.True(t, json.Valid(out), "%s: %s", program.Text(), out)
	}
	_ = v.String()
}

// FuzzEval runs programs of every kind over any data.
func FuzzEval(f *testing.F) {
	env := personEnv(f)
	var programs []*Program
	for _, text := range []string{
		`record`, `lower(trim(record.email))`, `record.email + "x"`, `record.age + 1`, `record.score * 2.0`, `record.vip ? 1 : 2`, `record.born`, `epochMillis(record.born)`,
		`record.tags.map(t, t + "!").join(",")`, `record.orders.map(o, o.total)`, `record.address.city`, `has(record.address.zip)`, `record.custom.a.b`, `record.custom.map(k, record.custom[k])`,
		`record.any`, `record.any.x[0]`, `record.loose.other`, `text(record.any)`, `number(record.email)`, `integer(record.email)`, `boolean(record.email)`, `e164(record.email, "GB")`,
		`parseDate(record.email, "dd/MM/yyyy")`, `formatDate(record.born, "EEE d MMM yyyy")`, `titleCase(record.name)`, `slug(record.name)`, `stripHtml(record.name)`, `singleLine(record.name)`,
		`firstName(record.name)`, `lastName(record.name)`, `domain(record.email)`, `isEmail(record.email)`, `countryCode(record.name)`, `countryName(record.name)`, `languageName(record.name)`,
		`currency(record.name)`, `truncate(record.name, 3)`, `digits(record.name)`, `round(record.score, 2)`, `joinNonBlank([record.name, record.any], "-")`, `coalesce(record.name, record.email)`,
		`record.email == record.name`, `record.any == record.custom`, `record.name in record.tags`, `record.stage in ["won", "lost"]`, `record.custom == record.any`,
	} {
		program, issues := env.compileOnce(text)
		require.NotNil(f, program, issueText(issues))
		programs = append(programs, program)
	}
	for _, data := range []string{
		`{}`, personSchema, `{"id":"7","email":"A@b.C","name":"Ada <b>King</b>","age":3,"score":1e300,"vip":true,"born":"2026-01-01T00:00:00Z","tags":["a",null],"orders":[{"total":1}],"address":{"city":"X","zip":null}}`,
		`{"email":"+44 20 7946 0958","name":"Schweden","custom":{"a":{"b":[1,2]}},"any":{"x":[null]},"loose":{"other":1e999,"known":-0}}`, `{"any":12345678901234567890123,"score":-0.0,"custom":{"":""},"name":"\ud800"}`,
	} {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var scope Scope
		event := personEvent("")
		event.Data = data
		if scope.Reset(event, nil) != nil {
			return
		}
		for _, program := range programs {
			checkEval(t, program, &scope)
		}
	})
}

// FuzzLayout translates any layout; what it takes, formats and parses.
func FuzzLayout(f *testing.F) {
	for _, layout := range []string{"yyyy-MM-dd", "d MMM yyyy 'at' HH:mm", "yyyyMMddHHmmss.SSS", "EEEE, MMMM d", "h:mm a", "''''"} {
		f.Add(layout)
	}
	env := plainEnv(f, Variable{Name: "t", Type: Timestamp}, Variable{Name: "layout", Type: String})
	program, issues := env.Compile(`parseDate(formatDate(t, layout), layout)`, CompileOptions{})
	require.Empty(f, issueText(issues))
	var scope Scope
	scope.Set("t", personEvent("").OccurredAt)
	f.Fuzz(func(t *testing.T, layout string) {
		scope.Set("layout", layout)
		checkEval(t, program, &scope)
	})
}
