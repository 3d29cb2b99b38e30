package hubspot

import "strings"

// kind is one type of CRM object.
type kind struct {
	name     string // as in paths and scopes: contacts
	typeID   string // 0-1
	singular string // as in messages: Contact
	legacy   string // as in other messages: CONTACT
	modified string // the property that holds the time of the last change
	// shown are the properties that a read returns when it asks for none.
	shown []string
	// oneOf are properties of which a new object needs at least one.
	oneOf []string
	// needs are properties that a create must bring. Upserts are let off:
	// HubSpot's own upsert sample of a deal has no deal stage.
	needs []string
	// defaults are set on a new object that does not bring them.
	defaults map[string]string
	// searched are the properties that the query of a search looks at.
	searched []string
}

// kinds returns the object types that the emulator has.
func kinds() []*kind {
	return []*kind{
		{
			name: "contacts", typeID: "0-1", singular: "Contact", legacy: "CONTACT", modified: "lastmodifieddate",
			shown:    []string{"createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"},
			oneOf:    []string{"email", "firstname", "lastname"},
			searched: []string{"email", "firstname", "lastname", "phone", "company"},
		},
		{
			name: "companies", typeID: "0-2", singular: "Company", legacy: "COMPANY", modified: "hs_lastmodifieddate",
			shown:    []string{"createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"},
			oneOf:    []string{"name", "domain"},
			searched: []string{"name", "domain", "website", "phone"},
		},
		{
			name: "deals", typeID: "0-3", singular: "Deal", legacy: "DEAL", modified: "hs_lastmodifieddate",
			shown: []string{
				"amount", "closedate", "createdate", "dealname", "dealstage", "hs_lastmodifieddate", "hs_object_id", "pipeline",
			},
			oneOf:    []string{"dealname"},
			needs:    []string{"dealstage"},
			defaults: map[string]string{"pipeline": "default"},
			searched: []string{"dealname", "description"},
		},
	}
}

// kindOf finds a type by its name in paths, its singular form or its type id.
func kindOf(all []*kind, name string) *kind {
	for _, k := range all {
		if name == k.name || name == k.typeID || strings.EqualFold(name, k.singular) {
			return k
		}
	}
	return nil
}
