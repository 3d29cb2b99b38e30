package providers_test

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync/dsl/document"
	"crmsync/providers"
)

// What one bad description may cost.
const (
	refusalTime  = 100 * time.Millisecond
	refusalBytes = 64 << 20
)

// spent returns the processor time that the process has used so far. A bound on
// it holds on a machine with other work too, where the clock runs on.
func spent() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return time.Duration(time.Now().UnixNano())
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestHostileDescriptions: whatever a provider's description is made of, it is
// refused in less than 100 ms of the clock or of a processor, with less than 64
// MiB of all memory ever asked for. What all descriptions need is made before.
func TestHostileDescriptions(t *testing.T) {
	const full = 256<<10 - 4000
	fill := func(s string) string { return strings.Repeat(s, full/len(s)) }
	many := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	spoilt := func(old, text string) string {
		require.Contains(t, small, old)
		return strings.Replace(small, old, text, 1)
	}
	cases := map[string]string{
		"too large": strings.Repeat("# nothing\n", 100_000), "NUL": fill("\x00"), "bad bytes": fill("\xff"), "brackets": fill("["), "braces": fill("{a: "), "documents": small + fill("---\n"), "aliases": "version: &a 1\n" + many(3000, "k%d: *a\n"), "tags": spoilt("/v1", "!!python/object x"),
		"unknown keys": small + many(1500, "k%d: 1\n"), "many objects": spoilt("{things: {path: things}}", "{"+many(1200, "o%d: {path: 7}, ")+"}"), "many rules": spoilt("  - {when: status == 429", many(800, "  - {when: stat%d == 429, kind: throttled}\n")+"  - {when: status == 429"),
		"a rule of loops": spoilt("status == 429", `'body.list.map(a, body.list.map(b, body.list.map(c, a))).size() > 0'`), "a long rule": spoilt("status == 429", "'"+strings.Repeat("status == 429 || ", 5000)+"true'"), "a rule of brackets": spoilt("status == 429", strings.Repeat("(", 5000)+"true"+strings.Repeat(")", 5000)),
		"a costly pattern": spoilt("status == 429", `'body.text.matches("`+strings.Repeat("(a{1,30}b?){1,30}", 4)+`")'`), "a long path": spoilt("/{object}/update", "/"+fill("{object}")), "braces in a path": spoilt("/{object}/update", fill("{")), "a deep body": spoilt("{list: \"{calls}\"}", strings.Repeat("{a: ", 40)+"1"+strings.Repeat("}", 40)),
		"a wide body": spoilt("{list: \"{calls}\"}", "{"+many(2000, "a%d: \"{nowhere}\", ")+"b: 1}"), "http": spoilt("https://api.example.com", "http://169.254.169.254"), "a password": spoilt("https://api.example.com", "https://u:canary-7f3a9b@h"), "a URL of 200 KB": spoilt("https://api.example.com", "https://"+fill("a")[:200_000]),
		"a bound of nothing": spoilt("max_inflight: 1m", "max_inflight: -1m"), "digits": spoilt("items: 3,", "items: "+fill("9")+","), "many plans": spoilt("{basic: {calls: 100}}", "{"+many(1000, "p%d: {cals: 1}, ")+"}"),
	}
	_, _ = providers.Compile("warm.yaml", []byte(small), providers.Options{})
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			src, took, bytes := []byte(text), time.Hour, uint64(0)
			var ds document.Diagnostics
			for try := 0; try == 0 || timed && try < 20 && took >= refusalTime; try++ {
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				began, used := time.Now(), spent()
				_, ds = providers.Compile("hostile.yaml", src, providers.Options{})
				took = min(took, time.Since(began), spent()-used)
				runtime.ReadMemStats(&after)
				bytes = after.TotalAlloc - before.TotalAlloc
			}
			require.True(t, ds.HasErrors())
			require.NotContains(t, ds.Error(), "canary-7f3a9b")
			if timed {
				require.Less(t, bytes, uint64(refusalBytes))
				require.Less(t, took, refusalTime)
			}
			t.Logf("refused in %.1f ms and %.1f MiB: %s", float64(took.Microseconds())/1000, float64(bytes)/(1<<20), ds[0].Message)
		})
	}
}
