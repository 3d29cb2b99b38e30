package kafka_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/kafka"
	"crmsync/pipeline/pipelinetest"
)

// secureServer returns an Apache Kafka with SASL_SSL, and how to use it.
func secureServer(t *testing.T) (server, kafka.Config) {
	t.Helper()
	s := server{strings.Split(pipelinetest.Server(t, "CRMSYNC_TEST_KAFKA_SECURE_BROKERS"), ",")}
	cfg := s.config(t)
	cfg.TLS = kafka.TLS{Enabled: true, CAFile: pipelinetest.Server(t, "CRMSYNC_TEST_CA")}
	cfg.SASL = kafka.SASL{
		Mechanism: kafka.ScramSHA512, User: pipelinetest.Server(t, "CRMSYNC_TEST_KAFKA_SECURE_USER"),
		Password: crmsync.NewSecret(pipelinetest.Server(t, "CRMSYNC_TEST_KAFKA_SECURE_PASSWORD")),
	}
	return s, cfg
}

// What a person reads about a certificate, up to the library's own words.
const (
	unknownCA = "kafka at ADDRESS: the server's certificate is signed by an authority that is not trusted; name the right one in kafka.tls.ca_file: tls: failed to verify certificate: x509: certificate signed by unknown authority"
	otherName = "kafka at ADDRESS: the server's certificate is not for kafka.example; connect by a name that it carries, or correct kafka.tls.server_name: tls: failed to verify certificate: x509: certificate "
	ranOut    = "kafka at ADDRESS: the server's certificate has run out or is not valid yet; renew it, or set this machine's clock: tls: failed to verify certificate: x509: certificate has expired or is not yet valid: "
)

// TestSecureReal is for Apache Kafka with SASL_SSL, SCRAM-SHA-256 and SCRAM-SHA-512.
func TestSecureReal(t *testing.T) {
	secure, good := secureServer(t)
	other := pipelinetest.Server(t, "CRMSYNC_TEST_OTHER_CA")
	expired := strings.Split(pipelinetest.Server(t, "CRMSYNC_TEST_KAFKA_EXPIRED_BROKERS"), ",")
	const hangsUp = "kafka at ADDRESS: the broker hangs up: the port may be one "
	const refused = "kafka at ADDRESS: the broker refuses this user or password; correct sasl user and password: "
	runChecks(t, good, []checkCase{
		{"all right", func(*kafka.Config) {}, 0, "", ""},
		{"all right with the shorter hash", func(c *kafka.Config) { c.SASL.Mechanism = kafka.ScramSHA256 }, 0, "", ""},
		{
			"wrong password", func(c *kafka.Config) { c.SASL.Password = crmsync.NewSecret("a wrong secret") },
			crmsync.Denied, "kafka_login_refused", refused,
		},
		{
			"wrong password with the shorter hash", func(c *kafka.Config) {
				c.SASL.Mechanism, c.SASL.Password = kafka.ScramSHA256, crmsync.NewSecret("a wrong secret")
			},
			crmsync.Denied, "kafka_login_refused", refused,
		},
		{"unknown user", func(c *kafka.Config) { c.SASL.User = "nobody" }, crmsync.Denied, "kafka_login_refused", refused},
		{
			"a mechanism that is not offered", func(c *kafka.Config) { c.SASL.Mechanism = kafka.Plain },
			crmsync.Denied, "kafka_login_refused", "kafka at ADDRESS: the broker does not offer SASL mechanism PLAIN; choose another: ",
		},
		{"the system's authorities", func(c *kafka.Config) { c.TLS.CAFile = "" }, crmsync.Denied, "kafka_tls", unknownCA},
		{"another authority", func(c *kafka.Config) { c.TLS.CAFile = other }, crmsync.Denied, "kafka_tls", unknownCA},
		{"another name", func(c *kafka.Config) { c.TLS.ServerName = "kafka.example" }, crmsync.Denied, "kafka_tls", otherName},
		{"run out", func(c *kafka.Config) { c.Brokers, c.SASL = expired, kafka.SASL{} }, crmsync.Denied, "kafka_tls", ranOut},
		{
			"tls without login", func(c *kafka.Config) { c.SASL = kafka.SASL{} },
			crmsync.Denied, "kafka_connection_closed", hangsUp + "without TLS, or it may want a login (sasl): ",
		},
		{
			"login without tls", func(c *kafka.Config) { c.TLS, c.SASL.Insecure = kafka.TLS{}, true },
			crmsync.Denied, "kafka_connection_closed", hangsUp + "with TLS, or refuse the password, or want no login: ",
		},
	})
	for _, mechanism := range []string{kafka.ScramSHA256, kafka.ScramSHA512} {
		t.Run("events and dead letters pass/"+mechanism, func(t *testing.T) {
			cfg := secure.config(t)
			cfg.TLS, cfg.SASL = good.TLS, good.SASL
			cfg.SASL.Mechanism = mechanism
			require.NoError(t, kafka.EnsureTopics(t.Context(), cfg, kafka.Create{Topic: true, Partitions: 1}))
			passThrough(t, secure, cfg)
		})
	}
}
