package expr

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fastjson"

	"crmsync"
)

// benchSchema types the record of the 1 KB event that the speed of the project
// is measured with.
const benchSchema = `{
  "type": "object", "additionalProperties": false,
  "required": ["first_name", "last_name", "email", "phone", "status", "annual_revenue", "employees", "score", "created_at", "address", "tags"],
  "properties": {
    "first_name": {"type": "string"}, "last_name": {"type": "string"}, "email": {"type": "string"}, "phone": {"type": "string"},
    "mobile": {"type": "string"}, "job_title": {"type": "string"}, "company": {"type": "string"}, "department": {"type": "string"},
    "status": {"type": "string"}, "lead_source": {"type": "string"}, "annual_revenue": {"type": "string"}, "employees": {"type": "integer"},
    "score": {"type": "number"}, "opted_in": {"type": "boolean"}, "created_at": {"type": "string", "format": "date-time"},
    "updated_at": {"type": "string", "format": "date-time"}, "website": {"type": "string"}, "owner_id": {"type": "string"},
    "language": {"type": "string"}, "timezone": {"type": "string"}, "notes": {"type": "string"},
    "address": {"type": "object", "required": ["street", "city", "postal_code", "country"], "properties": {"street": {"type": "string"},
      "city": {"type": "string"}, "state": {"type": "string"}, "postal_code": {"type": "string"}, "country": {"type": "string"}}},
    "tags": {"type": "array", "items": {"type": "string"}}
  }
}`

// benchFields is the 15-field mapping: renames, concatenations, fallbacks, an
// enum map, a conditional, conversions, a date, nested reads, a list.
func benchFields() []struct{ name, expr string } {
	return []struct{ name, expr string }{
		{"email", `lower(trim(record.email))`},
		{"firstname", `record.first_name`},
		{"lastname", `record.last_name`},
		{"full_name", `record.first_name + " " + record.last_name`},
		{"phone", `has(record.mobile) ? record.mobile : record.phone`},
		{"jobtitle", `default(record.job_title, "Unknown")`},
		{"lifecyclestage", `{"lead":"lead","mql":"marketingqualifiedlead","sql":"salesqualifiedlead","opportunity":"opportunity","customer":"customer"}[record.status]`},
		{"hs_lead_status", `record.score >= 80.0 ? "HOT" : (record.score >= 50.0 ? "WARM" : "COLD")`},
		{"annualrevenue", `number(record.annual_revenue)`},
		{"numberofemployees", `record.employees`},
		{"city", `record.address.city`},
		{"address", `record.address.street + ", " + record.address.postal_code + " " + record.address.city`},
		{"country", `upper(record.address.country)`},
		{"createdate", `epochMillis(record.created_at)`},
		{"tags", `record.tags.join(";")`},
	}
}

// benchEvent is event i as it stands on the topic.
func benchEvent(i int) []byte {
	status := [...]string{"lead", "mql", "sql", "opportunity", "customer"}[i%5]
	b := fmt.Appendf(nil, `{"event_id":"0192f8a1-7c3e-7b52-9d41-%012x","org_id":"org_%d","record_type":"contact","record_id":"rec_%012d","version":%d,`, i, i%100, i, i/50000+1)
	b = fmt.Appendf(b, `"op":"update","occurred_at":"2026-08-14T09:26:53.123Z","data":{"first_name":"Marguerite","last_name":"Okonkwo-Lindqvist","email":"  Marguerite.Okonkwo%d@Example.COM ","phone":"+46 70 123 45 67",`, i)
	if i%3 == 0 {
		b = append(b, `"mobile":"+46 73 987 65 43",`...)
	}
	if i%5 != 0 {
		b = append(b, `"job_title":"Head of Procurement",`...)
	}
	b = fmt.Appendf(b, `"company":"Nordic Paper & Pulp AB","department":"Operations","status":"%s","lead_source":"trade_show","annual_revenue":"125000.50","employees":%d,"score":%.1f,`, status, 200+i%50, float64(i%100)+0.5)
	return append(b, `"opted_in":true,"created_at":"2024-03-11T14:05:09Z","updated_at":"2026-08-14T09:26:53Z","website":"https://www.nordicpaper.example/about?ref=crm","owner_id":"usr_00042","language":"sv-SE","timezone":"Europe/Stockholm","notes":"Met at the Stockholm fair; asked for a quote on 40t of kraft liner. \"Call back in week 35\" \u2013 prefers e-mail.","address":{"street":"Storgatan 14B, 3 tr","city":"Karlstad","state":"Värmland","postal_code":"652 24","country":"se"},"tags":["vip","paper","nordics","q3-campaign"]}}`...)
}

// transform decodes an event and renders the mapping, as the service does.
type transform struct {
	programs []*Program
	names    []string
	envelope fastjson.Parser
	data     []byte
	event    crmsync.Event
	scope    Scope
	out      []byte
}

