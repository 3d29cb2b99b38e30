package dsl

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// uncatalogued is the head of a mapping to an object that no catalogue
// describes, so that nothing but the mapping itself is checked.
var uncatalogued = strings.Replace(sampleHead, "contacts", "things", 1)

// program compiles one mapping of the org acme; body stands below the usual
// first lines.
func program(t testing.TB, body string, change ...func(*Options)) *Program {
	t.Helper()
	set, ds := loadFiles(inFile(uncatalogued+sampleMatch+body).Files, change...)
	require.False(t, ds.HasErrors(), "%v", ds)
	return set.Program(set.Connections("acme")[0], "contact")
}

func event(op crmsync.Op, data string) *crmsync.Event {
	ev := &crmsync.Event{
		ID: "e-1", Key: crmsync.RecordKey{Org: "acme", Type: "contact", ID: "c-1"}, Version: 3, Op: op,
		OccurredAt: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
	}
	if data != "" {
		ev.Data = []byte(data)
	}
	return ev
}

// faultOf returns the fault that an error is.
func faultOf(t *testing.T, err error) *crmsync.Fault {
	t.Helper()
	fault, ok := errors.AsType[*crmsync.Fault](err)
	require.True(t, ok, "%v", err)
	return fault
}

// requireFields compares a call's fields byte by byte: their order counts, for
// the hash is made of it.
func requireFields(t *testing.T, want string, call crmsync.Call) {
	t.Helper()
	require.Equal(t, want, string(call.Fields))
}

