package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// front is the proxies between the daemons and all that they talk to.
type front struct {
	server  *toxiproxy.ApiServer
	proxies map[string][]*toxiproxy.Proxy // by connection
}

// The four connections of a daemon.
const (
	toKafka    = "kafka"
	toPostgres = "postgres"
	toRedis    = "redis"
	toCRM      = "crm"
)

// openFront starts proxies for the servers. The CRM's is opened with the CRM.
func openFront(p *parts) (*front, error) {
	zerolog.SetGlobalLevel(zerolog.Disabled) // some toxics log to the global logger
	f := &front{server: toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.New(io.Discard)), proxies: map[string][]*toxiproxy.Proxy{}}
	var errs []error
	for n := range p.brokers {
		errs = append(errs, f.open(toKafka, p.outer(n), p.inner(n)))
	}
	for _, s := range []struct{ name, url string }{{toPostgres, p.postgres}, {toRedis, p.redis}} {
		u, err := url.Parse(s.url)
		if err != nil {
			return f, fmt.Errorf("read the address of %s: %w", s.name, err)
		}
		errs = append(errs, f.open(s.name, "127.0.0.1:0", u.Host))
	}
	return f, errors.Join(errs...)
}

func (f *front) open(connection, listen, upstream string) error {
	p := toxiproxy.NewProxy(f.server, connection, listen, upstream)
	if err := p.Start(); err != nil {
		return fmt.Errorf("start the proxy of %s: %w", connection, err)
	}
	f.proxies[connection] = append(f.proxies[connection], p)
	return nil
}

// shut stops a connection's proxies for good.
func (f *front) shut(connection string) {
	for _, p := range f.proxies[connection] {
		p.Stop()
	}
	delete(f.proxies, connection)
}

func (f *front) close() {
	for name := range f.proxies {
		f.shut(name)
	}
}

// address returns where a connection's proxy listens.
func (f *front) address(connection string) string { return f.proxies[connection][0].Listen }

// through returns a URL with the proxy's address in place of the server's.
func (f *front) through(connection, server string) string {
	u, err := url.Parse(server)
	if err != nil {
		return server // openFront has parsed it before
	}
	u.Host = f.address(connection)
	return u.String()
}

// toxic is one way in which a connection goes bad.
type toxic struct{ name, kind, attributes string }

// toxics returns the five kinds, each with what it does.
func toxics() []toxic {
	return []toxic{
		{"latency", "latency", `{"latency":300,"jitter":200}`},
		{"reset", "reset_peer", `{"timeout":200}`},
		{"bandwidth", "bandwidth", `{"rate":50}`},
		{"slicer", "slicer", `{"average_size":32,"size_variation":16,"delay":500}`},
		{"black hole", "timeout", `{"timeout":0}`},
	}
}

// poison puts a toxic on both directions of a connection.
func (f *front) poison(connection string, t toxic) error {
	for _, p := range f.proxies[connection] {
		for _, stream := range []string{"upstream", "downstream"} {
			text := fmt.Sprintf(`{"type":%q,"stream":%q,"attributes":%s}`, t.kind, stream, t.attributes)
			if _, err := p.Toxics.AddToxicJson(strings.NewReader(text)); err != nil {
				return fmt.Errorf("put %s on %s: %w", t.name, connection, err)
			}
		}
	}
	return nil
}

// heal takes the toxics off a connection.
func (f *front) heal(ctx context.Context, connection string) {
	for _, p := range f.proxies[connection] {
		p.Toxics.ResetToxics(ctx)
	}
}

// healAll takes all toxics off.
func (f *front) healAll(ctx context.Context) {
	for _, connection := range connections() {
		f.heal(ctx, connection)
	}
}

func connections() []string { return []string{toKafka, toPostgres, toRedis, toCRM} }
