package secure

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
)

// fileBytesMax bounds the files that are read: a bundle of all public authorities has a fourth of it.
const fileBytesMax = 1 << 20

// TLS names the files of a client's side. The zero value trusts the system's authorities.
type TLS struct {
	CAFile            string // PEM, trusted in place of the system's authorities
	CertFile, KeyFile string // PEM, for servers that ask clients for a certificate; both or none
	ServerName        string // expected in the server's certificate; empty: the address's host
}

// Config reads the files and returns a client's configuration: TLS 1.2 or newer, the server's
// certificate verified. An error names the server's kind, which is who, and the file; it never quotes
// what a file holds.
func (t TLS) Config(who string) (*tls.Config, error) {
	if (t.CertFile == "") != (t.KeyFile == "") {
		return nil, fmt.Errorf("%s tls: give both cert_file and key_file, or none", who)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CAFile != "" {
		pem, err := read(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read the CA of %s: %w", who, err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read the CA of %s: %s holds no certificate in PEM form", who, t.CAFile)
		}
	}
	if t.CertFile != "" {
		pair, err := t.pair()
		if err != nil {
			return nil, fmt.Errorf("read the client certificate for %s: %w", who, err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

func (t TLS) pair() (tls.Certificate, error) {
	certificate, err := read(t.CertFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := read(t.KeyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("%s and %s: %w", t.CertFile, t.KeyFile, err)
	}
	return pair, nil
}

// read returns what a file of bounded size holds.
func read(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(file, fileBytesMax+1))
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	if len(b) > fileBytesMax {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, fileBytesMax)
	}
	return b, nil
}

// Settings are the names under which a person finds what decides about a handshake.
type Settings struct {
	CA   string // names the authorities to trust
	Name string // names the host that is expected
	Pair string // names the client's own certificate
}

// Explain says why a TLS handshake failed and what to do about it; ok is false if err is no such
// failure. Waiting cures none of them.
func Explain(err error, s Settings) (why string, ok bool) {
	if name, is := errors.AsType[x509.HostnameError](err); is {
		return fmt.Sprintf("the server's certificate is not for %s; connect by a name that it carries, or correct %s", name.Host, s.Name), true
	}
	if _, is := errors.AsType[x509.UnknownAuthorityError](err); is {
		return "the server's certificate is signed by an authority that is not trusted; name the right one in " + s.CA, true
	}
	if invalid, is := errors.AsType[x509.CertificateInvalidError](err); is && invalid.Reason == x509.Expired {
		return "the server's certificate has run out or is not valid yet; renew it, or set this machine's clock", true
	}
	if _, is := errors.AsType[*tls.CertificateVerificationError](err); is {
		return "the server's certificate is not trusted; check " + s.CA + " and " + s.Name, true
	}
	if _, is := errors.AsType[tls.AlertError](err); is || isAlert(err) {
		return "the server ends the TLS handshake; check " + s.Pair, true
	}
	if _, is := errors.AsType[tls.RecordHeaderError](err); is {
		return "what answers does not speak TLS; correct the port, or leave TLS out", true
	}
	return "", false
}

// isAlert knows the server's alert behind the error of a connection: crypto/tls wraps it in a type of
// its own, which only net.OpError shows.
func isAlert(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "remote error"
}

// Loopback says whether an address stays on this machine: a path of a Unix socket, localhost, or an
// IP address that loops back. The host may carry a port. A name is not looked up: what it resolves to
// today says nothing about tomorrow.
func Loopback(host string) bool {
	if strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") {
		return true
	}
	if bare, _, err := net.SplitHostPort(host); err == nil {
		host = bare
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	address, err := netip.ParseAddr(cmp.Or(host, "localhost"))
	if err != nil {
		return host == "" || strings.EqualFold(host, "localhost")
	}
	return address.Unmap().IsLoopback()
}
