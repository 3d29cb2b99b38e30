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
	"crypto/tls"
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
	// TLS adds to what a rediss:// URL asks for, such as an own CA.
	TLS *tls.Config
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
// kind Denied, which doesn't quote it.
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
		return nil, &crmsync.Fault{Kind: crmsync.Denied, Code: "bad_url", Err: errors.New("open redis: " + shape)}
	}
	if !o.Password.IsZero() {
		config.Password = o.Password.Reveal()
	}
	if o.TLS != nil && config.TLSConfig != nil {
		name := config.TLSConfig.ServerName
		config.TLSConfig = o.TLS.Clone()
		config.TLSConfig.ServerName = cmp.Or(config.TLSConfig.ServerName, name)
		config.TLSConfig.MinVersion = max(config.TLSConfig.MinVersion, tls.VersionTLS12)
	}
	config.MaxRetries, config.DialerRetries = -1, 1
	config.ContextTimeoutEnabled = true
	config.DialTimeout, config.ReadTimeout, config.WriteTimeout, config.PoolTimeout = pingTimeout, pingTimeout, pingTimeout, pingTimeout
	config.DisableIdentity = true // saves two commands on every new connection
	config.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return config, nil
}

// misread says whether a password with one of /?# in it has ended the part before the host: its
// beginning then reads as an address, and would be printed.
func misread(url string) bool {
	_, rest, _ := strings.Cut(url, "://")
	end := strings.IndexAny(rest, "/?#")
	return end >= 0 && strings.Contains(rest[end:], "@") && !strings.HasPrefix(url, "unix:")
}

// Ping tells whether Redis answers and takes the password. It takes at most 2 s.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	err := s.client.Ping(ctx).Err()
	if err == nil {
		return nil
	}
	kind, code, cause := classify(err)
	if errors.Is(err, io.EOF) {
		cause = "the server hung up: check whether the URL should begin with rediss:// (TLS) or redis://"
	}
	return &crmsync.Fault{Kind: kind, Code: code, Err: fmt.Errorf("ping: %s: %s", s.name, cause)}
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

// classify says in one line, without the parts that differ from call to call, what went wrong.
func classify(err error) (crmsync.Kind, string, string) {
	if answer, ok := errors.AsType[redis.Error](err); ok {
		text := answer.Error()
		for _, refused := range []string{"WRONGPASS", "NOAUTH", "NOPERM", "ERR AUTH", "ERR invalid password"} {
			if strings.HasPrefix(text, refused) {
				return crmsync.Denied, "wrong_password", text
			}
		}
		return crmsync.Transient, "redis_error", text
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
	if strings.HasPrefix(err.Error(), "tls: ") || strings.Contains(err.Error(), "x509: ") {
		return crmsync.Denied, "tls", err.Error()
	}
	return crmsync.Transient, "unreachable", err.Error()
}
