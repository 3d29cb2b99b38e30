package postgres_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/pipelinetest"
	"crmsync/pipeline/postgres"
)

// trusting returns a URL with the file of the authorities to trust.
func trusting(t *testing.T, text, ca string) string {
	t.Helper()
	return edit(t, text, func(u *url.URL) {
		query := u.Query()
		query.Set("sslrootcert", ca)
		u.RawQuery = query.Encode()
	})
}

// TestVerifyFullOnServer shows right and wrong certificates and passwords of a real PostgreSQL.
func TestVerifyFullOnServer(t *testing.T) {
	server, expired := pipelinetest.Server(t, "CRMSYNC_TEST_POSTGRES_TLS_URL"), pipelinetest.Server(t, "CRMSYNC_TEST_POSTGRES_EXPIRED_URL")
	ca, other := pipelinetest.Server(t, "CRMSYNC_TEST_CA"), pipelinetest.Server(t, "CRMSYNC_TEST_OTHER_CA")
	good := trusting(t, server, ca)
	host := func(name string) func(*url.URL) {
		return func(u *url.URL) { u.Host = name + ":" + u.Port() }
	}
	const unknown = "tls: failed to verify certificate: x509: certificate signed by unknown authority: " +
		"the server's certificate is signed by an authority that is not trusted; name the right one in sslrootcert in state.url"
	tests := []struct{ name, url, code, has string }{
		{"the right authority", good, "", ""},
		{"another name that the certificate carries", edit(t, good, host("localhost")), "", ""},
		{"the system's authorities", server, "tls", unknown},
		{"another authority", trusting(t, server, other), "tls", unknown},
		{
			"another name", edit(t, good, host("127.0.0.2")), "tls",
			": the server's certificate is not for 127.0.0.2; connect by a name that it carries, or correct the host in state.url",
		},
		{"run out", trusting(t, expired, ca), "tls", ": the server's certificate has run out or is not valid yet; renew it, or set this machine's clock"},
		{
			"wrong password", edit(t, good, func(u *url.URL) { u.User = url.UserPassword("crmsync", canary) }), "wrong_password",
			`password authentication failed for user "crmsync" (28P01): check user and password, and the server's pg_hba.conf`,
		},
		{
			"unknown user", edit(t, good, func(u *url.URL) { u.User = url.UserPassword("nobody", canary) }), "wrong_password",
			`password authentication failed for user "nobody" (28P01): check user and password, and the server's pg_hba.conf`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			store, err := postgres.Open(t.Context(), test.url, postgres.Options{AnyVersion: true})
			if test.code == "" {
				require.NoError(t, err)
				require.NoError(t, store.Close())
				return
			}
			begin := "denied " + test.code + ": open state: " + nameOf(t, test.url) + ": "
			require.Truef(t, strings.HasPrefix(err.Error(), begin), "got  %q\nwant %q", err, begin)
			require.Truef(t, strings.HasSuffix(err.Error(), test.has), "got  %q\nwant %q", err, test.has)
			require.Equal(t, crmsync.Denied, crmsync.KindOf(err))
			require.NotContains(t, err.Error(), canary)
			require.NotContains(t, err.Error(), "\n")
		})
	}
	t.Run("the suite, over TLS", func(t *testing.T) {
		pipelinetest.SealedStore(t, func(t testing.TB) crmsync.SealedStore { return openAt(t, schema(t, good)) })
	})
}

func nameOf(t *testing.T, url string) string {
	t.Helper()
	name, err := postgres.NameOf(url)
	require.NoError(t, err)
	return name
}

// TestServerWithoutTLS answers the driver's question for TLS as a server without it does: N.
func TestServerWithoutTLS(t *testing.T) {
	listener := listen(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if _, err := conn.Read(make([]byte, 8)); err == nil {
			_, _ = conn.Write([]byte("N"))
		}
	}()
	_, err := postgres.Open(t.Context(), "postgres://crmsync:"+canary+"@"+listener.Addr().String()+"/crmsync?sslmode=verify-full", postgres.Options{})
	require.EqualError(t, err, "denied tls: open state: postgres at "+listener.Addr().String()+
		", database crmsync: the server speaks no TLS: turn it on there (ssl = on), or correct sslmode in state.url")
	require.NoError(t, listener.Close())
	<-done
}

func TestServersProveWhoTheyAre(t *testing.T) {
	const refused = "denied insecure: open state at db.example: without verified TLS others on the network can read records and the password: " +
		"add sslmode=verify-full and sslrootcert=FILE to the URL, or set state.insecure: true"
	for name, text := range map[string]string{
		"the driver's default":   "postgres://crmsync@db.example/crmsync",
		"no TLS":                 "postgres://crmsync@db.example/crmsync?sslmode=disable",
		"TLS if there is":        "postgres://crmsync@db.example/crmsync?sslmode=prefer",
		"TLS with whoever":       "postgres://crmsync@db.example/crmsync?sslmode=require",
		"TLS without the name":   "postgres://crmsync@db.example/crmsync?sslmode=verify-ca",
		"the second of two":      "postgres://crmsync@127.0.0.1,db.example/crmsync?sslmode=require",
		"a password in addition": "postgres://crmsync:" + canary + "@db.example/crmsync?sslmode=allow",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := postgres.Open(t.Context(), text, postgres.Options{})
			require.EqualError(t, err, refused)
			require.Equal(t, crmsync.Denied, crmsync.KindOf(err))
		})
	}
	for name, c := range map[string]struct {
		url     string
		options postgres.Options
	}{
		"verified":        {"postgres://crmsync@db.invalid/crmsync?sslmode=verify-full&connect_timeout=1", postgres.Options{}},
		"allowed":         {"postgres://crmsync@db.invalid/crmsync?sslmode=disable&connect_timeout=1", postgres.Options{Insecure: true}},
		"on this machine": {"postgres://crmsync@127.0.0.1:1/crmsync?sslmode=disable", postgres.Options{}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := postgres.Open(t.Context(), c.url, c.options)
			require.Equal(t, crmsync.Transient, crmsync.KindOf(err), "refused by nobody, reached by nobody: %v", err)
		})
	}
	_, err := postgres.Open(t.Context(), "postgres://crmsync@db.example/crmsync?sslmode=verify-full&sslrootcert=none.pem", postgres.Options{})
	require.EqualError(t, err, "denied tls: open state: read a file that the URL names: open none.pem: no such file or directory")
}
