package providers

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// canned answers every request with the same bytes.
type canned struct {
	status int
	body   []byte
}

// RoundTrip implements http.RoundTripper.
func (c *canned) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: c.status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(c.body))}, nil
}

// FuzzAnswer: whatever an answer holds, each call has one result, and one that
// was done has an id.
func FuzzAnswer(f *testing.F) {
	files, err := filepath.Glob("hubspot/testdata/*.json")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for i, file := range files {
		b, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add([]int{200, 207, 400, 409, 429, 500}[i%6], uint8(i), uint8(3), b)
	}
	tr := &canned{}
	all, ds := Load(Options{Transport: tr})
	require.Empty(f, ds)
	p := all["hubspot"]
	f.Fuzz(func(t *testing.T, status int, op, n uint8, body []byte) {
		tr.status, tr.body = 200+(status%400+400)%400, body
		b := crmsync.Batch{
			Credential: crmsync.NewSecret("s3cret"), Object: "contacts", Operation: crmsync.Operation(op % 5), Deadline: time.Now().Add(time.Minute),
		}
		for i := range int(n % 5) {
			b.Calls = append(b.Calls, crmsync.Call{ExternalID: fmt.Sprint(i + 1), Match: crmsync.Match{Field: "crmsync_id", Value: fmt.Sprintf("key-%d", i+1)}})
		}
		a := p.Apply(t.Context(), b)
		require.Len(t, a.Results, len(b.Calls))
		for i, r := range a.Results {
			if r.Fault != nil {
				require.NotEmpty(t, r.Fault.Code)
				require.LessOrEqual(t, len(r.Fault.Message), messageMax+8)
				require.GreaterOrEqual(t, r.Fault.After, time.Duration(0))
				require.LessOrEqual(t, r.Fault.After, 24*time.Hour)
			} else {
				require.NotEmpty(t, r.ExternalID, "call %d", i)
			}
		}
	})
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
