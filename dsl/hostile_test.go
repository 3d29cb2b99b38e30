package dsl

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync/dsl/document"
	"crmsync/dsl/expr"
)

// What one bad file may cost.
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

// requireCheap loads a folder with a bad file in it, and requires that it is
// refused in less than 100 ms of the clock or of a processor, and with less
// than 64 MiB of all memory ever asked for. What is made once for all files is
// made before.
func requireCheap(t *testing.T, files map[string]string, change ...func(*Options)) document.Diagnostics {
	t.Helper()
	_, _ = loadFiles(inFields("  email: record.email\n").Files)
	took, bytes := time.Hour, uint64(0)
	var ds document.Diagnostics
	for try := 0; try == 0 || timed && try < 20 && took >= refusalTime; try++ {
		compiler, err := expr.NewCompiler() // it remembers what it has compiled
		require.NoError(t, err)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		began, used := time.Now(), spent()
		_, ds = loadFiles(files, append(change, func(o *Options) { o.Compiler = compiler })...)
		took = min(took, time.Since(began), spent()-used)
		runtime.ReadMemStats(&after)
		bytes = after.TotalAlloc - before.TotalAlloc
	}
	require.True(t, ds.HasErrors())
	if timed {
		require.Less(t, bytes, uint64(refusalBytes))
		require.Less(t, took, refusalTime)
	}
	t.Logf("refused in %.1f ms and %.1f MiB: %s", float64(took.Microseconds())/1000, float64(bytes)/(1<<20), ds[0].Message)
	return ds
}

// TestHostileMappings: what one mapping can make the compiler do is bounded.
func TestHostileMappings(t *testing.T) {
	many := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	cases := map[string]struct {
		fields string
		errors int // 0: any
	}{
		"one long expression in quotes":        {"  email: \"" + strings.Repeat("default(record.email, '') + ", 4000) + "''\"\n", 1},
		"one long expression in a block":       {"  email: |\n" + strings.Repeat("    record.email +\n", 11000) + "    ''\n", 1},
		"many faults with a fix":               {many(500, "  f%d: record.emial\n"), 500},
		"more fields than a mapping may have":  {many(2400, "  f%d: record.emial\n"), 1},
		"many faults in blocks":                {many(500, "  f%d: >-\n    record.email.lowerAscii() + record.emial\n"), 500},
		"more blocks than a mapping may have":  {many(2400, "  f%d: >-\n    record.email.lowerAscii() + record.emial\n"), 1},
		"long expressions":                     {many(60, "  f%d: \""+strings.Repeat("record.email + ", 270)+"''\"\n"), 0},
		"loops inside each other":              {many(500, "  f%d: record.tags.map(a, record.tags.map(b, record.tags.map(c, a + b + c)))\n"), 0},
		"literals of many items":               {many(100, "  f%d: \"["+strings.Repeat("1,", 1200)+"1]\"\n"), 0},
		"deep brackets":                        {many(200, "  f%d: \""+strings.Repeat("(", 600)+"1"+strings.Repeat(")", 600)+"\"\n"), 0},
		"costly patterns":                      {many(200, "  f%d: record.email.matches('"+strings.Repeat("(a{1,30}b?){1,30}", 4)+"')\n"), 0},
		"tables of many entries":               {"  email: {value: record.email, map: {" + strings.TrimSuffix(many(2000, "k%d: v, "), ", ") + "}}\n", 0},
		"unknown options":                      {many(1000, "  f%d: {value: record.email, opt%[1]d: 1}\n"), 0},
		"numbers that don't fit":               {many(1000, "  f%d: 99999999999999999999\n"), 0},
		"names of 255 characters and one more": {many(300, "  "+strings.Repeat("n", 256)+"%d: record.email\n"), 0},
		"fields of one name":                   {strings.Repeat("  email: record.email\n", 2000), 0},
		"bomb of aliases":                      {"  a: &a [x,x,x,x,x,x,x,x,x]\n" + many(8, "  b%[1]d: &b%[1]d [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"), 0},
		"anchors and merge keys":               {many(1000, "  f%d: {<<: &x {value: record.email}}\n"), 0},
		"custom tags":                          {many(1000, "  f%d: !!python/object x\n"), 0},
		"tabs":                                 {strings.Repeat("\t\temail: record.email\n", 5000), 0},
		"control characters":                   {"  email: \"" + strings.Repeat("\x01", 10_000) + "\"\n", 0},
		"NUL":                                  {"  email: record.email\x00\n", 0},
		"bytes that are not UTF-8":             {"  email: \"" + strings.Repeat("\xff", 10_000) + "\"\n", 0},
		"depth":                                {"  email: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "\n", 0},
		"more than 256 KiB":                    {strings.Repeat("  # nothing to see here\n", 12_000), 0},
		"megabytes":                            {strings.Repeat("  email: record.email\n", 300_000), 0},
		"documents":                            {"  email: record.email\n" + strings.Repeat("---\n", 10_000), 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			ds := requireCheap(t, inFile(uncatalogued+sampleMatch+"fields:\n"+c.fields).Files)
			if c.errors > 0 {
				require.Len(t, ds, c.errors)
			}
		})
	}
}

