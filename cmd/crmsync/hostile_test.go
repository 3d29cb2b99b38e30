package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// echo is what a hostile answer repeats: the credential, and all that was sent.
type echo struct{ token, body string }

func (e echo) all() string { return "Bearer " + e.token + " " + e.body }

// hostility is one way in which a CRM tells everybody what it was sent.
type hostility struct {
	name   string
	answer func(w http.ResponseWriter, e echo)
}

// refused returns a HubSpot error that repeats what was sent in each of its texts.
func refused(status int) func(http.ResponseWriter, echo) {
	return func(w http.ResponseWriter, e echo) {
		all := e.all()
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-HubSpot-RateLimit-Remaining", all[:min(len(all), 200)])
		w.WriteHeader(status)
		entry := map[string]any{
			"status": "error", "message": all, "correlationId": all, "category": all, "subCategory": all, "code": all, "in": all, "id": all,
			"context": map[string]any{"ids": []string{all}, "propertyName": []string{all}, "objectWriteTraceId": []string{e.body}},
		}
		answer := map[string]any{"errors": []any{entry}, "results": []any{}, "links": map[string]string{"help": all}}
		for key, value := range entry {
			answer[key] = value
		}
		_ = json.NewEncoder(w).Encode(answer)
	}
}

// says returns a HubSpot error with these texts.
func says(status int, texts func(e echo) map[string]any) func(http.ResponseWriter, echo) {
	return func(w http.ResponseWriter, e echo) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(texts(e))
	}
}

// raw returns bytes in place of an HTTP answer, and hangs up.
func raw(text func(e echo) string) func(http.ResponseWriter, echo) {
	return func(w http.ResponseWriter, e echo) {
		conn, buffer, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_, _ = buffer.WriteString(text(e))
		_ = buffer.Flush()
		_ = conn.Close()
	}
}

// oneLine is what fits into a line of a header.
func (e echo) oneLine() string { return strings.Join(strings.Fields(e.all()), " ") }

// hostilities are the ways; each account has one of them.
func hostilities() []hostility {
	list := []hostility{
		{"no hostility", nil},
		{"html 502", func(w http.ResponseWriter, e echo) {
			w.WriteHeader(http.StatusBadGateway)
			fmt.Fprintf(w, "<html><pre>%s</pre></html>", e.all())
		}},
		{"200 that is no JSON", func(w http.ResponseWriter, e echo) { fmt.Fprint(w, e.all()) }},
		{"200 with ids that are none", says(http.StatusOK, func(e echo) map[string]any {
			return map[string]any{"status": "COMPLETE", "results": []any{map[string]any{"id": e.all(), "properties": map[string]string{"crmsync_id": e.all()}}}}
		})},
		{"207 that refuses", refused(http.StatusMultiStatus)},
		{"a code of two words", says(http.StatusBadRequest, func(e echo) map[string]any {
			return map[string]any{"status": "error", "category": "cnrydata-first", "message": "no"}
		})},
		{"a code that is the token", says(http.StatusBadRequest, func(e echo) map[string]any {
			return map[string]any{"status": "error", "category": e.token, "message": e.token}
		})},
		{"a message cut in the middle of the token", says(http.StatusBadRequest, func(e echo) map[string]any {
			return map[string]any{"status": "error", "category": "NO", "message": strings.Repeat("x", 2000-len(e.token)+4) + e.token}
		})},
		{"a redirect", func(w http.ResponseWriter, e echo) {
			w.Header().Set("Location", "http://127.0.0.1:1/"+strings.ReplaceAll(e.oneLine(), " ", "+"))
			w.WriteHeader(http.StatusFound)
		}},
		{"no HTTP at all", raw(func(e echo) string { return e.all() + "\r\n\r\n" })},
		{"a status line", raw(func(e echo) string { return "HTTP/1.1 400 " + e.oneLine() + "\r\nContent-Length: 0\r\n\r\n" })},
		{"a status that is none", raw(func(e echo) string { return "HTTP/1.1 " + e.oneLine() + "\r\n\r\n" })},
		{"a header that is none", raw(func(e echo) string { return "HTTP/1.1 200 OK\r\n" + e.oneLine() + "\r\n\r\n" })},
		{"a length that is none", raw(func(e echo) string { return "HTTP/1.1 200 OK\r\nContent-Length: " + e.oneLine() + "\r\n\r\n" })},
		{"an encoding that is none", raw(func(e echo) string { return "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + e.oneLine() + "\r\n\r\n" })},
		{"a chunk that is none", raw(func(e echo) string {
			return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + e.oneLine() + "\r\n"
		})},
		{"a head without end", raw(func(e echo) string {
			return "HTTP/1.1 200 OK\r\nX: " + strings.Repeat(e.oneLine(), 1+(100<<10)/len(e.all())) + "\r\n\r\n"
		})},
		{"an answer cut off", raw(func(e echo) string { return "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + e.all() })},
	}
	for _, status := range []int{400, 401, 403, 404, 409, 413, 422, 423, 429, 477, 500, 502, 503, 504} {
		list = append(list, hostility{fmt.Sprint(status), refused(status)})
	}
	return list
}

// hostileFront stands before an emulator. The first writes of each account are answered in the
// account's own hostile way and go no further.
type hostileFront struct {
	next   http.Handler
	tokens []string // in the order of hostilities
	times  int

	mu     sync.Mutex // guards served
	served []int
}

func (h *hostileFront) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	account := slices.Index(h.tokens, token)
	hostile := hostilities()
	if account < 0 || hostile[account].answer == nil || r.Method == http.MethodGet || !h.turn(account) {
		h.next.ServeHTTP(w, r)
		return
	}
	var body bytes.Buffer
	_, _ = io.Copy(&body, r.Body)
	hostile[account].answer(w, echo{token: token, body: body.String()})
}

func (h *hostileFront) turn(account int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.served[account]++
	return h.served[account] <= h.times
}

// unserved returns the names of what was not shown yet.
func (h *hostileFront) unserved() (names []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, hostile := range hostilities() {
		if h.served[i] == 0 && hostile.answer != nil {
			names = append(names, hostile.name)
		}
	}
	return names
}
