package hubspot

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// propertyAnswer is a definition as HubSpot returns it.
type propertyAnswer struct {
	Property
	Calculated           bool      `json:"calculated"`
	HubspotDefined       bool      `json:"hubspotDefined,omitempty"`
	Archived             bool      `json:"archived"`
	CreatedAt            time.Time `json:"createdAt"`
	UpdatedAt            time.Time `json:"updatedAt"`
	ModificationMetadata struct {
		Archivable         bool `json:"archivable"`
		ReadOnlyDefinition bool `json:"readOnlyDefinition"`
		ReadOnlyValue      bool `json:"readOnlyValue"`
	} `json:"modificationMetadata"`
}

func (p *Property) answer() propertyAnswer {
	created := p.created.UTC().Truncate(time.Millisecond)
	a := propertyAnswer{Property: *p, HubspotDefined: p.standard, CreatedAt: created, UpdatedAt: created}
	if a.Options == nil {
		a.Options = []Option{}
	}
	a.ModificationMetadata.Archivable = !p.standard
	a.ModificationMetadata.ReadOnlyDefinition = p.standard
	a.ModificationMetadata.ReadOnlyValue = p.ReadOnly
	return a
}

// properties answers the calls on property definitions.
func (x *exchange) properties() *answer {
	if x.route.op == opNewProperty {
		return x.newProperty()
	}
	p := x.token.portal
	p.mu.Lock()
	schema := p.tables[x.route.kind].schema
	x.record(nil)
	p.mu.Unlock()
	if x.route.op == opProperties {
		all := make([]propertyAnswer, 0, len(schema.props))
		for _, slot := range schema.byName {
			all = append(all, schema.props[slot].answer())
		}
		return &answer{status: http.StatusOK, body: encoded(map[string]any{"results": all})}
	}
	slot := schema.slot(x.route.id)
	if slot < 0 { // Not documented: the body.
		return failure(http.StatusNotFound, errorBody{
			Message: fmt.Sprintf("Property %q does not exist", x.route.id), Category: "OBJECT_NOT_FOUND",
		})
	}
	return &answer{status: http.StatusOK, body: encoded(schema.props[slot].answer())}
}

func (x *exchange) newProperty() *answer {
	if r := invalidSyntax(x.body); r != nil {
		return r.answer()
	}
	var definition Property
	if err := json.Unmarshal(x.body, &definition); err != nil {
		return invalidJSON(string(x.body), err).answer()
	}
	p := x.token.portal
	p.mu.Lock()
	r := p.tables[x.route.kind].addProperty(definition, x.server.now())
	x.record(nil)
	p.mu.Unlock()
	if r != nil {
		return r.answer()
	}
	definition.created = x.server.now()
	return &answer{status: http.StatusCreated, body: encoded(definition.answer())}
}

// Why a property cannot be created.
var (
	ErrUnknownPortal     = errors.New("unknown portal")
	ErrUnknownObjectType = errors.New("unknown object type")
)

// CreateProperty adds a property to an object type of a portal, as a call of
// the properties API would.
func (s *Server) CreateProperty(portal int64, objectType string, p Property) error {
	attempt := fmt.Sprintf("create property %s of %s in portal %d", p.Name, objectType, portal)
	owner, k := s.portal(portal), kindOf(s.kinds, objectType)
	switch {
	case owner == nil:
		return fmt.Errorf("%s: %w: add it first", attempt, ErrUnknownPortal)
	case k == nil:
		return fmt.Errorf("%s: %w: choose contacts, companies or deals", attempt, ErrUnknownObjectType)
	}
	owner.mu.Lock()
	defer owner.mu.Unlock()
	return owner.tables[k].addProperty(p, s.config.Now()).asError(attempt)
}
