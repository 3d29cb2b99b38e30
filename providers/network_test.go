package providers

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

func TestPublic(t *testing.T) {
	for address, want := range map[string]bool{
		"104.16.118.116": true, "2606:4700::6810:7674": true, "::ffff:104.16.118.116": true, "8.8.8.8": true,
		"0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "100.64.0.1": false, "127.0.0.1": false, "127.255.255.254": false, "169.254.169.254": false,
		"172.16.0.1": false, "172.31.255.255": false, "192.0.0.8": false, "192.0.2.1": false, "192.88.99.1": false, "192.168.1.1": false, "198.18.0.1": false,
		"198.51.100.7": false, "203.0.113.9": false, "224.0.0.1": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "64:ff9b::7f00:1": false, "64:ff9b:1::1": false, "100::1": false,
		"2001::1": false, "2001:db8::1": false, "2002:7f00:1::": false, "fc00::1": false, "fd00:ec2::254": false, "fe80::1": false, "fe80::1%eth0": false, "fec0::1": false, "ff02::1": false,
	} {
		require.Equal(t, want, public(netip.MustParseAddr(address)), address)
	}
	require.False(t, public(netip.Addr{}))
}

// TestGuard tries ways into this machine; only the one that is allowed works.
func TestGuard(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	guarded := newTransport("localhost:1")
	defer guarded.CloseIdleConnections()
	for _, host := range []string{
		"127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "[64:ff9b::7f00:1]", "10.0.0.1", "169.254.169.254", "[fd00:ec2::254]",
	} {
		_, err := get(t, guarded, "http://"+host+":"+port)
		require.Error(t, err, host)
		if _, unknown := errors.AsType[*net.DNSError](err); !unknown {
			require.ErrorIs(t, err, errAddress, host)
		}
	}
	open := newTransport("127.0.0.1:" + port)
	defer open.CloseIdleConnections()
	status, err := get(t, open, server.URL)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	_, err = get(t, open, "http://localhost:"+port)
	require.ErrorIs(t, err, errAddress, "another name for it is not allowed")
}

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
			tr := newTransport(c.allowed)
			defer tr.CloseIdleConnections()
			_, err := get(t, tr, c.url)
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
