package hubspot

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// FuzzBodies sends any body to every call that takes one. The answer is
// always JSON with a status that HubSpot uses, and the log still tells the
// objects.
func FuzzBodies(f *testing.F) {
	paths := []string{
		"/crm/v3/objects/contacts", "/crm/v3/objects/contacts/batch/create", "/crm/v3/objects/contacts/batch/read",
		"/crm/v3/objects/contacts/batch/update", upsertPath, "/crm/v3/objects/contacts/batch/archive", searchPath,
		"/crm/v3/properties/contacts",
	}
	seeds := []string{
		``, `{}`, `[]`, `null`, `{"inputs":null}`, upsert(true, "1", "a@b.co", "2", "x"), upsert(false, "1", "a@b.co", "1", "x"),
		`{"properties":{"email":"a@b.co","firstname":"\ud800\u00e9"}}`, `{"inputs":[{"id":"501","properties":{"lastname":1}}]}`,
		`{"inputs":[{"id":"501"}],"properties":["email"],"idProperty":"email"}`, where("email", "EQ", `,"value":"a@b.co"`),
		newProperty("x", `,"hasUniqueValue":true`), `{"inputs":[{"properties":[[[]]]}]}`, "{\"inputs\":[\n{\"id\": {}}]}",
	}
	for i := range paths {
		for _, seed := range seeds {
			f.Add(uint8(i), seed)
		}
	}
	statuses := map[int]bool{200: true, 201: true, 204: true, 207: true, 400: true, 404: true, 409: true}
	f.Fuzz(func(t *testing.T, path uint8, body string) {
		a := open(t, Config{})
		a.must(201, "POST", "/crm/v3/objects/contacts", `{"properties":{"email":"first@example.com","crmsync_id":"first"}}`)
		status, answer := a.call("POST", paths[int(path)%len(paths)], body)
		require.True(t, statuses[status], status)
		require.True(t, status == 204 || json.Valid([]byte(answer)), answer)
		require.True(t, utf8.ValidString(answer))
		live, archived := replay(t, a.server.Log())
		wantLive, wantArchived := a.held()
		require.Equal(t, wantLive, live)
		require.Equal(t, wantArchived, archived)
	})
}

// FuzzDecodeBatch compares the decoder with encoding/json, which is slower
// and reads the same.
func FuzzDecodeBatch(f *testing.F) {
	for _, seed := range []string{
		`{"inputs":[{"id":"1","properties":{"a":"b"}}]}`, ` { "inputs" : [ { } , {"id":"\u0041\n","x":[1,{"y":[]}]} ] , "z" : -1.5e3 } `,
		`{"inputs":[{"properties":{"a":"1"},"properties":{"b":"2"}}]}`, "{\"inputs\":[{\"id\":\"\xff\"}]}", `{"inputs":{}}`, `{"properties":["a"],"idProperty":"b"}`,
	} {
		f.Add(seed)
	}
	type wire struct {
		Inputs []struct {
			ID         string            `json:"id"`
			IDProperty string            `json:"idProperty"`
			TraceID    string            `json:"objectWriteTraceId"`
			Properties map[string]string `json:"properties"`
		} `json:"inputs"`
	}
	f.Fuzz(func(t *testing.T, body string) {
		got, r := decodeBatch([]byte(body), true)
		if !json.Valid([]byte(body)) {
			require.NotNil(t, r)
			return
		}
		if r != nil || len(got.inputs) != got.count {
			return
		}
		var want wire
		if json.Unmarshal([]byte(body), &want) != nil || strings.Contains(strings.ToLower(body), "null") || sameFold(body) {
			return // the two differ on purpose in null and in the case of names
		}
		require.Len(t, got.inputs, len(want.Inputs))
		for i, in := range got.inputs {
			w := want.Inputs[i]
			require.Equal(t, []string{w.ID, w.IDProperty, w.TraceID}, []string{in.id, in.idProperty, in.traceID})
			for _, p := range in.props {
				require.Contains(t, w.Properties, p.name)
			}
		}
	})
}

// sameFold says whether a name of the batch stands in the body in another
// case, or written with escapes: encoding/json takes it for the same name.
func sameFold(body string) bool {
	names := []string{"inputs", "id", "idProperty", "objectWriteTraceId", "properties"}
	decoder, seen := json.NewDecoder(strings.NewReader(body)), map[string]int{}
	for {
		token, err := decoder.Token()
		if err != nil {
			break
		}
		if text, ok := token.(string); ok {
			for _, name := range names {
				if strings.EqualFold(text, name) {
					seen[name]++
					if text != name || seen["inputs"] > 1 {
						return true
					}
				}
			}
		}
	}
	return false
}

// TestPositions: lines and characters count from 1, in characters.
func TestPositions(t *testing.T) {
	tests := []struct {
		name         string
		at           int
		line, column int
	}{
		{"start", 0, 1, 1}, {"after é", 3, 1, 3}, {"second line", 4, 2, 1}, {"end", 6, 2, 3}, {"beyond", 99, 2, 3}, {"before", -1, 1, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			line, column := position("aé\nbc", test.at)
			require.Equal(t, []int{test.line, test.column}, []int{line, column})
		})
	}
}

// FuzzPattern: a pattern without stars is a plain comparison, and a star
// never matches less than the text it stands for.
func FuzzPattern(f *testing.F) {
	f.Add("renewal", "ren", "al")
	f.Add("", "", "")
	f.Fuzz(func(t *testing.T, text, before, after string) {
		if !strings.Contains(text, "*") {
			require.True(t, matches(text, text))
		}
		if !strings.Contains(before+after, "*") {
			require.True(t, matches(before+text+after, before+"*"+after))
		}
	})
}
