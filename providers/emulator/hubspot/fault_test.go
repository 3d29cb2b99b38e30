package hubspot

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync/providers/emulator"
)

// strike queues one fault for the next request.
func (a *account) strike(kind emulator.FaultKind) {
	a.t.Helper()
	require.NoError(a.t, a.server.QueueFault(emulator.QueuedFault{Fault: emulator.Fault{Kind: kind}, Times: 1}))
}

// TestAnsweredFaults: faults that only change the answer.
func TestAnsweredFaults(t *testing.T) {
	const error429 = `{"status":"error","message":"You have reached your ten_secondly_rolling limit.","errorType":"RATE_LIMIT","correlationId":"…","policyName":"TEN_SECONDLY_ROLLING","groupName":"publicapi:private_app-api-calls-ten-secondly:44237313:19083857"}`
	tests := []struct {
		kind    emulator.FaultKind
		status  int
		body    string
		objects int // written all the same
	}{
		{emulator.Throttled, 429, error429, 0},
		{emulator.QuotaSpent, 429, `{"status":"error","message":"You have reached your daily limit.","errorType":"RATE_LIMIT","correlationId":"…","policyName":"DAILY","requestId":"…"}`, 0},
		{emulator.Denied, 401, `{"status":"error","message":"Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview","correlationId":"…","category":"INVALID_AUTHENTICATION"}`, 0},
		{emulator.Expired, 401, `{"status":"error","message":"The OAuth token used to make this call expired 0 second(s) ago.","correlationId":"…","category":"EXPIRED_AUTHENTICATION","context":{"expire time":["` + noon + `"]}}`, 0},
		{emulator.ServerError, 500, `{"status":"error","message":"internal error","correlationId":"…"}`, 0},
		{emulator.BadGateway, 502, "", 0},
		{emulator.BadGatewayAfter, 502, "", 2},
		{emulator.Unavailable, 503, "", 0},
		{emulator.Locked, 423, `{"status":"error","message":"The record is locked by another operation","correlationId":"…"}`, 0},
		{emulator.Migrating, 477, `{"status":"error","message":"This account is being migrated. Try again later.","correlationId":"…"}`, 0},
		{emulator.BadRecord, 400, "", 0},
		{emulator.Silent, 200, `{"status":"COMPLETE","results":[],"startedAt":"` + noon + `","completedAt":"` + noon + `"}`, 0},
	}
	for _, test := range tests {
		t.Run(string(test.kind), func(t *testing.T) {
			a := open(t, Config{})
			a.strike(test.kind)
			body := a.must(test.status, "POST", upsertPath, upsert(true, "1", "a@example.com", "2", "b@example.com"))
			if test.body != "" {
				require.JSONEq(t, test.body, body)
			}
			require.Len(t, a.server.Objects(testPortal, "contacts"), test.objects)
			require.Equal(t, test.kind, a.last().Fault)
			require.Equal(t, test.status, a.last().Status)
			require.Equal(t, int64(1), a.server.Counters().Faults[test.kind])
			a.must(200, "POST", upsertPath, upsert(true, "1", "a@example.com", "2", "b@example.com"))
			require.Empty(t, a.last().Fault, "a queued fault strikes as often as asked")
			require.Len(t, a.server.Objects(testPortal, "contacts"), 2)
		})
	}
}

func TestMigratingTellsWhen(t *testing.T) {
	a := open(t, Config{})
	require.NoError(t, a.server.QueueFault(emulator.QueuedFault{Fault: emulator.Fault{Kind: emulator.Migrating, Delay: time.Hour}, Times: 1}))
	a.must(477, "GET", getPath, "")
	require.Equal(t, "3600", a.header.Get("Retry-After"))
}

