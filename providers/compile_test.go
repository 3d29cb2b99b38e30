package providers_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/providers"
)

// small is a description with all parts; the tests spoil one of its lines.
const small = `version: 1
provider: small
base_url: https://api.example.com
root: /v1
auth: {kind: bearer, headers: {X-Token: "{credential}"}}
objects: {things: {path: things}}
operations:
  update:
    method: POST
    path: /{object}/update
    batch: {items: 3, bytes: 4096}
    body: {list: "{calls}"}
    call: {id: "{id}", "*": "{fields}"}
    answer:
      items: [200]
      results: {in: body.list, align: id, name: item.id, id: item.id}
      errors: {in: body.errors, align: id, name: error.id}
  archive:
    method: DELETE
    path: /{object}/{id}
    answer: {done: [204]}
classify:
  - {when: status == 429, kind: throttled, after: 1s}
waits: {max: 1h, hints: [{value: 'headers["retry-after"]', format: seconds}]}
facts: {max_inflight: 1m, search_lag: 0s, parallel: 2}
budgets: {calls: {window: 10s, cost: n}}
plans: {basic: {calls: 100}}
default_plan: basic
`

func TestCompileSmall(t *testing.T) {
	p, ds := providers.Compile("small.yaml", []byte(small), providers.Options{})
	require.Empty(t, ds)
	require.Equal(t, []string{"things"}, p.Objects())
	require.Equal(t, []string{"basic"}, p.Plans())
}

// TestDiagnostics spoils the description, one line at a time.
func TestDiagnostics(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"unknown word", "root: /v1", "rot: /v1", `small.yaml:4:1: error: unknown key "rot" [CM102]`},
		{"plain http", "https://api.example.com", "http://api.example.com", `small.yaml:3:11: error: "base_url" is not of the form ^https://[A-Za-z0-9.-]+(:[0-9]+)?$ [CM104]`},
		{"no kind", "kind: throttled, ", "", `small.yaml:23:6: error: missing key "kind" [CM103]`},
		{"a kind that is none", "kind: throttled", "kind: throtled", `small.yaml:23:33: error: "kind" must be internal, transient, throttled, quota, denied, rejected, missing, conflict, dependency or ambiguous [CM104]`},
		{"a kind beside already_gone", "kind: throttled, after: 1s", "kind: throttled, already_gone: true", "small.yaml:23:27: error: kind has no effect: already_gone stands beside it, which is success [CM501]"},
		{"unknown slot", "/{object}/update", "/{objekt}/update", "small.yaml:10:12: error: no slot {objekt} here [CM501]"},
		{"slot of a call in a batch's path", "/{object}/update", "/{object}/{id}", "small.yaml:10:21: error: no slot {id} here [CM501]"},
		{"open slot", "/{object}/update", "/{object/update", "small.yaml:10:12: error: slot is not closed [CM501]"},
		{"slot in a key", `{id: "{id}", "*": "{fields}"}`, `{"{nope}": "{id}", "*": "{fields}"}`, "small.yaml:13:12: error: no slot {nope} here [CM501]"},
		{"spread of something else", `"*": "{fields}"`, `"*": "{id}"`, `small.yaml:13:29: error: the key "*" takes {fields}, in the JSON of a call [CM501]`},
		{"fields as text", `"*": "{fields}"`, `all: "x{fields}"`, "small.yaml:13:29: error: {fields} and {calls} stand alone, they are no text [CM501]"},
		{"no place for calls", `body: {list: "{calls}"}`, `body: {list: []}`, "small.yaml:12:5: error: body of a batch has no place for its calls [CM501]"},
		{"calls without a form", `    call: {id: "{id}", "*": "{fields}"}` + "\n", "", "small.yaml:12:5: error: {calls} has no form [CM501]"},
		{"no credential", `"{credential}"`, `"token"`, "small.yaml:5:22: error: no header carries the credential [CM501]"},
		{"unknown variable", "status == 429", "stats == 429", `small.yaml:23:12: error: there is no variable "stats" [CM202]`},
		{"syntax of an expression", "status == 429", "status ==", "small.yaml:23:19: error: the expression ends after ==, something must follow [CM204]"},
		{"an expression of the wrong type", "status == 429", "status + 1", "small.yaml:23:12: error: this gives an integer, but a boolean is wanted here [CM210]"},
		{"list that is no path", "in: body.list", "in: item.list", "small.yaml:16:21: error: not a path from body [CM501]"},
		{"results without a list", "in: body.list, ", "", "small.yaml:16:7: error: results of a batch have no list [CM501]"},
		{"align by what is not sent", "results: {in: body.list, align: id", "results: {in: body.list, align: key", "small.yaml:16:39: error: update sends no match values to align by [CM501]"},
		{"trace that is not carried", "errors: {in: body.errors, align: id", "errors: {in: body.errors, align: trace", "small.yaml:17:40: error: call carries no trace to align by [CM501]"},
		{"name without effect", "align: id, name: item.id, id: item.id", "align: index, name: item.id, id: item.id", "small.yaml:16:7: error: name and fold_case have no effect on results that go by their place [CM501]"},
		{"no status", "answer: {done: [204]}", "answer: {}", "small.yaml:21:5: error: no status says that a call was done [CM501]"},
		{"wait without effect", "kind: throttled, after: 1s", "kind: rejected, after: 1s", "small.yaml:23:43: error: after has no effect: only what is throttled, over quota or transient waits [CM501]"},
		{"existing id of no conflict", "after: 1s", "existing_id: [body.id]", "small.yaml:23:44: error: existing_id has no effect: only a conflict has an existing object [CM501]"},
		{"at_most without until", "after: 1s", "after: 1s, at_most: 1h", "small.yaml:23:55: error: at_most has no effect: it shortens until, which is not there [CM501]"},
		{"duration out of range", "after: 1s", "after: 99999h", "small.yaml:23:51: error: duration is out of range [CM501]"},
		{"cost that is no count", "cost: n", "cost: n - 2", "small.yaml:26:38: error: cost is no count for update [CM501]"},
		{"empty window", "window: 10s", "window: 0s", "small.yaml:26:27: error: window is empty [CM501]"},
		{"unknown budget", "basic: {calls: 100}", "basic: {cals: 100}", `small.yaml:27:17: error: unknown budget "cals" [CM501]`},
		{"unknown default plan", "default_plan: basic", "default_plan: basik", `small.yaml:28:15: error: unknown plan "basik" [CM501]`},
		{"two mistakes, both told", "window: 10s, cost: n", "window: 0s, cost: m", "small.yaml:26:27: error: window is empty [CM501]\nsmall.yaml:26:37: error: there is no variable \"m\" [CM202]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, 1, strings.Count(small, c.old), "the line to spoil")
			p, ds := providers.Compile("small.yaml", []byte(strings.Replace(small, c.old, c.new, 1)), providers.Options{})
			require.Nil(t, p)
			require.Equal(t, c.want, ds.Error())
		})
	}
}

