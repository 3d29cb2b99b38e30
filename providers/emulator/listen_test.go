package emulator

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func get(ctx context.Context, url string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(answer.Body)
	return string(body), errors.Join(err, answer.Body.Close())
}

func TestListen(t *testing.T) {
	r, err := Listen("127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") }))
	require.NoError(t, err)
	body, err := get(t.Context(), r.URL())
	require.NoError(t, err)
	require.Equal(t, "here", body)
	require.NoError(t, r.Close())
	require.NoError(t, r.Close())
	_, err = get(t.Context(), r.URL())
	require.Error(t, err)
}

// TestCloseEndsHeldRequests: a handler that waits for its context is let go,
// and has ended when Close returns.
func TestCloseEndsHeldRequests(t *testing.T) {
	entered := make(chan struct{})
	var cause error
	r, err := Listen("127.0.0.1:0", http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		close(entered)
		<-req.Context().Done()
		cause = req.Context().Err()
	}))
	require.NoError(t, err)
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		_, _ = get(t.Context(), r.URL()) // an answer may still get through, or the connection be cut
	}()
	<-entered
	require.NoError(t, r.Close())
	require.ErrorIs(t, cause, context.Canceled)
	<-asked
}

func TestListenOnATakenPort(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, taken.Close()) }()
	_, err = Listen(taken.Addr().String(), http.NotFoundHandler())
	require.ErrorContains(t, err, "listen on "+taken.Addr().String()+": ")
}