func TestPartialFault(t *testing.T) {
	pairs := []string{"1", "a@example.com", "2", "b@example.com", "3", "c@example.com", "4", "d@example.com"}
	a := open(t, Config{Seed: 3})
	a.strike(emulator.Partial)
	answer := decodeAnswer(t, a.must(207, "POST", upsertPath, upsert(true, pairs...)))
	require.Equal(t, 4, len(answer.Results)+len(answer.Errors))
	require.NotEmpty(t, answer.Errors)
	require.Equal(t, "INTERNAL_ERROR", answer.Errors[0].Category)
	require.Len(t, answer.Errors[0].Context["objectWriteTraceId"], 1)
	require.Len(t, a.server.Objects(testPortal, "contacts"), len(answer.Results))

	a.strike(emulator.Partial)
	a.must(200, "POST", upsertPath, upsert(false, pairs...))
	require.Empty(t, a.last().Fault, "a batch without trace ids has no item errors to give")

	a.strike(emulator.Partial)
	updated := decodeAnswer(t, a.must(207, "POST", "/crm/v3/objects/contacts/batch/update",
		`{"inputs":[{"id":"1","idProperty":"crmsync_id","properties":{"city":"Y"}}]}`))
	require.Equal(t, map[string][]string{"ids": {"1"}}, updated.Errors[0].Context)
}

// TestBatchFaultsSpareOthers: what makes no sense for a request is forgotten.
func TestBatchFaultsSpareOthers(t *testing.T) {
	for _, kind := range []emulator.FaultKind{emulator.Partial, emulator.BadRecord, emulator.Silent} {
		t.Run(string(kind), func(t *testing.T) {
			a := open(t, Config{})
			a.strike(kind)
			a.contact("a@example.com")
			require.Empty(t, a.last().Fault)
		})
	}
}

// TestFaultsOfFailingBatches: a batch that fails by itself needs no fault in
// its middle, but may still be slow or lose its answer.
func TestFaultsOfFailingBatches(t *testing.T) {
	a := open(t, Config{})
	for _, body := range []string{upsert(false, "1", "bad"), upsert(false, "1", "a@b.co", "1", "a@b.co")} {
		a.strike(emulator.Silent)
		a.must(400, "POST", upsertPath, body)
		require.Empty(t, a.last().Fault)
		a.strike(emulator.BadGatewayAfter)
		a.must(502, "POST", upsertPath, body)
		require.Equal(t, emulator.BadGatewayAfter, a.last().Fault)
	}
}

// TestFaultsByChance: about as many as asked for, on writes only, and the
// same ones for the same seed. A lone record is never the bad one by chance.
func TestFaultsByChance(t *testing.T) {
	run := func(seed uint64) (kinds []emulator.FaultKind) {
		a := open(t, Config{Seed: seed, Faults: emulator.FaultRates{emulator.ServerError: 0.2, emulator.BadRecord: 0.1}})
		for range 1000 {
			a.call("GET", getPath, "")
			a.call("POST", upsertPath, upsert(true, "1", "a@example.com"))
		}
		for _, e := range a.server.Log() {
			if e.Fault != "" {
				require.Equal(t, "batch_upsert", e.Operation)
				kinds = append(kinds, e.Fault)
			}
		}
		require.InDelta(t, 200, a.server.Counters().Faults[emulator.ServerError], 50)
		require.Zero(t, a.server.Counters().Faults[emulator.BadRecord])
		return kinds
	}
	first, second := run(7), run(7)
	require.Equal(t, first, second)
}

// serve puts the account's server on a port.
func (a *account) serve() string {
	running, err := emulator.Listen("127.0.0.1:0", a.server)
	require.NoError(a.t, err)
	a.t.Cleanup(func() { require.NoError(a.t, running.Close()) })
	return running.URL()
}

// post sends a request over the network.
func (a *account) post(ctx context.Context, url, body string) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	require.NoError(a.t, err)
	r.Header.Set("Authorization", "Bearer "+a.token)
	r.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, errors.Join(err, answer.Body.Close())
}

