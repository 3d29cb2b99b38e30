package redis_test

import (
	"crypto/tls"
	"encoding/pem"
	"net"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/redis"
	"crmsync/pipeline/secure"
)

// clock is a clock that stands until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// openDown returns a store with the timeouts of production, its reports and its clock.
func openDown(t testing.TB, url string, o redis.Options) (*redis.Store, *reports, *clock) {
	seen, clock := &reports{}, &clock{now: time.Unix(0, 0)}
	o.Report, o.Now = seen.add, clock.Now
	store, err := redis.Open(url, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store, seen, clock
}

// requireOpen makes every call and requires the answers of a store without memory.
func requireOpen(t *testing.T, store *redis.Store) {
	t.Helper()
	require.Equal(t, []bool{false, false}, store.Seen(t.Context(), deliveries(2)))
	store.Mark(t.Context(), deliveries(2))
	require.Equal(t, []time.Duration{0, 0}, store.Check(t.Context(), requests(2)))
	store.Correct(t.Context(), []crmsync.Reading{{Key: requests(1)[0][0].Key}})
}

// fastest returns the shortest of several runs: on a loaded machine a single one tells little.
func fastest(runs int, do func()) time.Duration {
	best := time.Hour
	for range runs {
		began := time.Now()
		do()
		best = min(best, time.Since(began))
	}
	return best
}

func TestFailsOpen(t *testing.T) {
	var config net.ListenConfig
	silent, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0") // takes connections and never answers
	require.NoError(t, err)
	defer silent.Close()
	closed, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	tests := []struct{ name, address, cause string }{
		{"nobody listens", closed.Addr().String(), "connection refused"},
		{"nobody answers", silent.Addr().String(), "no answer in time"},
		{"nobody takes the connection", fullListener(t), "no answer in time"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			store, seen, clock := openDown(t, "redis://"+test.address, redis.Options{})
			line := ": redis at " + test.address + ": "
			tried := fastest(10, func() {
				clock.Advance(time.Second)
				store.Seen(t.Context(), deliveries(1000))
			})
			require.Less(t, tried, 25*time.Millisecond)
			require.Equal(t, slices.Repeat([]string{"seen|seen" + line + test.cause}, 10), seen.all())

			require.Less(t, fastest(5, func() { requireOpen(t, store) }), 2*time.Millisecond, "after failures in a row nobody waits")
			require.Equal(t, "seen|seen"+line+"left alone for a second after failures in a row", seen.all()[10])
			before := len(seen.all())
			clock.Advance(time.Second)
			requireOpen(t, store)
			require.Equal(t, "seen|seen"+line+test.cause, seen.all()[before], "one call tries again")
			require.Equal(t, "mark|mark"+line+"left alone for a second after failures in a row", seen.all()[before+1])
		})
	}
}

// fullListener returns an address whose queue of connections is full: the kernel drops what comes.
func fullListener(t *testing.T) string {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Close(socket)) })
	require.NoError(t, syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, syscall.Listen(socket, 0))
	name, err := syscall.Getsockname(socket)
	require.NoError(t, err)
	address := net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: name.(*syscall.SockaddrInet4).Port}
	for range 4 {
		dialer := net.Dialer{Timeout: 50 * time.Millisecond}
		conn, err := dialer.DialContext(t.Context(), "tcp", address.String())
		if err != nil {
			return address.String()
		}
		t.Cleanup(func() { require.NoError(t, conn.Close()) })
	}
	t.Fatal("the queue never fills")
	return ""
}

func TestErrorAnswersFailOpen(t *testing.T) {
	server := mini(t)
	store, seen, _ := openDown(t, "redis://"+server.Addr(), redis.Options{Timeout: time.Minute})
	server.SetError("LOADING Redis is loading the dataset in memory")
	requireOpen(t, store)
	const cause = ": LOADING Redis is loading the dataset in memory"
	line := ": redis at " + server.Addr()
	require.Equal(t, []string{
		"seen|seen" + line + cause, "mark|mark" + line + cause, "check|check" + line + cause,
		"correct|correct" + line + ": left alone for a second after failures in a row",
	}, seen.all())
}

func TestOneBrokenBucketLetsTheOthersBe(t *testing.T) {
	server := mini(t)
	store, seen, _ := openDown(t, "redis://"+server.Addr(), redis.Options{Timeout: time.Minute})
	draw := func(name string) []crmsync.Draw {
		return []crmsync.Draw{{Key: crmsync.BudgetKey{Budget: name}, Limit: 1, Window: time.Hour, Cost: 1}}
	}
	require.NoError(t, server.Set("crmsync:{/}:b:broken", "no bucket"))
	require.Equal(t, []time.Duration{0, 0, 0}, store.Check(t.Context(), [][]crmsync.Draw{draw("a"), draw("broken"), draw("b")}))
	require.Equal(t, []time.Duration{time.Hour, 0, time.Hour}, store.Check(t.Context(), [][]crmsync.Draw{draw("a"), draw("broken"), draw("b")}))
	require.Len(t, seen.all(), 2)
	require.Contains(t, seen.all()[0], "WRONGTYPE")
}

func TestComesBack(t *testing.T) {
	server := mini(t)
	store, seen, clock := openDown(t, "redis://"+server.Addr(), redis.Options{Timeout: time.Minute})
	store.Mark(t.Context(), deliveries(2))
	require.Equal(t, []bool{true, true}, store.Seen(t.Context(), deliveries(2)))
	server.Close()
	requireOpen(t, store)
	require.Len(t, seen.all(), 4)
	require.NoError(t, server.Restart())
	require.Equal(t, []bool{false, false}, store.Seen(t.Context(), deliveries(2)), "not yet")
	clock.Advance(time.Second)
	require.Equal(t, []bool{true, true}, store.Seen(t.Context(), deliveries(2)))
	require.Equal(t, []bool{true, true}, store.Seen(t.Context(), deliveries(2)))
	require.Len(t, seen.all(), 5)
}

func TestTLS(t *testing.T) {
	certified := httptest.NewUnstartedServer(nil) // has a certificate for 127.0.0.1 and its CA
	certified.StartTLS()
	defer certified.Close()
	server, err := miniredis.RunTLS(&tls.Config{Certificates: certified.TLS.Certificates})
	require.NoError(t, err)
	defer server.Close()
	ca := t.TempDir() + "/ca.pem"
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certified.Certificate().Raw}), 0o600))

	require.NoError(t, ping(t, "rediss://"+server.Addr(), redis.Options{TLS: &secure.TLS{CAFile: ca}}))
	const hint = ": the server hung up: check whether the URL should begin with rediss:// (TLS) or redis://"
	plain := mini(t)
	err = ping(t, "rediss://"+plain.Addr(), redis.Options{})
	require.EqualError(t, err, "transient unreachable: ping: redis at "+plain.Addr()+hint)
	err = ping(t, "redis://"+server.Addr(), redis.Options{})
	require.EqualError(t, err, "transient unreachable: ping: redis at "+server.Addr()+hint)
	require.Equal(t, crmsync.Transient, crmsync.KindOf(err))
}

// ping opens a store and asks its server.
func ping(t *testing.T, url string, o redis.Options) error {
	t.Helper()
	store, err := redis.Open(url, o)
	require.NoError(t, err)
	defer store.Close()
	return store.Ping(t.Context())
}