// TestHostileOrgs and its like: the other files of the folder.
func TestHostileOrgs(t *testing.T) {
	const head = "version: 1\nconnections:\n"
	var many strings.Builder
	for i := range 1200 {
		fmt.Fprintf(&many, "  c%d: {provider: hubspott, credential: x}\n", i)
	}
	cases := map[string]string{
		"connections to nowhere": head + many.String(), "one name": head + strings.Repeat("  a: {provider: hubspot, credential: x}\n", 1200),
		"secrets": head + strings.Repeat("  a: {provider: hubspot, credential: x, token: canary-7f3a9b}\n", 1000), "a URL": head + "  a: {provider: hubspot, credential: x, base_url: http://169.254.169.254}\n",
		"bomb": "version: 1\nconnections: &a\n" + strings.Repeat("  b: *a\n", 3000), "depth": head + "  a: " + strings.Repeat("{a: ", 5000), "megabytes": head + strings.Repeat("  a: {}\n", 700_000),
		"binary": strings.Repeat("\x00\xff", 5000), "UTF-16": "\xff\xfe" + strings.Repeat("v\x00", 5000), "documents": strings.Repeat("---\n", 5000), "list": strings.Repeat("- a\n", 4000), "a name of 100,000": head + "  " + strings.Repeat("a", 100_000) + ": {}\n",
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			_ = requireCheap(t, inFields("  email: record.email\n").with(sampleOrg, text).Files)
		})
	}
}

// TestHostileTests: files of tests.
func TestHostileTests(t *testing.T) {
	const head = "version: 1\ntests:\n"
	repeat := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	cases := map[string]string{
		"tests of one name":    head + strings.Repeat("- {name: a, event: {record: {}}, expect: {outcome: filtered}}\n", 500),
		"fields of no schema":  head + "- {name: a, event: {record: {" + strings.TrimSuffix(repeat(2000, "f%d: 1, "), ", ") + "}}, expect: {outcome: filtered}, link: 7}\n",
		"tests without events": head + repeat(1500, "- {name: t%d}\n"), "unknown keys": head + repeat(1000, "- {name: t%d, evnt: {}}\n"), "depth": head + "- {name: a, event: {record: " + strings.Repeat("{a: ", 5000),
		"deep records": head + "- {name: a, event: {record: {a: " + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "}}}\n", "megabytes": head + strings.Repeat("- {}\n", 900_000), "bomb": head + "- &a {name: a}\n" + strings.Repeat("- *a\n", 3000),
		"binary": strings.Repeat("\x00\xff", 5000), "big numbers": head + "- {name: a, event: {record: {score: " + strings.Repeat("9", 100_000) + "}}}\n",
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			_ = requireCheap(t, inFields("  email: record.email\n").with(runFile, text).Files)
		})
	}
}

// TestHostileSchemas: schemas of records and catalogues of objects stand beside
// the mappings.
func TestHostileSchemas(t *testing.T) {
	const record, catalogue = "records/contact.schema.json", "orgs/acme/hubspot/contacts.json"
	nested := strings.Repeat(`{"type":"object","properties":{"a":`, 9000)
	many := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	cases := map[string]struct{ file, text string }{
		"no JSON":               {record, strings.Repeat("x", 200_000)},
		"larger than it may be": {record, `{"type":"object","properties":{` + many(20_000, `"f%d":{"type":"string"},`) + `"a":{}}}`},
		"more fields":           {record, `{"type":"object","properties":{` + many(7_000, `"f%d":{"type":"string"},`) + `"a":{}}}`},
		"depth":                 {record, nested[:250_000]},
		"itself inside itself":  {record, `{"type":"object","properties":{"a":{"$ref":"#/definitions/a"}},"definitions":{"a":{"type":"object","properties":{"b":{"$ref":"#/definitions/a"},"c":{"$ref":"#/definitions/a"}}}}}`},
		"fields of nothing":     {record, `{"type":"object","properties":{` + many(20_000, `"%d":7,`) + `"a":7}}`},
		"a list":                {record, `[` + strings.Repeat("{},", 60_000) + `{}]`},
		"binary":                {record, strings.Repeat("\x00\xff", 100_000)},
		"megabytes":             {record, strings.Repeat(" ", 64<<20)},

		"catalogue, no JSON":      {catalogue, strings.Repeat("x: y: ", 100_000)},
		"catalogue, megabytes":    {catalogue, strings.Repeat(" ", 64<<20)},
		"catalogue, depth":        {catalogue, strings.Repeat(`{"a":`, 100_000)},
		"catalogue, unknown keys": {catalogue, `{"object":"contacts","fields":{` + many(3_000, `"f%d":{"typ":"string"},`) + `"a":{"type":"string"}}}`},
		"catalogue, cut off":      {catalogue, `{"object":"contacts","fields":{` + many(12_000, `"f%d":{"type":"string","label":"Label of a field","max_length":100},`)},
		"catalogue, options":      {catalogue, `{"object":"contacts","fields":{"a":{"type":"string","options":[` + strings.Repeat(`"an option",`, 80_000) + `7]}}}`},
		"catalogue, brackets":     {catalogue, strings.Repeat("[", 1<<20)},
		"catalogue, commas":       {catalogue, "[" + strings.Repeat(",", 4<<20)},
		"catalogue, patterns":     {catalogue, `{"object":"contacts","fields":{"a":{"type":"string"}},"custom_fields":"` + strings.Repeat("(a{1,999}){1,999}", 1000) + `"}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			schemas := fstest.MapFS{c.file: {Data: []byte(c.text)}}
			_ = requireCheap(t, inFields("  email: record.email\n").Files, func(o *Options) { o.Schemas = schemas })
		})
	}
}
