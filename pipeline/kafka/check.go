package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/IBM/sarama"

	"crmsync"
	"crmsync/pipeline/secure"
)

// hungUp is the code of a connection that the broker closes without a word.
const hungUp = "kafka_connection_closed"

// Finding is what became of one address.
type Finding struct {
	Address string
	Fault   *crmsync.Fault // nil: it answers
}

// Check asks each broker of cfg by itself. It returns nil as soon as one
// answers, else a fault with a line per address: Denied when waiting won't cure
// it (wrong password, certificate or settings), Transient when the brokers may
// come yet. An error that is no fault says what is wrong with cfg.
func Check(ctx context.Context, cfg Config) error {
	_, err := answering(ctx, cfg)
	return err
}

// Probe asks each broker of cfg by itself, all at once, and returns a finding
// per address, in order. A silent one takes three times Timings.Read.
func Probe(ctx context.Context, cfg Config) ([]Finding, error) {
	return probe(ctx, cfg, func() {})
}

func probe(ctx context.Context, cfg Config, found func()) ([]Finding, error) {
	cfg = cfg.withDefaults()
	s, err := cfg.base()
	if err != nil {
		return nil, err
	}
	s.Metadata.Retry.Max = 0
	findings := make([]Finding, len(cfg.Brokers))
	var all sync.WaitGroup
	for i, address := range cfg.Brokers {
		all.Go(func() {
			findings[i].Address = address
			if err := ask(ctx, address, s); err != nil {
				findings[i].Fault = diagnose(address, cfg, err)
				return
			}
			found()
		})
	}
	all.Wait()
	return findings, nil
}

// answering returns which addresses answer, at least one, without waiting for
// those that take much longer than the first. Every connection begins with it:
// sarama would wait for a silent broker for long, and if none answers not say
// which one failed and why.
func answering(ctx context.Context, cfg Config) ([]string, error) {
	const grace = 200 * time.Millisecond
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	findings, err := probe(ctx, cfg, func() { time.AfterFunc(grace, cancel) })
	if err != nil {
		return nil, err
	}
	var addresses []string
	whole := crmsync.Fault{Kind: crmsync.Transient, Code: unreachable}
	lines := make([]error, 0, len(findings))
	for _, f := range findings {
		if f.Fault == nil {
			addresses = append(addresses, f.Address)
			continue
		}
		if f.Fault.Kind == crmsync.Denied && whole.Kind != crmsync.Denied {
			whole.Kind, whole.Code = crmsync.Denied, f.Fault.Code
		}
		lines = append(lines, f.Fault.Err)
	}
	if len(addresses) > 0 {
		return addresses, nil
	}
	whole.Err = errors.Join(lines...)
	return nil, &whole
}

// ask opens a connection of its own and puts a question, because TLS without a
// login that the broker wants fails only there.
func ask(ctx context.Context, address string, s *sarama.Config) error {
	own := *s
	own.Net.Proxy.Enable = true
	own.Net.Proxy.Dialer = dialer{ctx: ctx, timeout: s.Net.DialTimeout}
	broker := sarama.NewBroker(address)
	if err := broker.Open(&own); err != nil {
		return err
	}
	defer func() { _ = broker.Close() }() // asked, answered
	if _, err := broker.Connected(); err != nil {
		return errors.Join(err, ctx.Err())
	}
	_, err := broker.GetMetadata(sarama.NewMetadataRequest(s.Version, []string{}))
	return errors.Join(err, ctx.Err())
}

// dialer makes connections that end with a context, which sarama doesn't know of.
type dialer struct {
	ctx     context.Context
	timeout time.Duration
}

func (d dialer) Dial(network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: d.timeout}).DialContext(d.ctx, network, address)
	if err != nil {
		return nil, err
	}
	return endingConn{Conn: conn, stop: context.AfterFunc(d.ctx, func() { _ = conn.Close() })}, nil
}

type endingConn struct {
	net.Conn
	stop func() bool
}

func (c endingConn) Close() error {
	c.stop()
	return c.Conn.Close()
}

// tlsSettings are what decides about a handshake with a broker.
func tlsSettings() secure.Settings {
	return secure.Settings{CA: "kafka.tls.ca_file", Name: "kafka.tls.server_name", Pair: "kafka.tls.cert_file and key_file"}
}

// diagnose says in a line what is wrong with an address and what to do.
func diagnose(address string, cfg Config, err error) *crmsync.Fault {
	f := &crmsync.Fault{Kind: crmsync.Transient, Code: unreachable}
	why, handshake := secure.Explain(err, tlsSettings())
	switch {
	case handshake:
		f.Kind, f.Code = crmsync.Denied, "kafka_tls"
	case errors.Is(err, sarama.ErrSASLAuthenticationFailed):
		f.Kind, f.Code, why = crmsync.Denied, "kafka_login_refused", "the broker refuses this user or password; correct sasl user and password"
	case errors.Is(err, sarama.ErrUnsupportedSASLMechanism):
		f.Kind, f.Code, why = crmsync.Denied, "kafka_login_refused", "the broker does not offer SASL mechanism "+cfg.SASL.Mechanism+"; choose another"
	case isClosed(err):
		f.Kind, f.Code, why = crmsync.Denied, hungUp, closedBecause(cfg)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		why = "asked no longer"
	case errors.Is(err, syscall.ECONNREFUSED):
		why = "nothing listens there"
	case isTimeout(err):
		why = "no answer in time; the host may be down, or a firewall in between"
	}
	if why == "" {
		f.Err = fmt.Errorf("kafka at %s: %w", address, err)
	} else {
		f.Err = fmt.Errorf("kafka at %s: %s: %w", address, why, err)
	}
	return f
}

func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// closedBecause guesses why a broker hangs up without a word: brokers tell
// nothing when one side speaks TLS or SASL and the other doesn't, and some
// tell nothing about a wrong password.
func closedBecause(cfg Config) string {
	var guesses []string
	if cfg.TLS.Enabled {
		guesses = append(guesses, "the port may be one without TLS")
	} else {
		guesses = append(guesses, "the port may be one with TLS")
	}
	if cfg.SASL.Mechanism == "" {
		guesses = append(guesses, "or it may want a login (sasl)")
	} else {
		guesses = append(guesses, "or refuse the password, or want no login")
	}
	return "the broker hangs up: " + strings.Join(guesses, ", ")
}
