package providers_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/providers"
	"crmsync/providers/providertest"
)

// openHubSpot returns the provider, speaking to a server in HubSpot's place.
func openHubSpot(t testing.TB, s providertest.Setup) crmsync.Provider {
	t.Helper()
	all, ds := providers.Load(providers.Options{BaseURL: map[string]string{"hubspot": s.BaseURL}, Now: s.Now})
	require.Empty(t, ds)
	p := all["hubspot"]
	if closer, ok := p.(*providers.Provider); ok {
		t.Cleanup(closer.Close)
	}
	return p
}

// hubSpotWire is HubSpot's side of batch requests, as its documentation has it.
type hubSpotWire struct{}

type hubSpotInput struct {
	ID         string         `json:"id"`
	IDProperty string         `json:"idProperty"`
	Trace      string         `json:"objectWriteTraceId"`
	Properties map[string]any `json:"properties"`
}

// Read implements providertest.Wire.
func (hubSpotWire) Read(r *http.Request, body []byte) (providertest.Asked, error) {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/crm/v3/objects/"), "/")
	verbs := map[string]crmsync.Operation{
		"upsert": crmsync.Upsert, "create": crmsync.Create, "update": crmsync.Update, "archive": crmsync.Archive, "read": crmsync.Find,
	}
	if len(parts) != 3 || parts[1] != "batch" || r.Method != http.MethodPost {
		return providertest.Asked{}, fmt.Errorf("no such endpoint: %s %s", r.Method, r.URL.Path)
	}
	op, known := verbs[parts[2]]
	if !known {
		return providertest.Asked{}, fmt.Errorf("no such batch call: %s", parts[2])
	}
	var sent struct {
		IDProperty string
		Properties []string
		Inputs     []hubSpotInput
	}
	if err := json.Unmarshal(body, &sent); err != nil {
		return providertest.Asked{}, err
	}
	asked := providertest.Asked{Operation: op, Object: parts[0], Credential: strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")}
	for _, in := range sent.Inputs {
		item, err := in.item(op, sent.IDProperty)
		if err != nil {
			return providertest.Asked{}, err
		}
		asked.Items = append(asked.Items, item)
	}
	return asked, nil
}

func (in hubSpotInput) item(op crmsync.Operation, idProperty string) (providertest.Item, error) {
	item := providertest.Item{Trace: in.Trace, Fields: in.Properties}
	for name, value := range in.Properties {
		if _, text := value.(string); !text {
			return item, fmt.Errorf("property %s is no text", name)
		}
	}
	switch op {
	case crmsync.Upsert:
		item.MatchField, item.Match = in.IDProperty, in.ID
	case crmsync.Find:
		item.MatchField, item.Match = idProperty, in.ID
	case crmsync.Create:
		item.MatchField = "crmsync_id"
		item.Match, _ = in.Properties["crmsync_id"].(string)
	case crmsync.Update, crmsync.Archive:
		item.ID = in.ID
	}
	return item, nil
}

// Write implements providertest.Wire.
func (hubSpotWire) Write(w http.ResponseWriter, a providertest.Asked, replies []providertest.Reply) {
	if a.Operation == crmsync.Archive {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	status, results, missing := http.StatusOK, []map[string]any{}, []string{}
	for _, r := range replies {
		switch {
		case r.Missing && a.Operation == crmsync.Find:
			missing = append(missing, r.Match)
		case r.Missing:
			missing = append(missing, r.Item.ID)
		default:
			results = append(results, map[string]any{
				"id": r.ID, "new": r.Created, "archived": false, "properties": map[string]string{r.MatchField: r.Match, "hs_object_id": r.ID},
			})
		}
	}
	answer := map[string]any{"status": "COMPLETE", "results": results}
	if len(missing) > 0 {
		status = http.StatusMultiStatus
		answer["numErrors"] = 1
		answer["errors"] = []any{map[string]any{"status": "error", "category": "OBJECT_NOT_FOUND", "message": "Could not get some CONTACT objects", "context": map[string]any{"ids": missing}}}
	}
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		panic(err)
	}
}

func fixture(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("hubspot", "testdata", name+".json"))
	require.NoError(t, err)
	return string(b)
}

