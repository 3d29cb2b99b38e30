package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"crmsync"
	"crmsync/pipeline/secure"
)

// fault says what was attempted on which database, why it went wrong in one line, and, where a
// person can do something about it, what. It is nil for nil.
func (s *Store) fault(attempt string, err error) error {
	if err == nil {
		return nil
	}
	c := classify(err)
	if c.next != "" {
		c.cause += ": " + c.next
	}
	return &crmsync.Fault{
		Kind: c.kind, Code: c.code, Whole: c.kind == crmsync.Rejected,
		Err: &cause{text: fmt.Sprintf("%s: %s: %s", attempt, s.name, c.cause), err: err},
	}
}

func denied(code string, err error) error {
	return &crmsync.Fault{Kind: crmsync.Denied, Code: code, Err: err}
}

// cause prints one line of ours and unwraps to the driver's error, whose own text runs over several.
type cause struct {
	text string
	err  error
}

func (c *cause) Error() string { return c.text }
func (c *cause) Unwrap() error { return c.err }

type class struct {
	kind  crmsync.Kind
	code  string
	cause string
	next  string // what a person can do
}

func classify(err error) class {
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		c := classifyState(answer.Code)
		c.cause = fmt.Sprintf("%s (%s)", answer.Message, answer.Code)
		return c
	}
	switch {
	case errors.Is(err, context.Canceled):
		return class{crmsync.Transient, "cancelled", "cancelled", ""}
	case strings.Contains(err.Error(), "server refused TLS connection"):
		return class{crmsync.Denied, "tls", "the server speaks no TLS", "turn it on there (ssl = on), or correct sslmode in state.url"}
	}
	if why, ok := secure.Explain(err, tlsSettings()); ok {
		return class{crmsync.Denied, "tls", lastLine(err), why}
	}
	const next = "check that it runs and that the address is right"
	if name, ok := errors.AsType[*net.DNSError](err); ok {
		return class{crmsync.Transient, "unreachable", "unknown host " + name.Name, next}
	}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return class{crmsync.Transient, "unreachable", number.Error(), next}
	}
	if network, ok := errors.AsType[net.Error](err); ok && network.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return class{crmsync.Transient, "timeout", "no answer in time", ""}
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return class{crmsync.Transient, "unreachable", lastLine(err), next}
	}
	if network, ok := errors.AsType[*net.OpError](err); ok {
		return class{crmsync.Transient, "unreachable", network.Err.Error(), ""}
	}
	if pgconn.SafeToRetry(err) || strings.Contains(err.Error(), "unexpected EOF") || errors.Is(err, pgconn.ErrConnClosed) {
		return class{crmsync.Transient, "unreachable", "the connection broke", ""}
	}
	return class{crmsync.Internal, "postgres_error", lastLine(err), ""}
}

// lastLine returns the last line of an error's text: of several attempts to connect, the last.
func lastLine(err error) string {
	if connect, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		err = connect.Unwrap() // without user and database in front
	}
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// classifyState sorts the server's own answers by their five-letter state, mostly by its class,
// the first two letters.
func classifyState(state string) class {
	switch state {
	case "3D000":
		return class{kind: crmsync.Denied, code: "unknown_database", next: "create it, or correct the URL"}
	case "42P01", "42703", "3F000":
		return class{kind: crmsync.Denied, code: "not_migrated", next: `run "crmsync db migrate"`}
	case "42501":
		return class{kind: crmsync.Denied, code: "no_privilege", next: "grant the user the rights on the tables"}
	case "25006":
		return class{kind: crmsync.Transient, code: "read_only", next: "it is a standby: the URL must name the primary"}
	case "57014":
		return class{kind: crmsync.Transient, code: "cancelled"}
	case "55P03":
		return class{kind: crmsync.Transient, code: "locked"}
	case "53100":
		return class{kind: crmsync.Transient, code: "disk_full", next: "make room on the server's disk"}
	case "54000":
		return class{kind: crmsync.Rejected, code: "too_large"}
	}
	switch state[:min(2, len(state))] {
	case "28":
		return class{kind: crmsync.Denied, code: "wrong_password", next: "check user and password, and the server's pg_hba.conf"}
	case "08", "57", "58":
		return class{kind: crmsync.Transient, code: "unreachable"}
	case "53":
		return class{kind: crmsync.Transient, code: "overloaded"}
	case "40":
		return class{kind: crmsync.Transient, code: "conflict"}
	case "22":
		return class{kind: crmsync.Rejected, code: "bad_value"}
	}
	return class{kind: crmsync.Internal, code: "postgres_error"}
}
