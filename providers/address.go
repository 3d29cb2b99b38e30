package providers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// errAddress is why a connection was not made: a name that ought to lead to a
// CRM leads into a private network.
var errAddress = errors.New("address is not public")

// notPublic4 are the IPv4 ranges of IANA's registry of special purposes that
// netip has no word for, and one that only Azure knows.
var notPublic4 = [...]netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),        // this network
	netip.MustParsePrefix("100.64.0.0/10"),    // carrier-grade NAT; metadata of Alibaba
	netip.MustParsePrefix("168.63.129.16/32"), // Azure's own services, inside of every virtual network
	netip.MustParsePrefix("192.0.0.0/24"),     // protocol assignments; metadata of Oracle
	netip.MustParsePrefix("192.0.2.0/24"),     // documentation
	netip.MustParsePrefix("192.31.196.0/24"),  // AS112: sinks for private names
	netip.MustParsePrefix("192.52.193.0/24"),  // multicast relays
	netip.MustParsePrefix("192.88.99.0/24"),   // 6to4 relays
	netip.MustParsePrefix("192.175.48.0/24"),  // AS112
	netip.MustParsePrefix("198.18.0.0/15"),    // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"),  // documentation
	netip.MustParsePrefix("203.0.113.0/24"),   // documentation
	netip.MustParsePrefix("240.0.0.0/4"),      // reserved, broadcast
}

// global6 is all of IPv6 that is given out to the public. What lies outside is
// private, reserved, or IPv4 in another spelling: compatible (::/96), mapped,
// translated (::ffff:0:0/96), NAT64 (64:ff9b::/96, 64:ff9b:1::/48).
var global6 = netip.MustParsePrefix("2000::/3")

// notPublic6 are the ranges inside of it that are not for hosts.
var notPublic6 = [...]netip.Prefix{
	netip.MustParsePrefix("2001::/23"),         // protocol assignments: Teredo, benchmarks, ORCHID
	netip.MustParsePrefix("2001:db8::/32"),     // documentation
	netip.MustParsePrefix("2002::/16"),         // 6to4: any IPv4 address
	netip.MustParsePrefix("2620:4f:8000::/48"), // AS112
	netip.MustParsePrefix("3fff::/20"),         // documentation
}

// public tells whether an address is one that a CRM can have.
func public(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	switch {
	case !ip.IsGlobalUnicast() || ip.IsPrivate():
		return false
	case ip.Is4():
		return !within(notPublic4[:], ip)
	}
	return global6.Contains(ip) && !within(notPublic6[:], ip) && !isatap(ip)
}

func within(prefixes []netip.Prefix, ip netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// isatap tells an address whose last half is an IPv4 address, marked by 5efe: a
// tunnel leads there.
func isatap(ip netip.Addr) bool {
	b := ip.As16()
	return b[8]&^3 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}

// publicOnly refuses a connection to any other address. It is asked with the
// address that is about to be connected, after the name was resolved, so neither
// a name nor an answer of the DNS that changes can lead around it.
func publicOnly(_ context.Context, network, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || (network != "tcp4" && network != "tcp6") || !public(at.Addr()) {
		return fmt.Errorf("%w: %s", errAddress, address)
	}
	return nil
}

// dialer makes connections: to public addresses, and to the one host and port
// that the configuration names.
type dialer struct {
	allowed  string // may be empty
	resolver *net.Resolver
}

// dial implements DialContext of http.Transport.
func (d dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	way := net.Dialer{Timeout: dialTimeout, Resolver: d.resolver}
	if address != d.allowed {
		way.ControlContext = publicOnly
	}
	return way.DialContext(ctx, network, address)
}
