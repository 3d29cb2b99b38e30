package demo_test

import (
	"encoding/json"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/cmd/crmsync/demo"
	"crmsync/dsl"
)

// TestOracleAgreesWithTheMappings renders the demo's own events with the
// demo's own mappings: what both say of each must be the same. Where they
// differ one of them is wrong, and it has to be found out which.
func TestOracleAgreesWithTheMappings(t *testing.T) {
	setting := demo.Setting{Seed: 3, Orgs: demo.Archetypes + 3, Events: 4000}
	set := load(t, demo.Orgs(setting.Orgs))
	like := map[string]string{}
	for _, o := range demo.Orgs(setting.Orgs) {
		like[o.Name] = o.Like
	}
	fates := map[demo.Fate]int{}
	var renderer dsl.Renderer
	stream := demo.NewStream(setting)
	for range setting.Events {
		m := stream.Next()
		if m.Class != demo.Good {
			continue
		}
		want, err := demo.Mean(like[m.Event.Key.Org], &m.Event)
		require.NoError(t, err)
		fates[want.Fate]++
		for _, c := range set.Connections(m.Event.Key.Org) {
			program := set.Program(c, m.Event.Key.Type)
			require.NotNil(t, program, m.Event.Key)
			require.Equal(t, want.Object, program.Object())
			compare(t, &renderer, program, &m.Event, want)
		}
	}
	require.Len(t, fates, 6, "every fate must be met")
}

func load(t *testing.T, orgs []demo.Org) *dsl.Set {
	dir := filepath.Join(t.TempDir(), "mappings")
	require.NoError(t, demo.WriteMappings(dir, orgs))
	registry, found := dsl.Open(dir, dsl.Options{Dir: "mappings"})
	require.Empty(t, found)
	return registry.Current()
}

func compare(t *testing.T, r *dsl.Renderer, p *dsl.Program, e *crmsync.Event, want demo.Meaning) {
	link := &crmsync.Link{}
	if e.Op == crmsync.Deleted {
		link.ExternalID, link.Object = "501", p.Object()
	}
	op, act := p.Operation(e.Op, link)
	call, ok, err := r.Render(p, e, link)
	switch want.Fate {
	case demo.Refused:
		if want.Field != "email" { // that one is the CRM's to refuse
			require.Error(t, err, string(e.Data))
			require.Equal(t, crmsync.Rejected, crmsync.KindOf(err))
		}
	case demo.Skipped:
		require.NoError(t, err)
		require.False(t, ok)
	case demo.Removed:
		require.Equal(t, crmsync.Archive, op)
	case demo.Kept:
		require.False(t, act)
	case demo.Marked:
		require.Equal(t, crmsync.Update, op)
		require.Equal(t, want.Properties, properties(t, call.Fields))
	case demo.Write:
		require.NoError(t, err, string(e.Data))
		require.Equal(t, e.Key.ID, call.Match.Value)
		got := properties(t, call.Fields)
		got[call.Match.Field] = call.Match.Value
		if p.Object() == "deals" {
			got["pipeline"] = "default" // the CRM's own
		}
		require.Equal(t, want.Properties, got, string(e.Data))
	}
}

// properties reads a call's fields as the CRM keeps them.
func properties(t *testing.T, fields []byte) demo.Properties {
	var values map[string]any
	require.NoError(t, json.Unmarshal(fields, &values))
	p := demo.Properties{}
	for name, v := range values {
		switch v := v.(type) {
		case string:
			if v != "" {
				p[name] = v
			}
		case float64:
			p[name] = strconv.FormatFloat(v, 'f', -1, 64)
		case nil:
		default:
			require.Failf(t, "unexpected value", "%s: %v", name, v)
		}
	}
	return p
}