func newTransform(t testing.TB) *transform {
	t.Helper()
	schema, err := ParseSchema("contact", []byte(benchSchema))
	require.NoError(t, err)
	env, err := NewRecordEnv(schema, nil)
	require.NoError(t, err)
	tr := &transform{}
	for _, f := range benchFields() {
		program, issues := env.Compile(f.expr, CompileOptions{})
		require.Empty(t, issueText(issues), f.expr)
		require.False(t, program.watched, "%s costs %d", f.expr, program.cost)
		tr.programs = append(tr.programs, program)
		tr.names = append(tr.names, strconv.Quote(f.name)+":")
	}
	return tr
}

func (tr *transform) run(raw []byte) error {
	v, err := tr.envelope.ParseBytes(raw)
	if err != nil {
		return err
	}
	at, err := time.Parse(time.RFC3339, alias(v.GetStringBytes("occurred_at")))
	if err != nil {
		return err
	}
	tr.data = v.Get("data").MarshalTo(tr.data[:0])
	tr.event = crmsync.Event{
		ID: alias(v.GetStringBytes("event_id")), Version: v.GetInt64("version"), OccurredAt: at, Data: tr.data,
		Key: crmsync.RecordKey{Org: alias(v.GetStringBytes("org_id")), Type: alias(v.GetStringBytes("record_type")), ID: alias(v.GetStringBytes("record_id"))},
	}
	return tr.render()
}

func (tr *transform) render() error {
	if err := tr.scope.Reset(&tr.event, nil); err != nil {
		return err
	}
	tr.out = append(tr.out[:0], '{')
	for i, p := range tr.programs {
		v, err := p.Eval(&tr.scope)
		if err != nil {
			return err
		}
		if v.IsMissing() {
			continue
		}
		if len(tr.out) > 1 {
			tr.out = append(tr.out, ',')
		}
		tr.out = append(tr.out, tr.names[i]...)
		if tr.out, err = v.AppendJSON(tr.out); err != nil {
			return err
		}
	}
	tr.out = append(tr.out, '}')
	return nil
}

func TestTransform(t *testing.T) {
	tr := newTransform(t)
	require.NoError(t, tr.run(benchEvent(3)))
	require.JSONEq(t, `{"email":"marguerite.okonkwo3@example.com","firstname":"Marguerite","lastname":"Okonkwo-Lindqvist","full_name":"Marguerite Okonkwo-Lindqvist",`+
		`"phone":"+46 73 987 65 43","jobtitle":"Head of Procurement","lifecyclestage":"opportunity","hs_lead_status":"COLD","annualrevenue":125000.5,"numberofemployees":203,`+
		`"city":"Karlstad","address":"Storgatan 14B, 3 tr, 652 24 Karlstad","country":"SE","createdate":1710165909000,"tags":"vip;paper;nordics;q3-campaign"}`, string(tr.out))
	require.True(t, json.Valid(tr.out))
}

// BenchmarkTransform does 500 events an iteration, and beside them times
// encoding/json's decoding of the same events into maps; it reports the ratio.
func BenchmarkTransform(b *testing.B) {
	tr := newTransform(b)
	events := make([][]byte, 500)
	for i := range events {
		events[i] = benchEvent(i)
	}
	var ours, theirs time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		for _, raw := range events {
			require.NoError(b, tr.run(raw))
		}
		ours += time.Since(start)
		b.StopTimer()
		start = time.Now()
		for _, raw := range events {
			var m map[string]any
			require.NoError(b, json.Unmarshal(raw, &m))
		}
		theirs += time.Since(start)
		b.StartTimer()
	}
	b.ReportMetric(float64(ours.Nanoseconds())/float64(b.N*len(events)), "ns/event")
	b.ReportMetric(ours.Seconds()/theirs.Seconds(), "x-json-decode")
}

func BenchmarkField(b *testing.B) {
	tr := newTransform(b)
	require.NoError(b, tr.run(benchEvent(3)))
	for i, f := range benchFields() {
		b.Run(f.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := tr.programs[i].Eval(&tr.scope); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCompile compiles the 15 fields, once without the cache and once
// through it.
func BenchmarkCompile(b *testing.B) {
	schema, err := ParseSchema("contact", []byte(benchSchema))
	require.NoError(b, err)
	env, err := NewRecordEnv(schema, nil)
	require.NoError(b, err)
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, f := range benchFields() {
				env.compile(f.expr, CompileOptions{})
			}
		}
	})
	b.Run("known", func(b *testing.B) {
		for b.Loop() {
			for _, f := range benchFields() {
				env.Compile(f.expr, CompileOptions{})
			}
		}
	})
	b.Run("environment", func(b *testing.B) {
		for b.Loop() {
			fresh := env.compiler.newEnv()
			fresh.variables["record"] = fresh.types.addSchema(schema)
			require.NoError(b, fresh.extend())
		}
	})
}

func TestBenchEventIsAKilobyte(t *testing.T) {
	for _, i := range []int{0, 1, 3, 99_999} {
		require.InDelta(t, 1050, len(benchEvent(i)), 60)
		require.Equal(t, 1, strings.Count(string(benchEvent(i)), `"data":`))
	}
}
