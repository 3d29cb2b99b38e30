package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
)

// recorder keeps the first few requests of one kind that reach the CRM, as
// they came over the wire.
type recorder struct {
	next        http.Handler
	token, path string

	mu   sync.Mutex // guards kept
	kept []recorded
}

type recorded struct {
	status int
	body   []byte
	inputs []recordedInput
}

type recordedInput struct {
	ID         string `json:"id"`
	Properties struct {
		Version json.Number `json:"crmsync_version"`
	} `json:"properties"`
}

func (i recordedInput) version() int64 {
	v, err := i.Properties.Version.Int64()
	if err != nil {
		return 0
	}
	return v
}

// maxRecorded bounds how many requests are kept.
const maxRecorded = 8

// ServeHTTP passes the request on.
func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if !r.wants(req) {
		r.next.ServeHTTP(w, req)
		return
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		http.Error(w, "the request broke off", http.StatusBadRequest)
		return
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	answer := &statusWriter{ResponseWriter: w}
	r.next.ServeHTTP(answer, req)
	var batch struct {
		Inputs []recordedInput `json:"inputs"`
	}
	if answer.status != http.StatusOK || json.Unmarshal(body, &batch) != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept = append(r.kept, recorded{answer.status, body, batch.Inputs})
}

func (r *recorder) wants(req *http.Request) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.kept) < maxRecorded && req.URL.Path == r.path && strings.HasSuffix(req.Header.Get("Authorization"), " "+r.token)
}

func (r *recorder) requests() []recorded {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kept
}

// statusWriter notes the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status and writes it.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets the handler reach what lies below, to cut the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
