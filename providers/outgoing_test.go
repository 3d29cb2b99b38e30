package providers

import (
	"crypto/tls"
	"io"
	"net"
	"net/http/httptrace"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// slept returns the moment after a machine slept for d: its wall clock has gone
// on, its monotonic one has not. Only the inside of a time can say that; should
// it change, the test that uses this says so.
func slept(now time.Time, d time.Duration) time.Time {
	const ext = 8 // where the monotonic reading stands
	woken := now.Add(d)
	*(*int64)(unsafe.Add(unsafe.Pointer(&woken), ext)) = *(*int64)(unsafe.Add(unsafe.Pointer(&now), ext)) //nolint:gosec // see above
	return woken
}

func TestExpired(t *testing.T) {
	start := time.Now()
	deadline := start.Add(time.Minute)
	woken := slept(start, time.Hour)
	require.Zero(t, woken.Sub(start), "by the monotonic clock no time has passed")
	require.Equal(t, time.Hour, woken.Round(0).Sub(start.Round(0)), "by the wall clock an hour has")
	for name, c := range map[string]struct {
		now, deadline time.Time
		want          bool
	}{
		"before":                        {start, deadline, false},
		"just before":                   {deadline.Add(-1), deadline, false},
		"at":                            {deadline, deadline, true},
		"after":                         {deadline.Add(1), deadline, true},
		"after, wall clocks only":       {deadline.Add(1).Round(0), deadline.Round(0), true},
		"before, wall clocks only":      {start.Round(0), deadline.Round(0), false},
		"the machine slept":             {woken, deadline, true},
		"the wall clock was put back":   {slept(start.Add(time.Hour), -2*time.Hour), deadline, true},
		"no deadline":                   {start, time.Time{}, true},
		"one of them without monotonic": {start, deadline.Round(0), false},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, expired(c.now, c.deadline)) })
	}
}

// scripted is a connection whose writes end as the script says.
type scripted struct {
	net.Conn
	ends  []error // of each write; nil: all of it was taken
	part  int     // of a failed write, that much was taken
	wrote int
}

// Write implements net.Conn.
func (s *scripted) Write(b []byte) (int, error) {
	err := s.ends[0]
	s.ends = s.ends[1:]
	n := len(b)
	if err != nil {
		n = min(n, s.part)
	}
	s.wrote += n
	return n, err
}

// TestWrites: whether a request left is known from its writes alone.
func TestWrites(t *testing.T) {
	start := time.Now()
	for _, c := range []struct {
		name   string
		clock  []time.Duration // at each write
		script scripted
		wrote  int
		want   crmsync.Fault
	}{
		{"late at the first byte", []time.Duration{time.Second}, scripted{}, 0, crmsync.Fault{Kind: crmsync.Transient, Code: codeDeadline}},
		{"late in the middle", []time.Duration{0, time.Second}, scripted{ends: []error{nil}}, 4, crmsync.Fault{Kind: crmsync.Ambiguous, Code: codeDeadline}},
		{"broken before the first byte", []time.Duration{0}, scripted{ends: []error{syscall.ECONNRESET}}, 0, crmsync.Fault{Kind: crmsync.Transient, Code: "connection_lost"}},
		{"broken within the first write", []time.Duration{0}, scripted{ends: []error{syscall.ECONNRESET}, part: 1}, 1, crmsync.Fault{Kind: crmsync.Ambiguous, Code: "connection_lost"}},
		{"broken after the first write", []time.Duration{0, 0}, scripted{ends: []error{nil, syscall.ECONNRESET}}, 4, crmsync.Fault{Kind: crmsync.Ambiguous, Code: "connection_lost"}},
		{"written, and no answer", []time.Duration{0}, scripted{ends: []error{nil}}, 4, crmsync.Fault{Kind: crmsync.Ambiguous, Code: "connection_lost"}},
		{"never written", nil, scripted{}, 0, crmsync.Fault{Kind: crmsync.Transient, Code: "connection_lost"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := start
			o := &outgoing{now: func() time.Time { return at }, deadline: start.Add(time.Second)}
			conn := &connection{Conn: &c.script}
			conn.request.Store(o)
			err := io.EOF
			for _, after := range c.clock {
				at = start.Add(after)
				if _, failed := conn.Write([]byte("call")); failed != nil {
					err = failed
				}
			}
			f := o.fault(t.Context(), err, crmsync.Update)
			require.Equal(t, c.want, crmsync.Fault{Kind: f.Kind, Code: f.Code})
			require.Equal(t, c.wrote, c.script.wrote)
			require.Equal(t, crmsync.Transient, o.fault(t.Context(), err, crmsync.Find).Kind, "a find leaves nothing uncertain")
		})
	}
}

// TestTake: below TLS too, the connection learns whose bytes it writes; before a
// request, as in a handshake, it asks no clock.
func TestTake(t *testing.T) {
	late := &outgoing{now: time.Now}
	ours := &connection{Conn: &scripted{ends: []error{nil}}}
	_, err := ours.Write([]byte("hello"))
	require.NoError(t, err)
	late.take(gotConn(tls.Client(ours, &tls.Config{})))
	_, err = ours.Write([]byte("call"))
	require.ErrorIs(t, err, errLate)
	require.False(t, late.left.Load())

	stranger := &outgoing{now: time.Now}
	stranger.take(gotConn(&scripted{}))
	require.True(t, stranger.left.Load(), "of a connection that isn't ours nothing is known")
}

// TestRelease: while a connection may still read a body, its memory is not used
// for another request.
func TestRelease(t *testing.T) {
	o := &outgoing{now: time.Now, deadline: time.Now().Add(time.Minute)}
	sc := newScratch()
	sc.body = append(sc.body, "call"...)
	b := crmsync.Batch{}
	r, err := o.request(t.Context(), &writer{p: &Provider{base: "http://crm.test"}, sc: sc, b: &b, op: &operation{method: "POST"}})
	require.NoError(t, err)
	trace := httptrace.ContextClientTrace(r.Context())
	trace.GotConn(gotConn(&connection{Conn: &scripted{}}))
	trace.GotConn(gotConn(&connection{Conn: &scripted{}})) // the first one broke
	trace.WroteRequest(httptrace.WroteRequestInfo{})
	trace.WroteRequest(httptrace.WroteRequestInfo{})
	o.release(sc)
	require.NotNil(t, sc.body, "all of it was written")
	trace.GotConn(gotConn(&connection{Conn: &scripted{}}))
	o.release(sc)
	require.Nil(t, sc.body)
}
