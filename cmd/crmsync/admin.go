package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// admin is the listener for probes and metrics. It changes nothing.
type admin struct {
	watcher  *watcher
	mappings atomic.Pointer[error] // what the last reading of the mappings came to; nil: there was none
	draining atomic.Bool

	listener net.Listener
	server   *http.Server
	ended    chan error
}

// serve listens on address until close.
func (a *admin) serve(ctx context.Context, address string) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen on admin.listen: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", a.ready)
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(buildInfo()) // nobody is left to tell
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.watcher.registry, promhttp.HandlerOpts{}))
	a.listener, a.ended = l, make(chan error, 1)
	a.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, MaxHeaderBytes: 64 << 10}
	go func() { a.ended <- a.server.Serve(l) }()
	return nil
}

// close stops listening, and waits for answers under way at most a second.
func (a *admin) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := a.server.Shutdown(ctx)
	if served := <-a.ended; !errors.Is(served, http.ErrServerClosed) {
		return served
	}
	return err
}

// loaded notes what a reading of the mappings came to.
func (a *admin) loaded(err error) { a.mappings.Store(&err) }

func (a *admin) mappingsFault() error {
	if err := a.mappings.Load(); err != nil {
		return *err
	}
	return errors.New("not loaded yet")
}

// check is one line of /readyz.
type check struct {
	name string
	err  error
}

// checks are what must be well for work to be done. Redis is not among them:
// work goes on without it.
func (a *admin) checks() []check {
	s := a.watcher.state()
	cs := []check{{"mappings", a.mappingsFault()}}
	for _, c := range []struct{ name, task string }{
		{"kafka", "poll"}, {"state", "check"}, {"state-writes", "save"}, {"claims", "claim"}, {"ownership", "prove"},
		{"waiting-room", "release"}, {"dead-letters", "bury"}, {"commits", "commit"},
	} {
		cs = append(cs, check{c.name, s.Ill[c.task]})
	}
	if last := &cs[len(cs)-1]; last.err == nil && s.Stalled > 0 {
		last.err = fmt.Errorf("committed offsets stand still although more is finished; partitions: %d", s.Stalled)
	}
	if !s.Joined && s.Ill["poll"] == nil {
		cs[1].err = errors.New("has not joined the consumer group yet")
	}
	if a.draining.Load() {
		cs = append(cs, check{"draining", errors.New("the process is shutting down")})
	}
	return cs
}

// ready answers 200 when work is done, else 503; with ?verbose line by line.
func (a *admin) ready(w http.ResponseWriter, r *http.Request) {
	cs := a.checks()
	ok := !slices.ContainsFunc(cs, func(c check) bool { return c.err != nil })
	if !ok {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	if !r.URL.Query().Has("verbose") && ok {
		fmt.Fprintln(w, "ok")
		return
	}
	for _, c := range cs {
		if c.err != nil {
			fmt.Fprintf(w, "[-] %s: %s\n", c.name, strings.ReplaceAll(c.err.Error(), "\n", " "))
		} else {
			fmt.Fprintf(w, "[+] %s ok\n", c.name)
		}
	}
}
