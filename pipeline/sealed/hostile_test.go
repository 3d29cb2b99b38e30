package sealed_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/sealed"
)

// What one bad input may cost.
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
	require.Equal(t, crmsync.Denied, crmsync.KindOf(err), "%v", err)
	require.Less(t, len(err.Error()), 10_000)
	if timed {
		require.Less(t, bytes, uint64(refusalBytes))
		require.Less(t, took, refusalTime)
	}
	t.Logf("refused in %.1f ms and %.1f MiB", float64(took.Microseconds())/1000, float64(bytes)/(1<<20))
}

// TestHostileFiles: whatever a credentials file is made of, it is refused
// cheaply.
func TestHostileFiles(t *testing.T) {
	const full = 4<<20 - 100
	fill := func(s string) string { return strings.Repeat(s, full/len(s)) }
	rows := func(format string) string {
		var b strings.Builder
		for i := 0; b.Len() < full-1000; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	const head = `{"version": 1, "credentials": [`
	box := base64.StdEncoding.EncodeToString(make([]byte, 300))
	cases := map[string]string{
		"too large": strings.Repeat(" ", 4<<20+1), "zeros": fill("\x00"), "bad bytes": fill("\xff"), "blanks": fill(" "), "open brackets": fill("["), "open braces": fill(`{"a":`),
		"open text": `{"version": 1, "` + fill("x"), "digits": `{"version": ` + fill("9"), "deep version": `{"version": ` + fill("["), "keys": "{" + fill(`"version":`),
		"empty rows": head + fill("{},"), "nulls": head + fill("null,"), "deep row": head + fill("["), "deep in a row": head + `{"org": ` + fill(`{"a":`),
		"one box": head + `{"org": "a", "name": "b", "key": "k", "box": "` + fill("A"), "one name": head + `{"org": "` + fill("a") + `"}]}`, "escapes": head + `{"org": "` + fill(`\u0041`) + `"}]}`,
		"good rows and no end":         head + rows(`{"org": "org-%d", "name": "main", "key": "k-1", "box": "`+box+`"},`),
		"small rows and no end":        head + rows(`{"org":"%d","box":"AA=="},`),
		"good rows and then a bad one": head + rows(`{"org": "org-%d", "name": "main", "key": "k-1", "box": "`+box+`"},`) + `{}]}`,
		"the same row at the end":      head + rows(`{"org": "org-%d", "name": "main", "key": "k-1", "box": "`+box+`"},`) + `{"org": "org-7", "name": "main", "key": "k-1", "box": "AA=="}]}`,
		"rows with other keys":         head + rows(`{"org": "org-%d", "secret": "canary"},`),
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			at := path(t)
			require.NoError(t, os.WriteFile(at, []byte(text), 0o600))
			requireCheap(t, func() error {
				_, err := sealed.OpenFile("file:" + at)
				return err
			})
		})
	}
	t.Run("a device", func(t *testing.T) {
		requireCheap(t, func() error {
			_, err := sealed.OpenFile("file:/dev/zero")
			return err
		})
	})
}

// TestFullFile: a file never holds more than can be read back.
func TestFullFile(t *testing.T) {
	at := path(t)
	file := openFile(t, at)
	rows := make([]crmsync.SealedCredential, 10_000)
	for i := range rows {
		rows[i] = row(fmt.Sprintf("n-%d", i))
	}
	require.NoError(t, file.PutSealed(t.Context(), rows))
	err := file.PutSealed(t.Context(), []crmsync.SealedCredential{row("one more")})
	require.Regexp(t, `^rejected too_large: write credentials: `+at+` would hold 10001 credentials in \d+ bytes, at most 10000 in 4194304 are read: keep more in PostgreSQL$`, err.Error())
	large := row("large")
	large.Box = make([]byte, 4<<20)
	err = openFile(t, path(t)).PutSealed(t.Context(), []crmsync.SealedCredential{large})
	require.Equal(t, crmsync.Rejected, crmsync.KindOf(err))
	err = file.PutSealed(t.Context(), []crmsync.SealedCredential{row(strings.Repeat("n", 4097))})
	require.EqualError(t, err, "rejected bad_value: write credentials: an id has more than 4096 bytes")
	again, err := openFile(t, at).Sealed(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, again, 10_000)
}

// TestHostileRings: whatever a key file is made of, it is refused cheaply.
func TestHostileRings(t *testing.T) {
	const full = 64 << 10
	fill := func(s string) string { return strings.Repeat(s, full/len(s)) }
	var keys strings.Builder
	for i := range 101 {
		fmt.Fprintf(&keys, "crmsync-key-1:k-%d:%s\n", i, goodKey)
	}
	cases := map[string]string{
		"too large": fill("#") + "#", "comments": fill("#\n"), "breaks": fill("\n"), "zeros": fill("\x00"), "bad bytes": fill("\xff"), "colons": fill(":"), "one line": fill("a"),
		"101 keys": keys.String(), "long id": "crmsync-key-1:" + fill("a")[:60_000] + ":" + goodKey, "long key": "crmsync-key-1:a:" + fill("A")[:60_000], "labels": fill("crmsync-key-1:"),
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			requireCheap(t, func() error {
				_, err := sealed.ParseRing("hostile.key", []byte(text))
				return err
			})
		})
	}
}

// FuzzOpen opens any box: only the one that was sealed for that id under that
// key opens, and gives back what was sealed.
func FuzzOpen(f *testing.F) {
	f.Add("acme", "main", "k1", []byte("box"), 0, byte(0))
	f.Add("acme", "main", "k1", []byte{}, 30, byte(1))
	f.Add("", "\xff", "k2", []byte(strings.Repeat("x", 300)), 12, byte(0x80))
	f.Fuzz(func(t *testing.T, org, name, keyID string, plain []byte, at int, flip byte) {
		r := ring(t, 1, "k1", "k2")
		rows, err := r.Seal(t.Context(), []crmsync.Credential{credential(org, name, string(plain))})
		require.NoError(t, err)
		rows = append(rows, crmsync.SealedCredential{ID: id(org, name), KeyID: keyID, Box: plain})
		_, err = r.Open(t.Context(), rows[1:])
		require.Equal(t, crmsync.Denied, crmsync.KindOf(err), "a box that nobody sealed")
		whole := rows[0]
		if at >= 0 && at < len(whole.Box) {
			whole.Box[at] ^= flip
		}
		opened, err := r.Open(t.Context(), []crmsync.SealedCredential{whole})
		if flip != 0 && at >= 0 && at < len(whole.Box) {
			require.Equal(t, crmsync.Denied, crmsync.KindOf(err), "a byte was changed")
			return
		}
		require.NoError(t, err)
		require.Equal(t, string(plain), opened[0].Secret.Reveal())
		whole.ID.Org += "x"
		_, err = r.Open(t.Context(), []crmsync.SealedCredential{whole})
		require.Equal(t, crmsync.Denied, crmsync.KindOf(err), "another org's")
	})
}
