package expr

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"runtime/metrics"
	"strings"
	"testing"
	"time"
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
		checkEval(t, program, scope, scope)
		program.Trace(scope)
	})
}

// fuzzTime is how long one evaluation may take, with room for a slow machine:
// what is watched is stopped after 50 ms.
const fuzzTime = 2 * time.Second

// checkEval wants a value that can be written as JSON, or an EvalError, within
// the bounds, and the same from another scope. It returns the JSON.
func checkEval(t *testing.T, program *Program, scope, same *Scope) []byte {
	t.Helper()
	before, began := allocated(), time.Now()
	out, err := evalJSON(program, scope)
	require.Less(t, allocated()-before, uint64(blowupBytes), program.Text())
	require.Less(t, time.Since(began), fuzzTime, program.Text())
	again, errAgain := evalJSON(program, same)
	if fault, ok := errors.AsType[*EvalError](err); ok {
		require.False(t, fault.Panicked, "%s: %s", program.Text(), fault.Message)
		require.NotEmpty(t, fault.Message)
		require.NotContains(t, fault.Message, "\n")
		require.LessOrEqual(t, 0, fault.Start)
		require.LessOrEqual(t, fault.Start, fault.End)
		require.LessOrEqual(t, fault.End, utf8.RuneCountInString(program.Text()))
		if later, ok := errors.AsType[*EvalError](errAgain); ok && fault.Costly == later.Costly {
			require.Equal(t, fault, later, program.Text())
			return nil
		}
		require.True(t, fault.Costly || errAgain != nil, "%s: %s, and then %s", program.Text(), fault.Message, again)
		return nil
	}
	if err == nil && errAgain == nil { // else the clock was in between
		require.Equal(t, string(out), string(again), program.Text())
		require.True(t, json.Valid(out), "%s: %s", program.Text(), out)
		require.LessOrEqual(t, len(out), 2*jsonBytes)
	}
	return out
}

// evalJSON returns what the program gives as JSON, "null" for a missing value.
// The error is an *EvalError, or says why the value has no JSON.
func evalJSON(program *Program, scope *Scope) ([]byte, error) {
	v, err := program.Eval(scope)
	if err != nil || v.IsMissing() {
		return []byte("null"), err
	}
	_ = v.String()
	return v.AppendJSON(nil)
}

// allocated returns how many bytes the process has asked for so far.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// FuzzHostile compiles any text and runs it over any record: compiling and
// running keep to the bounds, the result is of the type that was promised, and
// what is told of a failure holds no text of the record.
func FuzzHostile(f *testing.F) {
	src, err := os.ReadFile("testdata/issues.txt")
	require.NoError(f, err)
	for i, block := range strings.Split(string(src), "\n\n") {
		text, _, _ := strings.Cut(block, "\n")
		f.Add(text, []byte(hostileRecords[i%len(hostileRecords)]))
	}
	for i, text := range hostileTexts {
		f.Add(text, []byte(hostileRecords[i%len(hostileRecords)]))
	}
	env := personEnv(f)
	f.Fuzz(func(t *testing.T, text string, data []byte) {
		if len(data) > 64<<10 {
			t.Skip("larger ones are the table's part")
		}
		before := allocated()
		program, issues := env.compileOnce(text)
		require.Less(t, allocated()-before, uint64(64<<20), "compiling")
		if program == nil {
			require.NotEmpty(t, issues)
			return
		}
		var scope, same Scope
		event := personEvent("")
		event.Data = data
		if scope.Reset(event, nil) != nil {
			return
		}
		require.NoError(t, same.Reset(event, nil))
		checkEval(t, program, &scope, &same)
		checkType(t, program, &scope)
		checkSilence(t, program, &scope, data)
	})
}

