// Package redis remembers in Redis what several processes share for a while: which deliveries are
// finished, and how much of each CRM budget is left.
//
// What it needs: Redis 5 or newer, one server or what looks like one. What it guarantees:
// crmsync.IdempotencyStore and crmsync.RateChecker, one round trip per slice, and that Redis is
// never waited for: a call takes at most Options.Timeout, and while Redis doesn't answer, most
// calls take no time at all. What is not known is then answered as not seen and as free to leave,
// and each such call is reported. Rates are measured by Redis's clock, so the processes' clocks
// need not agree.
//
// It owns no correctness: whatever it forgets costs a look-up or a refused request, never a change.
package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"crmsync"
	"crmsync/pipeline/secure"
)

const (
	defaultPrefix  = "crmsync"
	defaultTTL     = 10 * time.Minute
	defaultTimeout = 15 * time.Millisecond // the contract allows 25, and a busy machine wakes late
	pingTimeout    = 2 * time.Second       // a new connection's greeting, TLS and password included
)

// Options say how a store works. The zero value does.
type Options struct {
	// Password is used instead of the URL's, if it is not zero.
	Password crmsync.Secret
	// TLS names the files for a rediss:// URL; nil: the system's authorities.
	TLS *secure.TLS
	// Insecure allows a password to travel without TLS, or with TLS to whoever answers, beyond this
	// machine.
	Insecure bool
	// Prefix begins every key; "": "crmsync".
	Prefix string
	// TTL is how long a finished delivery is remembered, at about 130 bytes each; 0: 10 minutes. It
	// has to cover what is delivered again after a crash or a rebalance, no more.
	TTL time.Duration
	// Timeout bounds each call; 0: 15 ms.
	Timeout time.Duration
	// Report is told of every call that went without Redis: its name (seen, mark, check or
	// correct) and why, without any secret. It may be called concurrently. Nil: nobody is told.
	Report func(op string, err error)
	// Now tells the time, for the pause between attempts to reach a Redis that is down; nil: time.Now.
	Now func() time.Time
}

// Store is a crmsync.IdempotencyStore and a crmsync.RateChecker. It may be used concurrently.
type Store struct {
	client  *redis.Client
	options Options
	scripts scripts
	breaker breaker
	name    string // "redis at HOST:PORT"
}

// Open returns a store on the server that url names as redis://USER@HOST:PORT/NUMBER, rediss://…
// for TLS, or unix://PATH. It doesn't connect; Ping does. A URL that can't be read is a fault of
// kind Denied, which doesn't quote it, and so is one that would show the password to the network.
func Open(url string, o Options) (*Store, error) {
	config, err := parse(url, o)
	if err != nil {
		return nil, err
	}
	// The client library's logger is one for the whole process and writes to stderr. All that it
	// says comes back as errors too, and those are reported.
	redis.SetLogger(&logging.VoidLogger{})
	return newStore(config, o), nil
}

func newStore(config *redis.Options, o Options) *Store {
	o.Prefix = cmp.Or(o.Prefix, defaultPrefix)
	o.TTL = cmp.Or(o.TTL, defaultTTL)
	o.Timeout = cmp.Or(o.Timeout, defaultTimeout)
	if o.Report == nil {
		o.Report = func(string, error) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Store{client: redis.NewClient(config), options: o, scripts: newScripts(), breaker: breaker{now: o.Now}, name: "redis at " + config.Addr}
}

// parse reads the URL and sets what failing open in time needs: no attempt is repeated, and the
// call's deadline counts everywhere.
func parse(url string, o Options) (*redis.Options, error) {
	config, err := redis.ParseURL(url)
	if err != nil || misread(url) {
		const shape = "a Redis URL reads redis://USER@HOST:PORT/NUMBER, or rediss:// for TLS, with special characters in a password written as %XX"
		return nil, denied("bad_url", errors.New("open redis: "+shape))
	}
	if !o.Password.IsZero() {
		config.Password = o.Password.Reveal()
	}
	if err := protect(config, o); err != nil {
		return nil, err
	}
	config.MaxRetries, config.DialerRetries = -1, 1
	config.ContextTimeoutEnabled = true
	config.DialTimeout, config.ReadTimeout, config.WriteTimeout, config.PoolTimeout = pingTimeout, pingTimeout, pingTimeout, pingTimeout
	config.DisableIdentity = true // saves two commands on every new connection
	config.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return config, nil
}

// protect lays the TLS files over what the URL says, and refuses what would give the password away.
func protect(config *redis.Options, o Options) error {
	if o.TLS != nil {
		if config.TLSConfig == nil {
			return denied("tls", errors.New("open redis: TLS is set up, but the URL begins with redis://: write rediss://"))
		}
		c, err := o.TLS.Config("redis")
		if err != nil {
			return denied("tls", fmt.Errorf("open redis: %w", err))
		}
		c.ServerName = cmp.Or(c.ServerName, config.TLSConfig.ServerName)
		c.InsecureSkipVerify = config.TLSConfig.InsecureSkipVerify // the URL's skip_verify, judged below
		config.TLSConfig = c
	}
	verified := config.TLSConfig != nil && !config.TLSConfig.InsecureSkipVerify
	if config.Password == "" || verified || o.Insecure || config.Network == "unix" || secure.Loopback(config.Addr) {
		return nil
	}
	return denied("insecure", fmt.Errorf("open redis at %s: without verified TLS others on the network can read the password: "+
		"begin the URL with rediss:// and leave skip_verify out, or set redis.insecure: true", config.Addr))
}

func denied(code string, err error) error {
	return &crmsync.Fault{Kind: crmsync.Denied, Code: code, Err: err}
}

// misread says whether a password with one of /?# in it has ended the part before the host: its
// beginning then reads as an address, and would be printed.
func misread(url string) bool {
	_, rest, _ := strings.Cut(url, "://")
	end := strings.IndexAny(rest, "/?#")
	return end >= 0 && strings.Contains(rest[end:], "@") && !strings.HasPrefix(url, "unix:")
}

// Ping tells whether Redis answers, takes the password and lets the user do all that the store does.
// It leaves nothing behind for longer than a second, and takes at most 2 s.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	err := s.client.Ping(ctx).Err()
	if err == nil {
		err = s.tryCommands(ctx)
	}
	if err == nil {
		return nil
	}
	kind, code, cause := classify(err)
	if errors.Is(err, io.EOF) {
		cause = "the server hung up: check whether the URL should begin with rediss:// (TLS) or redis://"
	}
	return &crmsync.Fault{Kind: kind, Code: code, Err: fmt.Errorf("ping: %s: %s", s.name, cause)}
}

