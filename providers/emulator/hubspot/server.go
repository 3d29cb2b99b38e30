package hubspot

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"crmsync/providers/emulator"
)

// maxBody bounds the body of a request. Not documented: HubSpot's own bound.
const maxBody = 8 << 20

// Server is the fake HubSpot. It is an http.Handler, safe for concurrent use,
// and starts no goroutine of its own. A request that is to be reset or timed
// out ends in a panic with http.ErrAbortHandler, which servers know how to
// take.
type Server struct {
	config   Config
	kinds    []*kind
	standard map[*kind]*schema
	log      *emulator.Log
	plan     *emulator.Plan
	inspect  *http.ServeMux
	errors   atomic.Uint64 // counts correlation ids

	mu sync.RWMutex
	// mu guards all below.
	tokens  map[string]*token
	portals map[int64]*portal
}

// New returns a server without portals, or an error when the settings are
// impossible.
func New(c Config) (*Server, error) {
	c = c.withDefaults()
	plan, err := emulator.NewPlan(emulator.PlanConfig{Seed: c.Seed, Rates: c.Faults, Slow: c.SlowFor, Hold: c.HoldFor})
	if err != nil {
		return nil, fmt.Errorf("start the hubspot emulator: %w", err)
	}
	s := &Server{
		config: c, kinds: kinds(), plan: plan, log: emulator.NewLog(c.LogLimit),
		tokens: map[string]*token{}, portals: map[int64]*portal{},
	}
	if s.standard, err = standardSchemas(s.kinds, c.Now()); err != nil {
		return nil, fmt.Errorf("start the hubspot emulator: %w", err)
	}
	if c.UnknownTokens {
		if err := s.tryNewPortal(); err != nil {
			return nil, fmt.Errorf("start the hubspot emulator: settings of new portals: %w", err)
		}
	}
	s.inspect = s.inspection()
	return s, nil
}

// tryNewPortal finds out whether portals can be made after Config.NewPortal.
func (s *Server) tryNewPortal() error {
	p := s.config.NewPortal
	p.ID, p.Token = 1, "try"
	_, err := s.addPortal(p)
	clear(s.tokens)
	clear(s.portals)
	return err
}

// exchange is one request on its way to its answer.
type exchange struct {
	server  *Server
	request *http.Request
	start   time.Time
	route   route
	token   *token // nil until it is known
	body    []byte
	fault   emulator.Fault // Kind is empty when nothing goes wrong
	seq     int64          // of the log entry; 0 until there is one
}

// ServeHTTP answers HubSpot's paths, and the inspection API's.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, emulator.InspectPrefix) {
		s.inspect.ServeHTTP(w, r)
		return
	}
	s.log.Arrived()
	x := &exchange{server: s, request: r, start: s.config.Now(), route: find(s.kinds, r.Method, r.URL.Path)}
	a := x.admit(w)
	if a == nil {
		x.chooseFault()
		a = x.failEarly()
	}
	if a == nil && x.fault.Kind != emulator.ResetBefore {
		a = x.carryOut()
	}
	x.record(nil)
	x.finish(w, a)
}

// admit checks everything that comes before the request itself and reads its
// body. It returns nil when the request may go on.
func (x *exchange) admit(w http.ResponseWriter) *answer {
	if a := x.authenticate(); a != nil {
		return a
	}
	if a := x.misrouted(); a != nil {
		return a
	}
	if a := x.token.permits(x.route.scopes()); a != nil {
		return a
	}
	if a := x.token.limited(x.start, x.route.op, w.Header()); a != nil {
		return a
	}
	if !x.route.op.hasBody() {
		return nil
	}
	return x.readBody(w)
}

// authenticate finds the token and the portal.
func (x *exchange) authenticate() *answer {
	scheme, value, _ := strings.Cut(x.request.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return unauthenticated()
	}
	t := x.server.token(strings.TrimSpace(value))
	if t == nil {
		return unauthenticated()
	}
	x.token = t
	if since, expired := t.expired(x.start); expired {
		return expiredToken(x.start, since)
	}
	return nil
}

