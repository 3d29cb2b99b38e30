package providertest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

func deadlinePassed(t *testing.T, h Harness) {
	var seen counter
	p := open(t, h, seen.ServeHTTP)
	for _, deadline := range []time.Time{{}, time.Now().Add(-time.Nanosecond)} {
		for _, op := range h.Operations {
			b := batch(h, op, 1)
			b.Deadline = deadline
			require.Equal(t, []crmsync.Kind{crmsync.Transient}, kinds(t, apply(t, p, b)), op)
		}
	}
	require.Zero(t, seen.n.Load())
}

// deadlineLast lets the clock jump once the provider has begun, as it does when
// a process was stopped and goes on.
func deadlineLast(t *testing.T, h Harness) {
	var seen counter
	start := time.Now()
	var asked atomic.Int64
	p := h.Open(t, Setup{BaseURL: serve(t, seen.ServeHTTP), Now: func() time.Time {
		if asked.Add(1) == 1 {
			return start
		}
		return start.Add(time.Hour)
	}})
	b := batch(h, h.writes(t), 1)
	b.Deadline = start.Add(time.Minute)
	require.Equal(t, []crmsync.Kind{crmsync.Transient}, kinds(t, apply(t, p, b)))
	require.Zero(t, seen.n.Load())
}

// stuck returns a handler that reads the request, tells so and doesn't answer
// until the caller has gone.
func stuck() (handler http.HandlerFunc, arrived chan struct{}) {
	arrived = make(chan struct{}, 100)
	return func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived <- struct{}{}
		<-r.Context().Done()
	}, arrived
}

// inShort applies the batch with a short deadline, and on a machine that is too
// busy for it with longer ones, until the request gets there in time.
func inShort(t *testing.T, p crmsync.Provider, b crmsync.Batch, arrived func(crmsync.Answer) bool) crmsync.Answer {
	t.Helper()
	for patience := 100 * time.Millisecond; ; patience *= 2 {
		b.Deadline = time.Now().Add(patience)
		a := apply(t, p, b)
		require.Less(t, time.Since(b.Deadline), 5*time.Second)
		if arrived(a) {
			return a
		}
		require.Less(t, patience, time.Minute, "no request gets there")
	}
}

func deadlineSlow(t *testing.T, h Harness) {
	handler, arrived := stuck()
	server := serve(t, handler)
	for _, op := range h.Operations {
		a := inShort(t, h.Open(t, Setup{BaseURL: server}), batch(h, op, 1), func(crmsync.Answer) bool {
			select {
			case <-arrived:
				return true
			default:
				return false
			}
		})
		require.Zero(t, a.Status)
		require.Equal(t, uncertain(op), kinds(t, a)[0], op)
	}
}

// uncertain is what becomes of a call whose answer was lost.
func uncertain(op crmsync.Operation) crmsync.Kind {
	if op == crmsync.Find {
		return crmsync.Transient
	}
	return crmsync.Ambiguous
}

func cancelled(t *testing.T, h Harness) {
	handler, arrived := stuck()
	p := open(t, h, handler)
	b := batch(h, h.writes(t), 2)
	b.Calls = b.Calls[:min(2, p.Limits("", h.Object, b.Operation).Items)]
	ctx, cancel := context.WithCancel(t.Context())
	answers := make(chan crmsync.Answer, 1)
	go func() { answers <- p.Apply(ctx, b) }()
	<-arrived
	cancel()
	select {
	case a := <-answers:
		check(t, b, a)
		require.Equal(t, crmsync.Ambiguous, kinds(t, a)[0])
	case <-time.After(10 * time.Second):
		t.Fatal("Apply goes on after its context is cancelled")
	}
	a := p.Apply(ctx, b)
	check(t, b, a)
	require.Equal(t, crmsync.Transient, kinds(t, a)[0], "nothing is sent on a cancelled context")
}

// deadlineTrickle begins an answer and never ends it.
func deadlineTrickle(t *testing.T, h Harness) {
	for _, status := range []int{200, 400, 500} {
		p := open(t, h, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, `{"results":[`)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
		a := inShort(t, p, batch(h, h.writes(t), 1), func(a crmsync.Answer) bool { return a.Status != 0 })
		if status != 400 {
			require.Equal(t, crmsync.Ambiguous, kinds(t, a)[0], status)
		}
		require.Equal(t, status, a.Status)
	}
}

// raw answers with these bytes, whatever they are, and closes the connection.
func raw(answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(conn, answer)
		_ = conn.Close()
	}
}

