package providers

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// canned answers every request with the same bytes.
type canned struct {
	status int
	header http.Header
	body   []byte
}

// RoundTrip implements http.RoundTripper.
func (c *canned) RoundTrip(*http.Request) (*http.Response, error) {
	header := c.header
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: c.status, Header: header, Body: io.NopCloser(bytes.NewReader(c.body))}, nil
}

// canary is the credential of requests whose answers are fuzzed.
const canary = "canary-5c0ffee"

// fuzzed returns the providers that answers are fuzzed for: one that is asked
// for many calls at once, and one that is asked for them one by one.
func fuzzed(f *testing.F, opt Options) []*Provider {
	f.Helper()
	all, ds := Load(opt)
	require.Empty(f, ds)
	hubspot, ok := all["hubspot"].(*Provider)
	require.True(f, ok)
	src, err := os.ReadFile(filepath.Join("testdata", "createonly", "hubspot_plain.yaml"))
	require.NoError(f, err)
	plain, ds := Compile("hubspot_plain.yaml", src, opt)
	require.Empty(f, ds)
	return []*Provider{hubspot, plain}
}

// asking returns a batch of up to four calls.
func asking(op, n uint8) crmsync.Batch {
	b := crmsync.Batch{
		Credential: crmsync.NewSecret(canary), Object: "contacts", Operation: crmsync.Operation(op % 5), Deadline: time.Now().Add(time.Minute),
	}
	for i := range int(n % 5) {
		b.Calls = append(b.Calls, crmsync.Call{ExternalID: fmt.Sprint(i + 1), Match: crmsync.Match{Field: "crmsync_id", Value: fmt.Sprintf("key-%d", i+1)}})
	}
	return b
}

// accounted requires what holds of any answer: each call has one result, one
// that was done has its object, and no fault tells the credential.
func accounted(t *testing.T, b crmsync.Batch, a crmsync.Answer) {
	t.Helper()
	require.Len(t, a.Results, len(b.Calls))
	for i, r := range a.Results {
		if r.Fault == nil {
			require.NotEmpty(t, r.ExternalID, "call %d", i)
			if b.Operation == crmsync.Update || b.Operation == crmsync.Archive {
				require.Equal(t, b.Calls[i].ExternalID, r.ExternalID, "call %d", i)
			}
			continue
		}
		require.Empty(t, r.ExternalID)
		require.NotEmpty(t, r.Fault.Code)
		code := strings.ReplaceAll(r.Fault.Code, crmsync.Secret{}.String(), "")
		require.Equal(t, code, word(code), "a code may go into a metric")
		require.LessOrEqual(t, len(r.Fault.Message), messageMax+8)
		require.GreaterOrEqual(t, r.Fault.After, time.Duration(0))
		require.LessOrEqual(t, r.Fault.After, 24*time.Hour)
		require.Equal(t, settled(r.Fault.Kind, b.Operation), r.Fault.Kind, "a find leaves nothing uncertain")
		require.NotContains(t, fmt.Sprintf("%+v %v %v", *r.Fault, r.Fault, r.Fault.Err), canary)
	}
}

// FuzzAnswer: whatever the status, a header and the body of an answer hold, all
// calls are accounted for.
func FuzzAnswer(f *testing.F) {
	files, err := filepath.Glob("hubspot/testdata/*.json")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for i, file := range files {
		b, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add([]int{200, 207, 400, 409, 429, 500}[i%6], uint8(i), uint8(3), "Retry-After", "7", b)
	}
	for _, body := range []string{
		`{"total":2,"results":[{"id":"2","properties":{"crmsync_id":"KEY-1"}},{"id":"1","properties":{"crmsync_id":"key-1"}}],"paging":{"next":{"after":"2"}}}`,
		`{"message":"` + canary + `","category":"` + canary + `","errors":[{"code":"` + canary + `","context":{"propertyName":["` + canary + `"]}}]}`,
		`{"message":"Contact already exists. Existing ID: 17","category":"CONFLICT"}`, `{"id":"1"}`, `{"results":{}}`, "[]", "null", "", "\x1f\x8b",
	} {
		f.Add(200, uint8(4), uint8(2), "X-HubSpot-RateLimit-Remaining", "-1", []byte(body))
		f.Add(409, uint8(1), uint8(1), "Retry-After", "Tue, 24 Nov 2026 12:00:10 GMT", []byte(body))
	}
	tr := &canned{}
	all := fuzzed(f, Options{Transport: tr})
	f.Fuzz(func(t *testing.T, status int, op, n uint8, name, value string, body []byte) {
		tr.status, tr.body = 100+(status%500+500)%500, body
		tr.header = http.Header{http.CanonicalHeaderKey(name): {value}}
		b := asking(op, n)
		for _, p := range all {
			accounted(t, b, p.Apply(t.Context(), b))
		}
	})
}

