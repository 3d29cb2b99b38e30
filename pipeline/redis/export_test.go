package redis

import (
	"context"
	"net"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// OpenCounting returns a store and how many round trips its connections have made: how often one
// wrote, and then waited for an answer.
func OpenCounting(t testing.TB, url string, o Options) (*Store, *atomic.Int64) {
	config, err := parse(url, o)
	require.NoError(t, err)
	var trips atomic.Int64
	config.Dialer = func(ctx context.Context, network, address string) (net.Conn, error) {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, network, address)
		return &countingConn{Conn: conn, trips: &trips}, err
	}
	store := newStore(config, o)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store, &trips
}

// Client returns the store's client.
func (s *Store) Client() *redis.Client { return s.client }

type countingConn struct {
	net.Conn
	trips *atomic.Int64
	wrote atomic.Bool
}

func (c *countingConn) Write(b []byte) (int, error) {
	if !c.wrote.Swap(true) {
		c.trips.Add(1)
	}
	return c.Conn.Write(b)
}

func (c *countingConn) Read(b []byte) (int, error) {
	c.wrote.Store(false)
	return c.Conn.Read(b)
}
