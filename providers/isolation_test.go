package providers

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

var anyCanary = regexp.MustCompile(`canary-([a-z0-9]+)`)

// moody is a CRM that looks through all it is sent for words of another org than
// the one whose credential came along, and answers in one of many ways. Answers
// repeat what was sent.
type moody struct {
	mu     sync.Mutex // guards what follows
	random *rand.Rand
	seen   int
	mixed  []string
}

// ServeHTTP implements http.Handler.
func (m *moody) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	mood := m.random.IntN(8)
	m.mu.Unlock()
	switch mood {
	case 0: // it has heard enough, and the rest of the request is still on its way
		http.Error(w, `{"message":"no"}`, http.StatusBadRequest)
		return
	case 1:
		hangUp(w)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	m.look(r, body)
	switch mood {
	case 2:
		<-r.Context().Done()
	case 3:
		hangUp(w)
	case 4:
		w.WriteHeader(http.StatusInternalServerError)
	default:
		_, _ = fmt.Fprintf(w, `{"status":"error","category":"VALIDATION_ERROR","message":%q,"results":[]}`, anyCanary.Find(body))
	}
}

func (m *moody) look(r *http.Request, body []byte) {
	var head strings.Builder
	_ = r.Header.Write(&head) // into memory
	text := r.RequestURI + "\n" + head.String() + string(body)
	whose := anyCanary.FindStringSubmatch(r.Header.Get("Authorization"))[1]
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen++
	for _, found := range anyCanary.FindAllStringSubmatch(text, -1) {
		if found[1] != whose && !slices.Contains(m.mixed, found[0]) {
			m.mixed = append(m.mixed, found[0])
		}
	}
}

func hangUp(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	}
}

// TestIsolationOfData: requests of several orgs at once, of which many fail in
// the middle, hold their own org's words only, and so do their results. The
// memory they are written in is used again and again.
func TestIsolationOfData(t *testing.T) {
	crm := &moody{random: rand.New(rand.NewPCG(5, 6))}
	server := httptest.NewServer(crm)
	t.Cleanup(server.Close)
	p, _ := full(t, Options{BaseURL: map[string]string{"hubspot": server.URL}})
	t.Cleanup(p.Close)
	var running sync.WaitGroup
	for worker := range 8 {
		running.Go(func() {
			random := rand.New(rand.NewPCG(7, uint64(worker)))
			for range 40 {
				org := fmt.Sprint("org", random.IntN(4))
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+random.IntN(150))*time.Millisecond)
				a := p.Apply(ctx, canaries(org, 1+random.IntN(100), random.IntN(4)*3<<10))
				cancel()
				for _, found := range anyCanary.FindAllString(fmt.Sprintf("%+v", texts(a)), -1) {
					if found != "canary-"+org {
						t.Errorf("%s got the answer of %s", org, found)
					}
				}
			}
		})
	}
	running.Wait()
	server.Close()
	require.Greater(t, crm.seen, 20)
	require.Empty(t, crm.mixed)
}

// canaries returns a batch in which everything says whose it is, and each call
// has so many bytes at least. Large ones are still leaving when the answer comes.
func canaries(org string, calls, size int) crmsync.Batch {
	word := "canary-" + org
	b := crmsync.Batch{
		Connection: crmsync.Connection{ID: crmsync.ConnectionID{Org: org, Name: "crm"}}, Credential: crmsync.NewSecret(word + "-credential"),
		Object: "contacts", Operation: crmsync.Upsert, Deadline: time.Now().Add(time.Minute),
	}
	for i := range calls {
		b.Calls = append(b.Calls, crmsync.Call{
			Match:  crmsync.Match{Field: "crmsync_id", Value: fmt.Sprint(word, "-", i)},
			Fields: fmt.Appendf(nil, `{"firstname":%q,"lastname":%q}`, word, word+strings.Repeat(" ", size)),
		})
	}
	return b
}

// texts returns all that an answer says.
func texts(a crmsync.Answer) (all []string) {
	for _, r := range a.Results {
		all = append(all, r.ExternalID)
		if r.Fault != nil {
			all = append(all, fmt.Sprintf("%+v %v", *r.Fault, r.Fault))
		}
	}
	return all
}
