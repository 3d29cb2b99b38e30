package hubspot

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync/providers/emulator"
)

const getPath = "/crm/v3/objects/contacts/1"

// limitHeaders are the rate limit headers of the last answer.
func (a *account) limitHeaders() map[string]string {
	out := map[string]string{}
	for name, values := range a.header {
		if short, ok := strings.CutPrefix(name, "X-Hubspot-Ratelimit-"); ok {
			out[short] = values[0]
		}
	}
	return out
}

func TestTenSecondLimit(t *testing.T) {
	a := open(t, Config{}, func(p *Portal) { p.Limits = Limits{TenSecondly: 3, Daily: 1000} })
	for i := range 3 {
		a.must(404, "GET", getPath, "")
		a.clock.forward(time.Second)
		if i == 0 {
			require.Equal(t, map[string]string{
				"Max": "3", "Remaining": "2", "Interval-Milliseconds": "10000", "Daily": "1000", "Daily-Remaining": "999",
				"Secondly": "1", "Secondly-Remaining": "1",
			}, a.limitHeaders())
		}
	}
	require.JSONEq(t, `{"status":"error","message":"You have reached your ten_secondly_rolling limit.","errorType":"RATE_LIMIT","correlationId":"…",
		"policyName":"TEN_SECONDLY_ROLLING","groupName":"publicapi:private_app-api-calls-ten-secondly:44237313:19083857"}`, a.must(429, "GET", getPath, ""))
	require.Equal(t, "0", a.limitHeaders()["Remaining"])
	require.Empty(t, a.header.Get("Retry-After"), "HubSpot documents none")

	a.clock.forward(7*time.Second - 1)
	a.must(429, "GET", getPath, "")
	a.clock.forward(1)
	a.must(404, "GET", getPath, "")
	a.must(429, "GET", getPath, "")
	require.Equal(t, int64(3), a.server.Counters().Statuses[429])
}

func TestDailyLimit(t *testing.T) {
	east := time.FixedZone("east", 3600)
	a := open(t, Config{}, func(p *Portal) { p.Limits, p.Location = Limits{TenSecondly: -1, Daily: 2, Searches: -1}, east })
	require.NoError(t, a.server.AddPortal(Portal{ID: testPortal, Token: "other", Limits: Limits{Daily: 2, Searches: -1}}))
	a.must(404, "GET", getPath, "")
	a.must(200, "POST", searchPath, `{}`) // counts as well
	a.token = "other"
	require.JSONEq(t, `{"status":"error","message":"You have reached your daily limit.","errorType":"RATE_LIMIT","correlationId":"…","policyName":"DAILY","requestId":"…"}`,
		a.must(429, "GET", getPath, ""), "the day is shared by all tokens")
	a.clock.forward(23*time.Hour + 23*time.Minute + 46*time.Second) // 23:59:59 in the portal
	a.must(429, "GET", getPath, "")
	a.clock.forward(time.Second)
	a.must(404, "GET", getPath, "")
}

func TestSearchLimit(t *testing.T) {
	a := open(t, Config{}, func(p *Portal) { p.Limits = Limits{TenSecondly: 1} })
	for range 5 {
		a.must(200, "POST", searchPath, `{}`)
	}
	require.Empty(t, a.limitHeaders(), "searches carry none")
	require.JSONEq(t, `{"status":"error","message":"You have reached your secondly limit.","errorType":"RATE_LIMIT","correlationId":"…","policyName":"SECONDLY"}`,
		a.must(429, "POST", searchPath, `{}`))
	a.must(404, "GET", getPath, "")
	a.clock.forward(time.Second)
	a.must(200, "POST", searchPath, `{}`)
}

func TestPlans(t *testing.T) {
	tests := []struct {
		plan       Plan
		max, daily string
	}{
		{Free, "100", "250000"},
		{Starter, "100", "250000"},
		{"", "190", "625000"},
		{Professional, "190", "625000"},
		{Enterprise, "190", "1000000"},
		{OAuth, "110", ""},
	}
	for _, test := range tests {
		t.Run(string(test.plan), func(t *testing.T) {
			a := open(t, Config{}, func(p *Portal) { p.Plan, p.Limits = test.plan, Limits{} })
			a.must(404, "GET", getPath, "")
			require.Equal(t, test.max, a.limitHeaders()["Max"])
			require.Equal(t, test.daily, a.limitHeaders()["Daily"])
		})
	}
}

func TestSetLimits(t *testing.T) {
	a := open(t, Config{})
	require.NoError(t, a.server.SetLimits(a.token, Limits{TenSecondly: 1, Daily: 9}))
	a.must(404, "GET", getPath, "")
	a.must(429, "GET", getPath, "")
	require.ErrorIs(t, a.server.SetLimits("nobody", Limits{}), ErrUnknownToken)
}

