package redis_test

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	server "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/pipelinetest"
	"crmsync/pipeline/redis"
	"crmsync/pipeline/secure"
)

// TestCertificatesOnServer shows right and wrong certificates of a real Redis.
func TestCertificatesOnServer(t *testing.T) {
	good := pipelinetest.Server(t, "CRMSYNC_TEST_REDIS_TLS_URL")
	expired := pipelinetest.Server(t, "CRMSYNC_TEST_REDIS_EXPIRED_URL")
	ca, other := pipelinetest.Server(t, "CRMSYNC_TEST_CA"), pipelinetest.Server(t, "CRMSYNC_TEST_OTHER_CA")
	const unknown = "the server's certificate is signed by an authority that is not trusted; name the right one in redis.tls.ca_file: tls: failed to verify certificate: x509: certificate signed by unknown authority"
	tests := []struct {
		name, url string
		tls       *secure.TLS
		want      string // the begin; empty: all is well
	}{
		{"the right authority", good, &secure.TLS{CAFile: ca}, ""},
		{"another name that the certificate carries", good, &secure.TLS{CAFile: ca, ServerName: "localhost"}, ""},
		{"the system's authorities", good, nil, unknown},
		{"another authority", good, &secure.TLS{CAFile: other}, unknown},
		{
			"another name", good, &secure.TLS{CAFile: ca, ServerName: "redis.example"},
			"the server's certificate is not for redis.example; connect by a name that it carries, or correct redis.tls.server_name: tls: failed to verify certificate: x509: certificate ",
		},
		{
			"another address", strings.Replace(good, "127.0.0.1", "127.0.0.2", 1), &secure.TLS{CAFile: ca},
			"the server's certificate is not for 127.0.0.2; connect by a name that it carries, or correct redis.tls.server_name: tls: failed to verify certificate: x509: certificate ",
		},
		{
			"run out", expired, &secure.TLS{CAFile: ca},
			"the server's certificate has run out or is not valid yet; renew it, or set this machine's clock: tls: failed to verify certificate: x509: certificate has expired or is not yet valid: ",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := ping(t, test.url, redis.Options{TLS: test.tls})
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			want := "denied tls: ping: redis at " + address(t, test.url) + ": " + test.want
			require.Truef(t, strings.HasPrefix(err.Error(), want), "got  %q\nwant %q", err, want)
			require.Equal(t, crmsync.Denied, crmsync.KindOf(err))
		})
	}
}

func address(t *testing.T, text string) string {
	t.Helper()
	u, err := url.Parse(text)
	require.NoError(t, err)
	return u.Host
}

// rules returns the ACL that docs/operations.md gives platform engineers, for a prefix. The test uses
// the page itself, so that it can't promise less than is needed, or more than was tried.
func rules(t *testing.T, prefix string) []string {
	t.Helper()
	page, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	found := regexp.MustCompile(`(?m)^ACL SETUSER crmsync (.*) >PASSWORD$`).FindSubmatch(page)
	require.NotNil(t, found, "the page has lost its ACL line")
	return strings.Fields(strings.ReplaceAll(string(found[1]), "~crmsync:*", "~"+prefix+":*"))
}

// aclUser makes a user of a real Redis and returns a URL that logs in as it, over TLS.
func aclUser(t *testing.T, password string, rules ...string) string {
	t.Helper()
	at, ca := pipelinetest.Server(t, "CRMSYNC_TEST_REDIS_TLS_URL"), pipelinetest.Server(t, "CRMSYNC_TEST_CA")
	config, err := secure.TLS{CAFile: ca}.Config("redis")
	require.NoError(t, err)
	options, err := server.ParseURL(at)
	require.NoError(t, err)
	options.TLSConfig = config
	admin := server.NewClient(options)
	t.Cleanup(func() { require.NoError(t, admin.Close()) })
	user := "test-" + strings.ToLower(rand.Text())
	arguments := []any{"ACL", "SETUSER", user, "reset", ">" + password}
	for _, rule := range rules {
		arguments = append(arguments, rule)
	}
	require.NoError(t, admin.Do(t.Context(), arguments...).Err())
	t.Cleanup(func() { require.NoError(t, admin.Do(context.Background(), "ACL", "DELUSER", user).Err()) })
	u, err := url.Parse(at)
	require.NoError(t, err)
	u.User = url.UserPassword(user, password)
	return u.String()
}

// TestRestrictedUserOnServer: the user of the page can do all that the stores do, and nothing else.
func TestRestrictedUserOnServer(t *testing.T) {
	prefix, ca := "acl-"+rand.Text(), pipelinetest.Server(t, "CRMSYNC_TEST_CA")
	at := aclUser(t, canary, rules(t, prefix)...)
	opened := func(t testing.TB) *redis.Store {
		var seen reports
		store, err := redis.Open(at, redis.Options{Prefix: prefix + ":" + rand.Text(), Timeout: time.Minute, TTL: time.Minute, TLS: &secure.TLS{CAFile: ca}, Report: seen.add})
		require.NoError(t, err)
		t.Cleanup(func() {
			require.NoError(t, store.Close())
			for _, line := range seen.all() {
				require.Contains(t, line, "context canceled", "the suite cancels some calls itself")
			}
		})
		return store
	}
	t.Run("ping", func(t *testing.T) { require.NoError(t, opened(t).Ping(t.Context())) })
	t.Run("idempotency", func(t *testing.T) {
		pipelinetest.IdempotencyStore(t, func(t testing.TB) crmsync.IdempotencyStore { return opened(t) })
	})
	t.Run("rate", func(t *testing.T) {
		pipelinetest.RateChecker(t, func(t testing.TB) pipelinetest.RateCheckerHarness {
			return pipelinetest.RateCheckerHarness{Checker: opened(t)}
		})
	})
	client := opened(t).Client()
	for _, command := range [][]any{
		{"GET", prefix + ":x"}, {"SET", "elsewhere", "x"}, {"MGET", "elsewhere"}, {"KEYS", "*"}, {"SCAN", "0"}, {"FLUSHDB"}, {"FLUSHALL"},
		{"CONFIG", "GET", "*"}, {"ACL", "LIST"}, {"SHUTDOWN"}, {"SCRIPT", "FLUSH"}, {"MONITOR"}, {"DEL", prefix + ":x"},
		{"EVAL", "return redis.call('GET', KEYS[1])", "1", prefix + ":x"}, {"EVAL", "return redis.call('MGET', 'elsewhere')", "0"},
	} {
		err := client.Do(t.Context(), command...).Err()
		require.Errorf(t, err, "%v", command)
		require.Regexp(t, "^(NOPERM|ERR The user executing the script can't|ERR ACL failure in script)", err.Error(), "%v", command)
	}
}

