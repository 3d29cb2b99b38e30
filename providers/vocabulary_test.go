package providers_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/dsl/document"
	"crmsync/providers"
)

// transport answers every request itself and keeps the last one.
type transport struct {
	status int
	header http.Header
	body   string

	request *http.Request
	sent    string
}

// RoundTrip implements http.RoundTripper.
func (tr *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	tr.request, tr.sent = r, ""
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		tr.sent = string(b)
	}
	header := tr.header
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: tr.status, Header: header, Body: io.NopCloser(strings.NewReader(tr.body))}, nil
}

// sketch compiles one of the descriptions in testdata.
func sketch(t testing.TB, name string, tr http.RoundTripper, now func() time.Time) *providers.Provider {
	t.Helper()
	file := filepath.Join("testdata", "vocabulary", name+".yaml")
	src, err := os.ReadFile(file)
	require.NoError(t, err)
	p, ds := providers.Compile(file, src, providers.Options{Transport: tr, Now: now})
	require.Equal(t, 0, ds.Count(document.Error), ds.Error())
	require.Empty(t, ds, ds.Error())
	return p
}

func call(id, field, value, fields string) crmsync.Call {
	return crmsync.Call{ExternalID: id, Match: crmsync.Match{Field: field, Value: value}, Fields: []byte(fields)}
}