func TestResets(t *testing.T) {
	tests := []struct {
		kind    emulator.FaultKind
		objects int
	}{{emulator.ResetBefore, 0}, {emulator.ResetAfter, 1}}
	for _, test := range tests {
		t.Run(string(test.kind), func(t *testing.T) {
			a := open(t, Config{})
			url := a.serve()
			a.strike(test.kind)
			_, err := a.post(t.Context(), url+upsertPath, upsert(false, "1", "a@example.com"))
			require.ErrorIs(t, err, syscall.ECONNRESET)
			require.Len(t, a.server.Objects(testPortal, "contacts"), test.objects)
			require.Equal(t, 0, a.last().Status)
			require.False(t, a.last().End.IsZero())
			require.Zero(t, a.server.Counters().Open)
		})
	}
}

// waiter is a Config.Wait that tells who waits and ends when it is told to.
type waiter struct {
	waiting chan time.Duration
	release chan struct{}
}

func newWaiter() *waiter { return &waiter{make(chan time.Duration), make(chan struct{})} }

func (w *waiter) wait(ctx context.Context, d time.Duration) {
	select {
	case w.waiting <- d:
	case <-ctx.Done():
	}
	select {
	case <-w.release:
	case <-ctx.Done():
	}
}

// TestTimeoutAfterCommit: the write is done, the answer never comes. The
// client may give up, or the server does after its bound.
func TestTimeoutAfterCommit(t *testing.T) {
	for _, who := range []string{"client", "server"} {
		t.Run(who+" gives up", func(t *testing.T) {
			w := newWaiter()
			a := open(t, Config{Wait: w.wait, HoldFor: time.Hour})
			url := a.serve()
			a.strike(emulator.Timeout)
			ctx, giveUp := context.WithCancel(t.Context())
			defer giveUp()
			failed := make(chan error)
			go func() {
				_, err := a.post(ctx, url+upsertPath, upsert(false, "1", "a@example.com"))
				failed <- err
			}()
			require.Equal(t, time.Hour, <-w.waiting)
			require.Len(t, a.server.Objects(testPortal, "contacts"), 1)
			require.Equal(t, emulator.Created, a.last().Records[0].Outcome)
			require.True(t, a.last().End.IsZero(), "the client still waits")
			if who == "client" {
				giveUp()
				require.ErrorIs(t, <-failed, context.Canceled)
				return
			}
			close(w.release)
			require.ErrorIs(t, <-failed, io.EOF)
			require.Equal(t, int64(1), a.server.Counters().Statuses[0])
		})
	}
}

// TestSlowAndLate: a slow answer has its effect first, a late one last, even
// when the client has gone by then.
func TestSlowAndLate(t *testing.T) {
	tests := []struct {
		kind   emulator.FaultKind
		before int // objects while it waits
	}{{emulator.Slow, 1}, {emulator.Late, 0}}
	for _, test := range tests {
		t.Run(string(test.kind), func(t *testing.T) {
			w := newWaiter()
			a := open(t, Config{Wait: w.wait, SlowFor: 3 * time.Second})
			url := a.serve()
			a.strike(test.kind)
			type result struct {
				status int
				err    error
			}
			done := make(chan result)
			go func() {
				status, err := a.post(t.Context(), url+upsertPath, upsert(false, "1", "a@example.com"))
				done <- result{status, err}
			}()
			require.Equal(t, 3*time.Second, <-w.waiting)
			require.Len(t, a.server.Objects(testPortal, "contacts"), test.before)
			close(w.release)
			require.Equal(t, result{200, nil}, <-done)
			require.Len(t, a.server.Objects(testPortal, "contacts"), 1)
		})
	}
}

func TestLateEffectOutlivesItsClient(t *testing.T) {
	w := newWaiter()
	a := open(t, Config{Wait: w.wait})
	running, err := emulator.Listen("127.0.0.1:0", a.server)
	require.NoError(t, err)
	a.strike(emulator.Late)
	ctx, giveUp := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := a.post(ctx, running.URL()+upsertPath, upsert(false, "1", "a@example.com"))
		failed <- err
	}()
	<-w.waiting
	giveUp()
	require.ErrorIs(t, <-failed, context.Canceled)
	require.Empty(t, a.server.Objects(testPortal, "contacts"))
	close(w.release)
	require.NoError(t, running.Close(), "it waits for the request")
	require.Len(t, a.server.Objects(testPortal, "contacts"), 1)
}
