package emulator

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shelf is a target with two objects.
type shelf struct{ resets int }

func (s *shelf) Objects(account, objectType string) ([]Object, error) {
	if account != "1" || objectType != "contacts" {
		return nil, errors.New("no such account or type")
	}
	return []Object{
		{ID: "5", Type: "contacts", Properties: map[string]string{"key": "a"}},
		{ID: "6", Type: "contacts", Properties: map[string]string{"key": "b"}, Archived: true},
	}, nil
}

func (s *shelf) Reset() { s.resets++ }

func TestInspect(t *testing.T) {
	const (
		five = `{"id":"5","type":"contacts","properties":{"key":"a"},"created_at":"0001-01-01T00:00:00Z","updated_at":"0001-01-01T00:00:00Z","archived":false}`
		six  = `{"id":"6","type":"contacts","properties":{"key":"b"},"created_at":"0001-01-01T00:00:00Z","updated_at":"0001-01-01T00:00:00Z","archived":true}`
		line = `{"seq":%,"start":"0001-01-01T00:00:00Z","account":"%","method":"","path":"","operation":"upsert","status":0}`
	)
	lines := func(pairs ...string) (out string) {
		for i := 0; i < len(pairs); i += 2 {
			out += strings.Replace(strings.Replace(line, "%", pairs[i], 1), "%", pairs[i+1], 1) + "\n"
		}
		return out
	}
	tests := []struct {
		name, method, path, body string
		status                   int
		want                     string
	}{
		{"objects", "GET", "objects?account=1&type=contacts", "", 200, `{"objects":[` + five + "," + six + "]}\n"},
		{"by property", "GET", "objects?account=1&type=contacts&property=key&value=b", "", 200, `{"objects":[` + six + "]}\n"},
		{"living ones", "GET", "objects?account=1&type=contacts&archived=false", "", 200, `{"objects":[` + five + "]}\n"},
		{"unknown account", "GET", "objects?account=2&type=contacts", "", 404, `{"error":"no such account or type"}` + "\n"},
		{"log", "GET", "log", "", 200, lines("1", "1", "2", "2", "3", "1")},
		{"log from", "GET", "log?since=2", "", 200, lines("2", "2", "3", "1")},
		{"log of an account, bounded", "GET", "log?account=1&limit=1", "", 200, lines("1", "1")},
		{"log from nowhere", "GET", "log?since=x", "", 400, `{"error":"parameter since is \"x\": give a whole number"}` + "\n"},
		{"counters", "GET", "counters", "", 200, `{"calls":{"upsert":3},"statuses":{},"faults":{},"records":{},"accounts":{},"open":3,"pending":0,"last_seq":3,"log_lines":3,"log_dropped":0}` + "\n"},
		{"reset", "POST", "reset", "", 204, ""},
		{"faults", "GET", "faults", "", 200, `{"queue":[{"match":{},"kind":"slow","delay":"1.5s","times":2}],"rates":{"late":0.5}}` + "\n"},
		{"bad rates", "PUT", "faults", `{"rates":{"slow":7}}`, 400, `{"error":"rate of fault slow is 7: give a number from 0 to 1"}` + "\n"},
		{"misspelt key", "POST", "faults", `{"knd":"slow"}`, 400, `{"error":"decode the body of POST /_emulator/faults: json: unknown field \"knd\""}` + "\n"},
		{"bad delay", "POST", "faults", `{"kind":"slow","delay":"2"}`, 400, `{"error":"delay is \"2\": give a duration such as 1.5s"}` + "\n"},
		{"unknown path", "GET", "nothing", "", 404, "404 page not found\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			log, plan, target := NewLog(0), newPlan(t, PlanConfig{Rates: FaultRates{Late: 0.5}}), &shelf{}
			for _, account := range []string{"1", "2", "1"} {
				log.Append(Entry{Account: account, Operation: "upsert"})
			}
			require.NoError(t, plan.Queue(QueuedFault{Fault: Fault{Kind: Slow, Delay: 1500 * time.Millisecond}, Times: 2}))
			w := httptest.NewRecorder()
			Inspect(log, plan, target).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), test.method, InspectPrefix+test.path, strings.NewReader(test.body)))
			require.Equal(t, test.want, w.Body.String())
			require.Equal(t, test.status, w.Code)
			require.Equal(t, test.name == "reset", target.resets == 1)
		})
	}
}

func TestInspectSetsFaults(t *testing.T) {
	plan := newPlan(t, PlanConfig{})
	mux := Inspect(NewLog(0), plan, &shelf{})
	call := func(method, body string) {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, InspectPrefix+"faults", strings.NewReader(body)))
		require.Equal(t, 204, w.Code, w.Body.String())
	}
	call("PUT", `{"rates":{"silent":0.25}}`)
	call("POST", `{"kind":"timeout","delay":"3s","match":{"account":"7"}}`)
	require.Equal(t, FaultRates{Silent: 0.25}, plan.Rates())
	require.Equal(t, []QueuedFault{{Match{Account: "7"}, Fault{Kind: Timeout, Delay: 3 * time.Second}, 1}}, plan.Queued())
	call("DELETE", "")
	require.Empty(t, plan.Queued())
}
