package dsl

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/dsl/document"
	"crmsync/dsl/expr"
)

// FuzzLoad takes any text for a mapping. A set comes out of a folder without
// errors and of no other, every diagnostic says what is wrong and where, the
// same text gives the same answer, and what compiles renders any record.
func FuzzLoad(f *testing.F) {
	for _, r := range Rules() {
		for _, s := range append(r.Bad, r.Good...) {
			f.Add([]byte(s.Files[sampleMapping]))
		}
	}
	seeds(f, "../mappings/*/*/*.yaml")
	f.Add([]byte("version: 1\nrecord_type: contact\nprovider: hubspot\nobject: contacts\nmatch: {field: a, value: record_id}\nfields: {a: '', b: |\n  x}\n"))
	f.Add([]byte("version: 1\nrecord_type: contact\nprovider: hubspot\nextends: global\non_missing: recreate\nvars: {a: [1, {b: null}]}\nfields: {phone: null}\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 8<<10 {
			t.Skip("larger ones are the hostile tables' part")
		}
		files := map[string]string{sampleOrg: sampleConnection, sampleMapping: string(src), sampleGlobal: sampleFallback}
		set := loadsAlike(t, files)
		if set == nil {
			return
		}
		p := set.Program(set.Connections("acme")[0], "contact")
		for _, data := range []string{`{}`, `{"email":"a","stage":"won","tags":["x"],"address":{"city":null}}`} {
			for _, link := range []*crmsync.Link{nil, {ExternalID: "51"}} {
				rendersAlike(t, p, event(crmsync.Updated, data), link)
			}
		}
		rendersAlike(t, p, event(crmsync.Deleted, ""), &crmsync.Link{ExternalID: "51"})
	})
}

// FuzzOrg takes any text for an org.yaml: what is accepted names connections
// that are complete, sorted and of this org.
func FuzzOrg(f *testing.F) {
	for _, r := range Rules() {
		for _, s := range append(r.Bad, r.Good...) {
			f.Add([]byte(s.Files[sampleOrg]))
		}
	}
	seeds(f, "../mappings/*/org.yaml")
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 8<<10 {
			t.Skip("larger ones are the hostile tables' part")
		}
		set := loadsAlike(t, map[string]string{sampleOrg: string(src), sampleGlobal: sampleFallback})
		if set == nil {
			return
		}
		require.Equal(t, []string{"acme"}, set.Orgs())
		names := []string{}
		for _, c := range set.Connections("acme") {
			require.Equal(t, "acme", c.ID.Org)
			require.NotEmpty(t, c.ID.Name)
			require.NotEmpty(t, c.Credential)
			require.Contains(t, []string{"hubspot", "pipedrive"}, c.Provider)
			names = append(names, c.ID.Name)
		}
		require.True(t, slices.IsSorted(names))
		require.Len(t, slices.Compact(names), len(set.Connections("acme")))
	})
}

// FuzzMappingTests takes any text for a file of tests: what is accepted runs,
// one result for each test, the same each time, and only a test that passes has
// no difference.
func FuzzMappingTests(f *testing.F) {
	for _, r := range Rules() {
		for _, s := range append(r.Bad, r.Good...) {
			f.Add([]byte(s.Files[runFile]))
		}
	}
	seeds(f, "../mappings/*/*/*_test.yaml")
	f.Add([]byte("version: 1\ntests:\n- {name: a, event: {record: {score: x, email: A}, version: 3}, link: {external_id: '5', deleted: true}, expect: {error: {code: wrong_type}}}\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 8<<10 {
			t.Skip("larger ones are the hostile tables' part")
		}
		set := loadsAlike(t, map[string]string{sampleOrg: sampleConnection, sampleMapping: runMapping, runFile: string(src)})
		if set == nil {
			return
		}
		report, err := set.RunTests()
		require.NoError(t, err)
		require.NotEmpty(t, report.Results)
		for _, r := range report.Results {
			require.Equal(t, r.Passed, len(r.Differences) == 0)
			require.Positive(t, r.Line)
		}
		require.LessOrEqual(t, report.Coverage.FieldsHit, report.Coverage.Fields)
		again, err := set.RunTests()
		require.NoError(t, err)
		require.Equal(t, report, again)
	})
}

// seeds adds real files to the corpus.
func seeds(f *testing.F, pattern string) {
	f.Helper()
	names, err := filepath.Glob(pattern)
	require.NoError(f, err)
	require.NotEmpty(f, names)
	for _, name := range names {
		text, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(text)
	}
}

