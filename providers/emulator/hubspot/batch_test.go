package hubspot

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync/providers/emulator"
)

// batchBody is what the tests read of a batch answer.
type batchBody struct {
	Results []struct {
		ID         string
		New        bool
		Properties map[string]*string
	}
	NumErrors int
	Errors    []itemError
}

func decodeAnswer(t testing.TB, body string) (out batchBody) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(body), &out))
	return out
}

// outcomes are those of the newest log entry, in the order of the inputs.
func (a *account) outcomes() (out []emulator.Outcome) {
	for _, r := range a.last().Records {
		out = append(out, r.Outcome)
	}
	return out
}

const upsertPath = "/crm/v3/objects/contacts/batch/upsert"

func TestUpsertAllOrNothing(t *testing.T) {
	const good, bad, taken = "good@example.com", "not an e-mail", "taken@example.com"
	tests := []struct {
		name     string
		traced   bool
		pairs    []string
		status   int
		outcomes []emulator.Outcome
		objects  int // beside the one that was there
		errors   []string
	}{
		{
			"bad value without trace ids", false, []string{"1", good, "2", bad}, 400,
			[]emulator.Outcome{emulator.Untouched, emulator.Rejected}, 0, nil,
		},
		{
			"bad value with trace ids", true, []string{"1", good, "2", bad}, 207,
			[]emulator.Outcome{emulator.Created, emulator.Rejected}, 1, []string{"VALIDATION_ERROR"},
		},
		{
			"taken e-mail without trace ids takes back what came before", false, []string{"1", good, "2", taken, "3", "c@example.com"}, 409,
			[]emulator.Outcome{emulator.Untouched, emulator.Rejected, emulator.Untouched}, 0, nil,
		},
		{
			"taken e-mail with trace ids", true, []string{"1", good, "2", taken, "3", "c@example.com"}, 207,
			[]emulator.Outcome{emulator.Created, emulator.Rejected, emulator.Created}, 2, []string{"CONFLICT"},
		},
		{
			"one e-mail for two records of the batch", true, []string{"1", good, "2", good}, 207,
			[]emulator.Outcome{emulator.Created, emulator.Rejected}, 1, []string{"CONFLICT"},
		},
		{
			"one trace id for two inputs is as good as none", true, []string{"1", good, "2", bad, "twice"}, 400,
			[]emulator.Outcome{emulator.Untouched, emulator.Rejected}, 0, nil,
		},
		{
			"all bad with trace ids", true, []string{"1", bad}, 207, []emulator.Outcome{emulator.Rejected}, 0, []string{"VALIDATION_ERROR"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := open(t, Config{})
			a.contact(taken)
			inputs := upsert(test.traced, test.pairs[:len(test.pairs)/2*2]...)
			if len(test.pairs)%2 == 1 {
				inputs = strings.ReplaceAll(inputs, `"objectWriteTraceId":"1"`, `"objectWriteTraceId":"0"`)
			}
			body := a.must(test.status, "POST", upsertPath, inputs)
			require.Equal(t, test.outcomes, a.outcomes())
			require.Len(t, a.server.Objects(testPortal, "contacts"), 1+test.objects)
			if test.status != 207 {
				return
			}
			answer := decodeAnswer(t, body)
			require.Len(t, answer.Results, test.objects)
			require.Equal(t, len(test.errors), answer.NumErrors)
			for i, category := range test.errors {
				require.Equal(t, category, answer.Errors[i].Category)
				require.Len(t, answer.Errors[i].Context["objectWriteTraceId"], 1)
			}
		})
	}
}

// TestRollback: a batch that fails late leaves even the unique values as they
// were, so that each of them can be used again.
func TestRollback(t *testing.T) {
	a := open(t, Config{})
	a.must(200, "POST", upsertPath, upsert(false, "1", "one@example.com", "2", "two@example.com"))
	before := a.server.Objects(testPortal, "contacts")
	a.clock.forward(1)
	a.must(409, "POST", upsertPath, upsert(false, "3", "three@example.com", "1", "uno@example.com", "2", "uno@example.com"))
	require.Equal(t, before, a.server.Objects(testPortal, "contacts"))
	a.must(200, "POST", upsertPath, upsert(false, "3", "uno@example.com", "4", "three@example.com"))
	require.Len(t, a.server.Objects(testPortal, "contacts"), 4)
}

