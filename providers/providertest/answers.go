package providertest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// table is what a status says by itself about an update of one object. A 2xx
// that names nobody is a failure too.
func table(status int) []crmsync.Kind {
	switch {
	case status < 300:
		return []crmsync.Kind{crmsync.Transient, crmsync.Ambiguous}
	case status >= 301 && status <= 303:
		return []crmsync.Kind{crmsync.Ambiguous}
	case status < 400:
		return []crmsync.Kind{crmsync.Transient}
	case status == 401, status == 402, status == 403, status == 407:
		return []crmsync.Kind{crmsync.Denied}
	case status == 404, status == 410:
		return []crmsync.Kind{crmsync.Missing}
	case status == 409, status == 412:
		return []crmsync.Kind{crmsync.Conflict}
	case status == 408, status == 423, status == 425:
		return []crmsync.Kind{crmsync.Transient}
	case status == 429:
		return []crmsync.Kind{crmsync.Throttled}
	case status < 500, status == 501, status == 505:
		return []crmsync.Kind{crmsync.Rejected}
	}
	return []crmsync.Kind{crmsync.Ambiguous}
}

func statuses(t *testing.T, h Harness) {
	if !h.has(crmsync.Update) {
		t.Skip("the CRM has no update")
	}
	var status int
	p := open(t, h, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		if status != http.StatusNoContent && status != http.StatusNotModified {
			fmt.Fprint(w, "{}")
		}
	})
	for status = 200; status < 600; status++ {
		want := table(status)
		if own, has := h.Kinds[status]; has {
			want = []crmsync.Kind{own}
		}
		a := apply(t, p, batch(h, crmsync.Update, 1))
		require.Equal(t, status, a.Status)
		require.Contains(t, want, kinds(t, a)[0], "status %d", status)
	}
}

func samples(t *testing.T, h Harness) {
	var waits bool
	for _, s := range h.Samples {
		t.Run(s.Name, func(t *testing.T) {
			a := answered(t, h, s)
			require.Equal(t, s.Status, a.Status)
			for i := range a.Results {
				if f := a.Results[i].Fault; f != nil {
					waits = waits || f.After > 0
					f.Message, f.Err = "", nil
				}
			}
			require.Equal(t, s.Want, a.Results)
		})
	}
	require.True(t, waits, "no sample asks to wait")
}

// answered applies a batch that is answered with the sample.
func answered(t *testing.T, h Harness, s Sample) crmsync.Answer {
	t.Helper()
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for name, value := range s.Header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(s.Status)
		fmt.Fprint(w, s.Body)
	})
	setup := Setup{BaseURL: url}
	b := batch(h, s.Operation, s.Calls)
	if !s.Now.IsZero() {
		setup.Now = func() time.Time { return s.Now }
		b.Deadline = s.Now.Add(time.Minute)
	}
	return apply(t, h.Open(t, setup), b)
}

func noJSON(t *testing.T, h Harness) {
	var status int
	var body string
	p := open(t, h, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	})
	for _, body = range []string{"", "<html><body>Bad Gateway</body></html>", "{", `{"status":"COMPL`, "[]", "null", "0", `"text"`, "\x00\xff"} {
		for _, status = range []int{200, 207, 400, 403, 404, 409, 429, 500, 502, 503} {
			for _, op := range h.Operations {
				unreadable(t, op, status, apply(t, p, batch(h, op, min(3, p.Limits("", h.Object, op).Items))))
			}
		}
	}
}

// unreadable requires of an answer with a body that is no JSON, or none that
// tells anything, what holds whatever its status.
func unreadable(t *testing.T, op crmsync.Operation, status int, a crmsync.Answer) {
	t.Helper()
	require.Equal(t, status, a.Status)
	if op == crmsync.Find && status == 207 {
		return // a CRM may say "some are missing" by its status
	}
	for _, k := range kinds(t, a) {
		require.NotEqual(t, crmsync.Internal, k, "%s, status %d", op, status)
		if op == crmsync.Find {
			require.NotEqual(t, crmsync.Ambiguous, k, "a find leaves nothing uncertain")
		}
	}
}

func tooLarge(t *testing.T, h Harness) {
	const bodyMax = 10 << 20
	chunk := strings.Repeat(" ", 64<<10)
	var wrote int
	done := make(chan struct{})
	p := open(t, h, func(w http.ResponseWriter, _ *http.Request) {
		defer close(done)
		for wrote < 64<<20 {
			n, err := fmt.Fprint(w, chunk)
			wrote += n
			if err != nil {
				return
			}
		}
	})
	a := apply(t, p, batch(h, h.writes(t), 1))
	<-done
	require.Equal(t, crmsync.Ambiguous, kinds(t, a)[0])
	require.Less(t, wrote, 4*bodyMax, "the rest of the answer must not be read")
}

func cutOff(t *testing.T, h Harness) {
	p := open(t, h, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, `{"results":[`)
	})
	for _, op := range h.Operations {
		want := crmsync.Ambiguous
		if op == crmsync.Find {
			want = crmsync.Transient
		}
		require.Equal(t, want, kinds(t, apply(t, p, batch(h, op, 1)))[0], op)
	}
}

func redirect(t *testing.T, h Harness) {
	var elsewhere counter
	target := serve(t, elsewhere.ServeHTTP)
	for _, status := range []int{301, 302, 303, 307, 308} {
		p := open(t, h, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, status) })
		for _, op := range h.Operations {
			kinds(t, apply(t, p, batch(h, op, 1)))
		}
	}
	require.Zero(t, elsewhere.n.Load(), "the credential must not go elsewhere")
}