// TestWrongUsersOnServer: each refusal is told with its cause, and is none that waiting cures.
func TestWrongUsersOnServer(t *testing.T) {
	ca := pipelinetest.Server(t, "CRMSYNC_TEST_CA")
	prefix := "acl-" + rand.Text()
	right := aclUser(t, canary, rules(t, prefix)...)
	u, err := url.Parse(right)
	require.NoError(t, err)
	with := func(user *url.Userinfo) string {
		changed := *u
		changed.User = user
		return changed.String()
	}
	at := "ping: redis at " + u.Host + ": "
	const list = ": grant the user what docs/operations.md lists for Redis"
	tests := []struct{ name, url, prefix, want string }{
		{"all right", right, prefix, ""},
		{"wrong password", with(url.UserPassword(u.User.Username(), "not-"+canary)), prefix, "denied wrong_password: " + at + "WRONGPASS invalid username-password pair or user is disabled.: correct user and password in redis.url"},
		{"unknown user", with(url.UserPassword("nobody", canary)), prefix, "denied wrong_password: " + at + "WRONGPASS invalid username-password pair or user is disabled.: correct user and password in redis.url"},
		{"another's keys", right, "elsewhere", "denied no_permission: " + at + "NOPERM this user has no permissions to access one of the keys used as arguments" + list},
		{
			"a command less", aclUser(t, canary, append(rules(t, prefix), "-evalsha")...), prefix,
			"denied no_permission: " + at + "NOPERM this user has no permissions to run the 'evalsha' command" + list,
		},
		{
			"a command less in a script", aclUser(t, canary, append(rules(t, prefix), "-hset")...), prefix,
			"denied no_permission: " + at + "ERR The user executing the script can't run this command or subcommand script: ",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := ping(t, test.url, redis.Options{Prefix: test.prefix, TLS: &secure.TLS{CAFile: ca}})
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.Truef(t, strings.HasPrefix(err.Error(), test.want), "got  %q\nwant %q", err, test.want)
			require.Equal(t, crmsync.Denied, crmsync.KindOf(err))
			require.NotContains(t, err.Error(), canary)
		})
	}
}

func TestPasswordsTravelProtected(t *testing.T) {
	const refused = "denied insecure: open redis at 10.0.0.1:6379: without verified TLS others on the network can read the password: begin the URL with rediss:// and leave skip_verify out, or set redis.insecure: true"
	tests := []struct {
		name, url string
		options   redis.Options
		want      string
	}{
		{"a password without TLS", "redis://:" + canary + "@10.0.0.1:6379/0", redis.Options{}, refused},
		{"a password beside the URL", "redis://10.0.0.1:6379/0", redis.Options{Password: crmsync.NewSecret(canary)}, refused},
		{"TLS with whoever answers", "rediss://:" + canary + "@10.0.0.1:6379/0?skip_verify=true", redis.Options{}, refused},
		{"TLS with whoever answers, and a CA", "rediss://:" + canary + "@10.0.0.1:6379/0?skip_verify=true", redis.Options{TLS: &secure.TLS{}}, refused},
		{"allowed", "redis://:" + canary + "@10.0.0.1:6379/0", redis.Options{Insecure: true}, ""},
		{"no password", "redis://10.0.0.1:6379/0", redis.Options{}, ""},
		{"TLS", "rediss://:" + canary + "@10.0.0.1:6379/0", redis.Options{}, ""},
		{"this machine", "redis://:" + canary + "@127.0.0.1:6379/0", redis.Options{}, ""},
		{"this machine by name", "redis://:" + canary + "@localhost/0", redis.Options{}, ""},
		{"a socket", "unix://user:" + canary + "@/run/redis.sock", redis.Options{}, ""},
		{"files without TLS", "redis://127.0.0.1:6379/0", redis.Options{TLS: &secure.TLS{}}, "denied tls: open redis: TLS is set up, but the URL begins with redis://: write rediss://"},
		{"no CA file", "rediss://127.0.0.1:6379/0", redis.Options{TLS: &secure.TLS{CAFile: "none.pem"}}, "denied tls: open redis: read the CA of redis: open none.pem: no such file or directory"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			store, err := redis.Open(test.url, test.options)
			if test.want == "" {
				require.NoError(t, err)
				require.NoError(t, store.Close())
				return
			}
			require.EqualError(t, err, test.want)
			require.Equal(t, crmsync.Denied, crmsync.KindOf(err))
		})
	}
}
