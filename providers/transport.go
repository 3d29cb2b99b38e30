package providers

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	dialTimeout     = 10 * time.Second
	tlsTimeout      = 10 * time.Second
	idleTimeout     = 60 * time.Second
	readBufferSize  = 8 << 10
	writeBufferSize = 64 << 10 // holds a request's head and, mostly, its body: one write
	headMax         = 64 << 10 // of an answer
	answerMax       = 10 << 20
)

// newTransport returns a transport that makes its connections with dial and
// keeps up to kept of them for the next request. Nothing in it is shared with
// another one: no connection, no cookie, no TLS session.
//
// It speaks HTTP/1.1: cheaper than HTTP/2 with bodies of this size, and a broken
// connection leaves one request uncertain instead of all. It asks no proxy that
// the environment names. Answers come without compression, which saves us their
// unpacking and its bombs.
func newTransport(dial dialFunc, kept int) *http.Transport {
	return &http.Transport{
		DialContext:            dial,
		Proxy:                  nil,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(1)},
		TLSHandshakeTimeout:    tlsTimeout,
		MaxIdleConnsPerHost:    kept,
		IdleConnTimeout:        idleTimeout,
		ReadBufferSize:         readBufferSize,
		WriteBufferSize:        writeBufferSize,
		MaxResponseHeaderBytes: headMax,
		DisableCompression:     true,
		TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{},
	}
}

// hostPort returns the host and port that a connection for u is dialled with.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}
