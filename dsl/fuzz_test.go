package dsl

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync"
)

func FuzzLoad(f *testing.F) {
	for _, r := range Rules() {
		for _, s := range append(r.Bad, r.Good...) {
			f.Add([]byte(s.Files[sampleMapping]))
		}
	}
	f.Add([]byte("version: 1\nrecord_type: contact\nprovider: hubspot\nobject: contacts\nmatch: {field: a, value: record_id}\nfields: {a: '', b: |\n  x}\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 8<<10 {
			return
		}
		set, ds := loadFiles(map[string]string{sampleOrg: sampleConnection, sampleMapping: string(src), sampleGlobal: sampleFallback})
		require.Equal(t, set == nil, ds.HasErrors())
		for _, d := range ds {
			require.NotEmpty(t, d.Code)
			require.NotEmpty(t, d.Rule, d.Code)
			require.NotEmpty(t, d.Message)
			require.Positive(t, d.Range.Start.Line)
			require.Positive(t, d.Range.Start.Column)
		}
		if set == nil {
			return
		}
		var r Renderer
		p := set.Program(set.Connections("acme")[0], "contact")
		for _, data := range []string{`{}`, `{"email":"a","stage":"won","tags":["x"],"address":{"city":null}}`} {
			call, ok, err := r.Render(p, event(crmsync.Updated, data), nil)
			require.Equal(t, ok, ok && err == nil)
			if ok {
				require.NotZero(t, call.Hash)
			}
		}
	})
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
