package hubspot

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"regexp"
	"strconv"
	"sync"
	"time"

	"crmsync/providers/emulator"
)

// portal is one HubSpot account.
type portal struct {
	id           int64
	account      string // the id as text, as in the log
	lag          time.Duration
	maxObjects   int
	anyLifecycle bool

	mu sync.Mutex
	// mu guards all below.
	tables map[*kind]*table
	nextID int64
	rng    *rand.Rand

	quota quota // has its own lock
}

// token is one bearer token of a portal.
type token struct {
	value   string
	portal  *portal
	scopes  map[string]bool // nil: all
	expires time.Time       // zero: never
	daily   bool            // has a daily limit at all; only public apps have none

	mu sync.Mutex
	// mu guards all below.
	burst       window
	deniedFrom  time.Time
	deniedUntil time.Time
}

// Why a portal cannot be added.
var (
	ErrTokenTaken  = errors.New("token belongs to a portal already")
	ErrUnknownPlan = errors.New("unknown plan")
	ErrFull        = errors.New("the emulator is full")
)

// AddPortal makes a portal and its token known. A second call with the same
// ID adds a token to that portal; its limits per day and for searches then
// hold for both tokens.
func (s *Server) AddPortal(p Portal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.addPortal(p)
	return err
}

// addPortal does the work of AddPortal with s.mu held.
func (s *Server) addPortal(p Portal) (*token, error) {
	planned, ok := limitsOf(p.Plan)
	switch {
	case !ok:
		return nil, fmt.Errorf("add portal %d with plan %q: %w: choose free, starter, professional, enterprise or oauth", p.ID, p.Plan, ErrUnknownPlan)
	case p.ID < 1:
		return nil, fmt.Errorf("add portal %d: give an id above zero", p.ID)
	case p.Token == "":
		return nil, fmt.Errorf("add portal %d: give it a token", p.ID)
	case s.tokens[p.Token] != nil:
		return nil, fmt.Errorf("add portal %d: %w: give it another one", p.ID, ErrTokenTaken)
	case len(s.tokens) >= maxTokens || len(s.portals) >= maxPortals:
		return nil, fmt.Errorf("add portal %d: %w: it has %d tokens of %d portals", p.ID, ErrFull, len(s.tokens), len(s.portals))
	}
	owner, err := s.portalFor(p)
	if err != nil {
		return nil, err
	}
	limits := p.Limits.over(planned)
	owner.quota.set(limits, p.Location)
	t := &token{value: p.Token, portal: owner, expires: p.Expires, daily: p.Plan != OAuth}
	t.burst = window{span: burstSpan, limit: limits.TenSecondly}
	if p.Scopes != nil {
		t.scopes = make(map[string]bool, len(p.Scopes))
		for _, scope := range p.Scopes {
			t.scopes[scope] = true
		}
	}
	s.tokens[p.Token], s.portals[p.ID] = t, owner
	return t, nil
}

// portalFor finds the portal or makes it, with its unique property ready.
func (s *Server) portalFor(p Portal) (*portal, error) {
	owner := s.portals[p.ID]
	if owner == nil {
		owner = &portal{
			id: p.ID, account: strconv.FormatInt(p.ID, 10), lag: s.config.SearchLag,
			maxObjects: s.config.MaxObjects, anyLifecycle: s.config.AnyLifecycle,
			tables: make(map[*kind]*table, len(s.kinds)), nextID: s.config.FirstID,
			rng: rand.New(rand.NewPCG(s.config.Seed, uint64(p.ID))),
		}
		for _, k := range s.kinds {
			owner.tables[k] = newTable(s.standard[k])
		}
	}
	for _, k := range s.kinds {
		err := owner.readyProperty(k, p.UniqueProperty, true, s.config.Now())
		if err == nil {
			err = owner.readyProperty(k, p.KeyProperty, false, s.config.Now())
		}
		if err != nil {
			return nil, fmt.Errorf("add portal %d: %w", p.ID, err)
		}
	}
	return owner, nil
}

// readyProperty makes a text property that names records, unless it is there or
// has no name. It fails when there is another one of that name.
func (p *portal) readyProperty(k *kind, name string, unique bool, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.tables[k]
	if name == "" {
		return nil
	}
	if slot := t.schema.slot(name); slot >= 0 && t.schema.props[slot].HasUniqueValue == unique && (unique || t.schema.props[slot].key) {
		return nil
	}
	group := ""
	for _, prop := range t.schema.props {
		group = prop.GroupName
	}
	return t.addProperty(Property{
		Name: name, Label: name, Type: "string", FieldType: "text", GroupName: group, HasUniqueValue: unique, key: !unique,
	}, now).asError("create property " + name + " of " + k.name)
}

// addProperty makes a property known, or says why not.
func (t *table) addProperty(p Property, now time.Time) *refusal {
	p.created = now
	grown, r := t.schema.with(p)
	if r == nil {
		t.schema = grown
	}
	return r
}

// asError is the refusal for a caller in the same process.
func (r *refusal) asError(attempt string) error {
	if r == nil {
		return nil
	}
	return fmt.Errorf("%s: %s", attempt, r.message)
}

var tokenPortal = regexp.MustCompile(`^pat-(?:[a-z]+\d-)?(\d{1,15})(?:\D|$)`)

// portalOf is the portal that an unknown token stands for.
func portalOf(token string) int64 {
	if m := tokenPortal.FindStringSubmatch(token); m != nil {
		if id, err := strconv.ParseInt(m[1], 10, 64); err == nil && id > 0 {
			return id
		}
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(token)) // a hash takes everything
	return int64(h.Sum32()) + 1
}

// token finds a bearer token, or makes a portal for it where the server
// accepts any.
func (s *Server) token(value string) *token {
	s.mu.RLock()
	t := s.tokens[value]
	s.mu.RUnlock()
	if t != nil || !s.config.UnknownTokens || value == "" {
		return t
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tokens[value]; t != nil {
		return t
	}
	p := s.config.NewPortal
	p.ID, p.Token = portalOf(value), value
	t, err := s.addPortal(p)
	if err != nil {
		return nil // New has tried the settings, so the server is full
	}
	return t
}

// Objects returns the objects of a portal, oldest first, archived ones too;
// nil when there is no such portal or object type. Properties that are not
// set are left out.
func (s *Server) Objects(portal int64, objectType string) []emulator.Object {
	p, k := s.portal(portal), kindOf(s.kinds, objectType)
	if p == nil || k == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.tables[k]
	out := make([]emulator.Object, len(t.order))
	for i, o := range t.order {
		out[i] = o.public(t.schema)
	}
	return out
}

func (o *object) public(s *schema) emulator.Object {
	state := o.snapshot()
	properties := map[string]string{}
	for slot, p := range s.props {
		if value := state.at(s, slot); value != "" {
			properties[p.Name] = value
		}
	}
	return emulator.Object{
		ID: o.id, Type: s.kind.name, Properties: properties,
		CreatedAt: o.created, UpdatedAt: o.updated, Archived: !o.archived.IsZero(),
	}
}

func (s *Server) portal(id int64) *portal {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.portals[id]
}
