package providers

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// hostile returns a provider whose CRM is the handler, and a batch for it.
func hostile(t *testing.T, handler http.HandlerFunc) (*Provider, crmsync.Batch) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	p, b := full(t, Options{BaseURL: map[string]string{"hubspot": server.URL}})
	t.Cleanup(p.Close)
	return p, b
}

// allocated returns how many bytes f allocates, in this process as a whole.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestBomb: an answer that is small on the wire and huge when unpacked, which we
// didn't ask for, is never unpacked.
func TestBomb(t *testing.T) {
	for _, status := range []int{http.StatusOK, http.StatusMultiStatus} {
		p, b := hostile(t, func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("Accept-Encoding"); got != "identity" {
				t.Errorf("asked for the encoding %q", got)
			}
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Encoding", "gzip")
			w.WriteHeader(status)
			packed, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
			zeros := make([]byte, 1<<20)
			for range 64 {
				_, _ = packed.Write(zeros)
			}
			_ = packed.Close()
		})
		var f *crmsync.Fault
		size := allocated(func() { f = p.Apply(t.Context(), b).Results[0].Fault })
		require.Equal(t, crmsync.Fault{Kind: crmsync.Ambiguous, Code: "no_json", Whole: true}, *f)
		require.Less(t, size, uint64(16<<20))
	}
}