func failed(f crmsync.Fault) crmsync.Result { return crmsync.Result{Fault: &f} }

func TestHubSpot(t *testing.T) {
	var list []providertest.Sample
	for _, s := range hubSpotSamples {
		s.Name = s.Body
		if s.Body != "" {
			s.Body = fixture(t, s.Body)
		}
		s.Name = fmt.Sprintf("%s %d %s", s.Operation, s.Status, s.Name)
		list = append(list, s)
	}
	providertest.Run(t, providertest.Harness{
		Open: openHubSpot, Wire: hubSpotWire{}, Object: "contacts", MatchField: "crmsync_id",
		Fields:     []byte(`{"firstname":"Ada","lastname":null,"age":36,"vip":true,"tags":["a","b"]}`),
		Operations: []crmsync.Operation{crmsync.Upsert, crmsync.Create, crmsync.Update, crmsync.Archive, crmsync.Find},
		Kinds: map[int]crmsync.Kind{
			477: crmsync.Throttled,
			521: crmsync.Transient, 523: crmsync.Transient, 525: crmsync.Transient, 526: crmsync.Transient,
		},
		Samples: list,
	})
}

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// hubSpotSamples are the documented answers; Body names a file of testdata.
var hubSpotSamples = []providertest.Sample{
	{Operation: crmsync.Upsert, Calls: 2, Status: 200, Body: "upsert_done", Want: []crmsync.Result{
		{ExternalID: "29013756946", Created: true}, {ExternalID: "29013756947"},
	}},
	{Operation: crmsync.Upsert, Calls: 2, Status: 200, Body: "nothing_written", Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Transient, Code: "unaccounted"}), failed(crmsync.Fault{Kind: crmsync.Transient, Code: "unaccounted"}),
	}},
	{Operation: crmsync.Create, Calls: 2, Status: 207, Body: "nothing_written", Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Ambiguous, Code: "unaccounted"}), failed(crmsync.Fault{Kind: crmsync.Ambiguous, Code: "unaccounted"}),
	}},
	{Operation: crmsync.Create, Calls: 2, Status: 207, Body: "create_partial", Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Conflict, Code: "CONFLICT", ExistingID: "171591000198"}), {ExternalID: "171596044870", Created: true},
	}},
	{Operation: crmsync.Create, Calls: 2, Status: 409, Body: "conflict_whole", Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Conflict, Code: "CONFLICT", Whole: true}), failed(crmsync.Fault{Kind: crmsync.Conflict, Code: "CONFLICT", Whole: true}),
	}},
	{Operation: crmsync.Create, Calls: 2, Status: 409, Body: "conflict_with_id", Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Conflict, Code: "CONFLICT", Whole: true}), failed(crmsync.Fault{Kind: crmsync.Conflict, Code: "CONFLICT", Whole: true}),
	}},
	{Operation: crmsync.Create, Calls: 1, Status: 409, Body: "conflict_with_id", Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Conflict, Code: "CONFLICT", ExistingID: "777"}),
	}},
	{Operation: crmsync.Upsert, Calls: 1, Status: 400, Body: "value_taken", Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Conflict, Code: "VALUE_TAKEN", ExistingID: "51090765207"}),
	}},
	{Operation: crmsync.Upsert, Calls: 1, Status: 207, Body: "value_taken_item", Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Conflict, Code: "VALUE_TAKEN", ExistingID: "51090765207"}),
	}},
	{Operation: crmsync.Update, Calls: 3, Status: 207, Body: "update_missing", Want: []crmsync.Result{
		{ExternalID: "1"},
		failed(crmsync.Fault{Kind: crmsync.Missing, Code: "OBJECT_NOT_FOUND"}), failed(crmsync.Fault{Kind: crmsync.Missing, Code: "OBJECT_NOT_FOUND"}),
	}},
	{Operation: crmsync.Update, Calls: 1, Status: 404, Body: "not_found", Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Missing, Code: "OBJECT_NOT_FOUND"}),
	}},
	{Operation: crmsync.Archive, Calls: 1, Status: 404, Body: "not_found", Want: []crmsync.Result{{ExternalID: "1"}}},
	{Operation: crmsync.Archive, Calls: 2, Status: 204, Want: []crmsync.Result{{ExternalID: "1"}, {ExternalID: "2"}}},
	{Operation: crmsync.Find, Calls: 3, Status: 207, Body: "read_missing_nameless", Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Missing, Code: "OBJECT_NOT_FOUND"}), {ExternalID: "512"}, failed(crmsync.Fault{Kind: crmsync.Missing, Code: "OBJECT_NOT_FOUND"}),
	}},
	{Operation: crmsync.Find, Calls: 1, Status: 200, Body: "nothing_written", Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Transient, Code: "unaccounted"}),
	}},
	{Operation: crmsync.Upsert, Calls: 2, Status: 400, Body: "validation_whole", Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Rejected, Code: "PROPERTY_DOESNT_EXIST", Field: "testproperty", Whole: true}),
		failed(crmsync.Fault{Kind: crmsync.Rejected, Code: "PROPERTY_DOESNT_EXIST", Field: "testproperty", Whole: true}),
	}},
	{Operation: crmsync.Upsert, Calls: 1, Status: 400, Body: "validation_whole", Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Rejected, Code: "PROPERTY_DOESNT_EXIST", Field: "testproperty"}),
	}},
	{Operation: crmsync.Upsert, Calls: 2, Status: 207, Body: "validation_item", Want: []crmsync.Result{
		{ExternalID: "29013756946"}, failed(crmsync.Fault{Kind: crmsync.Rejected, Code: "INVALID_OPTION", Field: "lifecyclestage"}),
	}},
	{Operation: crmsync.Upsert, Calls: 2, Status: 207, Body: "internal_item", Want: []crmsync.Result{
		{ExternalID: "29013756946"}, failed(crmsync.Fault{Kind: crmsync.Transient, Code: "INTERNAL_ERROR"}),
	}},
	{Operation: crmsync.Update, Calls: 2, Status: 400, Body: "duplicate_ids", Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Rejected, Code: "DUPLICATE_IDS", Whole: true}), failed(crmsync.Fault{Kind: crmsync.Rejected, Code: "DUPLICATE_IDS", Whole: true}),
	}},
	{Operation: crmsync.Update, Calls: 1, Status: 400, Body: "invalid_json", Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Rejected, Code: "INVALID_JSON"}),
	}},
	{Operation: crmsync.Upsert, Calls: 1, Status: 400, Body: "non_unique", Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Rejected, Code: "NON_UNIQUE_PROPERTY"}),
	}},
	{Operation: crmsync.Update, Calls: 1, Status: 401, Body: "expired_token", Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Denied, Code: "EXPIRED_AUTHENTICATION", Whole: true}),
	}},
	{Operation: crmsync.Update, Calls: 1, Status: 401, Body: "invalid_token", Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Denied, Code: "INVALID_AUTHENTICATION", Whole: true}),
	}},
	{Operation: crmsync.Find, Calls: 1, Status: 403, Body: "missing_scopes", Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Denied, Code: "MISSING_SCOPES", Whole: true}),
	}},
	{Operation: crmsync.Upsert, Calls: 1, Status: 414, Want: []crmsync.Result{failed(crmsync.Fault{Kind: crmsync.Rejected, Code: "http_414"})}},
	{Operation: crmsync.Upsert, Calls: 1, Status: 423, Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Transient, Code: "LOCKED", After: 2 * time.Second, Whole: true}),
	}},
	{Operation: crmsync.Upsert, Calls: 1, Status: 429, Body: "limit_ten_secondly", Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Throttled, Code: "TEN_SECONDLY_ROLLING", After: 10 * time.Second, Whole: true}),
	}},
	{Operation: crmsync.Upsert, Calls: 1, Status: 429, Body: "limit_ten_secondly", Header: map[string]string{"Retry-After": "3"}, Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Throttled, Code: "TEN_SECONDLY_ROLLING", After: 3 * time.Second, Whole: true}),
	}},
	{Operation: crmsync.Find, Calls: 1, Status: 429, Body: "limit_secondly", Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Throttled, Code: "RATE_LIMIT", After: time.Second, Whole: true}),
	}},
	{Operation: crmsync.Upsert, Calls: 1, Status: 429, Body: "limit_daily", Now: noon, Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Quota, Code: "DAILY", After: time.Hour, Whole: true}),
	}},
	{Operation: crmsync.Upsert, Calls: 1, Status: 429, Body: "limit_daily", Now: noon.Add(11*time.Hour + 45*time.Minute), Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Quota, Code: "DAILY", After: 15 * time.Minute, Whole: true}),
	}},
	{Operation: crmsync.Upsert, Calls: 1, Status: 429, Body: "limit_daily", Now: noon, Header: map[string]string{"Retry-After": "Tue, 24 Nov 2026 17:00:00 GMT"}, Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Quota, Code: "DAILY", After: 5 * time.Hour, Whole: true}),
	}},
	{Operation: crmsync.Upsert, Calls: 1, Status: 477, Header: map[string]string{"Retry-After": "600000"}, Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Throttled, Code: "ACCOUNT_MIGRATING", After: 24 * time.Hour, Whole: true}),
	}},
	{Operation: crmsync.Upsert, Calls: 1, Status: 477, Header: map[string]string{"Retry-After": "120"}, Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Throttled, Code: "ACCOUNT_MIGRATING", After: 2 * time.Minute, Whole: true}),
	}},
	{Operation: crmsync.Upsert, Calls: 1, Status: 500, Want: []crmsync.Result{failed(crmsync.Fault{Kind: crmsync.Ambiguous, Code: "http_500", Whole: true})}},
	{Operation: crmsync.Find, Calls: 1, Status: 500, Want: []crmsync.Result{failed(crmsync.Fault{Kind: crmsync.Transient, Code: "http_500", Whole: true})}},
	{Operation: crmsync.Upsert, Calls: 1, Status: 502, Want: []crmsync.Result{failed(crmsync.Fault{Kind: crmsync.Ambiguous, Code: "http_502", Whole: true})}},
	{Operation: crmsync.Upsert, Calls: 1, Status: 503, Want: []crmsync.Result{failed(crmsync.Fault{Kind: crmsync.Ambiguous, Code: "http_503", Whole: true})}},
	{Operation: crmsync.Upsert, Calls: 1, Status: 523, Header: map[string]string{"Retry-After": "7"}, Want: []crmsync.Result{
		failed(crmsync.Fault{Kind: crmsync.Transient, Code: "http_523", After: 7 * time.Second, Whole: true}),
	}},
	{Operation: crmsync.Upsert, Calls: 1, Status: 504, Want: []crmsync.Result{failed(crmsync.Fault{Kind: crmsync.Ambiguous, Code: "http_504", Whole: true})}},
	{Operation: crmsync.Upsert, Calls: 1, Status: 521, Want: []crmsync.Result{failed(crmsync.Fault{Kind: crmsync.Transient, Code: "http_521", Whole: true})}},
	{Operation: crmsync.Upsert, Calls: 1, Status: 524, Want: []crmsync.Result{failed(crmsync.Fault{Kind: crmsync.Ambiguous, Code: "http_524", Whole: true})}},
	{Operation: crmsync.Upsert, Calls: 1, Status: 525, Want: []crmsync.Result{failed(crmsync.Fault{Kind: crmsync.Transient, Code: "http_525", Whole: true})}},
}
