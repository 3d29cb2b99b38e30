package main

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
)

func TestKin(t *testing.T) {
	k := newKin()
	log := filepath.Join(t.TempDir(), "log")
	sleeper, err := k.start(log, nil, "/bin/sh", "-c", "echo one; echo two; exec sleep 600")
	require.NoError(t, err)
	require.True(t, sleeper.alive())
	require.Positive(t, sleeper.peakMemory())
	require.NoError(t, sleeper.signal(syscall.SIGSTOP))
	sleeper.kill()
	require.False(t, sleeper.alive())
	require.NoError(t, sleeper.signal(syscall.SIGCONT), "it may have ended")
	require.Zero(t, sleeper.peakMemory())

	failing, err := k.start(log, nil, "/bin/sh", "-c", "echo three; exit 7")
	require.NoError(t, err)
	<-failing.done
	require.EqualError(t, failing.err, "exit status 7")
	require.True(t, strings.HasSuffix(tail(log, 1), "three"))

	_, err = k.start(log, nil, "/no/such/program")
	require.EqualError(t, err, "start program: fork/exec /no/such/program: no such file or directory")

	orphan, err := k.start(log, nil, "/bin/sh", "-c", "exec sleep 600")
	require.NoError(t, err)
	k.close()
	require.False(t, orphan.alive())
	require.EqualError(t, orphan.err, "signal: killed")
}

func TestCleanEnv(t *testing.T) {
	t.Setenv("CRMSYNC_KAFKA_TOPIC", "x")
	t.Setenv("CHAOS_TEST", "y")
	env := cleanEnv("A=b")
	require.NotContains(t, env, "CRMSYNC_KAFKA_TOPIC=x")
	require.Contains(t, env, "CHAOS_TEST=y")
	require.Equal(t, "A=b", env[len(env)-1])
}

// TestFront: each toxic is known to the proxies, does what it says, and can be
// taken off again.
func TestFront(t *testing.T) {
	zerolog.SetGlobalLevel(zerolog.Disabled)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }))
	defer server.Close()
	f := &front{server: toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), proxies: map[string][]*toxiproxy.Proxy{}}
	defer f.close()
	require.NoError(t, f.open(toCRM, "127.0.0.1:0", server.Listener.Addr().String()))
	require.Equal(t, "http://"+f.address(toCRM)+"/x", f.through(toCRM, server.URL+"/x"))
	answers := func(patience time.Duration) bool {
		var dialer net.Dialer
		conn, err := dialer.DialContext(t.Context(), "tcp", f.address(toCRM))
		require.NoError(t, err)
		defer func() { _ = conn.Close() }()
		require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
		_, err = conn.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
		require.NoError(t, err)
		line, err := bufio.NewReader(conn).ReadString('\n')
		return err == nil && line == "HTTP/1.0 200 OK\r\n"
	}
	require.True(t, answers(10*time.Second))
	silent := map[string]bool{"reset": true, "black hole": true}
	for _, toxic := range toxics() {
		t.Run(toxic.name, func(t *testing.T) {
			require.NoError(t, f.poison(toCRM, toxic))
			require.Error(t, f.poison(toCRM, toxic), "it is there already")
			patience := 10 * time.Second
			if silent[toxic.name] {
				patience = 500 * time.Millisecond
			}
			require.Equal(t, !silent[toxic.name], answers(patience))
			f.healAll(context.Background())
			require.True(t, answers(10*time.Second))
		})
	}
}

func TestFreeRow(t *testing.T) {
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	require.False(t, rowIsFree(t.Context(), port, 1))
	require.NoError(t, l.Close())
	require.True(t, rowIsFree(t.Context(), port, 1))
}
