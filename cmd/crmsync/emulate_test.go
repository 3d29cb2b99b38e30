package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync/providers/emulator"
)

// TestEmulateHubspot serves two tokens nobody told it of, as two accounts, and
// ends with a signal.
func TestEmulateHubspot(t *testing.T) {
	reader, writer := io.Pipe()
	var errs output
	ended := make(chan int, 1)
	go func() {
		ended <- run([]string{"emulate", "hubspot", "--listen", "127.0.0.1:0"}, strings.NewReader(""), writer, &errs)
	}()
	line := make([]byte, 100)
	n, err := reader.Read(line)
	require.NoError(t, err)
	url := strings.TrimSpace(string(line[:n]))
	for _, token := range []string{"pat-7-x", "pat-8-x"} {
		answer := ask(t, http.MethodPost, url+"/crm/v3/objects/contacts/batch/upsert", token,
			`{"inputs":[{"id":"c-1","idProperty":"crmsync_id","properties":{"email":"Ada@example.com"}}]}`)
		require.Contains(t, answer, `"ada@example.com"`)
	}
	var counters emulator.Counters
	require.NoError(t, json.Unmarshal([]byte(ask(t, http.MethodGet, url+"/_emulator/counters", "", "")), &counters))
	require.Equal(t, map[string]map[emulator.Outcome]int64{"7": {"created": 1}, "8": {"created": 1}}, counters.Accounts)
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGTERM))
	require.Equal(t, exitFine, <-ended)
	require.Equal(t, `HubSpot emulator: any token is an account of its own. What happened: `+url+`/_emulator/counters
In crmsync.yaml:  providers: {hubspot: {base_url: "`+url+`"}}
Ctrl-C ends it; what it holds is lost then.
2 requests of 2 accounts; records: 2 created
`, errs.String())
}

// ask sends a request and returns the body of its answer.
func ask(t *testing.T, method, url, token, body string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Less(t, answer.StatusCode, 300, string(text))
	return string(text)
}

func TestDelayed(t *testing.T) {
	cases := map[string]struct {
		path string
		want time.Duration
	}{
		"an API call":   {"/crm/v3/objects/contacts", 80 * time.Millisecond},
		"its own pages": {"/_emulator/counters", 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				var took time.Duration
				h := delayed(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { took = time.Since(begin) }), 80*time.Millisecond)
				request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.path, http.NoBody)
				require.NoError(t, err)
				h.ServeHTTP(httptest.NewRecorder(), request)
				require.Equal(t, c.want, took)
			})
		})
	}
}

func TestSeen(t *testing.T) {
	require.Equal(t, "0 requests of 0 accounts", seen(emulator.Counters{}))
	require.Equal(t, "5 requests of 1 accounts; records: 3 updated, 1 created, 1 failed; faults: 2 timeout", seen(emulator.Counters{
		Calls: map[string]int64{"a": 2, "b": 3}, Records: map[emulator.Outcome]int64{"created": 1, "failed": 1, "updated": 3},
		Faults: map[emulator.FaultKind]int64{emulator.Timeout: 2}, Accounts: map[string]map[emulator.Outcome]int64{"7": {}},
	}))
}