func TestUpsertTwice(t *testing.T) {
	a := open(t, Config{})
	first := decodeAnswer(t, a.must(200, "POST", upsertPath, upsert(false, "1", "One@Example.com", "2", "two@example.com")))
	require.True(t, first.Results[0].New)
	require.Equal(t, []string{"2", "1"}, []string{*first.Results[0].Properties["crmsync_id"], *first.Results[1].Properties["crmsync_id"]},
		"results stand in another order than the inputs")
	require.Equal(t, "one@example.com", *first.Results[1].Properties["email"])

	again := decodeAnswer(t, a.must(200, "POST", upsertPath, upsert(false, "1", "one@example.com", "2", "zwei@example.com")))
	require.False(t, again.Results[0].New)
	require.Equal(t, []emulator.Outcome{emulator.Unchanged, emulator.Updated}, a.outcomes())
	require.Equal(t, emulator.Record{
		ID: "502", UniqueProperty: "crmsync_id", UniqueValue: "2", Outcome: emulator.Updated,
		Properties: emulator.Values{{Name: "email", Value: "zwei@example.com"}},
	}, a.last().Records[1])
}

// TestUpsertAfterArchive: the archived record gives up its unique value.
func TestUpsertAfterArchive(t *testing.T) {
	a := open(t, Config{})
	a.must(200, "POST", upsertPath, upsert(false, "1", "one@example.com"))
	a.must(204, "DELETE", "/crm/v3/objects/contacts/501", "")
	require.Equal(t, emulator.Record{ID: "501", UniqueProperty: "crmsync_id", UniqueValue: "1", Outcome: emulator.Archived}, a.last().Records[0])
	a.must(204, "DELETE", "/crm/v3/objects/contacts/501", "")
	require.Equal(t, []emulator.Outcome{emulator.Absent}, a.outcomes())
	a.must(404, "PATCH", "/crm/v3/objects/contacts/501", `{"properties":{"firstname":"A"}}`)
	a.must(404, "GET", "/crm/v3/objects/contacts/501", "")
	a.must(200, "GET", "/crm/v3/objects/contacts/501?archived=true", "")
	answer := decodeAnswer(t, a.must(200, "POST", upsertPath, upsert(false, "1", "one@example.com")))
	require.True(t, answer.Results[0].New)
	require.Equal(t, "502", answer.Results[0].ID)
}

func TestBatchBounds(t *testing.T) {
	inputs := func(n int) string {
		var pairs []string
		for i := range n {
			pairs = append(pairs, fmt.Sprint(i), fmt.Sprintf("c%d@example.com", i))
		}
		return upsert(true, pairs...)
	}
	tests := []struct {
		name, body string
		status     int
		message    string
	}{
		{"a hundred", inputs(100), 200, ""},
		{"one more", inputs(101), 400, "The maximum number of inputs supported in a batch request is 100. Inputs received: 101"},
		{"none", `{"inputs":[]}`, 400, "Some required fields were not set: [inputs]"},
		{"no list", `{}`, 400, "Some required fields were not set: [inputs]"},
		{"no id", `{"inputs":[{"idProperty":"crmsync_id","properties":{}}]}`, 400, "Some required fields were not set: [id]"},
		{"not JSON", `{"inputs":[}`, 400, "Invalid input JSON on line 1, column 12: invalid character '}' looking for beginning of value"},
		{"nothing", ``, 400, "Invalid input JSON on line 1, column 1: unexpected end of JSON input"},
		{"not an object", `[]`, 400, "Invalid input JSON on line 1, column 1: Cannot deserialize value of type `java.util.LinkedHashMap<java.lang.String,java.lang.String>` from Array value (token `JsonToken.START_ARRAY`)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := open(t, Config{})
			body := a.must(test.status, "POST", upsertPath, test.body)
			if test.message == "" {
				require.Len(t, decodeAnswer(t, body).Results, 100)
				return
			}
			var answer errorBody
			require.NoError(t, json.Unmarshal([]byte(body), &answer))
			require.Equal(t, test.message, answer.Message)
			require.Empty(t, a.server.Objects(testPortal, "contacts"))
		})
	}
}

