package providers

import (
	"cmp"
	"crypto/tls"
	"net/http"
	"net/url"
	"time"
)

const (
	dialTimeout     = 10 * time.Second
	tlsTimeout      = 10 * time.Second
	idleTimeout     = 60 * time.Second
	bufferSize      = 64 << 10 // holds a request's head and, mostly, its body: one write
	headMax         = 64 << 10 // of an answer
	answerMax       = 10 << 20
	connectionsIdle = 1024
)

// newTransport returns a transport that connects to public addresses and to
// allowed, a host and port, if that isn't empty.
//
// It speaks HTTP/1.1: cheaper than HTTP/2 with bodies of this size, and a broken
// connection leaves one request uncertain instead of all. Answers come without
// compression, which saves us their unpacking and its bombs.
func newTransport(allowed string) *http.Transport {
	return &http.Transport{
		DialContext:            dial(allowed),
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    tlsTimeout,
		MaxIdleConnsPerHost:    connectionsIdle,
		IdleConnTimeout:        idleTimeout,
		ReadBufferSize:         bufferSize,
		WriteBufferSize:        bufferSize,
		MaxResponseHeaderBytes: headMax,
		DisableCompression:     true,
		TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{},
	}
}

// hostPort returns the host and port that a connection for u is dialled with.
func hostPort(u *url.URL) string {
	port := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	return u.Hostname() + ":" + cmp.Or(u.Port(), port)
}