// tryCommands does once what Seen, Mark, Check and Correct do, on keys of its own.
func (s *Store) tryCommands(ctx context.Context) error {
	key := s.options.Prefix + ":ping"
	if err := s.client.MGet(ctx, key).Err(); err != nil {
		return err
	}
	if err := s.client.Set(ctx, key, "", time.Second).Err(); err != nil {
		return err
	}
	bucket := []string{s.options.Prefix + ":{ping}:b"}
	if err := s.evaluate(ctx, s.scripts.check, []evaluation{{keys: bucket, arguments: []any{1, 1, 1}}}); err != nil {
		return err
	}
	return s.evaluate(ctx, s.scripts.correct, []evaluation{{keys: bucket, arguments: []any{0, 1}}})
}

// String names the address.
func (s *Store) String() string { return s.name }

// Close closes the connections.
func (s *Store) Close() error { return s.client.Close() }

// call runs do with the call's deadline, unless Redis has been failing, and reports why it could
// not be done.
func (s *Store) call(ctx context.Context, op string, do func(ctx context.Context) error) bool {
	if !s.breaker.allow() {
		s.options.Report(op, fmt.Errorf("%s: %s: %w", op, s.name, errPaused))
		return false
	}
	bounded, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	err := do(bounded)
	if ctx.Err() == nil { // a caller that gave up says nothing about Redis
		s.breaker.done(err == nil)
	}
	if err != nil {
		_, _, cause := classify(err)
		s.options.Report(op, fmt.Errorf("%s: %s: %s", op, s.name, cause))
	}
	return err == nil
}

// tlsSettings are what decides about a handshake with Redis.
func tlsSettings() secure.Settings {
	return secure.Settings{CA: "redis.tls.ca_file", Name: "redis.tls.server_name", Pair: "redis.tls.cert_file and key_file"}
}

// refusals are the begins of Redis's answers that no waiting cures, and what a person can do.
var refusals = []struct{ begin, code, next string }{
	{"NOPERM", "no_permission", "grant the user what docs/operations.md lists for Redis"},
	{"WRONGPASS", "wrong_password", "correct user and password in redis.url"},
	{"NOAUTH", "wrong_password", "give user and password in redis.url"},
	{"ERR AUTH", "wrong_password", "correct user and password in redis.url"},
	{"ERR invalid password", "wrong_password", "correct the password in redis.url"},
}

// classify says in one line, without the parts that differ from call to call, what went wrong.
func classify(err error) (crmsync.Kind, string, string) {
	if answer, ok := errors.AsType[redis.Error](err); ok {
		return classifyAnswer(answer.Error())
	}
	if why, ok := secure.Explain(err, tlsSettings()); ok {
		return crmsync.Denied, "tls", why + ": " + err.Error()
	}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return crmsync.Transient, "unreachable", number.Error()
	}
	if name, ok := errors.AsType[*net.DNSError](err); ok {
		return crmsync.Transient, "unreachable", "unknown host " + name.Name
	}
	if network, ok := errors.AsType[net.Error](err); ok && network.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return crmsync.Transient, "timeout", "no answer in time"
	}
	return crmsync.Transient, "unreachable", err.Error()
}

// classifyAnswer sorts what Redis itself says. A script that lacks a permission fails with a plain ERR,
// in other words before Redis 7.2 than since.
func classifyAnswer(text string) (crmsync.Kind, string, string) {
	for _, r := range refusals {
		if strings.HasPrefix(text, r.begin) {
			return crmsync.Denied, r.code, text + ": " + r.next
		}
	}
	if strings.HasPrefix(text, "ERR The user executing the script can't") || strings.HasPrefix(text, "ERR ACL failure in script") {
		return crmsync.Denied, "no_permission", text + ": " + refusals[0].next
	}
	return crmsync.Transient, "redis_error", text
}