func noHTTP(t *testing.T, h Harness) {
	for _, answer := range []string{
		secret + "\r\n\r\n", "HTTP/1.1 " + secret + "\r\n\r\n", "HTTP/1.1 200 OK\r\n" + secret + "\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: " + secret + "\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + secret + "\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + secret + "\r\n", "",
	} {
		p := open(t, h, raw(answer))
		for _, op := range h.Operations {
			a := apply(t, p, batch(h, op, 1))
			require.Equal(t, uncertain(op), kinds(t, a)[0], "%s, answer %q", op, answer)
			silent(t, a)
		}
	}
}

// switches answers 101: then the body is the connection, and has no end.
func switches(t *testing.T, h Harness) {
	p := open(t, h, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
	})
	b := batch(h, h.writes(t), 1)
	start := time.Now()
	b.Deadline = start.Add(time.Second)
	require.Equal(t, []crmsync.Kind{crmsync.Ambiguous}, kinds(t, apply(t, p, b)))
	require.Less(t, time.Since(start), 5*time.Second)
}

func connectionRefused(t *testing.T, h Harness) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	p := h.Open(t, Setup{BaseURL: "http://" + address})
	for _, op := range h.Operations {
		a := apply(t, p, batch(h, op, 1))
		require.Equal(t, crmsync.Transient, kinds(t, a)[0], op)
		require.ErrorContains(t, a.Results[0].Fault, address, "an operator must see who refuses")
	}
}

func connectionLost(t *testing.T, h Harness) {
	p := open(t, h, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset in place of a close
		}
		_ = conn.Close()
	})
	for _, op := range h.Operations {
		require.Equal(t, uncertain(op), kinds(t, apply(t, p, batch(h, op, 1)))[0], op)
	}
}

func noCredential(t *testing.T, h Harness) {
	var seen counter
	p := open(t, h, seen.ServeHTTP)
	for _, credential := range []string{"", "two\r\nlines", "nul\x00"} {
		b := batch(h, h.writes(t), 1)
		b.Credential = crmsync.NewSecret(credential)
		require.Equal(t, []crmsync.Kind{crmsync.Denied}, kinds(t, apply(t, p, b)))
	}
	require.Zero(t, seen.n.Load())
}

// leaksNoSecret lets the CRM repeat the credential wherever it can.
func leaksNoSecret(t *testing.T, h Harness) {
	for _, status := range []int{200, 207, 302, 400, 401, 403, 404, 409, 429, 500, 503} {
		p := open(t, h, func(w http.ResponseWriter, r *http.Request) {
			said := r.Header.Get("Authorization")
			said = secret + " " + said
			w.Header().Set("Location", "http://127.0.0.1/"+secret)
			w.Header().Set("Retry-After", secret)
			w.WriteHeader(status)
			fmt.Fprintf(w, strings.ReplaceAll(echo, "SAID", "%[1]s"), said)
		})
		for _, op := range h.Operations {
			a := apply(t, p, batch(h, op, min(2, p.Limits("", h.Object, op).Items)))
			silent(t, a)
		}
	}
	p := h.Open(t, Setup{BaseURL: "http://127.0.0.1:1"})
	silent(t, apply(t, p, batch(h, h.writes(t), 1)))
}

// echo is a failure in the words of several CRMs, with the credential in all of
// its texts.
const echo = `{"status":"SAID","message":"SAID","category":"SAID","code":"SAID","error":"SAID","policyName":"SAID","errorType":"SAID",
 "results":[],"errors":[{"message":"SAID","category":"SAID","code":"SAID","context":{"propertyName":["SAID"],"existingId":["SAID"],"ids":["1"],"objectWriteTraceId":["0"]}}]}`

// silent requires that no text of an answer holds the credential.
func silent(t *testing.T, a crmsync.Answer) {
	t.Helper()
	for _, r := range a.Results {
		f := r.Fault
		if f == nil {
			continue
		}
		cause := ""
		if f.Err != nil {
			cause = fmt.Sprintf("%s %+v %#v", f.Err, f.Err, f.Err)
		}
		for _, text := range []string{f.Error(), f.Code, f.Message, f.Where, f.Field, f.ExistingID, cause, fmt.Sprintf("%+v", f)} {
			require.NotContains(t, text, secret)
		}
	}
	b, err := json.Marshal(a.Readings)
	require.NoError(t, err)
	require.NotContains(t, string(b), secret)
}
