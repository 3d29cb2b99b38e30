package providers

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

func get(t *testing.T, tr http.RoundTripper, url string) (int, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	require.NoError(t, err)
	response, err := tr.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// TestNetworkCodes: what keeps a request from leaving has a name, and did not
// happen.
func TestNetworkCodes(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	secured := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	secured.Config.ErrorLog = nil
	defer secured.Close()
	for name, c := range map[string]struct{ url, allowed, code string }{
		"no TLS":              {strings.Replace(server.URL, "http:", "https:", 1), server.Listener.Addr().String(), "tls"},
		"unknown certificate": {secured.URL, secured.Listener.Addr().String(), "tls"},
		"private address":     {server.URL, "", "address_not_public"},
		"no such host":        {"http://no-such-host.invalid", "", "no_such_host"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := get(t, transportTo(t, c.allowed), c.url)
			require.Error(t, err)
			o := &outgoing{}
			f := o.fault(t.Context(), err, crmsync.Update)
			require.Equal(t, c.code, f.Code, err)
			require.Equal(t, crmsync.Transient, f.Kind)
		})
	}
}

func TestWaits(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 500_000_000, time.UTC)
	for _, c := range []struct {
		format, value string
		want          time.Duration
	}{
		{"seconds", "7", 7 * time.Second}, {"seconds", " 1.5 ", 1500 * time.Millisecond}, {"seconds", "-3", 0}, {"seconds", "0", 0},
		{"seconds", "soon", 0}, {"seconds", "", 0}, {"seconds", "NaN", 0}, {"seconds", "1e300", waitCap}, {"seconds", "Inf", waitCap},
		{"seconds", "Tue, 24 Nov 2026 13:00:00 GMT", 0},
		{"http_date", "Tue, 24 Nov 2026 12:00:10 GMT", 9500 * time.Millisecond}, {"http_date", "Tue, 24 Nov 2026 11:00:00 GMT", 0}, {"http_date", "7", 0},
		{"retry_after", "7", 7 * time.Second}, {"retry_after", "Tue, 24 Nov 2026 12:00:10 GMT", 9500 * time.Millisecond}, {"retry_after", "x", 0},
		{"epoch", "1795521610", 9500 * time.Millisecond}, {"epoch", "1", 0}, {"epoch", "x", 0},
		{"epoch_ms", "1795521610500", 10 * time.Second}, {"epoch_ms", "-1", 0},
		{"rfc3339", "2026-11-24T13:00:10+01:00", 9500 * time.Millisecond}, {"rfc3339", "2026-11-24", 0}, {"rfc3339", "2020-01-01T00:00:00Z", 0},
	} {
		body := quoted(c.value)
		v := &view{}
		sc := newScratch()
		root, err := sc.parser.Parse(body)
		require.NoError(t, err)
		v.reset(429, nil, root)
		path, ok := parsePath("body.wait")
		require.True(t, ok)
		h := hint{value: path, format: c.format}
		require.InDelta(t, c.want, h.wait(v, now), float64(time.Microsecond), "%s %q", c.format, c.value)
	}
}

func quoted(value string) string { return string(appendEscaped([]byte(`{"wait":"`), value)) + `"}` }

func gotConn(conn net.Conn) httptrace.GotConnInfo { return httptrace.GotConnInfo{Conn: conn} }