// checkType wants a value of the program's type. Records don't always keep to
// their schema, so only what the program computes itself has to.
func checkType(t *testing.T, program *Program, scope *Scope) {
	t.Helper()
	promised, nullable := program.Type()
	v, err := program.Eval(scope)
	if err != nil || len(program.Fields())+len(program.Names()) > 0 || promised == Dyn {
		return
	}
	if v.IsNull() || v.IsMissing() {
		require.True(t, nullable, program.Text())
		return
	}
	require.Equal(t, promised, v.Type(), program.Text())
}

// checkSilence wants that a fault repeats no text of the record that the
// expression does not hold itself.
func checkSilence(t *testing.T, program *Program, scope *Scope, data []byte) {
	t.Helper()
	_, err := program.Eval(scope)
	if err == nil {
		return
	}
	for _, text := range texts(data) {
		if len(text) >= 10 && !strings.Contains(program.Text(), text) {
			require.NotContains(t, err.Error(), text, program.Text())
		}
	}
}

// texts returns the strings and keys inside of a JSON text.
func texts(data []byte) (all []string) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	for {
		token, err := decoder.Token()
		if err != nil {
			return all
		}
		if s, ok := token.(string); ok {
			all = append(all, s)
		}
	}
}

// hostileTexts are expressions that make much of little.
var hostileTexts = []string{
	`record.custom.map(k, record.custom.map(l, k + l))`, `record.note.replace("a", record.note)`, `record.any.map(a, [a, a, a]).flatten().size()`,
	`cel.bind(a, record.note + record.note, a + a + a)`, `record.note.matches("(a*)*b")`, `regex.replace(record.note, "a", "bb")`, `record.custom.map(k, string(record.custom[k])).join(",").split("")`,
	`lists.range(record.age).map(i, string(i))`, `record.any.transformMap(k, v, v)`, `"%s%500d".format([record.any, record.age])`, `record.tags.sort().distinct()`, `timestamp(record.note) + duration(record.name)`,
	`parseDate(record.name, record.note)`, `formatDate(record.born, record.note, record.name)`, `e164(record.name, record.note)`, `lookup(record.custom, record.name, record.note)`,
	`base64.encode(bytes(record.note))`, `record.?custom[?"a"].orValue(record.any)`, `[record, record, record]`, `{"a": record.any, "b": [record.any]}`, `math.greatest(record.any)`, `int(record.score) * 9223372036854775807`,
}

// hostileRecords are records that are not what their schema says.
var hostileRecords = []string{
	`{}`, `{"note":"` + strings.Repeat("a", 2000) + `","age":9223372036854775807,"name":"1e9h","tags":["b","a","b",null,{}]}`,
	`{"custom":{"a":{"b":[1,2]},"":null,"\u0000":"\ud800"},"any":[[[[1]]],{"x":1e999}],"age":-1,"score":-0.0}`,
	`{"note":"'canary-7f3a9b' dd 'secret'\u65e5\u672c\n","name":"canary-name-123","born":"2026-01-01T00:00:00Z"}`,
	`{"note":null,"any":"` + strings.Repeat("%s", 500) + `","score":1e308,"born":"9999-12-31T23:59:59.999999999-23:59","day":"0000-00-00"}`,
	`{"id":{},"email":[],"name":1,"note":true,"stage":null,"age":"x","score":[],"vip":"true","tags":{"a":1},"orders":"o","address":[],"home":7,"custom":"c","loose":[]}`,
	`{"any":` + strings.Repeat("[", 60) + strings.Repeat("]", 60) + `,"orders":[{},null,{"total":"x"},{"total":1e400}]}`,
}

// FuzzEval runs programs of every kind over any data: each gives a value or a
// fault in bounded time and memory, and the same twice.
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
		var scope, same Scope
		event := personEvent("")
		event.Data = data
		if scope.Reset(event, nil) != nil {
			return
		}
		require.NoError(t, same.Reset(event, nil))
		for _, program := range programs {
			checkEval(t, program, &scope, &same)
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
		checkEval(t, program, &scope, &scope)
	})
}
