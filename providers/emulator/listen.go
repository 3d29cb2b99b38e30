package emulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	headerTimeout  = 10 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 64 << 10
)

// Running is a handler that is being served on a port. It owns the goroutine
// that accepts connections and waits for all request handlers when it closes.
type Running struct {
	url    string
	server *http.Server
	cancel context.CancelFunc
	done   chan error // the end of Serve

	mu      sync.Mutex
	closing bool
	active  sync.WaitGroup // requests being handled; Add only under mu
}

// Listen serves h on the address, such as "127.0.0.1:0" for any free loopback
// port, until Close. An emulator has no guard of its own against strangers:
// keep it on loopback.
func Listen(addr string, h http.Handler) (*Running, error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &Running{url: "http://" + listener.Addr().String(), cancel: cancel, done: make(chan error, 1)}
	r.server = &http.Server{
		Handler:           r.track(h),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	go func() { r.done <- r.server.Serve(listener) }()
	return r, nil
}

// track counts the requests in hand, so that Close can wait for them.
func (r *Running) track(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if !r.enter() {
			http.Error(w, "the emulator is closing", http.StatusServiceUnavailable)
			return
		}
		defer r.active.Done()
		h.ServeHTTP(w, req)
	})
}

func (r *Running) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return false
	}
	r.active.Add(1)
	return true
}

// URL returns the base address, such as "http://127.0.0.1:40123".
func (r *Running) URL() string { return r.url }

// Close stops accepting, cuts all connections, ends the waits of slow and
// held answers, and returns when no goroutine of the server works any more;
// for late effects it waits as long as they take. A second call does nothing.
func (r *Running) Close() error {
	r.mu.Lock()
	first := !r.closing
	r.closing = true
	r.mu.Unlock()
	if !first {
		return nil
	}
	r.cancel()
	err := r.server.Close()
	serveErr := <-r.done
	r.active.Wait()
	if errors.Is(serveErr, http.ErrServerClosed) {
		serveErr = nil
	}
	if err := errors.Join(err, serveErr); err != nil {
		return fmt.Errorf("close %s: %w", r.url, err)
	}
	return nil
}
