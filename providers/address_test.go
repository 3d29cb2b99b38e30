package providers

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

func TestPublic(t *testing.T) {
	for _, c := range []struct {
		name      string
		want      bool
		addresses []string
	}{
		{"hosts", true, []string{"104.16.118.116", "8.8.8.8", "1.1.1.1", "223.255.255.255", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "192.0.3.1", "168.63.129.17"}},
		{"hosts of IPv6", true, []string{"2606:4700::6810:7674", "2a00:1450:4001:80b::200e", "2001:200::1", "2001:4860:4860::8888", "2003::1", "2606:4700::1%eth0", "2606::200:5eff:1:1"}},
		{"IPv4 mapped into IPv6", true, []string{"::ffff:104.16.118.116", "::ffff:808:808"}},
		{"unspecified and this network", false, []string{"0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0"}},
		{"loopback", false, []string{"127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1"}},
		{"private", false, []string{"10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1", "::ffff:10.0.0.1", "::ffff:192.168.0.1"}},
		{"unique local", false, []string{"fc00::1", "fd00:ec2::254", "fd20:ce::254", "fdff:ffff::1"}},
		{"link-local", false, []string{"169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "febf::1", "::ffff:169.254.169.254"}},
		{"site-local", false, []string{"fec0::1", "feff::1"}},
		{"carrier-grade NAT", false, []string{"100.64.0.0", "100.100.100.200", "100.127.255.255"}},
		{"services of a cloud", false, []string{"168.63.129.16", "192.0.0.192", "::ffff:168.63.129.16"}},
		{"protocol assignments", false, []string{"192.0.0.8", "192.0.0.170", "2001:1::1", "2001:10::1", "2001:20::1", "2001:1ff:ffff::1"}},
		{"documentation", false, []string{"192.0.2.1", "198.51.100.7", "203.0.113.9", "2001:db8::1", "2001:db8:ffff::1", "3fff::1", "3fff:fff::1"}},
		{"benchmarks", false, []string{"198.18.0.1", "198.19.255.255", "2001:2::1"}},
		{"multicast", false, []string{"224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"}},
		{"broadcast and reserved", false, []string{"255.255.255.255", "240.0.0.1", "4000::1", "5f00::1", "e000::1", "100::1"}},
		{"sinks and relays", false, []string{"192.31.196.1", "192.52.193.1", "192.88.99.1", "192.175.48.1", "2620:4f:8000::1"}},
		{"IPv4 compatible", false, []string{"::7f00:1", "::127.0.0.1", "::8.8.8.8"}},
		{"IPv4 translated", false, []string{"::ffff:0:7f00:1", "::ffff:0:10.0.0.1"}},
		{"NAT64", false, []string{"64:ff9b::7f00:1", "64:ff9b::8.8.8.8", "64:ff9b:1::1"}},
		{"6to4", false, []string{"2002:7f00:1::", "2002:a00:1::1", "2002:808:808::1"}},
		{"Teredo", false, []string{"2001::1", "2001:0:7f00:1::1"}},
		{"ISATAP", false, []string{"2606:4700::5efe:7f00:1", "2606:4700::200:5efe:10.0.0.1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, address := range c.addresses {
				require.Equal(t, c.want, public(netip.MustParseAddr(address)), address)
			}
		})
	}
	require.False(t, public(netip.Addr{}), "no address")
}

func TestPublicOnly(t *testing.T) {
	for name, c := range map[string]struct {
		network, address string
		want             string
	}{
		"public":            {"tcp4", "104.16.118.116:443", ""},
		"public, IPv6":      {"tcp6", "[2606:4700::1]:443", ""},
		"private":           {"tcp4", "10.0.0.1:443", "address is not public: 10.0.0.1:443"},
		"zone":              {"tcp6", "[fe80::1%eth0]:80", "address is not public: [fe80::1%eth0]:80"},
		"a name":            {"tcp4", "localhost:443", "address is not public: localhost:443"},
		"another network":   {"udp4", "104.16.118.116:443", "address is not public: 104.16.118.116:443"},
		"no network at all": {"unix", "/run/docker.sock", "address is not public: /run/docker.sock"},
	} {
		t.Run(name, func(t *testing.T) {
			err := publicOnly(t.Context(), c.network, c.address, nil)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, errAddress)
			require.EqualError(t, err, c.want)
		})
	}
}

// listening starts a server that counts the connections made to it.
func listening(t *testing.T) (address string, connections *atomic.Int64) {
	t.Helper()
	connections = &atomic.Int64{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), connections
}