// fuzzCompiler is made once: that takes longer than a load.
var fuzzCompiler = sync.OnceValues(expr.NewCompiler)

// loadsAlike loads the folder twice, and requires the same set or the same
// faults, all of them with a place. It returns nil if there are errors.
func loadsAlike(t *testing.T, files map[string]string) *Set {
	t.Helper()
	compiler, err := fuzzCompiler()
	require.NoError(t, err)
	shared := func(o *Options) { o.Compiler = compiler }
	set, ds := loadFiles(files, shared)
	require.Equal(t, set == nil, ds.HasErrors())
	for _, d := range ds {
		requirePlaced(t, files, d)
	}
	again, same := loadFiles(files, shared)
	require.Equal(t, ds, same)
	if set != nil {
		require.Equal(t, set.Hash(), again.Hash())
	}
	return set
}

// requirePlaced requires of a diagnostic that it can be shown: what is wrong by
// which rule, and a range inside of its file.
func requirePlaced(t *testing.T, files map[string]string, d document.Diagnostic) {
	t.Helper()
	require.NotEmpty(t, d.Code)
	require.NotEmpty(t, d.Rule, d.Code)
	require.NotEmpty(t, d.Message)
	require.NotContains(t, d.Message, "itself: it panicked")
	require.LessOrEqual(t, d.Range.Start.Compare(d.Range.End), 0, d.Message)
	text, known := files[strings.TrimPrefix(d.File, "mappings/")]
	require.True(t, known || d.File == "mappings" || strings.HasPrefix("mappings/"+sampleMapping, d.File), d.File)
	lines := strings.Split(text, "\n")
	for _, p := range []document.Position{d.Range.Start, d.Range.End} {
		require.Positive(t, p.Line)
		require.Positive(t, p.Column)
		require.LessOrEqual(t, p.Line, len(lines), d.Message)
		require.LessOrEqual(t, p.Column, utf8.RuneCountInString(lines[p.Line-1])+1, d.Message)
	}
}

// rendersAlike renders an event twice, and requires the same call or the same
// fault: JSON of fields that the program has, within the bounds, or a rejection
// that stands in a file and is no mistake of ours.
func rendersAlike(t *testing.T, p *Program, ev *crmsync.Event, link *crmsync.Link) {
	t.Helper()
	var first, second Renderer
	call, ok, err := first.Render(p, ev, link)
	again, okAgain, errAgain := second.Render(p, ev, link)
	require.Equal(t, ok, okAgain)
	require.Equal(t, err, errAgain)
	if err != nil {
		require.False(t, ok)
		fault := faultOf(t, err)
		require.Equal(t, crmsync.Rejected, fault.Kind)
		require.NotEqual(t, CodePanic, fault.Code, fault.Message)
		require.NotEmpty(t, fault.Code)
		require.True(t, strings.HasPrefix(fault.Where, "mappings/"), fault.Where)
		return
	}
	if !ok {
		return
	}
	require.Equal(t, call, again)
	if operation, _ := p.Operation(ev.Op, link); operation != crmsync.Find {
		require.NotZero(t, call.Hash)
	}
	if len(call.Fields) == 0 {
		return
	}
	var fields map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(call.Fields, &fields), "%s", call.Fields)
	for name, value := range fields {
		require.LessOrEqual(t, len(value), maxFieldBytes)
		require.True(t, ev.Op == crmsync.Deleted || slices.Contains(p.Fields(), name), name)
	}
}

func BenchmarkLoad1000(b *testing.B) {
	files := map[string]string{sampleGlobal: sampleFallback}
	for i := range 1000 {
		org := fmt.Sprintf("org%04d", i)
		files[org+"/org.yaml"] = sampleConnection
		files[org+"/hubspot/contact.yaml"] = fmt.Sprintf("%s%svars: {name: o%d}\nfields:\n  email: lower(trim(record.email))\n  firstname: record.first_name + ' %d'\n  phone: {value: \"e164(record.phone, 'GB')\", on_error: omit}\n  lifecyclestage: {value: record.stage, map: {lead: lead, won: customer}, default: other}\n  country: countryName(record.country)\n", sampleHead, sampleMatch, i, i)
	}
	b.ReportAllocs()
	for b.Loop() {
		set, ds := loadFiles(files)
		if set == nil {
			b.Fatal(ds)
		}
	}
}
