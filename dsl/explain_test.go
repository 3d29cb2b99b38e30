package dsl

import (
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync"
)

func explained(t *testing.T) *Set {
	t.Helper()
	set, ds := loadFiles(map[string]string{
		sampleOrg: sampleConnection, "cedar/org.yaml": sampleConnection,
		sampleGlobal:                sampleHead + "when: record.status != 'internal'\n" + sampleMatch + "on_missing: recreate\nvars: {region: EMEA}\nfields:\n  email: record.email\n  phone: record.phone\n  country: record.country\n",
		sampleMapping:               "version: 1\nrecord_type: contact\nprovider: hubspot\nextends: global\non_delete: archive\nfields:\n  email: lower(record.email)\n  phone: null\n  annualrevenue: {value: record.revenue, type: number, on_error: omit}\n",
		"_global/_any/contact.yaml": "version: 1\nrecord_type: contact\nprovider: _any\nobject: contacts\n" + sampleMatch + "fields:\n  email: record.email\n",
	})
	require.Empty(t, ds, "%v", ds)
	return set
}

func TestExplain(t *testing.T) {
	const own, global = "mappings/acme/hubspot/contact.yaml", "mappings/_global/hubspot/contact.yaml"
	e := explained(t).Explain("acme", "hubspot", "contact")
	require.Equal(t, []Candidate{
		{File: own, State: Used},
		{File: "mappings/acme/_any/contact.yaml", State: NotPresent},
		{File: global, State: Inherited, Fields: 1},
		{File: "mappings/_global/_any/contact.yaml", State: Shadowed},
	}, e.Chain)
	require.Equal(t, []Origin{
		{Name: "annualrevenue", Where: own + ":9:26", Text: "record.revenue", Options: "type: number, on_error: omit"},
		{Name: "country", Where: global + ":12:12", Text: "record.country", Inherited: true},
		{Name: "email", Where: own + ":7:10", Text: "lower(record.email)"},
		{Name: "phone", Where: own + ":8:10", Removed: true},
	}, e.Fields)
	require.Equal(t, &Origin{Name: "when", Where: global + ":5:7", Text: "record.status != 'internal'", Inherited: true}, e.When)
	require.Equal(t, &Origin{Name: "crmsync_id", Where: global + ":6:35", Text: "record_id", Inherited: true}, e.Match)
	require.Equal(t, Origin{Name: "on_delete", Where: own + ":5:12", Text: "archive"}, e.OnDelete)
	require.Equal(t, Origin{Name: "on_missing", Where: global + ":7:13", Text: "recreate", Inherited: true}, e.OnMissing)
	require.Equal(t, []string{"region"}, e.Vars)
	require.Equal(t, "contacts", e.Program.Object())
	require.Len(t, e.Connections, 1)
}

func TestExplainFallbackAndNothing(t *testing.T) {
	set := explained(t)
	e := set.Explain("cedar", "hubspot", "contact")
	require.Equal(t, Candidate{File: "mappings/_global/hubspot/contact.yaml", State: Used}, e.Chain[2])
	require.Equal(t, Origin{Name: "on_delete", Text: "ignore"}, e.OnDelete)
	require.Equal(t, Origin{Name: "on_missing", Where: "mappings/_global/hubspot/contact.yaml:7:13", Text: "recreate"}, e.OnMissing)

	e = set.Explain("_global", "hubspot", "contact")
	require.Len(t, e.Chain, 2, "a fallback stands for itself")
	require.Equal(t, Used, e.Chain[0].State)
	require.Empty(t, e.Connections)

	e = set.Explain("acme", "hubspot", "invoice")
	require.Nil(t, e.Program)
	for _, c := range e.Chain {
		require.Equal(t, NotPresent, c.State)
	}
}

func TestTrace(t *testing.T) {
	p := program(t, "when: record.status == 'active'\nfields:\n  email: lower(trim(record.email))\n  a: {value: record.job_title, write: on_update}\n  b: {value: record.job_title, write: on_create}\n  c: {value: record.job_title, type: number, on_error: omit}\n  d: record.phone\n  e: 7\n")
	trace := p.Trace(event(crmsync.Updated, `{"status":"active","email":" A ","job_title":"x"}`), nil)
	require.True(t, trace.OK)
	require.Nil(t, trace.Fault)
	require.Equal(t, crmsync.Upsert, trace.Operation)
	require.Equal(t, "true", trace.When.JSON)
	require.Equal(t, `"c-1"`, trace.Match.JSON)
	var got [][3]string
	for _, f := range trace.Fields {
		got = append(got, [3]string{f.Name, f.JSON, f.Note})
	}
	require.Equal(t, [][3]string{
		{"a", "", "written only by updates"},
		{"b", `"x"`, ""},
		{"c", "", "left out by on_error: omit"},
		{"d", "", "missing: the CRM's field is left alone"},
		{"e", "7", ""},
		{"email", `"a"`, ""},
	}, got)
	email := trace.Fields[5]
	require.Equal(t, "mappings/acme/hubspot/contact.yaml:8:10", email.Where)
	require.Equal(t, "lower(trim(record.email))", email.Expression)
	var steps []string
	for _, s := range email.Steps {
		steps = append(steps, s.Text+" = "+s.Value)
	}
	require.Equal(t, []string{`lower(trim(record.email)) = "a"`, `trim(record.email) = "A"`, `record.email = " A "`}, steps)
	require.Equal(t, "wrong_type", trace.Fields[2].Fault.Code)

	update := p.Trace(event(crmsync.Updated, `{"status":"active","job_title":"x"}`), &crmsync.Link{ExternalID: "51"})
	require.Equal(t, crmsync.Update, update.Operation)
	require.Nil(t, update.Match)
	require.Equal(t, "written only when the object is created", update.Fields[1].Note)

	skipped := p.Trace(event(crmsync.Updated, `{"status":"internal"}`), nil)
	require.False(t, skipped.OK)
	require.Equal(t, "false", skipped.When.JSON)

	broken := p.Trace(event(crmsync.Updated, `[`), nil)
	require.Equal(t, "invalid_data", broken.Fault.Code)
	require.Empty(t, broken.Fields)

	deleted := p.Trace(event(crmsync.Deleted, ``), nil)
	require.False(t, deleted.OK)
	require.Empty(t, deleted.Fields)
}