// TestMean says by hand what the mappings mean, case by case.
func TestMean(t *testing.T) {
	contact := func(data string) crmsync.Event {
		return crmsync.Event{Key: crmsync.RecordKey{Type: "contact", ID: "c-1"}, Version: 7, Op: crmsync.Updated, Data: []byte(data)}
	}
	ada := `{"email":" Ada.1@Opal.Example.com","first_name":"  ÅSA ","last_name":"Lovelace","job_title":null,"company_name":"opal Ltd","phone":"(020) 7946 0123","country":"GB","stage":"mql","status":"active","revenue":"unknown","birthday":"1990-02-28","language":"en-GB"}`
	for _, tc := range []struct {
		name, like string
		event      crmsync.Event
		want       demo.Meaning
	}{
		{"fallback", "cedar", contact(ada), demo.Meaning{Object: "contacts", Properties: demo.Properties{
			"email": "ada.1@opal.example.com", "firstname": "Åsa", "lastname": "Lovelace", "company": "opal Ltd", "phone": "+442079460123",
			"country": "United Kingdom", "lifecyclestage": "marketingqualifiedlead", "crmsync_version": "7", "crmsync_id": "c-1",
		}}},
		{"own mapping", "acme", contact(ada), demo.Meaning{Object: "contacts", Properties: demo.Properties{
			"email": "ada.1@opal.example.com", "firstname": "Åsa", "lastname": "LOVELACE", "company": "opal Ltd", "phone": "+442079460123",
			"country": "United Kingdom", "lifecyclestage": "marketingqualifiedlead", "crmsync_version": "7", "crmsync_id": "c-1",
			"jobtitle": "unknown", "state": "Europe", "date_of_birth": "28/02/1990",
		}}},
		{"extended", "birch", contact(ada), demo.Meaning{Object: "contacts", Properties: demo.Properties{
			"email": "ada.1@opal.example.com", "firstname": "Åsa", "lastname": "Lovelace", "company": "Birch, opal Ltd", "phone": "+442079460123",
			"country": "United Kingdom", "lifecyclestage": "marketingqualifiedlead", "crmsync_version": "7", "crmsync_id": "c-1", "hs_language": "en-gb",
		}}},
		{"filter lets pass", "fjord", contact(ada), demo.Meaning{Object: "contacts", Properties: demo.Properties{
			"email": "ada.1@opal.example.com", "firstname": "ÅSA", "lastname": "Lovelace", "lifecyclestage": "marketingqualifiedlead",
			"crmsync_version": "7", "crmsync_id": "c-1", "hs_lead_status": "CONNECTED",
		}}},
		{"filter keeps out", "fjord", contact(`{"status":"internal"}`), demo.Meaning{Object: "contacts", Fate: demo.Skipped}},
		{"unlisted value", "cedar", contact(`{"email":"a@b.example","stage":"zombie"}`), demo.Meaning{Object: "contacts", Fate: demo.Refused, Field: "lifecyclestage"}},
		{"no day", "acme", contact(`{"email":"a@b.example","stage":"lead","birthday":"31.02.1990"}`), demo.Meaning{Object: "contacts", Fate: demo.Refused, Field: "date_of_birth"}},
		{"no address", "cedar", contact(`{"email":"not an address","stage":"lead"}`), demo.Meaning{Object: "contacts", Fate: demo.Refused, Field: "email"}},
		{"delete archives", "cedar", crmsync.Event{Key: crmsync.RecordKey{Type: "deal", ID: "d-1"}, Op: crmsync.Deleted}, demo.Meaning{Object: "deals", Fate: demo.Removed}},
		{"delete marks", "fjord", crmsync.Event{Key: crmsync.RecordKey{Type: "contact"}, Op: crmsync.Deleted},
			demo.Meaning{Object: "contacts", Fate: demo.Marked, Properties: demo.Properties{"hs_lead_status": "UNQUALIFIED"}}},
		{"delete is ignored", "grove", crmsync.Event{Key: crmsync.RecordKey{Type: "company"}, Op: crmsync.Deleted}, demo.Meaning{Object: "companies", Fate: demo.Kept}},
		{"deal", "harbor", crmsync.Event{Key: crmsync.RecordKey{Type: "deal", ID: "d-2"}, Data: []byte(
			`{"name":"opal deal 2","amount":1234.5,"currency":"eur","stage":"won","is_renewal":true,"close_date":"2027-03-01","description":null,"updated_at":"2026-11-22T08:00:01Z"}`)},
			demo.Meaning{Object: "deals", Properties: demo.Properties{
				"dealname": "opal deal 2", "amount": "1234.5", "deal_currency_code": "EUR", "dealstage": "closedwon", "dealtype": "existingbusiness",
				"closedate": "2027-03-01T00:00:00Z", "pipeline": "default", "crmsync_updated_at": "2026-11-22T08:00:01Z", "crmsync_id": "d-2",
			}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := demo.Mean(tc.like, &tc.event)
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
}
