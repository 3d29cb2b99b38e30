package providers

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"crmsync"
)

const (
	// clientsMax is how many clients are kept, those with a request under way
	// aside. One without an open connection takes about 14 KB.
	clientsMax = 10_000
	// openMax is how many connections stay open for the next request, over all
	// clients: about 120 KB each with TLS.
	openMax = 2_048
)

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// clients keeps one HTTP client per connection of an org, so that nothing which
// a CRM or an attacker leaves in one, be it a cookie, a TLS session or an answer
// that nobody asked for, meets a request of another org.
//
// Of those that have no request under way the least recently used lose first
// their open connections and then themselves.
type clients struct {
	fresh               func(dialFunc) http.RoundTripper
	dial                dialFunc
	clientsMax, openMax int
	open                atomic.Int64 // connections, of all clients

	mu sync.Mutex
	// mu guards all below.
	byID map[crmsync.ConnectionID]*client
	warm list.List // clients at rest that may have open connections, latest used first
	cold list.List // clients at rest that have none
}

// client speaks for one connection.
type client struct {
	id        crmsync.ConnectionID
	transport http.RoundTripper
	open      atomic.Int64 // connections

	// What follows is guarded by the lock of clients.
	flying int
	in     *list.List // nil: a request is under way
	at     *list.Element
}

func newClients(dial dialFunc, fresh func(dialFunc) http.RoundTripper) *clients {
	return &clients{fresh: fresh, dial: dial, clientsMax: clientsMax, openMax: openMax, byID: map[crmsync.ConnectionID]*client{}}
}

// take returns the client of a connection, which must be given back.
func (cs *clients) take(id crmsync.ConnectionID) *client {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c := cs.byID[id]
	if c == nil {
		c = &client{id: id}
		c.transport = cs.fresh(cs.dialFor(c))
		cs.byID[id] = c
	}
	cs.rest(c, nil)
	c.flying++
	return c
}

// give takes a client back after its request.
func (cs *clients) give(c *client) {
	cs.mu.Lock()
	if c.flying--; c.flying == 0 {
		cs.rest(c, &cs.warm)
	}
	spare := cs.spare()
	cs.mu.Unlock()
	for _, c := range spare { // closing writes to the network: not under the lock
		c.close()
	}
}

// rest moves a client to the front of a list, nil for none.
func (cs *clients) rest(c *client, to *list.List) {
	if c.in != nil {
		c.in.Remove(c.at)
	}
	if c.in = to; to != nil {
		c.at = to.PushFront(c)
	}
}

// spare picks the clients whose connections must be closed for the bounds to
// hold, and forgets those that are too many.
func (cs *clients) spare() (spare []*client) {
	for over := cs.open.Load() - int64(cs.openMax); over > 0 && cs.warm.Len() > 0; {
		c, _ := cs.warm.Back().Value.(*client)
		over -= c.open.Load()
		cs.rest(c, &cs.cold)
		spare = append(spare, c)
	}
	for len(cs.byID) > cs.clientsMax {
		last := cs.cold.Back()
		if last == nil {
			last = cs.warm.Back()
		}
		if last == nil {
			break // all have requests under way, which the caller bounds
		}
		c, _ := last.Value.(*client)
		cs.rest(c, nil)
		delete(cs.byID, c.id)
		spare = append(spare, c)
	}
	return spare
}

// dialFor returns how the connections of a client are made. Each is counted
// while it is open.
func (cs *clients) dialFor(c *client) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := cs.dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		cs.open.Add(1)
		c.open.Add(1)
		return &connection{Conn: conn, closed: sync.OnceFunc(func() {
			cs.open.Add(-1)
			c.open.Add(-1)
		})}, nil
	}
}

// close closes the connections of all clients that wait for the next request.
func (cs *clients) close() {
	cs.mu.Lock()
	all := make([]*client, 0, len(cs.byID))
	for _, c := range cs.byID {
		all = append(all, c)
	}
	cs.mu.Unlock()
	for _, c := range all {
		c.close()
	}
}

// close closes the client's connections that wait for the next request.
func (c *client) close() {
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}