func TestLoadOptions(t *testing.T) {
	for _, c := range []struct {
		name string
		opt  providers.Options
		want string
	}{
		{"unknown provider", providers.Options{BaseURL: map[string]string{"hubspt": "http://127.0.0.1:1"}}, `providers.hubspt: error: unknown provider "hubspt" [CM501]`},
		{"unknown provider of a bound", providers.Options{MaxInflight: map[string]time.Duration{"salesforce": time.Second}}, `providers.salesforce: error: unknown provider "salesforce" [CM501]`},
		{"no URL", providers.Options{BaseURL: map[string]string{"hubspot": "127.0.0.1:8089"}}, "providers.hubspot.base_url: error: base URL can't be read [CM501]"},
		{"no host", providers.Options{BaseURL: map[string]string{"hubspot": "http://"}}, "providers.hubspot.base_url: error: base URL has no host [CM501]"},
		{"a password", providers.Options{BaseURL: map[string]string{"hubspot": "http://user:hunter2@127.0.0.1:1"}}, "providers.hubspot.base_url: error: base URL must hold no password: credentials belong into the credential store [CM501]"},
		{"a query", providers.Options{BaseURL: map[string]string{"hubspot": "http://127.0.0.1:1?a=b"}}, "providers.hubspot.base_url: error: base URL must have neither query nor fragment [CM501]"},
		{"not readable", providers.Options{BaseURL: map[string]string{"hubspot": "http://[::1"}}, "providers.hubspot.base_url: error: base URL can't be read [CM501]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			all, ds := providers.Load(c.opt)
			require.Nil(t, all)
			require.Equal(t, c.want, ds.Error())
		})
	}
}

// FuzzDescription: whatever a description holds, it is either compiled or its
// mistakes are told, each with a place in the file, and the same twice. What is
// compiled knows its objects and plans, and says how it may be asked.
func FuzzDescription(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("version: 1\n"))
	src, err := os.ReadFile("hubspot/provider.yaml")
	require.NoError(f, err)
	f.Add(src)
	f.Fuzz(func(t *testing.T, src []byte) {
		opt := providers.Options{Transport: &transport{status: 200}}
		p, ds := providers.Compile("fuzz.yaml", src, opt)
		require.Equal(t, p == nil, ds.HasErrors(), ds.Error())
		lines := strings.Split(string(src), "\n")
		for _, d := range ds {
			require.NotEmpty(t, d.Code)
			require.NotEmpty(t, d.Message)
			require.Positive(t, d.Range.Start.Line)
			require.Positive(t, d.Range.Start.Column)
			require.LessOrEqual(t, d.Range.End.Line, len(lines))
			require.LessOrEqual(t, d.Range.Start.Compare(d.Range.End), 0)
		}
		_, again := providers.Compile("fuzz.yaml", src, opt)
		require.Equal(t, ds, again)
		if p == nil {
			return
		}
		require.NotEmpty(t, p.Objects())
		require.NotEmpty(t, p.Plans())
		for _, object := range p.Objects() {
			for op := crmsync.Upsert; op <= crmsync.Find; op++ {
				limits := p.Limits(p.Plans()[0], object, op)
				require.GreaterOrEqual(t, limits.Items, 0)
				require.GreaterOrEqual(t, limits.MaxInflight, time.Duration(0))
			}
		}
	})
}
