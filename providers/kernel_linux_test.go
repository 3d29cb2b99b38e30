package providers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// deaf is a server that accepts one connection and reads nothing until told.
// The kernel keeps little for it.
func deaf(t *testing.T) (address string, accepted <-chan net.Conn) {
	t.Helper()
	small := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
	}}
	l, err := small.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	conns := make(chan net.Conn, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if conn, err := l.Accept(); err == nil {
			conns <- conn
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().String(), conns
}

// TestNothingLeavesAfterwards: a request that was given up does not go on
// leaving from the kernel's memory.
func TestNothingLeavesAfterwards(t *testing.T) {
	address, accepted := deaf(t)
	p, b := full(t, Options{BaseURL: map[string]string{"hubspot": "http://" + address}})
	t.Cleanup(p.Close)
	field := fmt.Appendf(nil, `{"description":"%s"}`, strings.Repeat("x", 20<<10))
	for i := range b.Calls {
		b.Calls[i].Fields = field
	}
	ctx, cancel := context.WithCancel(t.Context())
	answers := make(chan crmsync.Answer, 1)
	go func() { answers <- p.Apply(ctx, b) }()
	conn := <-accepted
	defer conn.Close()
	_, err := io.ReadFull(conn, make([]byte, 1<<10))
	require.NoError(t, err, "it has begun to leave")
	cancel()
	f := (<-answers).Results[0].Fault
	require.Equal(t, crmsync.Ambiguous, f.Kind)
	require.Equal(t, codeCancelled, f.Code)
	rest, err := io.Copy(io.Discard, conn)
	require.ErrorIs(t, err, syscall.ECONNRESET, "what was in the kernel was thrown away")
	require.Less(t, rest, int64(1<<20))
}

// TestKernelDropsLateBytes: a process that is stopped can't close a connection;
// then the kernel must not deliver after the deadline what it could not before.
func TestKernelDropsLateBytes(t *testing.T) {
	address, accepted := deaf(t)
	conn, err := (dialer{allowed: address}).dial(t.Context(), "tcp", address)
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)), "the test ends also if the kernel keeps the bytes")
	ours := &connection{Conn: conn, closed: func() {}}
	defer ours.Close()
	theirs := <-accepted
	defer theirs.Close()

	o := &outgoing{now: time.Now, deadline: time.Now().Add(2 * time.Second)}
	o.take(gotConn(ours))
	sent, err := ours.Write(make([]byte, 256<<10))
	require.NoError(t, err)
	_, err = ours.Read(make([]byte, 1)) // as a stopped process would: wait
	require.ErrorIs(t, err, syscall.ETIMEDOUT)
	require.False(t, time.Now().Before(o.deadline))
	got, err := io.Copy(io.Discard, theirs)
	require.Less(t, got, int64(sent), "only what had arrived is there")
	require.True(t, err == nil || errors.Is(err, syscall.ECONNRESET), err)
}

// The environment of a process that TestStopped stops.
const (
	stoppedURL = "CRMSYNC_TEST_STOPPED_URL" // of the CRM
	stoppedAt  = "CRMSYNC_TEST_STOPPED_AT"  // which look at the clock is preceded by the stop
)

// stoppedFor is how long the process may take to its stop, and how much later
// than its deadline it goes on at the latest.
const stoppedFor = 3 * time.Second

// stoppedResult is what that process tells of its one request. Whether the write
// was refused or the transport had given up before is chance.
type stoppedResult struct{ Kind, ID string }

// TestStopped stops a real process with SIGSTOP between its look at the deadline
// and its request, until the deadline has passed. The process goes on as if
// nothing had been, and must not send.
func TestStopped(t *testing.T) {
	if url := os.Getenv(stoppedURL); url != "" {
		beStopped(t, url)
		return
	}
	for name, c := range map[string]struct {
		at       int
		requests int64
		want     stoppedResult
	}{
		"before the first check":    {1, 0, stoppedResult{Kind: "transient"}},
		"with a connection in hand": {2, 0, stoppedResult{Kind: "transient"}},
		"just before the write":     {3, 0, stoppedResult{Kind: "transient"}},
		"not at all":                {0, 1, stoppedResult{ID: "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				requests.Add(1)
				_, _ = io.WriteString(w, `{"results":[{"id":"1","properties":{"crmsync_id":"c-000000"}}]}`)
			}))
			defer server.Close()
			require.Equal(t, c.want, stopped(t, server.URL, c.at))
			require.Equal(t, c.requests, requests.Load())
		})
	}
}

// stopped runs this test in a process of its own, which stops itself before its
// n-th look at the clock, and lets it go on when its deadline has passed.
func stopped(t *testing.T, url string, n int) stoppedResult {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	cmd := exec.CommandContext(t.Context(), self, "-test.run", "^TestStopped$")
	cmd.Env = append(os.Environ(), stoppedURL+"="+url, stoppedAt+"="+strconv.Itoa(n))
	cmd.ExtraFiles = []*os.File{write}
	require.NoError(t, cmd.Start())
	require.NoError(t, write.Close())
	if n > 0 {
		var status syscall.WaitStatus
		_, err = syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
		require.NoError(t, err)
		require.True(t, status.Stopped(), "it ended before its look %d at the clock", n)
		<-time.After(stoppedFor) // real time: nothing else passes for a stopped process
		require.NoError(t, cmd.Process.Signal(syscall.SIGCONT))
	}
	var result stoppedResult
	require.NoError(t, json.NewDecoder(read).Decode(&result))
	require.NoError(t, cmd.Wait())
	return result
}

// beStopped is the process that is stopped.
func beStopped(t *testing.T, url string) {
	at, err := strconv.ParseInt(os.Getenv(stoppedAt), 10, 64)
	require.NoError(t, err)
	var looks atomic.Int64
	p, b := full(t, Options{BaseURL: map[string]string{"hubspot": url}, Now: func() time.Time {
		if looks.Add(1) == at {
			stopHere()
		}
		return time.Now()
	}})
	defer p.Close()
	b.Calls = b.Calls[:1]
	b.Deadline = time.Now().Add(stoppedFor)
	r := p.Apply(t.Context(), b).Results[0]
	result := stoppedResult{ID: r.ExternalID}
	if r.Fault != nil {
		result = stoppedResult{Kind: r.Fault.Kind.String()}
	}
	out := os.NewFile(3, "result")
	require.NoError(t, json.NewEncoder(out).Encode(result))
	require.NoError(t, out.Close())
}

// stopHere stops the process, and returns when it goes on. The signal goes to
// this very thread: sent to the process, another thread could take it, and this
// one would run on for a moment.
func stopHere() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_, _, _ = syscall.RawSyscall(syscall.SYS_TGKILL, uintptr(os.Getpid()), uintptr(syscall.Gettid()), uintptr(syscall.SIGSTOP))
}
