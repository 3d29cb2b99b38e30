package providers_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"crmsync"
	"crmsync/providers"
	"crmsync/providers/providertest"
)

// plainWire is HubSpot's side of single requests and of search.
type plainWire struct{}

// Read implements providertest.Wire.
func (plainWire) Read(r *http.Request, body []byte) (providertest.Asked, error) {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/crm/v3/objects/"), "/")
	asked := providertest.Asked{Object: parts[0], Credential: strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")}
	var sent struct {
		Properties   json.RawMessage
		FilterGroups []struct {
			Filters []struct{ PropertyName, Operator, Value string }
		}
	}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &sent); err != nil {
			return asked, err
		}
	}
	if len(parts) == 2 && parts[1] == "search" {
		asked.Operation = crmsync.Find
		for _, g := range sent.FilterGroups {
			asked.Items = append(asked.Items, providertest.Item{MatchField: g.Filters[0].PropertyName, Match: g.Filters[0].Value})
		}
		return asked, nil
	}
	ops := map[string]crmsync.Operation{"POST 1": crmsync.Create, "PATCH 2": crmsync.Update, "DELETE 2": crmsync.Archive}
	op, known := ops[fmt.Sprintf("%s %d", r.Method, len(parts))]
	if !known {
		return asked, fmt.Errorf("no such endpoint: %s %s", r.Method, r.URL.Path)
	}
	asked.Operation = op
	in := hubSpotInput{}
	if op != crmsync.Archive {
		if err := json.Unmarshal(sent.Properties, &in.Properties); err != nil {
			return asked, err
		}
	}
	if op != crmsync.Create {
		in.ID = parts[1]
	}
	item, err := in.item(op, "")
	asked.Items = []providertest.Item{item}
	return asked, err
}

// Write implements providertest.Wire.
func (plainWire) Write(w http.ResponseWriter, a providertest.Asked, replies []providertest.Reply) {
	var all []string
	for _, r := range replies {
		if !r.Missing {
			all = append(all, fmt.Sprintf(`{"id":%q,"properties":{%q:%q}}`, r.ID, r.MatchField, r.Match))
		}
	}
	switch {
	case a.Operation == crmsync.Archive:
		w.WriteHeader(http.StatusNoContent)
	case a.Operation == crmsync.Find:
		fmt.Fprintf(w, `{"total":%d,"results":[%s]}`, len(all), strings.Join(all, ","))
	case len(replies) == 0:
		w.WriteHeader(map[crmsync.Operation]int{crmsync.Create: http.StatusCreated, crmsync.Update: http.StatusOK}[a.Operation])
		fmt.Fprint(w, "{}")
	case len(all) == 0:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"status":"error","category":"OBJECT_NOT_FOUND","message":"Object not found.  objectId are usually numeric."}`)
	default:
		w.WriteHeader(map[crmsync.Operation]int{crmsync.Create: http.StatusCreated, crmsync.Update: http.StatusOK}[a.Operation])
		fmt.Fprint(w, all[0])
	}
}

// TestPlain: a CRM without upsert keeps what every provider promises.
func TestPlain(t *testing.T) {
	providertest.Run(t, providertest.Harness{
		Open: func(t testing.TB, s providertest.Setup) crmsync.Provider {
			return compilePlain(t, providers.Options{BaseURL: map[string]string{"hubspot_plain": s.BaseURL}, Now: s.Now})
		},
		Wire: plainWire{}, Object: "contacts", MatchField: "crmsync_id", Fields: []byte(`{"firstname":"Ada","lastname":null,"age":36}`),
		Operations: []crmsync.Operation{crmsync.Create, crmsync.Update, crmsync.Archive, crmsync.Find},
		Silence:    true,
		Samples: []providertest.Sample{
			{Name: "search limit", Operation: crmsync.Find, Calls: 1, Status: 429, Body: `{"status":"error","message":"You have reached your secondly limit.","errorType":"RATE_LIMIT"}`,
				Want: []crmsync.Result{failed(crmsync.Fault{Kind: crmsync.Throttled, Code: "http_429", After: time.Second, Whole: true})}},
			{Name: "nothing found", Operation: crmsync.Find, Calls: 1, Status: 200, Body: `{"total":0,"results":[]}`, Want: []crmsync.Result{absent}},
			{Name: "taken", Operation: crmsync.Create, Calls: 1, Status: 409, Body: `{"status":"error","message":"Contact already exists. Existing ID: 17","category":"CONFLICT"}`,
				Want: []crmsync.Result{failed(crmsync.Fault{Kind: crmsync.Conflict, Code: "CONFLICT", ExistingID: "17"})}},
		},
	})
}
