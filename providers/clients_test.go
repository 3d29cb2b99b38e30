package providers

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// pooled is a transport that keeps one connection after each request.
type pooled struct {
	dial dialFunc
	idle net.Conn
}

// RoundTrip implements http.RoundTripper.
func (p *pooled) RoundTrip(*http.Request) (*http.Response, error) {
	if p.idle == nil {
		conn, err := p.dial(context.Background(), "tcp", "")
		if err != nil {
			return nil, err
		}
		p.idle = conn
	}
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

// CloseIdleConnections does what http.Transport's does.
func (p *pooled) CloseIdleConnections() {
	if p.idle != nil {
		_ = p.idle.Close()
		p.idle = nil
	}
}

// pipes returns clients over connections that lead nowhere.
func pipes(clientsMax, openMax int) *clients {
	dial := func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		return ours, theirs.Close()
	}
	cs := newClients(dial, func(d dialFunc) http.RoundTripper { return &pooled{dial: d} })
	cs.clientsMax, cs.openMax = clientsMax, openMax
	return cs
}

func idOf(n int) crmsync.ConnectionID {
	return crmsync.ConnectionID{Org: fmt.Sprintf("org-%d", n), Name: "crm"}
}

// use makes a request as connection n and returns the client that made it.
func use(t *testing.T, cs *clients, n int) *client {
	t.Helper()
	c := cs.take(idOf(n))
	_, err := c.transport.RoundTrip(nil) //nolint:bodyclose // it has none
	require.NoError(t, err)
	cs.give(c)
	return c
}

// TestClientsBounds: however many orgs there are, so many clients and open
// connections stay, and they are those used last.
func TestClientsBounds(t *testing.T) {
	const orgs, clientsMax, openMax = 200, 20, 5
	cs := pipes(clientsMax, openMax)
	random := rand.New(rand.NewPCG(1, 2))
	held := cs.take(idOf(0))
	_, err := held.transport.RoundTrip(nil) //nolint:bodyclose // it has none
	require.NoError(t, err)
	for range 5_000 {
		n := 1 + random.IntN(orgs)
		c := use(t, cs, n)
		require.Equal(t, idOf(n), c.id)
		require.LessOrEqual(t, len(cs.byID), clientsMax)
		require.LessOrEqual(t, cs.open.Load(), int64(openMax))
		require.EqualValues(t, 1, c.open.Load(), "the latest keeps its connection")
		require.Same(t, c, cs.byID[idOf(n)])
		require.Equal(t, len(cs.byID), cs.warm.Len()+cs.cold.Len()+1)
	}
	require.Same(t, held, cs.byID[idOf(0)], "a client with a request under way stays")
	require.EqualValues(t, 1, held.open.Load(), "and so does its connection")
	cs.give(held)
	cs.close()
	require.Zero(t, cs.open.Load())
}

// TestClientsAllBusy: a bound never holds a request up.
func TestClientsAllBusy(t *testing.T) {
	cs := pipes(2, 1)
	var taken []*client
	for n := range 5 {
		taken = append(taken, cs.take(idOf(n)))
	}
	require.Len(t, cs.byID, 5)
	require.Same(t, taken[3], cs.take(idOf(3)), "one client per connection, also for two requests at once")
	cs.give(taken[3])
	require.Equal(t, 0, cs.warm.Len(), "its other request is still under way")
	for _, c := range taken {
		cs.give(c)
	}
	require.Len(t, cs.byID, 2)
	require.NotSame(t, taken[0], cs.take(idOf(0)), "the least recently used was forgotten")
}

// TestClientsConcurrent is for the race detector.
func TestClientsConcurrent(t *testing.T) {
	cs := newClients(nil, func(dialFunc) http.RoundTripper { return &http.Transport{} })
	cs.clientsMax, cs.openMax = 3, 1
	var running sync.WaitGroup
	for worker := range 8 {
		running.Go(func() {
			for n := range 200 {
				c := cs.take(idOf((worker + n) % 10))
				if c.id != idOf((worker+n)%10) {
					t.Errorf("got the client of %s", c.id)
				}
				cs.give(c)
			}
		})
	}
	running.Wait()
	cs.close()
	require.LessOrEqual(t, len(cs.byID), 3)
}

// visit is what a server knows of a request.
type visit struct{ from, credential, cookie, session string }

// visited is a CRM over TLS that tries to mark who comes: with cookies, and with
// the tickets of TLS sessions.
type visited struct {
	*httptest.Server
	mu     sync.Mutex // guards visits
	visits []visit
}

