package providertest

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

const secret = "canary-5c0ffee-token"

// crm is a small CRM behind a provider's wire format.
type crm struct {
	wire Wire
	// change, if set, edits the replies before they are written.
	change func([]Reply) []Reply

	mu      sync.Mutex // guards objects, next and asked
	objects map[string]Item
	next    int
	asked   []Asked
}

// serve starts a server with handler in the CRM's place.
func serve(t testing.TB, handler http.HandlerFunc) (url string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// open returns the harness's provider, speaking to handler.
func open(t testing.TB, h Harness, handler http.HandlerFunc) crmsync.Provider {
	t.Helper()
	return h.Open(t, Setup{BaseURL: serve(t, handler)})
}

// openCRM returns the provider and the CRM that it speaks to.
func openCRM(t testing.TB, h Harness, change func([]Reply) []Reply) (crmsync.Provider, *crm) {
	t.Helper()
	c := &crm{wire: h.Wire, change: change, objects: map[string]Item{}}
	return open(t, h, c.serve), c
}

func (c *crm) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	asked, err := c.wire.Read(r, body)
	if err != nil {
		http.Error(w, "the suite could not read the request: "+err.Error(), http.StatusTeapot)
		return
	}
	replies := c.carryOut(asked)
	if c.change != nil {
		replies = c.change(replies)
	}
	c.wire.Write(w, asked, replies)
}

func (c *crm) carryOut(asked Asked) []Reply {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, asked)
	replies := make([]Reply, len(asked.Items))
	for i, item := range asked.Items {
		replies[i] = c.one(asked.Operation, item)
	}
	return replies
}

// one carries out one item. The caller holds mu.
func (c *crm) one(op crmsync.Operation, item Item) Reply {
	id := item.ID
	if op == crmsync.Upsert || op == crmsync.Find {
		id = c.byMatch(item)
	}
	reply := Reply{Item: item, ID: id}
	old, there := c.objects[id]
	switch {
	case op == crmsync.Archive:
		delete(c.objects, id)
	case op == crmsync.Find || op == crmsync.Update && !there:
		reply.Missing = !there
	case there:
		old.Fields = merged(old.Fields, item.Fields)
		c.objects[id] = old
	default:
		c.next++
		reply.ID, reply.Created = strconv.Itoa(9000+c.next), true
		item.ID = reply.ID
		c.objects[reply.ID] = item
	}
	return reply
}

func (c *crm) byMatch(item Item) string {
	for id, object := range c.objects {
		if object.MatchField == item.MatchField && object.Match == item.Match {
			return id
		}
	}
	return ""
}

func merged(old, change map[string]any) map[string]any {
	all := maps.Clone(old)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, change)
	return all
}

// requests returns how many requests arrived.
func (c *crm) requests() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.asked)
}

// object returns a stored object.
func (c *crm) object(id string) (Item, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	item, ok := c.objects[id]
	return item, ok
}

// counter is a handler that counts what arrives and answers nothing useful.
type counter struct{ n atomic.Int64 }

func (c *counter) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	c.n.Add(1)
	w.WriteHeader(http.StatusTeapot)
}

// batch returns a batch of n calls with ids "1", "2", … and match values
// "key-1", "key-2", …
func batch(h Harness, op crmsync.Operation, n int) crmsync.Batch {
	b := crmsync.Batch{
		Connection: crmsync.Connection{ID: crmsync.ConnectionID{Org: "acme", Name: "main"}},
		Credential: crmsync.NewSecret(secret), Object: h.Object, Operation: op, Deadline: time.Now().Add(time.Minute),
	}
	for i := range n {
		call := crmsync.Call{Key: crmsync.RecordKey{Org: "acme", Type: "contact", ID: strconv.Itoa(i + 1)}, Version: 1, Fields: h.Fields}
		if op == crmsync.Update || op == crmsync.Archive {
			call.ExternalID = strconv.Itoa(i + 1)
		} else {
			call.Match = crmsync.Match{Field: h.MatchField, Value: fmt.Sprintf("key-%d", i+1)}
		}
		b.Calls = append(b.Calls, call)
	}
	return b
}

// apply sends the batch and checks what must hold of any answer.
func apply(t testing.TB, p crmsync.Provider, b crmsync.Batch) crmsync.Answer {
	t.Helper()
	a := p.Apply(t.Context(), b)
	check(t, b, a)
	return a
}

// check requires one result per call, each either done or failed.
func check(t testing.TB, b crmsync.Batch, a crmsync.Answer) {
	t.Helper()
	require.Len(t, a.Results, len(b.Calls))
	for i, r := range a.Results {
		if r.Fault == nil {
			require.True(t, r.ExternalID != "" || b.Operation == crmsync.Archive, "result %d has no id", i)
			continue
		}
		require.NotEmpty(t, r.Fault.Code, "fault %d has no code", i)
		require.GreaterOrEqual(t, r.Fault.After, time.Duration(0))
		require.False(t, r.Created, "result %d is created beside a fault", i)
	}
}

// kinds returns the kinds of an answer's faults, and fails on a success.
func kinds(t testing.TB, a crmsync.Answer) []crmsync.Kind {
	t.Helper()
	list := make([]crmsync.Kind, len(a.Results))
	for i, r := range a.Results {
		require.NotNil(t, r.Fault, "result %d is a success: %+v", i, r)
		list[i] = r.Fault.Kind
	}
	return list
}

// has tells whether the provider has an operation.
func (h Harness) has(op crmsync.Operation) bool { return slices.Contains(h.Operations, op) }

// writes returns an operation of the harness that changes something.
func (h Harness) writes(t testing.TB) crmsync.Operation {
	t.Helper()
	for _, op := range []crmsync.Operation{crmsync.Update, crmsync.Upsert, crmsync.Create} {
		if h.has(op) {
			return op
		}
	}
	t.Fatal("the provider changes nothing")
	return 0
}
