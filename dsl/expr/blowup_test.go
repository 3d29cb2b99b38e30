package expr

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The bounds on every blow-up.
const (
	blowupTime  = 50 * time.Millisecond
	blowupBytes = 16 << 20
)

// TestBlowups compiles and runs what would grow: each is refused when it is
// compiled, or stopped, in little time and memory.
func TestBlowups(t *testing.T) {
	binds := func(depth, width int, item string) string {
		text, name := "", item
		for i := range depth {
			next := fmt.Sprintf("v%d", i)
			text += fmt.Sprintf("cel.bind(%s, [%s], ", next, strings.TrimSuffix(strings.Repeat(name+",", width), ","))
			name = next
		}
		return text + name + strings.Repeat(")", depth)
	}
	doubling := `cel.bind(a, record.note + record.note, cel.bind(b, a + a + a + a, b + b + b + b))`
	tests := []struct{ name, text, want string }{
		{"loops three deep", `record.any.map(a, record.any.map(b, record.any.map(c, a)))`, "CM209"},
		{"loops two deep over an unbounded list", `record.any.map(a, record.any.map(b, a))`, "costly"},
		{"huge range", `lists.range(100000000).size()`, "CM208"},
		{"range from the data", `lists.range(record.age).size()`, "CM208"},
		{"replace that grows", `record.note.replace("a", "` + strings.Repeat("b", 1000) + `")`, "CM208"},
		{"replace twice", `record.note.replace("a", "bbbbbbbbbb").replace("b", "cccccccccc")`, "CM208"},
		{"replace of nothing", `record.note.replace("", "bbbbbbbbbb")`, "costly"},
		{"join of copies", `lists.range(1000).map(i, record.note).join("")`, "CM208"},
		{"join", `record.any.join("` + strings.Repeat("x", 1000) + `")`, "costly"},
		{"format width", `"%099999999d".format([record.age])`, "CM203"},
		{"format precision", `"%.1000000f".format([record.score])`, "CM203"},
		{"format of much", `"%s%s%s%s".format([record.note, record.note, record.note, record.note])`, "costly"},
		{"string sum", `record.note + record.note + record.note + record.note`, "costly"},
		{"sum through bindings", doubling, "costly"},
		{"bindings three deep", binds(3, 100, "record.note"), "CM209"},
		{"bindings two deep", binds(2, 150, "record.note"), "costly"},
		{"equality of bindings", `cel.bind(a, ` + binds(2, 120, "1") + `, a == a)`, "CM209"},
		{"quotes of quotes", strings.Repeat("strings.quote(", 12) + "record.note" + strings.Repeat(")", 12), "CM208"},
		{"base64 of base64", strings.Repeat("base64.encode(bytes(", 12) + "record.note" + strings.Repeat("))", 12), "costly"},
		{"regular expression of 1000 x 1000", `record.note.matches("(a{1000}){1000}")`, "CM205"},
		{"regular expression of 100 x 100", `record.note.matches("((a{100}){100})")`, "CM205"},
		{"regular expression on much text", `record.any[0].matches("^(a+)+$")`, "costly"},
		{"regular replace", `regex.replace(record.note, "a", "` + strings.Repeat("b", 200) + `")`, "CM208"},
		{"distinct of strings", `record.custom.big.map(x, text(x)).distinct().size()`, "costly"},
		{"distinct", `record.custom.big.distinct().size()`, "costly"},
		{"sets", `sets.contains(record.custom.big, record.custom.big)`, "costly"},
		{"sort", `record.custom.big.map(x, string(x)).sort().size()`, "costly"},
		{"flatten", `[record.custom.big, record.custom.big, record.custom.big].flatten().size()`, "costly"},
		{"long list", `[` + strings.Repeat("1,", 2500) + `1]`, "CM209"},
		{"long text", `"` + strings.Repeat("x", 5000) + `"`, "CM209"},
		{"deep brackets", strings.Repeat("(", 300) + "1" + strings.Repeat(")", 300), "CM209"},
		{"deep conditionals", strings.Repeat("true?1:", 400) + "1", "CM209"},
		{"deep negation", strings.Repeat("-", 3000) + "record.age", "any"},
		{"long conjunction", "record.vip" + strings.Repeat("&&record.vip", 300), "any"},
		{"deep macros", strings.Repeat("[1].all(a,", 30) + "true" + strings.Repeat(")", 30), "CM209"},
		{"own function", `lower(record.any[0])`, "costly"},
		{"html", `stripHtml(record.note)`, "any"},
		{"join of ours", `joinNonBlank(record.any, "` + strings.Repeat("x", 1000) + `")`, "costly"},
		{"overflow", `record.age * 9223372036854775807`, "fault"},
		{"division", `1 / (record.age - record.age)`, "fault"},
		{"far date", `timestamp("9999-12-31T23:59:59Z") + duration("100000h")`, "CM212"},
	}
	// the bytes of the event stay far below 1 MiB
	items := strings.TrimSuffix(strings.Repeat("12,", 12000), ",")
	data := `{"id":"7","stage":"won","age":99999999,"score":1.5,"vip":true,"note":"` + strings.Repeat("a", 60_000) + `","any":["` + strings.Repeat("a", 200_000) + `"` +
		strings.Repeat(`,"x"`, 3000) + `],"custom":{"big":[` + items + `]}}`
	compiler, err := NewCompiler()
	require.NoError(t, err)
	env, err := compiler.RecordEnv(person(t), nil)
	require.NoError(t, err)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			scope := personScope(t, data)
			took, bytes, got := measure(func() string { return blowup(env, scope, test.text) })
			if test.want != "any" {
				require.Equal(t, test.want, got, test.text)
			}
			require.Less(t, bytes, uint64(blowupBytes), "bytes")
			if !raceDetector {
				require.Less(t, took, blowupTime, "time")
			}
		})
	}
}

// blowup tells how an expression ends: the code of its first fault, "costly",
// "fault" or "value".
func blowup(env *Env, scope *Scope, text string) string {
	program, issues := env.compileOnce(text)
	if program == nil {
		for _, i := range issues {
			if !i.Warning {
				return i.Code
			}
		}
		return "no program"
	}
	v, err := program.Eval(scope)
	if err == nil && !v.IsMissing() {
		if _, err := v.AppendJSON(nil); err != nil {
			return "costly"
		}
		return "value"
	}
	if fault, ok := errors.AsType[*EvalError](err); ok && fault.Costly {
		return "costly"
	}
	return "fault"
}

func (e *Env) compileOnce(text string) (*Program, []Issue) {
	done := e.compile(text, CompileOptions{})
	return done.program, done.issues
}

// spent returns the processor time that the process has used so far. A bound on
// it holds on a machine with other work too, where the clock runs on.
func spent() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return time.Duration(time.Now().UnixNano())
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure takes the least of three runs, by the clock or by a processor's time:
// other work shares the machine.
func measure(f func() string) (took time.Duration, bytes uint64, got string) {
	took = time.Hour
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start, used := time.Now(), spent()
		got = f()
		took = min(took, time.Since(start), spent()-used)
		runtime.ReadMemStats(&after)
		bytes = after.TotalAlloc - before.TotalAlloc
	}
	return took, bytes, got
}