func TestUpsertByRecordID(t *testing.T) {
	a := open(t, Config{})
	id := a.contact("ada@example.com")
	body := fmt.Sprintf(`{"inputs":[{"id":%q,"objectWriteTraceId":"0","properties":{"firstname":"Ada"}},{"id":"9","objectWriteTraceId":"1","properties":{"firstname":"B"}}]}`, id)
	answer := decodeAnswer(t, a.must(207, "POST", upsertPath, body))
	require.Len(t, answer.Results, 1)
	require.Equal(t, "Ada", *answer.Results[0].Properties["firstname"])
	require.Equal(t, map[string][]string{"ids": {"9"}, "objectWriteTraceId": {"1"}}, answer.Errors[0].Context)
	a.must(404, "POST", upsertPath, strings.ReplaceAll(body, "objectWriteTraceId", "x"))
}

// TestUpdateByUniqueProperty also holds a wrong value in an update with trace
// ids to its own input.
func TestUpdateByUniqueProperty(t *testing.T) {
	a := open(t, Config{})
	a.must(200, "POST", upsertPath, upsert(false, "1", "one@example.com", "2", "two@example.com"))
	answer := decodeAnswer(t, a.must(207, "POST", "/crm/v3/objects/contacts/batch/update", `{"inputs":[
		{"id":"1","idProperty":"crmsync_id","objectWriteTraceId":"a","properties":{"lifecyclestage":"nosuch"}},
		{"id":"2","idProperty":"crmsync_id","objectWriteTraceId":"b","properties":{"lifecyclestage":"lead"}},
		{"id":"3","idProperty":"crmsync_id","objectWriteTraceId":"c","properties":{"lifecyclestage":"lead"}}]}`))
	require.Len(t, answer.Results, 1)
	require.Equal(t, map[string][]string{"objectWriteTraceId": {"a"}, "ids": {"1"}}, answer.Errors[0].Context)
	require.Equal(t, map[string][]string{"ids": {"3"}}, answer.Errors[1].Context)
	require.Equal(t, []emulator.Outcome{emulator.Rejected, emulator.Updated, emulator.Rejected}, a.outcomes())
}

func TestFullPortal(t *testing.T) {
	a := open(t, Config{MaxObjects: 1})
	a.contact("one@example.com")
	body := a.must(400, "POST", "/crm/v3/objects/contacts", `{"properties":{"email":"two@example.com"}}`)
	require.JSONEq(t, `{"status":"error","message":"This account has reached its limit of 1 contacts","correlationId":"…","category":"VALIDATION_ERROR"}`, body)
}

// TestDuplicatesByEmail: e-mails are the same in any case, as they are stored
// in lower case.
func TestDuplicatesByEmail(t *testing.T) {
	a := open(t, Config{})
	body := a.must(400, "POST", upsertPath, `{"inputs":[{"id":"A@b.co","idProperty":"email","properties":{}},{"id":"a@B.co","idProperty":"email","properties":{}}]}`)
	require.JSONEq(t, `{"status":"error","message":"Duplicate IDs found in batch input: [a@b.co]. IDs must be unique","correlationId":"…",
		"context":{"ids":["a@b.co"]},"category":"VALIDATION_ERROR"}`, body)
}

// TestRepeatedNames: in one JSON object the last of two equal names counts.
func TestRepeatedNames(t *testing.T) {
	a := open(t, Config{})
	a.must(201, "POST", "/crm/v3/objects/contacts", `{"properties":{"nosuch":"x"},"properties":{"firstname":"A","firstname":"B"}}`)
	require.Equal(t, "B", a.server.Objects(testPortal, "contacts")[0].Properties["firstname"])
}
