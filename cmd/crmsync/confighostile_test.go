package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What one bad input may cost.
const (
	refusalTime  = 100 * time.Millisecond
	refusalBytes = 64 << 20
)

// canaryText stands where a secret would.
const canaryText = "canary-7f3a9b"

// spent returns the processor time that the process has used so far. A bound on
// it holds on a machine with other work too, where the clock runs on.
func spent() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return time.Duration(time.Now().UnixNano())
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// requireCheap runs what refuses a bad input: in less than 100 ms of the clock
// or of a processor, and less than 64 MiB of all memory ever asked for.
func requireCheap(t *testing.T, refuse func() error) {
	t.Helper()
	took, bytes := time.Hour, uint64(0)
	var err error
	for try := 0; try == 0 || timed && try < 20 && took >= refusalTime; try++ {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		began, used := time.Now(), spent()
		err = refuse()
		took = min(took, time.Since(began), spent()-used)
		runtime.ReadMemStats(&after)
		bytes = after.TotalAlloc - before.TotalAlloc
	}
	require.Error(t, err)
	require.Less(t, len(err.Error()), 256<<10)
	require.NotContains(t, err.Error(), canaryText)
	if timed {
		require.Less(t, bytes, uint64(refusalBytes))
		require.Less(t, took, refusalTime)
	}
	t.Logf("refused in %.1f ms and %.1f MiB", float64(took.Microseconds())/1000, float64(bytes)/(1<<20))
}

// TestHostileConfigs: whatever a configuration is made of, it is refused
// cheaply, and no refusal repeats a secret.
func TestHostileConfigs(t *testing.T) {
	const full = 256<<10 - 1000
	fill := func(s string) string { return strings.Repeat(s, full/len(s)) }
	many := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	cases := map[string]string{
		"too large": strings.Repeat("# nothing\n", 100_000), "NUL": fill("\x00"), "bad bytes": fill("\xff"), "UTF-16": "\xff\xfek\x00", "tabs": fill("\t\tkafka: {}\n"), "brackets": fill("["), "braces": fill("{a: "), "dashes": fill("- "), "documents": fill("---\n"),
		"aliases": "kafka: &a {topic: x}\n" + many(3000, "k%d: *a\n"), "merge keys": "kafka: {<<: &x {topic: a}}\n", "tags": "kafka: !!python/object {}\n", "unknown keys": many(2000, "k%d: 1\n"), "near keys": many(2000, "kafk%d: {topik: x}\n"), "one key": fill("kafka: {}\n"),
		"brokers": "kafka: {brokers: [" + many(4000, "%d,") + "1]}\n", "wrong types": "engine: {" + many(2000, "window%d: [], ") + "window: []}\n", "digits": "engine: {window: " + fill("9") + "}\n", "long durations": "engine: {linger: " + fill("9h") + "}\n", "providers": "providers: {" + many(1200, "p%d: {base_url: \"::\"}, ") + "}\n",
		"a secret of the wrong type": "kafka: {sasl: {password: [" + canaryText + "]}}\n", "a secret beside a fault": "kafka: {sasl: {password: " + canaryText + "}, topik: x}\n", "a URL with a secret": "state: {url: \"mysql://u:" + canaryText + "@h/d\"}\n", "a secret twice": "redis: {url: " + canaryText + ", url: " + canaryText + "}\n",
		"a list for the file": fill("- a\n"), "text for the file": fill("hello "), "open quote": "kafka: \"" + fill("b\n"), "a window of 0": "engine: {window: 0}\n", "a URL in a provider": "providers: {hubspot: {base_url: nowhere}}\n",
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "crmsync.yaml")
			require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
			requireCheap(t, func() error {
				_, _, err := readConfig(file, nil)
				return err
			})
		})
	}
	t.Run("a device", func(t *testing.T) {
		requireCheap(t, func() error {
			_, _, err := readConfig("/dev/zero", nil)
			return err
		})
	})
}

// TestHostileEnvironments: variables are read like the file.
func TestHostileEnvironments(t *testing.T) {
	many := make([]string, 2000)
	for i := range many {
		many[i] = fmt.Sprintf("CRMSYNC_KAFKA_TOPIK_%d=%s", i, canaryText)
	}
	cases := map[string][]string{
		"unknown variables": many, "a device for a secret": {"CRMSYNC_STATE_URL_FILE=/dev/zero"}, "digits": {"CRMSYNC_ENGINE_WINDOW=" + strings.Repeat("9", 100_000)}, "a duration": {"CRMSYNC_REDIS_TTL=" + strings.Repeat("9h", 50_000)},
		"a secret for a number": {"CRMSYNC_ENGINE_WINDOW=" + canaryText}, "a secret for a URL": {"CRMSYNC_STATE_URL=" + canaryText}, "a secret for a level": {"CRMSYNC_LOG_LEVEL=" + canaryText}, "no name": {"CRMSYNC_=x"},
	}
	for name, env := range cases {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			requireCheap(t, func() error {
				_, _, err := readConfig("", env)
				return err
			})
		})
	}
}
