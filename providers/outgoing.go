package providers

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"syscall"
	"time"

	"crmsync"
)

var (
	// errLate stops a request whose deadline has passed.
	errLate = errors.New("the deadline has passed")
	// errUnreadable stands for an error that may hold words of the other side.
	errUnreadable = errors.New("the answer is not HTTP")
)

// outgoing is what is known of a request on its way. The transport's goroutines
// write it, and may do so after the transport has answered.
type outgoing struct {
	now      func() time.Time
	deadline time.Time
	left     atomic.Bool  // bytes were handed to the kernel, or are being handed
	late     atomic.Bool  // the deadline passed before a write
	answered atomic.Bool  // the whole answer is here
	writing  atomic.Int32 // connections that may still read the body
}

// expired tells whether the deadline has passed. A time holds two clocks, and
// either may say so: the monotonic one goes on while the process is stopped, and
// nobody sets it; the wall clock goes on while the machine sleeps.
func expired(now, deadline time.Time) bool {
	return !now.Before(deadline) || !now.Round(0).Before(deadline.Round(0))
}

// request returns the HTTP request. Its body is one that the transport knows to
// be in memory: only then does it leave together with the head, in one write.
func (o *outgoing) request(ctx context.Context, w *writer) (*http.Request, error) {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:      o.take,
		WroteRequest: func(httptrace.WroteRequestInfo) { o.writing.Add(-1) },
	})
	var body io.Reader
	if len(w.sc.body) > 0 {
		body = bytes.NewReader(w.sc.body)
	}
	r, err := http.NewRequestWithContext(ctx, w.op.method, w.url(), body)
	if err != nil {
		return nil, err
	}
	r.Header = w.header()
	return r, nil
}

// take makes the connection ask the clock before it writes the request. Of a
// connection that isn't ours nothing is known, so the request counts as sent.
func (o *outgoing) take(info httptrace.GotConnInfo) {
	o.writing.Add(1)
	conn := info.Conn
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	if ours, ok := conn.(*connection); ok {
		ours.request.Store(o)
		dropAfter(ours.Conn, o.deadline.Sub(o.now()))
		return
	}
	o.left.Store(true)
}

// release lets the scratch memory go if the transport may still read it. The
// garbage collector frees it later.
func (o *outgoing) release(sc *scratch) {
	if o.writing.Load() > 0 {
		sc.body = nil
	}
}

// connection is a connection to a CRM. It carries one request at a time.
type connection struct {
	net.Conn
	closed  func()                   // told once that it is
	request atomic.Pointer[outgoing] // the latest; nil: none yet
}

// Write is the last place before bytes leave: nothing of a request is written
// after its deadline. Below TLS it sees what goes onto the wire.
func (c *connection) Write(b []byte) (int, error) {
	o := c.request.Load()
	if o == nil {
		return c.Conn.Write(b)
	}
	if expired(o.now(), o.deadline) {
		o.late.Store(true)
		return 0, errLate
	}
	before := o.left.Swap(true) // now already: whoever looks meanwhile must take it for sent
	n, err := c.Conn.Write(b)
	if n == 0 && err != nil && !before {
		o.left.Store(false)
	}
	return n, err
}

// Close ends the connection. If its request has no answer, bytes of it may still
// lie in the kernel, which would go on delivering them for minutes; they are
// thrown away and the connection is reset.
func (c *connection) Close() error {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		if o := c.request.Load(); o != nil && !o.answered.Load() {
			_ = tcp.SetLinger(0) // on a closed connection there is nothing to throw away
		}
	}
	err := c.Conn.Close()
	c.closed()
	return err
}

// fault says what a request that got no answer asks of the caller. Before its
// first byte was handed over nothing can have happened, after it anything.
func (o *outgoing) fault(ctx context.Context, err error, op crmsync.Operation) *crmsync.Fault {
	f := &crmsync.Fault{Kind: crmsync.Transient, Code: interrupted(ctx, networkCode(err)), Err: cause(err)}
	if o.late.Load() {
		f.Code = codeDeadline
	}
	if o.left.Load() {
		f.Kind = settled(crmsync.Ambiguous, op)
	}
	return f
}

// cause returns what may be said of an error. What net/http can't read it
// repeats in its errors, and those words are the CRM's: they may hold anything.
func cause(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return e
	}
	for _, known := range []error{errLate, errAddress, context.DeadlineExceeded, context.Canceled, io.ErrUnexpectedEOF, io.EOF} {
		if errors.Is(err, known) {
			return known
		}
	}
	if networkCode(err) == "tls" {
		return errors.New("tls: the other side speaks none")
	}
	return errUnreadable
}

// interrupted returns the code of a request that we ended ourselves, else other.
func interrupted(ctx context.Context, other string) string {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return codeTimeout
	case ctx.Err() != nil:
		return codeCancelled
	}
	return other
}

// networkCode names what the network did.
func networkCode(err error) string {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "no_such_host"
	}
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	switch {
	case errors.Is(err, errAddress):
		return "address_not_public"
	case record || certificate || authority:
		return "tls"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection_refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection_lost"
	}
	return "network"
}