func TestRenderFields(t *testing.T) {
	cases := []struct{ name, fields, data, want string }{
		{"a field as it is", "email: record.email", `{"email":"Ada@Example.com"}`, `{"email":"Ada@Example.com"}`},
		{"missing is left alone", "email: record.email", `{}`, `{}`},
		{"null clears", "email: record.email", `{"email":null}`, `{"email":null}`},
		{"our functions pass null on", "email: lower(record.email)", `{"email":null}`, `{"email":null}`},
		{"our functions pass missing on", "email: lower(record.email)", `{}`, `{}`},
		{"constants", "annualrevenue: 12.5\n  numberofemployees: 3\n  country: null", `{}`, `{"annualrevenue":12.5,"country":null,"numberofemployees":3}`},
		{"sorted by name", "phone: record.phone\n  email: record.email", `{"phone":"1","email":"e"}`, `{"email":"e","phone":"1"}`},
		{"map", "lifecyclestage: {value: record.stage, map: {won: customer, lost: null}, default: other}", `{"stage":"won"}`, `{"lifecyclestage":"customer"}`},
		{"map to null", "lifecyclestage: {value: record.stage, map: {won: customer, lost: null}, default: other}", `{"stage":"lost"}`, `{"lifecyclestage":null}`},
		{"default for what map does not list", "lifecyclestage: {value: record.stage, map: {won: customer}, default: other}", `{"stage":"mql"}`, `{"lifecyclestage":"other"}`},
		{"default is not for missing", "lifecyclestage: {value: record.stage, map: {won: customer}, default: other}", `{}`, `{}`},
		{"default is not for null", "country: {value: record.country, map: {GB: Britain}, default: other}", `{"country":null}`, `{"country":null}`},
		{"map of numbers and booleans", `country: {value: record.opt_in, map: {"true": "Y", "false": "N"}}`, `{"opt_in":true}`, `{"country":"Y"}`},
		{"type number of text", "annualrevenue: {value: record.job_title, type: number}", `{"job_title":" 12.50 "}`, `{"annualrevenue":12.50}`},
		{"type integer", "numberofemployees: {value: record.revenue, type: integer}", `{"revenue":12.0}`, `{"numberofemployees":12}`},
		{"type string", "country: {value: record.employees, type: string}", `{"employees":12}`, `{"country":"12"}`},
		{"type boolean", "country: {value: record.job_title, type: boolean}", `{"job_title":"True"}`, `{"country":true}`},
		{"type date of a time", "date_of_birth: {value: record.created_at, type: date}", `{"created_at":"2026-01-01T23:30:00-02:00"}`, `{"date_of_birth":"2026-01-02"}`},
		{"type timestamp of a date", "country: {value: record.birthday, type: timestamp}", `{"birthday":"1815-12-10"}`, `{"country":"1815-12-10T00:00:00Z"}`},
		{"type list of one", "interests: {value: record.source, type: list}", `{"source":"news"}`, `{"interests":["news"]}`},
		{"a list", "interests: record.tags", `{"tags":["news","offers"]}`, `{"interests":["news","offers"]}`},
		{"on_error: omit", "annualrevenue: {value: record.job_title, type: number, on_error: omit}\n  email: record.email", `{"job_title":"x","email":"e"}`, `{"email":"e"}`},
		{"text that JSON escapes", "email: record.email", `{"email":"a\"b\u0001ü<&>"}`, `{"email":"a\"b\u0001ü<&>"}`},
		{"vars, ids and event", "email: vars.prefix + record_id + org_id + string(event.version)", `{}`, `{"email":"x-c-1acme3"}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := program(t, "vars: {prefix: x-}\nfields:\n  "+c.fields+"\n")
			var r Renderer
			call, ok, err := r.Render(p, event(crmsync.Updated, c.data), nil)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, c.want, string(call.Fields))
			require.True(t, json.Valid(call.Fields))
			require.Equal(t, crmsync.Match{Field: "crmsync_id", Value: "c-1"}, call.Match)
			require.Equal(t, crmsync.RecordKey{Org: "acme", Type: "contact", ID: "c-1"}, call.Key)
			require.EqualValues(t, 3, call.Version)
			require.NotZero(t, call.Hash)
		})
	}
}

func TestRenderFaults(t *testing.T) {
	const file = "mappings/acme/hubspot/contact.yaml"
	cases := []struct {
		name, body, data string
		want             crmsync.Fault
	}{
		{
			"unlisted value", "fields:\n  lifecyclestage: {value: record.source, map: {fair: lead}}\n", `{"source":"web"}`,
			crmsync.Fault{Code: "unlisted_value", Where: file + ":7:27", Field: "lifecyclestage", Message: `map does not list "web"`},
		},
		{
			"map of a list", "fields:\n  country: {value: record.custom.x, map: {a: b}}\n", `{"custom":{"x":[1]}}`,
			crmsync.Fault{Code: "wrong_type", Where: file + ":7:20", Field: "country", Message: "map takes a string, a number or a boolean, and this is a list"},
		},
		{
			"no number", "fields:\n  country: {value: record.source, type: number}\n", `{"source":"web"}`,
			crmsync.Fault{Code: "wrong_type", Where: file + ":7:20", Field: "country", Message: `"web" does not become a number`},
		},
		{
			"no whole number", "fields:\n  country: {value: record.revenue, type: integer}\n", `{"revenue":1.5}`,
			crmsync.Fault{Code: "wrong_type", Where: file + ":7:20", Field: "country", Message: `1.5 does not become a whole number`},
		},
		{
			"match without a value", "match: {field: email, value: record.email}\nfields:\n  country: record.country\n", `{"email":""}`,
			crmsync.Fault{Code: "missing_match", Where: file + ":5:30", Field: "email", Message: "there is no value to find the object by"},
		},
		{
			"data is no object", "fields:\n  country: record.country\n", `[1]`,
			crmsync.Fault{Code: "invalid_data", Where: file, Message: "the event's data is no JSON object"},
		},
		{
			"a value of 64 KiB", "fields:\n  country: record.custom.x\n", `{"custom":{"x":"` + strings.Repeat("a", 64<<10) + `"}}`,
			crmsync.Fault{Code: "too_long", Where: file + ":7:12", Field: "country", Message: "the value is over 64 KiB"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			body := uncatalogued + sampleMatch + c.body
			if strings.HasPrefix(c.body, "match:") {
				body = uncatalogued + c.body
			}
			set, ds := loadFiles(inFile(body).Files)
			require.False(t, ds.HasErrors(), "%v", ds)
			var r Renderer
			_, ok, err := r.Render(set.Program(set.Connections("acme")[0], "contact"), event(crmsync.Updated, c.data), nil)
			require.False(t, ok)
			fault := faultOf(t, err)
			c.want.Kind = crmsync.Rejected
			c.want.Err = fault.Err
			require.Equal(t, c.want, *fault)
		})
	}
}

func TestRenderFaultStandsAtTheSubExpression(t *testing.T) {
	p := program(t, "fields:\n  email: >-\n    'x' +\n    record.email\n")
	var r Renderer
	_, ok, err := r.Render(p, event(crmsync.Updated, `{}`), nil)
	require.False(t, ok)
	fault := faultOf(t, err)
	require.Equal(t, "cel_error", fault.Code)
	require.Equal(t, "email", fault.Field)
	require.Equal(t, crmsync.Rejected, crmsync.KindOf(err))
	require.Contains(t, []string{"mappings/acme/hubspot/contact.yaml:8:9", "mappings/acme/hubspot/contact.yaml:9:5"}, fault.Where)
	require.NotContains(t, err.Error(), fault.Field+"\n")
}

func TestRenderWhen(t *testing.T) {
	cases := []struct {
		name, when, data string
		ok               bool
	}{
		{"true", "record.status == 'active'", `{"status":"active"}`, true},
		{"false", "record.status == 'active'", `{"status":"internal"}`, false},
		{"missing is not true", "record.opt_in", `{}`, false},
		{"null is not true", "record.opt_in", `{"opt_in":null}`, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := program(t, "when: "+c.when+"\nfields:\n  email: record.email\n")
			var r Renderer
			_, ok, err := r.Render(p, event(crmsync.Created, c.data), nil)
			require.NoError(t, err)
			require.Equal(t, c.ok, ok)
		})
	}
}

func TestOperationAndDeletes(t *testing.T) {
	known := &crmsync.Link{ExternalID: "51", Object: "things"}
	archived := &crmsync.Link{ExternalID: "51", Object: "things", Deleted: true}
	other := &crmsync.Link{ExternalID: "51", Object: "leads"}
	cases := []struct {
		name, onDelete string
		op             crmsync.Op
		link           *crmsync.Link
		want           crmsync.Operation
		act            bool
	}{
		{"never heard of", "ignore", crmsync.Updated, nil, crmsync.Upsert, true},
		{"known", "ignore", crmsync.Created, known, crmsync.Update, true},
		{"archived before", "ignore", crmsync.Updated, archived, crmsync.Upsert, true},
		{"known as another object", "ignore", crmsync.Updated, other, crmsync.Upsert, true},
		{"delete ignored", "ignore", crmsync.Deleted, known, crmsync.Find, false},
		{"delete archives", "archive", crmsync.Deleted, known, crmsync.Archive, true},
		{"delete of an unknown object looks for it", "archive", crmsync.Deleted, nil, crmsync.Find, true},
		{"delete of an archived object", "archive", crmsync.Deleted, archived, crmsync.Archive, true},
		{"delete sets", "{set: {country: gone, phone: null}}", crmsync.Deleted, known, crmsync.Update, true},
		{"delete sets on an unknown object", "{set: {country: gone}}", crmsync.Deleted, nil, crmsync.Find, true},
		{"delete sets on an archived object", "{set: {country: gone}}", crmsync.Deleted, archived, crmsync.Update, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := program(t, "when: record.status == 'active'\non_delete: "+c.onDelete+"\nfields:\n  email: record.email\n")
			op, act := p.Operation(c.op, c.link)
			require.Equal(t, c.want, op)
			require.Equal(t, c.act, act)
			var r Renderer
			call, ok, err := r.Render(p, event(c.op, `{"status":"active"}`), c.link)
			require.NoError(t, err)
			require.Equal(t, c.act, ok)
			if !ok {
				return
			}
			require.Equal(t, op == crmsync.Upsert || op == crmsync.Find, call.Match.Value == "c-1")
			require.Equal(t, op == crmsync.Update || op == crmsync.Archive, call.ExternalID == "51")
			require.Equal(t, op == crmsync.Find, call.Hash == 0)
		})
	}
}

func TestDeleteWithoutData(t *testing.T) {
	p := program(t, "on_delete: {set: {phone: null, country: gone}}\nfields:\n  email: record.email\n")
	var r Renderer
	call, ok, err := r.Render(p, event(crmsync.Deleted, ""), &crmsync.Link{ExternalID: "51"})
	require.NoError(t, err)
	require.True(t, ok)
	requireFields(t, `{"country":"gone","phone":null}`, call)

	set, ds := loadFiles(inFile(uncatalogued + "match: {field: email, value: record.email}\non_delete: archive\nfields:\n  country: record.country\n  email: record.email\n").Files)
	require.False(t, ds.HasErrors(), "%v", ds)
	_, ok, err = r.Render(set.Program(set.Connections("acme")[0], "contact"), event(crmsync.Deleted, ""), nil)
	require.NoError(t, err)
	require.False(t, ok, "nothing tells which object it was")
}

func TestHashTellsWhetherAnUpdateIsNeeded(t *testing.T) {
	known := &crmsync.Link{ExternalID: "51"}
	hash := func(p *Program, link *crmsync.Link, data string) uint64 {
		var r Renderer
		call, ok, err := r.Render(p, event(crmsync.Updated, data), link)
		require.NoError(t, err)
		require.True(t, ok)
		return call.Hash
	}
	always := program(t, "fields:\n  email: record.email\n")
	require.Equal(t, hash(always, nil, `{"email":"a"}`), hash(always, known, `{"email":"a"}`), "a create and the same as an update")
	require.NotEqual(t, hash(always, nil, `{"email":"a"}`), hash(always, known, `{"email":"b"}`))
	require.NotEqual(t, hash(always, known, `{"email":null}`), hash(always, known, `{}`))

	once := program(t, "fields:\n  email: record.email\n  country: {value: record.country, write: on_create}\n")
	require.Equal(t, hash(once, nil, `{"email":"a","country":"GB"}`), hash(once, known, `{"email":"a","country":"SE"}`), "what only a create writes doesn't count")

	later := program(t, "fields:\n  email: record.email\n  country: {value: record.country, write: on_update}\n")
	require.NotEqual(t, hash(later, nil, `{"email":"a"}`), hash(later, known, `{"email":"a"}`), "the create did not write all that the update does")
}

func TestWrite(t *testing.T) {
	p := program(t, "fields:\n  email: record.email\n  phone: {value: record.phone, write: on_create}\n  country: {value: record.country, write: on_update}\n")
	data := `{"email":"e","phone":"1","country":"GB"}`
	var r Renderer
	create, _, err := r.Render(p, event(crmsync.Updated, data), nil)
	require.NoError(t, err)
	requireFields(t, `{"email":"e","phone":"1"}`, create)
	update, _, err := r.Render(p, event(crmsync.Updated, data), &crmsync.Link{ExternalID: "51"})
	require.NoError(t, err)
	requireFields(t, `{"country":"GB","email":"e"}`, update)
	requireFields(t, `{"email":"e","phone":"1"}`, create)
}