// TestCrowdedAnswers: answers within the bound of bytes that would take many
// times as much memory or time when they are read.
func TestCrowdedAnswers(t *testing.T) {
	const size = answerMax - 100
	stuff := func(s string) string { return strings.Repeat(s, size/len(s)) }
	for name, body := range map[string]string{
		"numbers":       "[" + stuff("0,") + "0]",
		"objects":       `{"results":[` + stuff("{},") + "{}]}",
		"depth":         stuff("["),
		"pairs":         `{"a":[` + stuff(`{"a":0},`) + "0]}",
		"errors":        `{"results":[],"errors":[` + strings.Repeat(`{"category":"VALIDATION_ERROR","message":"no"},`, 20_000) + "{}]}",
		"a text":        `{"status":"` + stuff("x") + `","results":[]}`,
		"commas in one": `{"status":"` + stuff(",") + `","results":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			p, b := full(t, Options{Transport: &canned{status: http.StatusMultiStatus, body: []byte(body)}})
			var a crmsync.Answer
			taken := allocated(func() { a = p.Apply(t.Context(), b) })
			require.Less(t, taken, uint64(128<<20))
			require.Len(t, a.Results, len(b.Calls))
			for _, r := range a.Results {
				require.NotNil(t, r.Fault)
			}
		})
	}
}

func TestValuesIn(t *testing.T) {
	for text, want := range map[string]int{
		"": 1, "0": 1, "[]": 2, "[0,1]": 3, `{"a":[1,{"b":2}]}`: 5, `"a,b[{"`: 1, `["a\",b",0]`: 3, `"\\",0`: 2, `["`: 2, `["\`: 2,
	} {
		require.Equal(t, want, valuesIn([]byte(text)), text)
	}
}

// TestSlowAnswers: a deadline ends what the CRM draws out, in the head or in the
// body.
func TestSlowAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		head, drip string
		code       string
	}{
		"a byte at a time":   {"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", " ", codeTimeout},
		"an endless body":    {"HTTP/1.1 200 OK\r\n\r\n", " ", codeTimeout},
		"endless chunks":     {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n", codeTimeout},
		"an endless head":    {"HTTP/1.1 200 OK\r\n", "X: y\r\n", codeTimeout},
		"one endless header": {"HTTP/1.1 200 OK\r\nX: ", "y", codeTimeout},
		"half a status":      {"HTTP/1.1", "", codeTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var arrived atomic.Bool
			answer := drawnOut(t, c.head, c.drip, 20*time.Millisecond)
			p, b := hostile(t, func(w http.ResponseWriter, r *http.Request) {
				arrived.Store(true)
				answer(w, r)
			})
			var f *crmsync.Fault
			for patience := 400 * time.Millisecond; !arrived.Load(); patience *= 2 { // the machine may be too busy for a short one
				b.Deadline = time.Now().Add(patience)
				f = p.Apply(t.Context(), b).Results[0].Fault
			}
			require.Equal(t, crmsync.Ambiguous, f.Kind)
			require.Equal(t, c.code, f.Code)
			require.Less(t, time.Since(b.Deadline), 5*time.Second)
		})
	}
}

// drawnOut answers with a head, and then one drip every pause until the other
// side has gone.
func drawnOut(t *testing.T, head, drip string, pause time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			_, _ = io.Copy(io.Discard, conn)
		}()
		tick := time.NewTicker(pause)
		defer tick.Stop()
		_, err = io.WriteString(conn, head)
		for err == nil {
			select {
			case <-gone:
				return
			case <-tick.C:
				_, err = io.WriteString(conn, drip)
			}
		}
		<-gone
	}
}

// TestHeadTooLarge: the head of an answer is bounded too.
func TestHeadTooLarge(t *testing.T) {
	p, b := hostile(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for i := range 100 {
			w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("y", 1<<10))
		}
	})
	f := p.Apply(t.Context(), b).Results[0].Fault
	require.Equal(t, crmsync.Ambiguous, f.Kind)
	require.EqualError(t, f, "ambiguous network: the answer is not HTTP")
}

// cutOff answers every request with a status and a body that breaks off.
type cutOff struct {
	status int
	body   string
}

// RoundTrip implements http.RoundTripper.
func (c cutOff) RoundTrip(*http.Request) (*http.Response, error) {
	body := io.MultiReader(strings.NewReader(c.body), iotest.ErrReader(io.ErrUnexpectedEOF))
	return &http.Response{StatusCode: c.status, Header: http.Header{}, Body: io.NopCloser(body)}, nil
}

// TestUnreadableItems: where a status of failure tells of calls one by one, an
// answer that can't be read leaves open which of them were done.
func TestUnreadableItems(t *testing.T) {
	src, err := os.ReadFile(filepath.Join("testdata", "vocabulary", "zoho.yaml"))
	require.NoError(t, err)
	page := func(body string) http.RoundTripper { return &canned{status: http.StatusBadRequest, body: []byte(body)} }
	for name, c := range map[string]struct {
		tr   http.RoundTripper
		want crmsync.Fault
	}{
		"half":                  {page(`{"data":[{"code":"SUCCESS","action":"ins`), crmsync.Fault{Kind: crmsync.Ambiguous, Code: "no_json", Whole: true}},
		"a page":                {page("<html></html>"), crmsync.Fault{Kind: crmsync.Ambiguous, Code: "no_json", Whole: true}},
		"empty":                 {page(""), crmsync.Fault{Kind: crmsync.Rejected, Code: "http_400", Whole: true}},
		"cut off":               {cutOff{http.StatusBadRequest, `{"data":[`}, crmsync.Fault{Kind: crmsync.Ambiguous, Code: codeCutOff, Err: io.ErrUnexpectedEOF, Whole: true}},
		"cut off at once":       {cutOff{http.StatusBadRequest, ""}, crmsync.Fault{Kind: crmsync.Ambiguous, Code: codeCutOff, Err: io.ErrUnexpectedEOF, Whole: true}},
		"cut off, of all alike": {cutOff{http.StatusUnauthorized, "<htm"}, crmsync.Fault{Kind: crmsync.Denied, Code: "http_401", Whole: true}},
	} {
		t.Run(name, func(t *testing.T) {
			p, ds := Compile("zoho.yaml", src, Options{Transport: c.tr})
			require.Empty(t, ds)
			a := p.Apply(t.Context(), crmsync.Batch{
				Credential: crmsync.NewSecret("s3cret"), Object: "Contacts", Operation: crmsync.Upsert, Deadline: time.Now().Add(time.Minute),
				Calls: []crmsync.Call{{Match: crmsync.Match{Field: "Ref", Value: "1"}}, {Match: crmsync.Match{Field: "Ref", Value: "2"}}},
			})
			require.Equal(t, []crmsync.Result{{Fault: &c.want}, {Fault: &c.want}}, a.Results)
		})
	}
}
