package postgres_test

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"crmsync/pipeline/pipelinetest"
	"crmsync/pipeline/postgres"
)

const serverEnv = "CRMSYNC_TEST_POSTGRES_URL"

// database makes an empty database of the test's own and returns its URL.
func database(t testing.TB) string {
	t.Helper()
	server := pipelinetest.Server(t, serverEnv)
	name := "crmsync_test_" + strings.ToLower(rand.Text())
	execute(t, server, "CREATE DATABASE "+name)
	t.Cleanup(func() { execute(t, server, "DROP DATABASE "+name+" WITH (FORCE)") })
	return edit(t, server, func(u *url.URL) { u.Path = "/" + name })
}

// schema makes an empty schema in a database, which costs less than a database, and returns a URL
// whose tables are in it.
func schema(t testing.TB, text string) string {
	t.Helper()
	name := "s_" + strings.ToLower(rand.Text())
	execute(t, text, "CREATE SCHEMA "+name)
	return edit(t, text, func(u *url.URL) {
		query := u.Query()
		query.Set("search_path", name)
		u.RawQuery = query.Encode()
	})
}

// edit returns the URL with a part of it changed.
func edit(t testing.TB, text string, change func(*url.URL)) string {
	t.Helper()
	u := parsed(t, text)
	change(u)
	return u.String()
}

func parsed(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	require.NoError(t, err)
	return u
}

// execute runs one statement on a connection of its own.
func execute(t testing.TB, url, statement string) {
	t.Helper()
	ctx := context.Background() // a Cleanup's context is over
	conn, err := pgx.Connect(ctx, url)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(ctx)) }()
	_, err = conn.Exec(ctx, statement)
	require.NoError(t, err)
}

// begin opens a transaction on a connection of its own.
func begin(t testing.TB, url string) pgx.Tx {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.Background())) })
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	return tx
}

// open returns a migrated store in a database of its own.
func open(t testing.TB) *postgres.Store { return openAt(t, database(t)) }

func openAt(t testing.TB, url string) *postgres.Store { return openWith(t, url, time.Now) }

// openWith returns a store of a process whose clock is now.
func openWith(t testing.TB, url string, now func() time.Time) *postgres.Store {
	t.Helper()
	store, err := postgres.Open(t.Context(), url, postgres.Options{AnyVersion: true, Now: now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	require.NoError(t, store.Migrate(t.Context()))
	return store
}

// proxy stands between a store and its server. It counts round trips, and can cut the connections.
type proxy struct {
	listener net.Listener
	target   string
	trips    atomic.Int64 // Sync and Query messages: the client waits for an answer after each
	wg       sync.WaitGroup

	mu    sync.Mutex // guards conns
	conns []net.Conn
}

// through returns a proxy to the URL's server and a URL that leads through it.
func through(t testing.TB, text string) (*proxy, string) {
	t.Helper()
	p := &proxy{listener: listen(t)}
	changed := edit(t, text, func(u *url.URL) {
		p.target, u.Host = u.Host, p.listener.Addr().String()
	})
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		p.close()
		p.wg.Wait()
	})
	return p, changed
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		var dialer net.Dialer
		server, err := dialer.DialContext(context.Background(), "tcp", p.target)
		if err != nil {
			_ = client.Close()
			return
		}
		p.mu.Lock()
		p.conns = append(p.conns, client, server)
		p.mu.Unlock()
		p.wg.Go(func() { // one side's end ends the other's
			_, _ = io.Copy(client, server)
			_ = client.Close()
		})
		p.wg.Go(func() {
			p.count(client, server)
			_ = server.Close()
		})
	}
}

// count passes the client's messages on. The first has no type: it is the start-up message.
func (p *proxy) count(client io.Reader, server io.Writer) {
	typed := 0
	for {
		header := make([]byte, 4+typed)
		if _, err := io.ReadFull(client, header); err != nil {
			return
		}
		if typed == 1 && (header[0] == 'S' || header[0] == 'Q') {
			p.trips.Add(1)
		}
		if _, err := server.Write(header); err != nil {
			return
		}
		if _, err := io.CopyN(server, client, int64(binary.BigEndian.Uint32(header[typed:]))-4); err != nil {
			return
		}
		typed = 1
	}
}

// cut breaks all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range p.conns {
		_ = conn.Close()
	}
	p.conns = nil
}

// close takes no connection any more and breaks those that are there.
func (p *proxy) close() {
	_ = p.listener.Close()
	p.cut()
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return listener
}
