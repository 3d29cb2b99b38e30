package secure_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync/pipeline/secure"
)

// pair writes a certificate that signs itself, and its key, and returns their files.
func pair(t *testing.T, from, to time.Time) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: from, NotAfter: to,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	dir := t.TempDir()
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	return certificate, key
}

func valid(t *testing.T) (certificate, key string) {
	return pair(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
}

func TestConfig(t *testing.T) {
	certificate, key := valid(t)
	c, err := secure.TLS{CAFile: certificate, CertFile: certificate, KeyFile: key, ServerName: "db.example"}.Config("redis")
	require.NoError(t, err)
	require.Equal(t, uint16(tls.VersionTLS12), c.MinVersion)
	require.Equal(t, "db.example", c.ServerName)
	require.False(t, c.InsecureSkipVerify)
	require.Len(t, c.Certificates, 1)
	require.NotNil(t, c.RootCAs)
	c, err = secure.TLS{}.Config("redis")
	require.NoError(t, err)
	require.Nil(t, c.RootCAs, "the system's")
}

func TestConfigRefuses(t *testing.T) {
	dir := t.TempDir()
	none, text, large := dir+"/none.pem", dir+"/text.pem", dir+"/large.pem"
	require.NoError(t, os.WriteFile(text, []byte("no certificate"), 0o600))
	require.NoError(t, os.WriteFile(large, make([]byte, 1<<20+1), 0o600))
	certificate, _ := valid(t)
	_, other := valid(t)
	tests := []struct {
		name string
		tls  secure.TLS
		want string
	}{
		{"no CA file", secure.TLS{CAFile: none}, "read the CA of redis: open " + none + ": no such file or directory"},
		{"a CA file without certificate", secure.TLS{CAFile: text}, "read the CA of redis: " + text + " holds no certificate in PEM form"},
		{"a CA file without end", secure.TLS{CAFile: large}, "read the CA of redis: " + large + " is larger than 1048576 bytes"},
		{"a certificate without key", secure.TLS{CertFile: certificate}, "redis tls: give both cert_file and key_file, or none"},
		{"a key without certificate", secure.TLS{KeyFile: other}, "redis tls: give both cert_file and key_file, or none"},
		{"no key file", secure.TLS{CertFile: certificate, KeyFile: none}, "read the client certificate for redis: open " + none + ": no such file or directory"},
		{
			"another's key", secure.TLS{CertFile: certificate, KeyFile: other},
			"read the client certificate for redis: " + certificate + " and " + other + ": tls: private key does not match public key",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := test.tls.Config("redis")
			require.EqualError(t, err, test.want)
		})
	}
}

// TestExplain makes each kind of handshake fail for real.
func TestExplain(t *testing.T) {
	settings := secure.Settings{CA: "ca_file", Name: "server_name", Pair: "cert_file"}
	certificate, key := valid(t)
	expired, expiredKey := pair(t, time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour))
	early, earlyKey := pair(t, time.Now().Add(time.Hour), time.Now().Add(2*time.Hour))
	other, _ := valid(t)
	tests := []struct {
		name        string
		cert, key   string
		client      secure.TLS
		asksClients bool
		want        string
	}{
		{name: "all right", cert: certificate, key: key, client: secure.TLS{CAFile: certificate}},
		{
			name: "another authority", cert: certificate, key: key, client: secure.TLS{CAFile: other},
			want: "the server's certificate is signed by an authority that is not trusted; name the right one in ca_file",
		},
		{
			name: "another name", cert: certificate, key: key, client: secure.TLS{CAFile: certificate, ServerName: "db.example"},
			want: "the server's certificate is not for db.example; connect by a name that it carries, or correct server_name",
		},
		{
			name: "run out", cert: expired, key: expiredKey, client: secure.TLS{CAFile: expired},
			want: "the server's certificate has run out or is not valid yet; renew it, or set this machine's clock",
		},
		{
			name: "not valid yet", cert: early, key: earlyKey, client: secure.TLS{CAFile: early},
			want: "the server's certificate has run out or is not valid yet; renew it, or set this machine's clock",
		},
		{
			name: "no client certificate", cert: certificate, key: key, client: secure.TLS{CAFile: certificate}, asksClients: true,
			want: "the server ends the TLS handshake; check cert_file",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(http.NotFoundHandler())
			pair, err := tls.LoadX509KeyPair(test.cert, test.key)
			require.NoError(t, err)
			server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
			if test.asksClients {
				server.TLS.ClientAuth = tls.RequireAnyClientCert
			}
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.StartTLS()
			defer server.Close()
			config, err := test.client.Config("test")
			require.NoError(t, err)
			err = greet(t, server.Listener.Addr().String(), config)
			why, failed := secure.Explain(err, settings)
			require.Equal(t, test.want, why, "%v", err)
			require.Equal(t, test.want != "", failed)
		})
	}
}

// greet shakes hands, and sends a request: TLS 1.3 servers refuse a client only after the handshake.
func greet(t *testing.T, address string, config *tls.Config) error {
	t.Helper()
	conn, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET / HTTP/1.0\r\n\r\n")); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 1))
	return err
}

func TestExplainPlainServer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	config, err := secure.TLS{}.Config("test")
	require.NoError(t, err)
	why, failed := secure.Explain(greet(t, server.Listener.Addr().String(), config), secure.Settings{})
	require.True(t, failed)
	require.Equal(t, "what answers does not speak TLS; correct the port, or leave TLS out", why)
	_, failed = secure.Explain(errors.New("x509: looks like one"), secure.Settings{})
	require.False(t, failed, "texts decide nothing")
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.9.9.9:6379": true, "::1": true, "[::1]:5432": true, "[::1]": true, "localhost": true, "LocalHost:1": true,
		"/var/run/postgresql": true, "@abstract": true, "": true, ":6379": true, "::ffff:127.0.0.1": true,
		"10.0.0.1": false, "redis": false, "redis:6379": false, "localhost.example": false, "127.0.0.1.example": false,
		"0.0.0.0": false, "::": false, "169.254.169.254": false, "2001:db8::1": false, "127.1": false,
	} {
		require.Equal(t, want, secure.Loopback(host), "%q", host)
	}
}
