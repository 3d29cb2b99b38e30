package dsl

import (
	"encoding/json"
	"fmt"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// The record of 22 fields, 1 KB as an event, and the mapping of 15 that
// docs/performance.md speaks of.
const (
	benchSchema = `{"type":"object","additionalProperties":false,"required":["first_name","last_name","email","status","annual_revenue","employees","score","created_at","address","tags"],"properties":{
		"first_name":{"type":"string","maxLength":100},"last_name":{"type":"string","maxLength":100},"email":{"type":"string","maxLength":254},
		"phone":{"type":"string","maxLength":40},"mobile":{"type":"string","maxLength":40},"job_title":{"type":"string","maxLength":100},
		"company":{"type":"string"},"department":{"type":"string"},"status":{"type":"string"},"lead_source":{"type":"string"},
		"annual_revenue":{"type":"string","maxLength":20},"employees":{"type":"integer"},"score":{"type":"number"},"opted_in":{"type":"boolean"},
		"created_at":{"type":"string","format":"date-time"},"updated_at":{"type":"string"},"website":{"type":"string"},"owner_id":{"type":"string"},
		"language":{"type":"string"},"timezone":{"type":"string"},"notes":{"type":"string"},
		"address":{"type":"object","additionalProperties":false,"required":["street","city","postal_code","country"],"properties":{"street":{"type":"string","maxLength":100},"city":{"type":"string","maxLength":100},"state":{"type":"string"},"postal_code":{"type":"string","maxLength":20},"country":{"type":"string","maxLength":2}}},
		"tags":{"type":"array","maxItems":20,"items":{"type":"string","maxLength":50}}}}`
	benchMapping = `version: 1
record_type: contact
provider: hubspot
object: people
match: {field: crmsync_id, value: record_id}
fields:
  email: lower(trim(record.email))
  firstname: record.first_name
  lastname: record.last_name
  full_name: record.first_name + " " + record.last_name
  phone: coalesce(record.mobile, record.phone)
  jobtitle: default(record.job_title, "Unknown")
  lifecyclestage: {value: record.status, map: {lead: lead, mql: marketingqualifiedlead, sql: salesqualifiedlead, opportunity: opportunity, customer: customer}}
  hs_lead_status: 'record.score >= 80.0 ? "HOT" : (record.score >= 50.0 ? "WARM" : "COLD")'
  annualrevenue: {value: record.annual_revenue, type: number}
  numberofemployees: record.employees
  city: record.address.city
  address: record.address.street + ", " + record.address.postal_code + " " + record.address.city
  country: upper(record.address.country)
  createdate: epochMillis(record.created_at)
  tags: record.tags.join(";")
`
	benchData = `{"first_name":"Marguerite","last_name":"Okonkwo-Lindqvist","email":"  Marguerite.Okonkwo3@Example.COM ","phone":"+46 70 123 45 67","mobile":"+46 73 987 65 43","job_title":"Head of Procurement","company":"Nordic Paper & Pulp AB","department":"Operations","status":"opportunity","lead_source":"trade_show","annual_revenue":"125000.50","employees":203,"score":3.5,"opted_in":true,"created_at":"2024-03-11T14:05:09Z","updated_at":"2026-08-14T09:26:53Z","website":"https://www.nordicpaper.example/about?ref=crm","owner_id":"usr_00042","language":"sv-SE","timezone":"Europe/Stockholm","notes":"Met at the Stockholm fair; asked for a quote on 40t of kraft liner. \"Call back in week 35\" \u2013 prefers e-mail.","address":{"street":"Storgatan 14B, 3 tr","city":"Karlstad","state":"Värmland","postal_code":"652 24","country":"se"},"tags":["vip","paper","nordics","q3-campaign"]}`
	benchWant = `{"address":"Storgatan 14B, 3 tr, 652 24 Karlstad","annualrevenue":125000.50,"city":"Karlstad","country":"SE","createdate":1710165909000,"email":"marguerite.okonkwo3@example.com","firstname":"Marguerite","full_name":"Marguerite Okonkwo-Lindqvist","hs_lead_status":"COLD","jobtitle":"Head of Procurement","lastname":"Okonkwo-Lindqvist","lifecyclestage":"opportunity","numberofemployees":203,"phone":"+46 73 987 65 43","tags":"vip;paper;nordics;q3-campaign"}`
)

func benchProgram(tb testing.TB) *Program {
	tb.Helper()
	set, ds := loadFiles(map[string]string{sampleOrg: sampleConnection, sampleMapping: benchMapping}, func(o *Options) {
		o.Schemas = fstest.MapFS{"records/contact.schema.json": {Data: []byte(benchSchema)}}
	})
	require.False(tb, ds.HasErrors(), "%v", ds)
	return set.Program(set.Connections("acme")[0], "contact")
}

func benchEvent() (*crmsync.Event, []byte) {
	ev := event(crmsync.Updated, benchData)
	whole := fmt.Appendf(nil, `{"event_id":"0192f8a1-7c3e-7b52-9d41-000000000003","org_id":"acme","record_type":"contact","record_id":"c-1","version":3,"op":"update","occurred_at":"2026-08-14T09:26:53.123Z","data":%s}`, benchData)
	return ev, whole
}

func TestBenchMapping(t *testing.T) {
	p := benchProgram(t)
	ev, whole := benchEvent()
	require.True(t, json.Valid(whole))
	require.Greater(t, len(whole), 1000)
	var r Renderer
	call, ok, err := r.Render(p, ev, nil)
	require.NoError(t, err)
	require.True(t, ok)
	requireFields(t, benchWant, call)
	allocs := testing.AllocsPerRun(100, func() {
		if _, _, err := r.Render(p, ev, nil); err != nil {
			t.Fatal(err)
		}
	})
	require.LessOrEqual(t, allocs, 70.0)
}

// BenchmarkRender takes turns with decoding the same event by encoding/json,
// because only their ratio says something on a busy machine.
func BenchmarkRender(b *testing.B) {
	p := benchProgram(b)
	ev, whole := benchEvent()
	var r Renderer
	var render, decode time.Duration
	b.ReportAllocs()
	const turn = 100
	for b.Loop() {
		start := time.Now()
		for range turn {
			if _, ok, err := r.Render(p, ev, nil); !ok || err != nil {
				b.Fatal(err)
			}
		}
		render += time.Since(start)
		b.StopTimer()
		start = time.Now()
		for range turn {
			var m map[string]any
			if err := json.Unmarshal(whole, &m); err != nil {
				b.Fatal(err)
			}
		}
		decode += time.Since(start)
		b.StartTimer()
	}
	n := float64(b.N) * turn
	b.ReportMetric(float64(render.Nanoseconds())/n, "ns/render")
	b.ReportMetric(float64(decode.Nanoseconds())/n, "ns/json-decode")
	b.ReportMetric(float64(render)/float64(decode), "render/json-decode")
}
