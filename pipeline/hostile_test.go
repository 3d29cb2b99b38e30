package pipeline

import (
	"errors"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
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
	require.Less(t, len(err.Error()), 1000)
	if timed {
		require.Less(t, bytes, uint64(refusalBytes))
		require.Less(t, took, refusalTime)
	}
	t.Logf("refused in %.1f ms and %.1f MiB: %v", float64(took.Microseconds())/1000, float64(bytes)/(1<<20), err)
}

// TestHostileEvents: whatever a message is made of, it becomes a dead letter
// cheaply.
func TestHostileEvents(t *testing.T) {
	const full = 1<<20 - 200
	fill := func(s string) string { return strings.Repeat(s, full/len(s)) }
	const head = `{"event_id":"e","org_id":"acme","record_type":"contact","record_id":"c-1","version":1,"op":"update","occurred_at":"2026-11-22T10:00:00Z"`
	const data = head + `,"data":`
	cases := map[string]string{
		"64 MiB": strings.Repeat(" ", 64<<20), "one byte too many": data + `{"a":"` + strings.Repeat("a", 1<<20) + `"}}`, "empty": "", "blanks": fill(" "), "text": fill("hello "), "NUL": fill("\x00"), "bad bytes": fill("\xff"), "list": "[" + fill("1,") + "1]",
		"open brackets": fill("["), "open braces": fill(`{"a":`), "open text": `{"` + fill("a"), "backslashes": `{"` + fill("\\"), "digits": `{"version":` + fill("9"), "exponents": `{"version":` + fill("1e"), "commas": "{" + fill(","),
		"33 levels": data + strings.Repeat(`{"a":`, 33) + "1" + strings.Repeat("}", 33) + "}", "levels without end": data + fill(`{"a":`), "levels of lists": data + `{"a":` + fill("[") + fill("]"),
		"many members and no end": data + "{" + fill(`"a":1,`), "many texts and no end": data + `{"a":[` + fill(`"b",`), "bad escape": data + `{"a":"` + fill(`\u00e9`) + `\x"}}`, "half a surrogate and no end": data + `{"a":"` + fill(`\ud800`), "bad UTF-8 in the data": data + `{"a":"` + fill("é") + "\xff" + `"}}`,
		"control characters": data + `{"a":"` + fill("\n") + `"}}`, "two values": data + `{}}` + fill("{}"), "data twice": data + `{"a":1},"data":{}}`, "op twice": head + `,"op":"delete","data":{}}`, "data that is a list": data + "[" + fill("1,") + "1]}",
		"version of 400 digits": strings.Replace(data, `"version":1`, `"version":`+strings.Repeat("9", 400), 1) + "{}}", "version 1e3": strings.Replace(data, `"version":1`, `"version":1e3`, 1) + "{}}", "version 1.0": strings.Replace(data, `"version":1`, `"version":1.0`, 1) + "{}}",
		"negative version": strings.Replace(data, `"version":1`, `"version":-1`, 1) + "{}}", "version as text": strings.Replace(data, `"version":1`, `"version":"1"`, 1) + "{}}", "NaN": strings.Replace(data, `"version":1`, `"version":NaN`, 1) + "{}}",
		"id of 1 MiB": strings.Replace(data, `"c-1"`, `"`+fill("c")[:full-200]+`"`, 1) + "{}}", "id with NUL": strings.Replace(data, `"c-1"`, `"c\u0000"`, 1) + "{}}", "org with a slash": strings.Replace(data, `"acme"`, `"a/b"`, 1) + "{}}", "escaped slash": strings.Replace(data, `"acme"`, `"a\u002fb"`, 1) + "{}}",
		"100,000 changed": head + `,"changed":[` + strings.Repeat(`"f",`, 100_000) + `"f"],"data":{}}`, "a cloud event in itself": `{"specversion":"1.0","id":"x","time":"2026-11-22T10:00:00Z","data":` + strings.Repeat(`{"specversion":"1.0","data":`, 1000),
		"UTF-16": "\xff\xfe{\x00}\x00", "byte order mark": "\xef\xbb\xbf" + data + "{}}", "comments": data + "{/* */}}", "single quotes": strings.ReplaceAll(data, `"`, "'") + "{}}",
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			var d Decoder
			m := crmsync.Message{Value: []byte(text)}
			requireCheap(t, func() error {
				if _, f := d.Decode(&m); f != nil {
					return f
				}
				return nil
			})
		})
	}
}

