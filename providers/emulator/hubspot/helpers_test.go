package hubspot

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync/providers/emulator"
)

// noon is when the tests' clock starts.
const noon = "2025-11-03T23:36:13.632Z"

// clock is a clock that stands until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock(t testing.TB) *clock {
	start, err := time.Parse(time.RFC3339Nano, noon)
	require.NoError(t, err)
	return &clock{now: start}
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// account is a portal of a server, and a token to speak to it with.
type account struct {
	t      testing.TB
	server *Server
	clock  *clock
	token  string
	header http.Header // of the last answer
}

const testPortal = 44237313

// open starts a server with one portal that has crmsync_id and no limits.
func open(t testing.TB, c Config, change ...func(*Portal)) *account {
	a := &account{t: t, clock: newClock(t), token: "pat-na1-44237313"}
	if c.Now == nil {
		c.Now = a.clock.Now
	}
	var err error
	a.server, err = New(c)
	require.NoError(t, err)
	p := Portal{
		ID: testPortal, Token: a.token, UniqueProperty: "crmsync_id",
		Limits: Limits{TenSecondly: -1, Daily: -1, Searches: -1},
	}
	for _, f := range change {
		f(&p)
	}
	require.NoError(t, a.server.AddPortal(p))
	return a
}

var correlation = regexp.MustCompile(`"(correlationId|requestId)":"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}"`)

// call sends a request and returns the status and the body, in which ids of
// errors are made equal.
func (a *account) call(method, path, body string) (int, string) {
	r := httptest.NewRequestWithContext(a.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+a.token)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	a.server.ServeHTTP(w, r)
	a.header = w.Header()
	return w.Code, correlation.ReplaceAllString(w.Body.String(), `"$1":"…"`)
}

// must sends a request and returns the body of its answer, whose status has
// to be the wanted one.
func (a *account) must(status int, method, path, body string) string {
	a.t.Helper()
	got, answer := a.call(method, path, body)
	require.Equal(a.t, status, got, answer)
	return answer
}

// contact creates a contact and returns its id.
func (a *account) contact(email string) string {
	a.t.Helper()
	answer := a.must(http.StatusCreated, "POST", "/crm/v3/objects/contacts", fmt.Sprintf(`{"properties":{"email":%q}}`, email))
	return regexp.MustCompile(`"id":"(\d+)"`).FindStringSubmatch(answer)[1]
}

// last is the newest entry of the log.
func (a *account) last() emulator.Entry {
	a.t.Helper()
	log := a.server.Log()
	require.NotEmpty(a.t, log)
	return log[len(log)-1]
}

// upsert is the body of an upsert by crmsync_id; pairs are ids and e-mails.
func upsert(traced bool, pairs ...string) string {
	var inputs []string
	for i := 0; i < len(pairs); i += 2 {
		trace := ""
		if traced {
			trace = fmt.Sprintf(`"objectWriteTraceId":"%d",`, i/2)
		}
		inputs = append(inputs, fmt.Sprintf(`{"id":%q,"idProperty":"crmsync_id",%s"properties":{"email":%q}}`, pairs[i], trace, pairs[i+1]))
	}
	return `{"inputs":[` + strings.Join(inputs, ",") + `]}`
}

// answerRecorder is a bare http.ResponseWriter.
type answerRecorder struct {
	header http.Header
	status int
	body   []byte
}

func (r *answerRecorder) Header() http.Header { return r.header }

func (r *answerRecorder) WriteHeader(status int) { r.status = status }

func (r *answerRecorder) Write(p []byte) (int, error) {
	r.body = append(r.body, p...)
	return len(p), nil
}
