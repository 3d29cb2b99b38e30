package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync/pipeline/pipelinetest"
)

// password is what no output may show.
const password = "canary-of-a-password"

// refusal is a configuration that must end the start, and what is said about it.
type refusal struct {
	key, line string // of the configuration
	want      string // a pattern of the whole message
}

// refuse starts the program with each configuration and requires exit code 3 and the message.
func refuse(t *testing.T, cases map[string]refusal) {
	t.Helper()
	p := newPlant(t)
	good, err := os.ReadFile(filepath.Join(p.dir, "crmsync.yaml"))
	require.NoError(t, err)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p.write("crmsync.yaml", string(good))
			p.reconfigure(c.key, c.line)
			code, out, errs := p.crmsync("run", "--once")
			require.Equal(t, exitFailed, code, errs)
			require.Empty(t, out)
			require.Regexp(t, c.want, errs)
			require.NotContains(t, errs, password)
		})
	}
}

// TestRunRefusesUnprotected: no password leaves this machine unprotected unless the configuration
// says so in as many words.
func TestRunRefusesUnprotected(t *testing.T) {
	refuse(t, map[string]refusal{
		"kafka": {
			"kafka", `kafka: {brokers: ["127.0.0.1:1"], topic: events, dead_letter_topic: dead, group: g, sasl: {mechanism: SCRAM-SHA-512, user: u, password: ` + password + `}}`,
			`kafka sasl without tls lets others on the network read along: enable tls, or set insecure: true for a broker on this machine`,
		},
		"redis": {
			"redis", `redis: {url: "redis://u:` + password + `@redis.example:6379/0"}`,
			`denied insecure: open redis at redis\.example:6379: without verified TLS others on the network can read the password: begin the URL with rediss:// and leave skip_verify out, or set redis\.insecure: true`,
		},
		"postgres": {
			"state", `state: {url: "postgres://u:` + password + `@db.example/crmsync?sslmode=require"}`,
			`denied insecure: open state at db\.example: without verified TLS others on the network can read records and the password: add sslmode=verify-full and sslrootcert=FILE to the URL, or set state\.insecure: true`,
		},
	})
}

// secureKafka returns the configuration's line for a real Kafka.
func secureKafka(brokers, ca, mechanism, password string) string {
	return fmt.Sprintf(`kafka: {brokers: [%q], topic: events, dead_letter_topic: dead, group: g, tls: {ca_file: %q}, sasl: {mechanism: %s, user: crmsync, password: %q}}`, brokers, ca, mechanism, password)
}

// TestRunRefusedByServers: certificates and passwords that the real servers, or we, refuse. Waiting
// cures none of them, so the program ends with exit code 3, the cause and what to do.
func TestRunRefusedByServers(t *testing.T) {
	ca, other := pipelinetest.Server(t, "CRMSYNC_TEST_CA"), pipelinetest.Server(t, "CRMSYNC_TEST_OTHER_CA")
	broker, expiredBroker := pipelinetest.Server(t, "CRMSYNC_TEST_KAFKA_SECURE_BROKERS"), pipelinetest.Server(t, "CRMSYNC_TEST_KAFKA_EXPIRED_BROKERS")
	right := pipelinetest.Server(t, "CRMSYNC_TEST_KAFKA_SECURE_PASSWORD")
	redis, expiredRedis := pipelinetest.Server(t, "CRMSYNC_TEST_REDIS_TLS_URL"), pipelinetest.Server(t, "CRMSYNC_TEST_REDIS_EXPIRED_URL")
	state, expiredState := pipelinetest.Server(t, "CRMSYNC_TEST_POSTGRES_TLS_URL"), pipelinetest.Server(t, "CRMSYNC_TEST_POSTGRES_EXPIRED_URL")
	redisLine := func(url, ca string) string { return fmt.Sprintf(`redis: {url: %q, tls: {ca_file: %q}}`, url, ca) }
	stateLine := func(url, ca string) string { return fmt.Sprintf(`state: {url: "%s&sslrootcert=%s"}`, url, ca) }
	const unknown, ranOut = `the server's certificate is signed by an authority that is not trusted; name the right one in `, `the server's certificate has run out or is not valid yet; renew it, or set this machine's clock`
	refuse(t, map[string]refusal{
		"kafka, wrong password": {
			"kafka", secureKafka(broker, ca, "SCRAM-SHA-512", password),
			`denied kafka_login_refused: kafka at ` + broker + `: the broker refuses this user or password; correct sasl user and password: `,
		},
		"kafka, wrong authority": {
			"kafka", secureKafka(broker, other, "SCRAM-SHA-256", right), `denied kafka_tls: kafka at ` + broker + `: ` + unknown + `kafka\.tls\.ca_file: `,
		},
		"kafka, run out": {"kafka", secureKafka(expiredBroker, ca, "SCRAM-SHA-512", right), `denied kafka_tls: kafka at ` + expiredBroker + `: ` + ranOut},
		"redis, wrong password": {
			"redis", redisLine(strings.Replace(redis, "rediss://", "rediss://nobody:"+password+"@", 1), ca),
			`denied wrong_password: ping: redis at 127\.0\.0\.1:\d+: WRONGPASS .*: correct user and password in redis\.url`,
		},
		"redis, wrong authority": {"redis", redisLine(redis, other), `denied tls: ping: redis at 127\.0\.0\.1:\d+: ` + unknown + `redis\.tls\.ca_file: `},
		"redis, wrong name": {
			"redis", redisLine(strings.Replace(redis, "127.0.0.1", "127.0.0.2", 1), ca),
			`denied tls: ping: redis at 127\.0\.0\.2:\d+: the server's certificate is not for 127\.0\.0\.2; connect by a name that it carries, or correct redis\.tls\.server_name: `,
		},
		"redis, run out": {"redis", redisLine(expiredRedis, ca), `denied tls: ping: redis at 127\.0\.0\.1:\d+: ` + ranOut},
		"postgres, wrong password": {
			"state", stateLine(withPassword(t, state), ca),
			`denied wrong_password: open state: postgres at 127\.0\.0\.1:\d+, database postgres: password authentication failed for user "crmsync" \(28P01\): check user and password, and the server's pg_hba\.conf`,
		},
		"postgres, wrong authority": {"state", stateLine(state, other), `denied tls: open state: postgres at 127\.0\.0\.1:\d+, database postgres: .*: ` + unknown + `sslrootcert in state\.url`},
		"postgres, wrong name": {
			"state", stateLine(strings.Replace(state, "127.0.0.1", "127.0.0.2", 1), ca),
			`denied tls: open state: postgres at 127\.0\.0\.2:\d+, database postgres: .*: the server's certificate is not for 127\.0\.0\.2; connect by a name that it carries, or correct the host in state\.url`,
		},
		"postgres, run out": {"state", stateLine(expiredState, ca), `denied tls: open state: postgres at 127\.0\.0\.1:\d+, database postgres: .*: ` + ranOut},
	})
}

func withPassword(t *testing.T, text string) string {
	t.Helper()
	u, err := url.Parse(text)
	require.NoError(t, err)
	u.User = url.UserPassword(u.User.Username(), password)
	return u.String()
}
