package providers_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/providers"
)

// hubspotWith returns the provider with answers of our own.
func hubspotWith(t testing.TB, opt providers.Options) *providers.Provider {
	t.Helper()
	all, ds := providers.Load(opt)
	require.Empty(t, ds)
	p, ok := all["hubspot"].(*providers.Provider)
	require.True(t, ok)
	return p
}

func upserts(calls ...crmsync.Call) crmsync.Batch {
	return crmsync.Batch{
		Credential: crmsync.NewSecret("s3cret"), Object: "contacts", Operation: crmsync.Upsert, Calls: calls, Deadline: time.Now().Add(time.Minute),
	}
}

func TestRequest(t *testing.T) {
	p := hubspotWith(t, providers.Options{BaseURL: map[string]string{"hubspot": "http://127.0.0.1:8089/proxy/"}})
	b := upserts(
		call("", "crmsync_id", `a "quoted" key`, `{"firstname":"Ada","tags":["x","y"],"age":36,"gone":null}`),
		call("", "crmsync_id", "nested", `{"address":{"city":"London"}}`),
		call("", "crmsync_id", "b", ""),
	)
	b.Deadline = time.Time{}
	r, results := p.Request(b)
	require.Equal(t, &providers.Request{
		Method: "POST", URL: "http://127.0.0.1:8089/proxy/crm/v3/objects/contacts/batch/upsert",
		Header: http.Header{"Accept": {"application/json"}, "Accept-Encoding": {"identity"}, "Authorization": {"Bearer [redacted]"}, "Content-Type": {"application/json"}, "User-Agent": {"crmsync"}},
		Body: []byte(`{"inputs":[{"id":"a \"quoted\" key","idProperty":"crmsync_id","objectWriteTraceId":"0","properties":{"firstname":"Ada","tags":"x;y","age":"36","gone":""}},` +
			`{"id":"b","idProperty":"crmsync_id","objectWriteTraceId":"2","properties":{}}]}`),
	}, r)
	require.Equal(t, []crmsync.Result{
		{}, failed(crmsync.Fault{Kind: crmsync.Rejected, Code: "nested_value", Field: "address", Message: "the CRM takes no nested value in a field"}), {},
	}, results)
	none, results := p.Request(upserts(call("", "email", "ada@example.com", "{}")))
	require.Nil(t, none)
	require.Equal(t, []crmsync.Result{failed(crmsync.Fault{
		Kind: crmsync.Rejected, Code: "no_upsert_by_field", Field: "email",
		Message: "the CRM can't upsert this object by email: match by a unique field of your own",
	})}, results)
}

func TestCreateCarriesItsKey(t *testing.T) {
	p := hubspotWith(t, providers.Options{})
	b := upserts(call("", "crmsync_id", "c-1", `{"crmsync_id":"other","email":"a@example.com"}`), call("", "crmsync_id", "c-2", `{"crmsync_id":"other"}`))
	b.Operation = crmsync.Create
	r, _ := p.Request(b)
	want := `{"inputs":[{"objectWriteTraceId":"0","properties":{"crmsync_id":"c-1","email":"a@example.com"}},` +
		`{"objectWriteTraceId":"1","properties":{"crmsync_id":"c-2"}}]}`
	require.Equal(t, want, string(r.Body))
}

// TestKeptBack: calls that can't go along wait for a request of their own, and
// the others go.
func TestKeptBack(t *testing.T) {
	big := fmt.Sprintf(`{"description":%q}`, strings.Repeat("x", 1<<20))
	huge := fmt.Sprintf(`{"description":%q}`, strings.Repeat("x", 5<<20))
	for _, c := range []struct {
		name  string
		calls []crmsync.Call
		codes []string // "" goes along
	}{
		{"the same object twice", []crmsync.Call{call("", "crmsync_id", "a", "{}"), call("", "crmsync_id", "b", "{}"), call("", "crmsync_id", "a", "{}")}, []string{"", "", "same_object"}},
		{"another match field", []crmsync.Call{call("", "crmsync_id", "a", "{}"), call("", "other_id", "b", "{}"), call("", "crmsync_id", "c", "{}")}, []string{"", "other_match_field", ""}},
		{"no room", []crmsync.Call{call("", "k", "a", big), call("", "k", "b", big), call("", "k", "c", big), call("", "k", "d", big), call("", "k", "e", "{}")}, []string{"", "", "", "batch_full", ""}},
		{"larger than any request", []crmsync.Call{call("", "k", "a", huge), call("", "k", "b", "{}")}, []string{"call_too_large", ""}},
		{"fields that are none", []crmsync.Call{call("", "k", "a", "[1]"), call("", "k", "b", `{"x":1}{`), call("", "k", "c", "{}")}, []string{"invalid_fields", "invalid_fields", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := hubspotWith(t, providers.Options{})
			r, results := p.Request(upserts(c.calls...))
			require.LessOrEqual(t, len(r.Body), p.Limits("", "contacts", crmsync.Upsert).Bytes)
			codes := make([]string, len(results))
			for i, result := range results {
				if result.Fault != nil {
					codes[i] = result.Fault.Code
					require.False(t, result.Fault.Whole)
				}
			}
			require.Equal(t, c.codes, codes)
		})
	}
}