// misrouted answers paths and methods that HubSpot, or this emulator, does
// not have. Not documented: the bodies.
func (x *exchange) misrouted() *answer {
	switch {
	case x.route.status == http.StatusMethodNotAllowed:
		return failure(x.route.status, errorBody{Message: "method " + x.request.Method + " is not allowed here"})
	case x.route.status != 0:
		return failure(x.route.status, errorBody{Message: "resource not found"})
	case x.route.kind == nil:
		return refused("Unable to infer object type from: " + x.route.typeName).answer()
	}
	return nil
}

func (x *exchange) readBody(w http.ResponseWriter) *answer {
	// Not documented: what HubSpot does with a body of another type. Here it
	// refuses it, so that a client which forgets the header is found out.
	media, _, err := mime.ParseMediaType(x.request.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return failure(http.StatusUnsupportedMediaType, errorBody{Message: "Content-Type must be application/json"})
	}
	size := min(max(x.request.ContentLength, 0), maxBody)
	x.body = make([]byte, 0, size+512)
	reader := http.MaxBytesReader(w, x.request.Body, maxBody)
	for {
		if len(x.body) == cap(x.body) {
			x.body = append(x.body, 0)[:len(x.body)]
		}
		n, err := reader.Read(x.body[len(x.body):cap(x.body)])
		x.body = x.body[:len(x.body)+n]
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return failure(http.StatusRequestEntityTooLarge, errorBody{
				Message: fmt.Sprintf("The request body could not be read or is over %d bytes", maxBody),
			})
		}
	}
}

// carryOut does what the request asks for.
func (x *exchange) carryOut() *answer {
	switch op := x.route.op; {
	case op == opSearch:
		return x.search()
	case op.property():
		return x.properties()
	case op == opCreate || op == opUpdate:
		return x.writeOne()
	case op == opArchive:
		return x.archiveOne()
	case op == opRead:
		return x.readOne()
	case op == opList:
		return x.list()
	}
	return x.batch()
}

// record writes the exchange and its effects to the log, once. Whoever calls
// it with records holds the lock of those effects.
func (x *exchange) record(records []emulator.Record) {
	if x.seq != 0 {
		return
	}
	e := emulator.Entry{
		Start: x.start, Method: x.request.Method, Path: x.request.URL.Path,
		Operation: string(x.route.op), Fault: x.fault.Kind, Records: records,
	}
	if x.route.kind != nil {
		e.ObjectType = x.route.kind.name
	}
	if x.token != nil {
		e.Account = x.token.portal.account
	}
	if slices.ContainsFunc(records, func(r emulator.Record) bool { return r.Outcome.Landed() }) {
		e.Landed = x.server.config.Now()
	}
	x.seq = x.server.log.Append(e)
}

// send writes the answer and closes the log entry.
func (x *exchange) send(w http.ResponseWriter, a *answer) {
	header, body := w.Header(), a.body
	id := x.server.correlationID()
	header.Set("X-HubSpot-Correlation-Id", id)
	if a.failure != nil {
		filled := *a.failure
		filled.CorrelationID = id
		if filled.RequestID != "" {
			filled.RequestID = x.server.correlationID()
		}
		body = encoded(filled)
	}
	if a.retryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(a.retryAfter))
	}
	switch {
	case a.text:
		header.Set("Content-Type", "text/html")
	case len(body) > 0:
		header.Set("Content-Type", "application/json;charset=utf-8")
		header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	// Before the answer goes out, so that whoever has it finds it in the log.
	x.server.log.Finish(x.seq, a.status, x.server.config.Now())
	w.WriteHeader(a.status)
	_, _ = w.Write(body) // a client that has gone needs no answer
}

// correlationID returns ids that look like HubSpot's and repeat with the seed.
func (s *Server) correlationID() string {
	a := scramble(s.config.Seed + s.errors.Add(1)*0x9e3779b97f4a7c15)
	b := scramble(a)
	return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", uint32(a), uint16(a>>32), a>>52, b&0xfff, b>>16)
}

// scramble is the finisher of splitmix64.
func scramble(n uint64) uint64 {
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}
