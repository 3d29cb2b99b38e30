package hubspot

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"crmsync/providers/emulator"
)

// Log returns the history that is kept, oldest first.
func (s *Server) Log() []emulator.Entry { return s.log.Entries() }

// History returns the log itself, for those who read it piece by piece.
func (s *Server) History() *emulator.Log { return s.log }

// Counters returns the counts of all requests since the start or Reset.
func (s *Server) Counters() emulator.Counters { return s.log.Counters() }

// QueueFault has a fault strike the next requests that match.
func (s *Server) QueueFault(q emulator.QueuedFault) error { return s.plan.Queue(q) }

// SetFaults puts new rates of faults by chance in force.
func (s *Server) SetFaults(rates emulator.FaultRates) error { return s.plan.SetRates(rates) }

// SetLimits changes the limits of a token and its portal; what was used up
// stays used up. Zero fields leave the limit as it is.
func (s *Server) SetLimits(value string, l Limits) error {
	s.mu.RLock()
	t := s.tokens[value]
	s.mu.RUnlock()
	if t == nil {
		return fmt.Errorf("set limits of a token: %w: add its portal first", ErrUnknownToken)
	}
	t.mu.Lock()
	if l.TenSecondly != 0 {
		t.burst.limit = l.TenSecondly
	}
	t.mu.Unlock()
	t.portal.quota.change(l)
	return nil
}

func (q *quota) change(l Limits) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if l.Daily != 0 {
		q.daily = l.Daily
	}
	if l.Searches != 0 {
		q.searches.limit = l.Searches
	}
}

// Reset forgets all objects, the history, counts, queued faults, used-up
// limits and denials, and puts the configured rates of faults back. Portals,
// tokens, limits and properties stay, and ids and sequence numbers go on.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.portals { // all at once: no effect may fall between the objects and the log
		p.mu.Lock()
		defer p.mu.Unlock()
		p.clear()
	}
	for _, t := range s.tokens {
		t.reset()
	}
	s.plan.Reset()
	s.log.Reset()
}

// clear drops all objects of the portal, with its lock held.
func (p *portal) clear() {
	for _, t := range p.tables {
		t.clear()
	}
	p.quota.reset()
}

func (t *token) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.burst.reset()
	t.deniedUntil = time.Time{}
}

// target shows the server to the inspection API.
type target struct{ *Server }

// Objects returns the objects of the portal whose id is given as text.
func (t target) Objects(account, objectType string) ([]emulator.Object, error) {
	id, err := strconv.ParseInt(account, 10, 64)
	if err != nil || t.portal(id) == nil {
		return nil, fmt.Errorf("account %q: %w", account, ErrUnknownPortal)
	}
	if kindOf(t.kinds, objectType) == nil {
		return nil, fmt.Errorf("type %q: %w: choose contacts, companies or deals", objectType, ErrUnknownObjectType)
	}
	return t.Server.Objects(id, objectType), nil
}

// inspection is the inspection API with what HubSpot adds to it:
//
//	POST /_emulator/portals      a Portal: {"id": 1, "token": "pat-1", "unique_property": "crmsync_id", "key_property": "crmsync_key"}
//	PUT  /_emulator/limits       {"token": "pat-1", "limits": {"ten_secondly": 100}}
//	POST /_emulator/denials      {"token": "pat-1", "for": "30s"}
//	POST /_emulator/properties   {"portal": 1, "object_type": "contacts", "property": {…}}
func (s *Server) inspection() *http.ServeMux {
	mux := emulator.Inspect(s.log, s.plan, target{s})
	mux.HandleFunc("POST /_emulator/portals", answerTo(http.StatusCreated, s.AddPortal))
	mux.HandleFunc("PUT /_emulator/limits", answerTo(http.StatusNoContent, func(body struct {
		Token  string `json:"token"`
		Limits Limits `json:"limits"`
	}) error {
		return s.SetLimits(body.Token, body.Limits)
	}))
	mux.HandleFunc("POST /_emulator/denials", answerTo(http.StatusNoContent, func(body struct {
		Token string `json:"token"`
		For   string `json:"for"`
	}) error {
		d, err := time.ParseDuration(body.For)
		if err != nil {
			return fmt.Errorf("for is %q: give a duration such as 30s", body.For)
		}
		return s.DenyToken(body.Token, s.config.Now().Add(d))
	}))
	mux.HandleFunc("POST /_emulator/properties", answerTo(http.StatusCreated, func(body struct {
		Portal     int64    `json:"portal"`
		ObjectType string   `json:"object_type"`
		Property   Property `json:"property"`
	}) error {
		return s.CreateProperty(body.Portal, body.ObjectType, body.Property)
	}))
	return mux
}

// answerTo handles a request with a JSON body: the status, or 400 and why.
func answerTo[B any](status int, do func(B) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body B
		err := emulator.ReadJSON(r, &body)
		if err == nil {
			err = do(body)
		}
		if err != nil {
			emulator.WriteError(w, http.StatusBadRequest, err)
			return
		}
		w.WriteHeader(status)
	}
}
