package hubspot

import (
	_ "embed" // the standard properties
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

//go:embed standard.json
var standardProperties []byte

// schema is the set of properties of one object type in one portal. It never
// changes: adding a property makes a new one, so that answers can be encoded
// without a lock. Each property has a slot, its index in an object's values.
type schema struct {
	kind     *kind
	props    []*Property // by slot
	slots    map[string]int
	byName   []int // slots in the order of their names
	unique   []int // slots with unique values
	keys     []int // slots that the portal's owner knows records by
	shown    []int // what a read returns when it asks for nothing
	id       int   // the slot of hs_object_id
	created  int
	modified int
	stage    int // lifecyclestage, or -1
	email    int // email of contacts, or -1
}

// standardSchemas reads the properties that HubSpot defines, by object type.
func standardSchemas(all []*kind, now time.Time) (map[*kind]*schema, error) {
	var file map[string][]struct {
		Property
		ReadOnly bool `json:"readOnly"`
	}
	if err := json.Unmarshal(standardProperties, &file); err != nil {
		return nil, fmt.Errorf("read the standard properties: %w", err)
	}
	out := make(map[*kind]*schema, len(all))
	for _, k := range all {
		props := make([]*Property, 0, len(file[k.name]))
		for _, line := range file[k.name] {
			p := line.Property
			p.ReadOnly, p.standard, p.created = line.ReadOnly, true, now
			for i := range p.Options {
				p.Options[i].DisplayOrder = i
			}
			props = append(props, &p)
		}
		out[k] = newSchema(k, props)
	}
	return out, nil
}

func newSchema(k *kind, props []*Property) *schema {
	s := &schema{kind: k, props: props, slots: make(map[string]int, len(props)), stage: -1, email: -1}
	for slot, p := range props {
		s.slots[p.Name] = slot
		s.byName = append(s.byName, slot)
		if p.HasUniqueValue {
			s.unique = append(s.unique, slot)
		}
		if p.key || p.HasUniqueValue && !p.standard {
			s.keys = append(s.keys, slot)
		}
	}
	slices.SortFunc(s.byName, func(a, b int) int { return strings.Compare(props[a].Name, props[b].Name) })
	for _, name := range k.shown {
		s.shown = append(s.shown, s.slots[name])
	}
	s.id, s.created, s.modified = s.slots["hs_object_id"], s.slots["createdate"], s.slots[k.modified]
	if slot, ok := s.slots["lifecyclestage"]; ok {
		s.stage = slot
	}
	if slot, ok := s.slots["email"]; ok && k.name == "contacts" {
		s.email = slot
	}
	return s
}

// slot finds a property by name, or returns -1.
func (s *schema) slot(name string) int {
	if slot, ok := s.slots[name]; ok {
		return slot
	}
	return -1
}

// with returns a schema that has p as well, or why that is refused. Not
// documented: the answers of the refusals.
func (s *schema) with(p Property) (*schema, *refusal) {
	if fault := p.fault(); fault != "" {
		return nil, refused(fault)
	}
	if s.slot(p.Name) >= 0 {
		return nil, &refusal{
			status: http.StatusConflict, category: "OBJECT_ALREADY_EXISTS",
			message: fmt.Sprintf("A property named '%s' already exists", p.Name),
		}
	}
	custom, unique := 0, 0
	for _, other := range s.props {
		if other.standard {
			continue
		}
		custom++
		if other.HasUniqueValue {
			unique++
		}
	}
	if custom >= maxProperties {
		return nil, refused(fmt.Sprintf("%s can have at most %d custom properties", s.kind.name, maxProperties))
	}
	if p.HasUniqueValue && unique >= maxUnique {
		return nil, refused(fmt.Sprintf("%s can have at most %d properties with unique values", s.kind.name, maxUnique))
	}
	return newSchema(s.kind, append(slices.Clip(slices.Clone(s.props)), &p)), nil
}

// read returns the slots for the names that a request asks for, without those
// that are not defined, or the usual ones when it names none.
func (s *schema) read(names []string) []int {
	if len(names) == 0 {
		return s.shown
	}
	asked := map[int]bool{s.id: true, s.created: true, s.modified: true}
	for _, name := range names {
		if slot := s.slot(name); slot >= 0 {
			asked[slot] = true
		}
	}
	return slices.Collect(maps.Keys(asked))
}

// uniqueSlot returns the slot that an idProperty names: -1 stands for the
// record id itself. It is false when the property has no unique values.
func (s *schema) uniqueSlot(idProperty string) (int, bool) {
	if idProperty == "" || idProperty == "hs_object_id" {
		return -1, true
	}
	slot := s.slot(idProperty)
	return slot, slot >= 0 && s.props[slot].HasUniqueValue
}

// ownName returns the first custom property that names records and is set,
// which is how the portal's owner knows the record.
func (s *schema) ownName(values []string) (name, value string) {
	for _, slot := range s.keys {
		if value := valueAt(values, slot); value != "" {
			return s.props[slot].Name, value
		}
	}
	return "", ""
}