func newVisited(t *testing.T) *visited {
	t.Helper()
	v := &visited{}
	v.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		seen := visit{from: r.RemoteAddr, credential: r.Header.Get("Authorization"), cookie: r.Header.Get("Cookie"), session: "new"}
		if r.TLS.DidResume {
			seen.session = "resumed"
		}
		v.mu.Lock()
		v.visits = append(v.visits, seen)
		v.mu.Unlock()
		http.SetCookie(w, &http.Cookie{Name: "who", Value: seen.credential})
		_, _ = io.WriteString(w, `{"results":[{"id":"1","properties":{"crmsync_id":"c-000000"}}]}`)
	}))
	t.Cleanup(v.Close)
	return v
}

// speaking returns a provider that trusts the server, and a batch for it.
func (v *visited) speaking(t *testing.T) (*Provider, crmsync.Batch) {
	t.Helper()
	p, b := full(t, Options{BaseURL: map[string]string{"hubspot": v.URL}})
	trust := x509.NewCertPool()
	trust.AddCert(v.Certificate())
	p.clients = newClients(dialer{allowed: v.Listener.Addr().String()}.dial, func(d dialFunc) http.RoundTripper {
		tr := newTransport(d, 2)
		tr.TLSClientConfig.RootCAs = trust
		return tr
	})
	t.Cleanup(p.Close)
	b.Calls = b.Calls[:1]
	return p, b
}

// as returns the batch for another connection.
func as(b crmsync.Batch, org, name string) crmsync.Batch {
	b.Connection.ID = crmsync.ConnectionID{Org: org, Name: name}
	b.Credential = crmsync.NewSecret("canary-" + org + "-" + name)
	b.Deadline = time.Now().Add(time.Minute)
	return b
}

// TestIsolation: whatever a CRM leaves in one client, requests of another org,
// or of the same org's other connection, never carry it.
func TestIsolation(t *testing.T) {
	v := newVisited(t)
	p, b := v.speaking(t)
	var running sync.WaitGroup
	for _, org := range []string{"a", "b", "c"} {
		for _, name := range []string{"main", "second"} {
			running.Go(func() {
				for range 20 {
					if f := p.Apply(t.Context(), as(b, org, name)).Results[0].Fault; f != nil {
						t.Error(f)
					}
				}
			})
		}
	}
	running.Wait()
	require.Len(t, v.visits, 120)
	whose := map[string]string{}
	for _, seen := range v.visits {
		require.Empty(t, seen.cookie, "no cookie is ever sent back")
		if owner, known := whose[seen.from]; known {
			require.Equal(t, owner, seen.credential, "one network connection carries one credential")
		}
		whose[seen.from] = seen.credential
	}
	require.LessOrEqual(t, len(whose), 12, "connections are used again")
}

// TestIsolationOfSessions: a TLS session, by which a server could know a client
// again, is its own connection's alone.
func TestIsolationOfSessions(t *testing.T) {
	v := newVisited(t)
	p, b := v.speaking(t)
	for _, c := range []struct{ org, name, want string }{
		{"a", "main", "new"}, {"a", "main", "resumed"}, {"b", "main", "new"}, {"a", "second", "new"}, {"b", "main", "resumed"}, {"a", "main", "resumed"},
	} {
		require.Nil(t, p.Apply(t.Context(), as(b, c.org, c.name)).Results[0].Fault)
		require.Equal(t, c.want, v.visits[len(v.visits)-1].session, "%s/%s", c.org, c.name)
		p.Close()
	}
}

// TestIsolationOfStrayAnswers: an answer that nobody asked for, left behind on
// A's network connection, becomes no answer to B.
func TestIsolationOfStrayAnswers(t *testing.T) {
	const stray = `{"results":[{"id":"666","properties":{"crmsync_id":"c-000000"}}]}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Header.Get("Authorization") != "Bearer canary-a-main" {
			_, _ = io.WriteString(w, `{"results":[{"id":"1","properties":{"crmsync_id":"c-000000"}}]}`)
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		for range 2 {
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(stray), stray)
		}
		_ = conn.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, conn) // until the other side has enough
	}))
	t.Cleanup(server.Close)
	p, b := full(t, Options{BaseURL: map[string]string{"hubspot": server.URL}})
	t.Cleanup(p.Close)
	b.Calls = b.Calls[:1]
	for range 5 {
		_ = p.Apply(t.Context(), as(b, "a", "main")) // its own stray may meet it
		require.Equal(t, "1", p.Apply(t.Context(), as(b, "b", "main")).Results[0].ExternalID)
	}
}