// TestHostileHeaders: keys and headers are a producer's as well.
func TestHostileHeaders(t *testing.T) {
	many := make([]crmsync.Header, 300_000)
	for i := range many {
		many[i].Key = "h"
	}
	cases := map[string]crmsync.Message{
		"many headers":           {Value: []byte("{}"), Headers: many},
		"a header of 64 MiB":     {Value: []byte("{}"), Headers: []crmsync.Header{{Key: crmsync.HeaderVersion, Value: make([]byte, 64<<20)}}},
		"a key of 64 MiB":        {Key: make([]byte, 64<<20)},
		"version of many digits": {Key: []byte("acme/contact/c-1"), Headers: []crmsync.Header{{Key: crmsync.HeaderVersion, Value: []byte(strings.Repeat("9", 200_000))}}},
		"key without parts":      {Key: []byte("acme")}, "key of slashes": {Key: []byte(strings.Repeat("/", 100_000))}, "key of bad bytes": {Key: []byte("a/b/\xff")}, "no key": {},
	}
	for name, m := range cases {
		t.Run(name, func(t *testing.T) {
			var d Decoder
			requireCheap(t, func() error {
				if _, f := d.Decode(&m); f != nil {
					return f
				}
				return nil
			})
		})
	}
}

// TestHostileBodies: a waiting entry's body is a row of ours, and a row can be
// damaged.
func TestHostileBodies(t *testing.T) {
	const full = 4<<20 - 100
	fill := func(s string) string { return strings.Repeat(s, full/len(s)) }
	cases := map[string]string{
		"empty": "", "another form": "2[]", "too large": "1" + strings.Repeat(" ", 4<<20), "blanks": "1" + fill(" "), "NUL": "1" + fill("\x00"), "bad bytes": "1" + fill("\xff"), "brackets": "1" + fill("["), "braces": "1" + fill(`{"a":`),
		"nobody's messages": "1[" + fill("{},") + "{}]", "nulls": "1[" + fill("null,") + "null]", "messages without end": "1[" + fill(`{"topic":"t"},`), "many messages": "1[" + fill(`{"topic":"t"},`) + `{"topic":"t"}]`, "three messages": `1[{"topic":"t"},{"topic":"t"},{"topic":"t"}]`,
		"headers without end": `1[{"topic":"t","headers":[` + fill(`{},`), "headers of nobody": `1[{"headers":[` + fill(`{},`) + `{}]}]`, "a broken value": `1[{"topic":"t","value":"` + fill("A") + `!"}]`, "digits": `1[{"offset":` + fill("9") + `}]`, "half": `1[{"topic":"t","value":"` + fill("A"),
		"unknown members": "1[{" + fill(`"a":1,`) + `"b":2}]`, "two values": "1[]" + fill("[]"),
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			body := []byte(text)
			requireCheap(t, func() error {
				_, err := unpack(body)
				require.True(t, err == nil || errors.Is(err, errUnreadable))
				return err
			})
		})
	}
}

// TestHostileNotes: what stands beside an offset may be another program's.
func TestHostileNotes(t *testing.T) {
	for name, text := range map[string]string{
		"1 MiB": strings.Repeat("a", 1<<20), "blanks": strings.Repeat(" ", 1<<20), "digits": "crmsync/1 epoch=" + strings.Repeat("9", 1<<20) + " window=1", "zeros": "crmsync/1 epoch=" + strings.Repeat("0", 1<<20) + "1 window=1", "NUL": strings.Repeat("\x00", 4096),
		"a greater window": "crmsync/1 epoch=1 window=99999999999", "another version": "crmsync/2 epoch=1 window=1 clean",
	} {
		t.Run(name, func(t *testing.T) {
			requireCheap(t, func() error {
				if _, ok := parseNote(text); !ok {
					return errors.New("not understood")
				}
				return nil
			})
		})
	}
}
