package kafka_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"crmsync"
	"crmsync/pipeline/kafka"
	"crmsync/pipeline/kafka/embedded"
)

// checkCase is a fault of the settings, and what Check says about it. In want,
// ADDRESS stands for the broker's; it is the begin of the message.
type checkCase struct {
	name string
	edit func(c *kafka.Config)
	kind crmsync.Kind
	code string
	want string
}

func runChecks(t *testing.T, good kafka.Config, cases []checkCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cfg := good
			c.edit(&cfg)
			err := kafka.Check(t.Context(), cfg)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			var fault *crmsync.Fault
			require.ErrorAs(t, err, &fault)
			require.Equal(t, c.kind, fault.Kind, err)
			require.Equal(t, c.code, fault.Code, err)
			want := strings.ReplaceAll(c.want, "ADDRESS", cfg.Brokers[0])
			require.Truef(t, strings.HasPrefix(fault.Err.Error(), want), "got  %q\nwant %q", fault.Err.Error(), want)
			require.NotContains(t, err.Error(), "secret")
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestCheckPlain(t *testing.T) {
	onServers(t, func(t *testing.T, s server) {
		runChecks(t, s.config(t), []checkCase{
			{"all right", func(*kafka.Config) {}, 0, "", ""},
			{"one of two answers", func(c *kafka.Config) { c.Brokers = append([]string{"127.0.0.1:1"}, c.Brokers...) }, 0, "", ""},
			{
				"nothing listens", func(c *kafka.Config) { c.Brokers = []string{"127.0.0.1:1"} },
				crmsync.Transient, "kafka_unreachable", "kafka at ADDRESS: nothing listens there: dial tcp 127.0.0.1:1: connect: connection refused",
			},
		})
	})
}

// TestCheckTLSToPlain asks a real broker: the embedded one waits for more.
func TestCheckTLSToPlain(t *testing.T) {
	runChecks(t, realServer(t).config(t), []checkCase{{
		"tls to a port without", func(c *kafka.Config) { c.TLS.Enabled = true },
		crmsync.Denied, "kafka_connection_closed", "kafka at ADDRESS: the broker hangs up: the port may be one without TLS, or it may want a login (sasl): EOF",
	}})
}

// silence accepts connections and never answers.
func silence(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			defer func() { _ = c.Close() }()
		}
	}()
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		<-done
	})
	return listener.Addr().String()
}

func TestCheckSilence(t *testing.T) {
	cfg := server{[]string{silence(t)}}.config(t)
	cfg.Timings.Read = 50 * time.Millisecond
	err := kafka.Check(t.Context(), cfg)
	require.Equal(t, crmsync.Transient, crmsync.KindOf(err))
	require.ErrorContains(t, err, "kafka at "+cfg.Brokers[0]+": no answer in time; the host may be down, or a firewall in between: ")

	cfg.Timings.Read = time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err = kafka.Check(ctx, cfg)
	require.Equal(t, crmsync.Transient, crmsync.KindOf(err))
	require.ErrorContains(t, err, "kafka at "+cfg.Brokers[0]+": asked no longer: ")
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestCheckNamesEachAddress(t *testing.T) {
	cfg := server{[]string{"127.0.0.1:1", "127.0.0.1:2"}}.config(t)
	err := kafka.Check(t.Context(), cfg)
	require.EqualError(t, err, "transient kafka_unreachable: "+
		"kafka at 127.0.0.1:1: nothing listens there: dial tcp 127.0.0.1:1: connect: connection refused\n"+
		"kafka at 127.0.0.1:2: nothing listens there: dial tcp 127.0.0.1:2: connect: connection refused")
}

// TestCheckLoginEmbedded is for brokers that hang up on a wrong password.
func TestCheckLoginEmbedded(t *testing.T) {
	for _, mechanism := range []string{kafka.Plain, kafka.ScramSHA256, kafka.ScramSHA512} {
		t.Run(mechanism, func(t *testing.T) {
			s, _ := embeddedServer(t, func(c *embedded.Config) {
				c.Options = []kfake.Opt{kfake.EnableSASL(), kfake.Superuser(mechanism, "ada", "the secret")}
			})
			good := s.config(t)
			good.SASL = kafka.SASL{Mechanism: mechanism, User: "ada", Password: crmsync.NewSecret("the secret"), Insecure: true}
			const hangsUp = "kafka at ADDRESS: the broker hangs up: the port may be one with TLS, or "
			runChecks(t, good, []checkCase{
				{"all right", func(*kafka.Config) {}, 0, "", ""},
				{
					"wrong password", func(c *kafka.Config) { c.SASL.Password = crmsync.NewSecret("a wrong secret") },
					crmsync.Denied, "kafka_connection_closed", hangsUp + "refuse the password, or want no login: EOF",
				},
				{"no login", func(c *kafka.Config) { c.SASL = kafka.SASL{} }, crmsync.Denied, "kafka_connection_closed", hangsUp + "it may want a login (sasl): EOF"},
			})
		})
	}
}

func TestCheckTLSEmbedded(t *testing.T) {
	certificate, ca := certificate(t)
	s, _ := embeddedServer(t, func(c *embedded.Config) {
		c.Options = []kfake.Opt{kfake.TLS(&tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})}
	})
	good := s.config(t)
	good.TLS = kafka.TLS{Enabled: true, CAFile: ca}
	const server = "kafka at ADDRESS: the server's certificate is "
	runChecks(t, good, []checkCase{
		{"all right", func(*kafka.Config) {}, 0, "", ""},
		{"another CA", func(c *kafka.Config) { c.TLS.CAFile = "" }, crmsync.Denied, "kafka_tls", server + "signed by an authority that is not trusted; name the right one in kafka.tls.ca_file: "},
		{
			"another name", func(c *kafka.Config) { c.TLS.ServerName = "kafka.example" }, crmsync.Denied, "kafka_tls",
			server + "not for kafka.example; connect by a name that it carries, or correct kafka.tls.server_name: tls: failed to verify certificate: x509: certificate is valid for localhost, not kafka.example",
		},
		{
			"no tls", func(c *kafka.Config) { c.TLS = kafka.TLS{} }, crmsync.Denied, "kafka_connection_closed",
			"kafka at ADDRESS: the broker hangs up: the port may be one with TLS, or it may want a login (sasl): EOF",
		},
	})
}

// certificate returns a certificate for 127.0.0.1 and the file of its CA.
func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kafka"}, NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	file := t.TempDir() + "/ca.pem"
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}