// FuzzWire: whatever bytes come in place of an answer, all calls are accounted
// for, and one that left and was not answered is never held for undone.
func FuzzWire(f *testing.F) {
	log.SetOutput(io.Discard) // net/http writes there what it was sent unasked
	f.Cleanup(func() { log.SetOutput(os.Stderr) })
	for _, answer := range []string{
		"", "HTTP/1.1 200 OK\r\n\r\n{}", "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"results\":[", "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 207 Multi-Status\r\nTransfer-Encoding: chunked\r\n\r\nd\r\n{\"results\":[]}\r\n0\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n" + canary, "HTTP/1.1 " + canary + "\r\n\r\n",
		"HTTP/1.1 200 OK\r\n" + canary + "\r\n\r\n", "HTTP/1.1 301 Moved\r\nLocation: http://" + canary + "/\r\n\r\n", "HTTP/1.1 408 Request Timeout\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08", "HTTP/1.0 200 OK\nContent-Length: 2\n\n{}", "\x16\x03\x01\x00\x00",
	} {
		f.Add(uint8(0), uint8(2), []byte(answer))
		f.Add(uint8(1), uint8(1), []byte(answer))
		f.Add(uint8(4), uint8(3), []byte(answer))
	}
	all := fuzzed(f, Options{})
	f.Fuzz(func(t *testing.T, op, n uint8, answer []byte) {
		b := asking(op, n)
		for _, p := range all {
			var serving sync.WaitGroup
			p.base = "http://crm.test"
			p.clients = newClients(answering(&serving, answer), func(dial dialFunc) http.RoundTripper { return newTransport(dial, 1) })
			a := p.Apply(t.Context(), b)
			p.Close()
			serving.Wait()
			accounted(t, b, a)
			for _, r := range a.Results {
				if a.Status == 0 && r.Fault.Kind == crmsync.Transient {
					require.True(t, b.Operation == crmsync.Find || r.Fault.Code == codeFull || r.Fault.Code == codeSameObject, "%+v", r.Fault)
				}
			}
		}
	})
}

// answering returns a dial to a server that reads a request, answers with these
// bytes and hangs up.
func answering(serving *sync.WaitGroup, answer []byte) dialFunc {
	return func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		serving.Go(func() {
			defer theirs.Close()
			r, err := http.ReadRequest(bufio.NewReader(theirs))
			if err == nil {
				_, err = io.Copy(io.Discard, r.Body)
			}
			if err == nil {
				_, _ = theirs.Write(answer) // the other side may have enough of it
			}
		})
		return ours, nil
	}
}

// FuzzTemplate: a template is either refused between two places of its text, or
// writes what stands in it.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{"", "/a/{object}", "{id}", "{", "}", "{}", "{id", "a{match.field}b{match.value}", "é{x}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, src string) {
		tpl, fault := parseText(src, slotsSingle)
		if fault != nil {
			require.Less(t, fault.start, fault.end)
			require.LessOrEqual(t, fault.end, len([]rune(src)))
			return
		}
		call := &crmsync.Call{ExternalID: "{id}", Match: crmsync.Match{Field: "{match.field}", Value: "{match.value}"}}
		require.Equal(t, src, string(tpl.append(nil, &filling{object: "{object}", call: call}, nil)), "slots that stand for themselves")
	})
}