// TestVocabulary speaks to CRMs of other shapes in our words. Requests and
// answers are the vendors' own, as far as they are known.
func TestVocabulary(t *testing.T) {
	for _, c := range []struct {
		name, file, object string
		op                 crmsync.Operation
		calls              []crmsync.Call
		method, url, sent  string
		header             map[string]string
		status             int
		answerHeader       http.Header
		answer             string
		want               []crmsync.Result
	}{
		{
			name: "salesforce collections: by place, each row for itself", file: "salesforce", object: "Contact", op: crmsync.Upsert,
			calls:  []crmsync.Call{call("", "Ext__c", "a", `{"LastName":"A","Ext__c":"other"}`), call("", "Ext__c", "b", `{}`), call("", "Ext__c", "c", `{"LastName":null}`)},
			method: "PATCH", url: "https://example.my.salesforce.com/services/data/v67.0/composite/sobjects/Contact/Ext__c",
			sent:   `{"allOrNone":false,"records":[{"attributes":{"type":"Contact"},"Ext__c":"a","LastName":"A"},{"attributes":{"type":"Contact"},"Ext__c":"b"},{"attributes":{"type":"Contact"},"Ext__c":"c","LastName":null}]}`,
			header: map[string]string{"Authorization": "Bearer s3cret"},
			status: 200,
			answer: `[{"id":"001xx0000004GxDAAU","success":true,"errors":[],"created":true},
				{"success":false,"errors":[{"statusCode":"REQUIRED_FIELD_MISSING","message":"Required fields are missing: [LastName]","fields":["LastName"]}]},
				{"success":false,"errors":[{"statusCode":"DUPLICATE_VALUE","message":"duplicate value found: Ext__c duplicates value on record with id: 003xx000004WhEa","fields":[]}]}]`,
			want: []crmsync.Result{
				{ExternalID: "001xx0000004GxDAAU", Created: true},
				failed(crmsync.Fault{Kind: crmsync.Rejected, Code: "REQUIRED_FIELD_MISSING", Field: "LastName"}),
				failed(crmsync.Fault{Kind: crmsync.Conflict, Code: "DUPLICATE_VALUE", ExistingID: "003xx000004WhEa"}),
			},
		},
		{
			name: "salesforce: the request fails as a whole", file: "salesforce", object: "Contact", op: crmsync.Update,
			calls:  []crmsync.Call{call("003a", "", "", `{"LastName":"A"}`)},
			method: "PATCH", url: "https://example.my.salesforce.com/services/data/v67.0/composite/sobjects",
			sent:   `{"allOrNone":false,"records":[{"attributes":{"type":"Contact"},"id":"003a","LastName":"A"}]}`,
			status: 403, answer: `[{"message":"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]`,
			want: []crmsync.Result{failed(crmsync.Fault{Kind: crmsync.Quota, Code: "REQUEST_LIMIT_EXCEEDED", After: 15 * time.Minute, Whole: true})},
		},
		{
			name: "salesforce: fewer rows than were asked for", file: "salesforce", object: "Contact", op: crmsync.Update,
			calls:  []crmsync.Call{call("003a", "", "", `{}`), call("003b", "", "", `{}`)},
			method: "PATCH", url: "https://example.my.salesforce.com/services/data/v67.0/composite/sobjects",
			sent:   `{"allOrNone":false,"records":[{"attributes":{"type":"Contact"},"id":"003a"},{"attributes":{"type":"Contact"},"id":"003b"}]}`,
			status: 200, answer: `[{"id":"003a","success":true,"errors":[]}]`,
			want: []crmsync.Result{failed(crmsync.Fault{Kind: crmsync.Transient, Code: "unaccounted"}), failed(crmsync.Fault{Kind: crmsync.Transient, Code: "unaccounted"})},
		},
		{
			name: "salesforce: a delete by ids in the query", file: "salesforce", object: "Contact", op: crmsync.Archive,
			calls:  []crmsync.Call{call("003a", "", "", ""), call("003b&x=1", "", "", "")},
			method: "DELETE", url: "https://example.my.salesforce.com/services/data/v67.0/composite/sobjects?ids=003a%2C003b%26x%3D1&allOrNone=false",
			status: 200, answer: `[{"id":"003a","success":true,"errors":[]},{"success":false,"errors":[{"statusCode":"ENTITY_IS_DELETED","message":"entity is deleted"}]}]`,
			want: []crmsync.Result{{ExternalID: "003a"}, {ExternalID: "003b&x=1"}},
		},
		{
			name: "zoho: items on a 400, and an own scheme of authorization", file: "zoho", object: "Contacts", op: crmsync.Upsert,
			calls:  []crmsync.Call{call("", "Ref", "1", `{"Last_Name":"A"}`), call("", "Ref", "2", `{"Last_Name":"B"}`)},
			method: "POST", url: "https://www.zohoapis.com/crm/v8/Contacts/upsert",
			sent:   `{"data":[{"Ref":"1","Last_Name":"A"},{"Ref":"2","Last_Name":"B"}],"duplicate_check_fields":["Ref"],"trigger":[]}`,
			header: map[string]string{"Authorization": "Zoho-oauthtoken s3cret"},
			status: 400,
			answer: `{"data":[{"code":"SUCCESS","action":"insert","details":{"id":"4150868000003194003"},"message":"record added","status":"success"},
				{"code":"DUPLICATE_DATA","details":{"api_name":"Email","duplicate_record":{"id":"77"}},"message":"duplicate data","status":"error"}]}`,
			want: []crmsync.Result{
				{ExternalID: "4150868000003194003", Created: true},
				failed(crmsync.Fault{Kind: crmsync.Conflict, Code: "DUPLICATE_DATA", Field: "Email", ExistingID: "77"}),
			},
		},
		{
			name: "zoho: a 400 without items is the request's", file: "zoho", object: "Contacts", op: crmsync.Upsert,
			calls:  []crmsync.Call{call("", "Ref", "1", `{}`), call("", "Ref", "2", `{}`)},
			method: "POST", url: "https://www.zohoapis.com/crm/v8/Contacts/upsert",
			sent:   `{"data":[{"Ref":"1"},{"Ref":"2"}],"duplicate_check_fields":["Ref"],"trigger":[]}`,
			status: 400, answer: `{"code":"INVALID_MODULE","details":{},"message":"the module name given seems to be invalid","status":"error"}`,
			want: []crmsync.Result{failed(crmsync.Fault{Kind: crmsync.Rejected, Code: "INVALID_MODULE", Whole: true}), failed(crmsync.Fault{Kind: crmsync.Rejected, Code: "INVALID_MODULE", Whole: true})},
		},
		{
			name: "pipedrive: one write, a number for an id", file: "pipedrive", object: "persons", op: crmsync.Create,
			calls:  []crmsync.Call{call("", "d4de1c", "c-1", `{"name":"Ada","labels":["a","b"]}`)},
			method: "POST", url: "https://api.pipedrive.com/api/v2/persons",
			sent:   `{"custom_fields":{"d4de1c":"c-1"},"name":"Ada","labels":"a,b"}`,
			header: map[string]string{"x-api-token": "s3cret", "Authorization": ""},
			status: 201, answer: `{"success":true,"data":{"id":10,"name":"Ada"}}`,
			want: []crmsync.Result{{ExternalID: "10", Created: true}},
		},
		{
			name: "pipedrive: what is more than one waits", file: "pipedrive", object: "persons", op: crmsync.Update,
			calls:  []crmsync.Call{call("1/2", "", "", `{"name":"A"}`), call("3", "", "", `{"name":"B"}`)},
			method: "PATCH", url: "https://api.pipedrive.com/api/v2/persons/1%2F2", sent: `{"name":"A"}`,
			status: 200, answer: `{"success":true,"data":{"id":1}}`,
			want: []crmsync.Result{{ExternalID: "1"}, failed(crmsync.Fault{Kind: crmsync.Transient, Code: "batch_full"})},
		},
		{
			name: "pipedrive: gone already, with success in the body", file: "pipedrive", object: "persons", op: crmsync.Archive,
			calls: []crmsync.Call{call("11", "", "", "")}, method: "DELETE", url: "https://api.pipedrive.com/api/v2/persons/11",
			status: 410, answer: `{"success":true,"data":{"id":11}}`, want: []crmsync.Result{{ExternalID: "11"}},
		},
		{
			name: "pipedrive: found", file: "pipedrive", object: "persons", op: crmsync.Find,
			calls: []crmsync.Call{call("", "d4de1c", "c 1", "")}, method: "GET",
			url:    "https://api.pipedrive.com/api/v2/persons/search?term=c+1&fields=custom_fields&exact_match=true",
			status: 200, answer: `{"success":true,"data":{"items":[{"item":{"id":5}}]}}`, want: []crmsync.Result{{ExternalID: "5"}},
		},
		{
			name: "pipedrive: not found", file: "pipedrive", object: "persons", op: crmsync.Find,
			calls: []crmsync.Call{call("", "d4de1c", "c-1", "")}, method: "GET",
			url:    "https://api.pipedrive.com/api/v2/persons/search?term=c-1&fields=custom_fields&exact_match=true",
			status: 200, answer: `{"success":true,"data":{"items":[]}}`, want: []crmsync.Result{failed(crmsync.Fault{Kind: crmsync.Missing, Code: "not_found"})},
		},
		{
			name: "pipedrive: a page of the proxy is no refusal of the credential", file: "pipedrive", object: "persons", op: crmsync.Update,
			calls: []crmsync.Call{call("1", "", "", `{}`)}, method: "PATCH", url: "https://api.pipedrive.com/api/v2/persons/1", sent: `{}`,
			status: 403, answerHeader: http.Header{"Content-Type": {"text/html"}}, answer: `<html>blocked</html>`,
			want: []crmsync.Result{failed(crmsync.Fault{Kind: crmsync.Throttled, Code: "BLOCKED", After: 10 * time.Minute, Whole: true})},
		},
		{
			name: "pipedrive: the burst limit says when it ends", file: "pipedrive", object: "persons", op: crmsync.Update,
			calls: []crmsync.Call{call("1", "", "", `{}`)}, method: "PATCH", url: "https://api.pipedrive.com/api/v2/persons/1", sent: `{}`,
			status: 429, answerHeader: http.Header{"X-Ratelimit-Reset": {"2"}, "X-Daily-Ratelimit-Token-Remaining": {"17"}}, answer: `{"success":false}`,
			want: []crmsync.Result{failed(crmsync.Fault{Kind: crmsync.Throttled, Code: "http_429", After: 2 * time.Second, Whole: true})},
		},
		{
			name: "dataverse CreateMultiple: ids by place", file: "dataverse", object: "contact", op: crmsync.Create,
			calls:  []crmsync.Call{call("", "new_extid", "1", `{"lastname":"A"}`), call("", "new_extid", "2", `{"lastname":"B"}`)},
			method: "POST", url: "https://org.api.crm4.dynamics.com/api/data/v9.2/contacts/Microsoft.Dynamics.CRM.CreateMultiple",
			sent:   `{"Targets":[{"@odata.type":"Microsoft.Dynamics.CRM.contact","new_extid":"1","lastname":"A"},{"@odata.type":"Microsoft.Dynamics.CRM.contact","new_extid":"2","lastname":"B"}]}`,
			header: map[string]string{"OData-Version": "4.0", "If-None-Match": "null"}, status: 200, answer: `{"Ids":["8f4c3f92-312b-ee11-bdf4-000d3a993550","904c3f92-312b-ee11-bdf4-000d3a993550"]}`,
			want: []crmsync.Result{{ExternalID: "8f4c3f92-312b-ee11-bdf4-000d3a993550", Created: true}, {ExternalID: "904c3f92-312b-ee11-bdf4-000d3a993550", Created: true}},
		},
		{
			name: "dataverse CreateMultiple: all or nothing", file: "dataverse", object: "contact", op: crmsync.Create,
			calls:  []crmsync.Call{call("", "new_extid", "1", `{}`), call("", "new_extid", "2", `{}`)},
			method: "POST", url: "https://org.api.crm4.dynamics.com/api/data/v9.2/contacts/Microsoft.Dynamics.CRM.CreateMultiple",
			sent:   `{"Targets":[{"@odata.type":"Microsoft.Dynamics.CRM.contact","new_extid":"1"},{"@odata.type":"Microsoft.Dynamics.CRM.contact","new_extid":"2"}]}`,
			status: 400, answer: `{"error":{"code":"0x80044331","message":"A validation error occurred."}}`,
			want: []crmsync.Result{failed(crmsync.Fault{Kind: crmsync.Rejected, Code: "0x80044331", Whole: true}), failed(crmsync.Fault{Kind: crmsync.Rejected, Code: "0x80044331", Whole: true})},
		},
		{
			name: "dataverse: created or updated by the status", file: "dataverse", object: "contact", op: crmsync.Upsert,
			calls:  []crmsync.Call{call("", "new_extid", "c-1", `{"lastname":"A"}`)},
			method: "PATCH", url: "https://org.api.crm4.dynamics.com/api/data/v9.2/contacts(new_extid='c-1')?%24select=contactid", sent: `{"lastname":"A"}`,
			header: map[string]string{"Prefer": "return=representation"}, status: 201, answer: `{"contactid":"ef0d112e-d70e-ed11-82e5-00224822577b"}`,
			want: []crmsync.Result{{ExternalID: "ef0d112e-d70e-ed11-82e5-00224822577b", Created: true}},
		},
		{
			name: "dataverse: the id stands in a header only", file: "dataverse", object: "contact", op: crmsync.Update,
			calls:  []crmsync.Call{call("7eb682f1-ca75-e511-80d4-00155d2a68d1", "", "", `{"lastname":"A"}`)},
			method: "PATCH", url: "https://org.api.crm4.dynamics.com/api/data/v9.2/contacts(7eb682f1-ca75-e511-80d4-00155d2a68d1)", sent: `{"lastname":"A"}`,
			header: map[string]string{"If-Match": "*"}, status: 204,
			answerHeader: http.Header{"Odata-Entityid": {"https://org.api.crm4.dynamics.com/api/data/v9.2/contacts(7eb682f1-ca75-e511-80d4-00155d2a68d1)"}},
			want:         []crmsync.Result{{ExternalID: "7eb682f1-ca75-e511-80d4-00155d2a68d1"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := &transport{status: c.status, header: c.answerHeader, body: c.answer}
			p := sketch(t, c.file, tr, nil)
			b := crmsync.Batch{
				Credential: crmsync.NewSecret("s3cret"), Object: c.object, Operation: c.op, Calls: c.calls, Deadline: time.Now().Add(time.Minute),
			}
			a := p.Apply(t.Context(), b)
			require.Equal(t, c.method, tr.request.Method)
			require.Equal(t, c.url, tr.request.URL.String())
			require.Equal(t, c.sent, tr.sent)
			for name, value := range c.header {
				require.Equal(t, value, tr.request.Header.Get(name), name)
			}
			for _, r := range a.Results {
				if r.Fault != nil {
					r.Fault.Message, r.Fault.Err = "", nil
				}
			}
			require.Equal(t, c.want, a.Results)
			require.Equal(t, c.status, a.Status)
		})
	}
}

// TestCosts: a budget's cost is an expression over the number of calls and the
// operation.
func TestCosts(t *testing.T) {
	zoho := sketch(t, "zoho", &transport{}, nil).Limits("standard", "Contacts", crmsync.Upsert)
	require.Equal(t, "credits", zoho.Budgets[0].Name)
	for calls, want := range map[int]int64{-1: 0, 0: 0, 1: 1, 10: 1, 11: 2, 100: 10, 1000: 10} {
		require.Equal(t, want, zoho.Budgets[0].Cost(calls), "%d calls", calls)
	}
	pipedrive := sketch(t, "pipedrive", &transport{}, nil)
	for op, want := range map[crmsync.Operation]int64{crmsync.Find: 20, crmsync.Archive: 3, crmsync.Update: 5, crmsync.Create: 5} {
		require.Equal(t, want, pipedrive.Limits("", "persons", op).Budgets[1].Cost(1), op)
	}
	require.Zero(t, pipedrive.Limits("", "persons", crmsync.Upsert).Items, "the CRM has no upsert")
}