// transportTo returns a transport with the guard and one way around it.
func transportTo(t *testing.T, allowed string) *http.Transport {
	t.Helper()
	tr := newTransport(dialer{allowed: allowed}.dial, 1)
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// TestGuard tries ways into this machine; only the one that is allowed works.
func TestGuard(t *testing.T) {
	address, connections := listening(t)
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	guarded := transportTo(t, "localhost:1")
	for _, host := range []string{
		"127.0.0.1", "localhost", "LOCALHOST", "localhost.", "127.1", "127.0.1", "0177.0.0.1", "2130706433", "0x7f000001", "0x7f.1", "0",
		"[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "0.0.0.0", "[::]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
		"10.0.0.1", "169.254.169.254", "[fd00:ec2::254]", "[fe80::1%25lo]", "255.255.255.255", "224.0.0.1", "100.64.0.1",
	} {
		_, err := get(t, guarded, "http://"+host+":"+port)
		require.Error(t, err, host)
		if _, unknown := errors.AsType[*net.DNSError](err); !unknown {
			require.ErrorIs(t, err, errAddress, host)
		}
	}
	require.Zero(t, connections.Load(), "not even a handshake")

	open := transportTo(t, address)
	status, err := get(t, open, "http://"+address)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	_, err = get(t, open, "http://localhost:"+port)
	require.ErrorIs(t, err, errAddress, "another name for it is not allowed")
}

func TestHostPort(t *testing.T) {
	for _, c := range []struct{ url, want string }{
		{"http://crm.test", "crm.test:80"}, {"https://crm.test", "crm.test:443"}, {"https://crm.test:8443/x", "crm.test:8443"},
		{"http://127.0.0.1:8089", "127.0.0.1:8089"}, {"http://[::1]:8089", "[::1]:8089"}, {"https://[::1]", "[::1]:443"},
	} {
		u, err := url.Parse(c.url)
		require.NoError(t, err)
		require.Equal(t, c.want, hostPort(u))
	}
}

// TestAllowedIPv6: an emulator may listen on IPv6 too.
func TestAllowedIPv6(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "[::1]:0")
	if err != nil { // a machine without IPv6 refuses the address as such
		require.ErrorContains(t, err, "cannot assign requested address")
		return
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	require.NoError(t, server.Listener.Close())
	server.Listener = l
	server.Start()
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	status, err := get(t, transportTo(t, hostPort(u)), server.URL)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
}

// resolverOf returns a resolver whose DNS server gives the n-th question for an
// IPv4 address the n-th answer, and the last one for ever.
func resolverOf(answers ...[]string) *net.Resolver {
	var asked atomic.Int64
	answer := func(query []byte) ([]byte, error) {
		var m dnsmessage.Message
		if err := m.Unpack(query); err != nil {
			return nil, err
		}
		m.Response, m.Additionals = true, nil
		if m.Questions[0].Type == dnsmessage.TypeA {
			for _, text := range answers[min(int(asked.Add(1)), len(answers))-1] {
				m.Answers = append(m.Answers, dnsmessage.Resource{
					Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET},
					Body:   &dnsmessage.AResource{A: netip.MustParseAddr(text).As4()},
				})
			}
		}
		return m.Pack()
	}
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go serveDNS(theirs, answer)
		return ours, nil
	}}
}

// serveDNS answers questions until the other side has gone. Over a connection
// that is no packet connection each message goes behind its length.
func serveDNS(conn net.Conn, answer func([]byte) ([]byte, error)) {
	defer conn.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		query := make([]byte, int(size[0])<<8|int(size[1]))
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		reply, err := answer(query)
		if err != nil {
			return
		}
		if _, err := conn.Write(append([]byte{byte(len(reply) >> 8), byte(len(reply))}, reply...)); err != nil {
			return
		}
	}
}

// TestNamesThatLie: what the DNS says is looked at when the connection is made,
// so an answer that changes, or holds several addresses, opens no way in.
func TestNamesThatLie(t *testing.T) {
	address, connections := listening(t)
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	for name, answers := range map[string][][]string{
		"private":                {{"127.0.0.1"}},
		"several":                {{"127.0.0.1", "10.0.0.1", "169.254.169.254"}},
		"private after unknown":  {{}, {"127.0.0.1"}},
		"changing between dials": {{"192.0.2.1"}, {"127.0.0.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := dialer{allowed: address, resolver: resolverOf(answers...)}
			for range len(answers) + 1 {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				_, err := d.dial(ctx, "tcp", net.JoinHostPort("crm.example.com", port))
				cancel()
				require.Error(t, err)
				if _, unknown := errors.AsType[*net.DNSError](err); !unknown {
					require.ErrorIs(t, err, errAddress)
				}
			}
		})
	}
	require.Zero(t, connections.Load())

	d := dialer{allowed: "crm.example.com:" + port, resolver: resolverOf([]string{"127.0.0.1"})}
	conn, err := d.dial(t.Context(), "tcp", "crm.example.com:"+port)
	require.NoError(t, err, "the resolver works, and what the configuration names is allowed")
	require.NoError(t, conn.Close())
}

// TestNoProxy: the environment can't put anybody between us and a CRM.
func TestNoProxy(t *testing.T) {
	address, connections := listening(t)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		t.Setenv(name, "http://"+address)
	}
	t.Setenv("NO_PROXY", "")
	tr := newTransport(dialer{allowed: address, resolver: resolverOf([]string{"10.0.0.1"})}.dial, 1)
	require.Nil(t, tr.Proxy)
	_, err := get(t, tr, "http://crm.example.com")
	require.ErrorIs(t, err, errAddress)
	require.Zero(t, connections.Load())
}