func TestTokens(t *testing.T) {
	const invalid = `{"status":"error","message":"Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview","correlationId":"…","category":"INVALID_AUTHENTICATION"}`
	a := open(t, Config{})
	good := a.token
	for _, token := range []string{"", "nobody"} {
		a.token = token
		require.JSONEq(t, invalid, a.must(401, "GET", getPath, ""))
	}
	a.token = good
	require.NoError(t, a.server.DenyToken(good, a.clock.Now().Add(2*time.Minute)))
	a.clock.forward(75 * time.Second)
	require.JSONEq(t, `{"status":"error","message":"The OAuth token used to make this call expired 75 second(s) ago.","correlationId":"…","category":"EXPIRED_AUTHENTICATION","context":{"expire time":["`+noon+`"]}}`,
		a.must(401, "GET", getPath, ""))
	a.clock.forward(45 * time.Second)
	a.must(404, "GET", getPath, "")
	require.ErrorIs(t, a.server.DenyToken("nobody", a.clock.Now()), ErrUnknownToken)

	require.NoError(t, a.server.AddPortal(Portal{ID: 2, Token: "short", Expires: a.clock.Now().Add(time.Minute)}))
	a.token = "short"
	a.must(404, "GET", getPath, "")
	a.clock.forward(time.Minute)
	a.must(401, "GET", getPath, "")
}

func TestScopes(t *testing.T) {
	a := open(t, Config{}, func(p *Portal) { p.Scopes = []string{"crm.objects.contacts.write", "crm.objects.contacts.read"} })
	a.contact("ada@example.com")
	a.must(200, "GET", "/crm/v3/properties/contacts", "")
	require.JSONEq(t, `{"status":"error","message":"This app hasn't been granted all required scopes to make this call. Read more about required scopes here: https://developers.hubspot.com/scopes.",
		"correlationId":"…","errors":[{"message":"One or more of the following scopes are required.","context":{"requiredGranularScopes":["crm.objects.deals.read"]}}],
		"links":{"scopes":"https://developers.hubspot.com/scopes"},"category":"MISSING_SCOPES"}`, a.must(403, "GET", "/crm/v3/objects/0-3/1", ""))
	a.must(403, "POST", "/crm/v3/objects/deals/batch/upsert", `{}`)
	a.must(403, "POST", "/crm/v3/properties/contacts", `{}`)
}

func TestUnknownTokens(t *testing.T) {
	a := open(t, Config{UnknownTokens: true, NewPortal: Portal{UniqueProperty: "internal_id"}})
	tests := []struct {
		token  string
		portal int64
	}{
		{"pat-123", 123},
		{"pat-na1-456-x", 456},
		{"pat-na1-9a", 9},
		{"anything", portalOf("anything")},
	}
	for _, test := range tests {
		t.Run(test.token, func(t *testing.T) {
			a.token = test.token
			a.must(200, "POST", upsertPath, strings.ReplaceAll(upsert(false, "1", "a@example.com"), "crmsync_id", "internal_id"))
			require.Len(t, a.server.Objects(test.portal, "contacts"), 1)
		})
	}
	a.token = ""
	a.must(401, "GET", getPath, "")
}

// TestUnknownTokensAtOnce: many requests with one new token make one portal.
func TestUnknownTokensAtOnce(t *testing.T) {
	const clients = 32
	a := open(t, Config{UnknownTokens: true, NewPortal: Portal{Limits: Limits{TenSecondly: clients - 1}}})
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			own := &account{t: t, server: a.server, token: "pat-5"}
			own.call("GET", getPath, "")
		})
	}
	wg.Wait()
	require.Equal(t, map[int]int64{404: clients - 1, 429: 1}, a.server.Counters().Statuses)
}

func TestImpossibleSettings(t *testing.T) {
	_, err := New(Config{UnknownTokens: true, NewPortal: Portal{Plan: "gold"}})
	require.EqualError(t, err, `start the hubspot emulator: settings of new portals: add portal 1 with plan "gold": unknown plan: choose free, starter, professional, enterprise or oauth`)
	_, err = New(Config{Faults: emulator.FaultRates{"slow": 2}})
	require.EqualError(t, err, "start the hubspot emulator: rate of fault slow is 2: give a number from 0 to 1")

	a := open(t, Config{})
	tests := []struct {
		name   string
		portal Portal
		want   string
	}{
		{"no id", Portal{Token: "x"}, "add portal 0: give an id above zero"},
		{"no token", Portal{ID: 1}, "add portal 1: give it a token"},
		{"token taken", Portal{ID: 1, Token: a.token}, "add portal 1: token belongs to a portal already: give it another one"},
		{"bad property", Portal{ID: 1, Token: "x", UniqueProperty: "No"}, `add portal 1: create property No of contacts: Property name "No" is not valid. Use lower-case letters, digits and underscores, starting with a letter, at most 100`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.EqualError(t, a.server.AddPortal(test.portal), test.want)
		})
	}
}

func TestContentType(t *testing.T) {
	a := open(t, Config{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/crm/v3/objects/contacts", strings.NewReader(`{}`))
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+a.token)
	w := &answerRecorder{header: http.Header{}}
	a.server.ServeHTTP(w, r)
	require.Equal(t, http.StatusUnsupportedMediaType, w.status)
	var body errorBody
	require.NoError(t, json.Unmarshal(w.body, &body))
	require.Equal(t, "Content-Type must be application/json", body.Message)
}