// TestFoldedKeys: a key whose case the CRM has changed is found, but never in
// the place of one that is exactly so.
func TestFoldedKeys(t *testing.T) {
	answer := func(keys ...string) string {
		var results []string
		for i, key := range keys {
			results = append(results, fmt.Sprintf(`{"id":"%d","new":false,"properties":{"k":%q}}`, i+1, key))
		}
		return `{"results":[` + strings.Join(results, ",") + `]}`
	}
	for _, c := range []struct {
		name        string
		keys, given []string
		ids         []string
	}{
		{"changed", []string{"A@x", "B@x"}, []string{"b@x", "a@x"}, []string{"2", "1"}},
		{"exact goes first", []string{"AB", "ab"}, []string{"ab", "AB"}, []string{"2", "1"}},
		{"of two one is answered", []string{"AB", "ab"}, []string{"ab"}, []string{"", "1"}},
		{"another's", []string{"a"}, []string{"b"}, []string{""}},
		{"named twice", []string{"a"}, []string{"a", "A"}, []string{"1"}},
		{"another's first", []string{"a"}, []string{"A", "a"}, []string{"2"}},
		{"one object for two calls", []string{"A@x", "a@X"}, []string{"a@x"}, []string{"1", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := hubspotWith(t, providers.Options{Transport: &transport{status: 200, body: answer(c.given...)}})
			var calls []crmsync.Call
			for _, key := range c.keys {
				calls = append(calls, call("", "k", key, "{}"))
			}
			ids := make([]string, len(calls))
			for i, r := range p.Apply(t.Context(), upserts(calls...)).Results {
				ids[i] = r.ExternalID
			}
			require.Equal(t, c.ids, ids)
		})
	}
}

// TestContradiction: a call that is both among the results and the errors has
// failed.
func TestContradiction(t *testing.T) {
	body := `{"results":[{"id":"1","properties":{"k":"a"}}],"errors":[{"category":"VALIDATION_ERROR","message":"no","context":{"objectWriteTraceId":["0"]}}]}`
	p := hubspotWith(t, providers.Options{Transport: &transport{status: 207, body: body}})
	require.Equal(t, []crmsync.Result{failed(crmsync.Fault{Kind: crmsync.Rejected, Code: "VALIDATION_ERROR", Message: "no"})},
		p.Apply(t.Context(), upserts(call("", "k", "a", "{}"))).Results)
}

// TestNamelessError: an error that names nobody is about those that nobody else
// names; of several it is nobody's in particular.
func TestNamelessError(t *testing.T) {
	body := `{"results":[{"id":"1","properties":{"k":"a"}}],"errors":[{"category":"VALIDATION_ERROR","message":"no"}]}`
	p := hubspotWith(t, providers.Options{Transport: &transport{status: 207, body: body}})
	one := crmsync.Fault{Kind: crmsync.Rejected, Code: "VALIDATION_ERROR", Message: "no"}
	several := one
	several.Whole = true
	require.Equal(t, []crmsync.Result{{ExternalID: "1"}, failed(one)},
		p.Apply(t.Context(), upserts(call("", "k", "a", "{}"), call("", "k", "b", "{}"))).Results)
	require.Equal(t, []crmsync.Result{{ExternalID: "1"}, failed(several), failed(several)},
		p.Apply(t.Context(), upserts(call("", "k", "a", "{}"), call("", "k", "b", "{}"), call("", "k", "c", "{}"))).Results)
}

func TestLimitsByPlan(t *testing.T) {
	p := hubspotWith(t, providers.Options{MaxInflight: map[string]time.Duration{"hubspot": time.Second}})
	for plan, want := range map[string][]int64{
		"free": {100, 250_000}, "starter": {100, 250_000}, "professional": {190, 625_000}, "enterprise": {190, 1_000_000},
		"professional_increase": {250, 1_625_000}, "public_app": {110}, "": {100, 250_000}, "no such plan": {100, 250_000},
	} {
		l := p.Limits(plan, "deals", crmsync.Update)
		require.Equal(t, 100, l.Items)
		require.Equal(t, time.Second, l.MaxInflight)
		var limits []int64
		for _, b := range l.Budgets {
			limits = append(limits, b.Limit)
			require.Equal(t, int64(1), b.Cost(100))
		}
		require.Equal(t, want, limits, plan)
	}
	require.Equal(t, []string{"companies", "contacts", "deals"}, p.Objects())
	require.Contains(t, p.Plans(), "enterprise_increase_2")
}
