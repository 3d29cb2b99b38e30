package hubspot

import (
	"fmt"
	"regexp"
	"slices"
	"time"
)

// Option is one allowed value of an enumeration.
type Option struct {
	Label        string `json:"label"`
	Value        string `json:"value"`
	DisplayOrder int    `json:"displayOrder"`
	Hidden       bool   `json:"hidden"`
}

// Property is the definition of one field of an object type, named as in
// HubSpot's properties API.
type Property struct {
	Name           string   `json:"name"`
	Label          string   `json:"label"`
	Type           string   `json:"type"`      // string, number, bool, enumeration, date or datetime
	FieldType      string   `json:"fieldType"` // text, textarea, number, select, …
	GroupName      string   `json:"groupName"`
	Description    string   `json:"description"`
	Options        []Option `json:"options"`
	DisplayOrder   int      `json:"displayOrder"`
	HasUniqueValue bool     `json:"hasUniqueValue"`
	Hidden         bool     `json:"hidden"`
	FormField      bool     `json:"formField"`
	// ExternalOptions marks an enumeration whose values are ids from
	// elsewhere, such as owners; any number passes.
	ExternalOptions bool `json:"externalOptions"`
	// ReadOnly properties are set by the server alone.
	ReadOnly bool `json:"-"`

	standard bool // defined by HubSpot, not by the portal
	key      bool // what the portal's owner knows records by, without unique values
	created  time.Time
}

const (
	// maxUnique is how many custom unique properties an object type may have.
	maxUnique = 10
	// maxProperties bounds the custom properties of an object type.
	maxProperties = 1_000
	maxNameLength = 100
	maxOptions    = 5_000
)

var (
	propertyName  = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	propertyTypes = []string{"string", "number", "date", "datetime", "enumeration", "bool"}
	fieldTypes    = []string{
		"textarea", "text", "date", "file", "number", "select", "radio", "checkbox", "booleancheckbox",
		"phonenumber", "html", "calculation_equation",
	}
)

// fault returns what is wrong with the definition of a new property, in the
// words of the answer, or nothing. Not documented: the words, and which types
// may be unique.
func (p *Property) fault() string {
	switch {
	case !propertyName.MatchString(p.Name) || len(p.Name) > maxNameLength:
		return fmt.Sprintf("Property name %q is not valid. Use lower-case letters, digits and underscores, starting with a letter, at most %d", p.Name, maxNameLength)
	case p.Label == "":
		return "Some required fields were not set: [label]"
	case p.GroupName == "":
		return "Some required fields were not set: [groupName]"
	case !slices.Contains(propertyTypes, p.Type):
		return fmt.Sprintf("%q is not a valid property type. Valid types: %v", p.Type, propertyTypes)
	case !slices.Contains(fieldTypes, p.FieldType):
		return fmt.Sprintf("%q is not a valid field type. Valid field types: %v", p.FieldType, fieldTypes)
	case p.HasUniqueValue && p.Type != "string" && p.Type != "number":
		return fmt.Sprintf("Property %q of type %s can not have unique values", p.Name, p.Type)
	case len(p.Options) > maxOptions:
		return fmt.Sprintf("Property %q has %d options. At most %d are allowed", p.Name, len(p.Options), maxOptions)
	case p.Type == "enumeration" && len(p.Options) == 0 && !p.ExternalOptions:
		return fmt.Sprintf("Enumeration property %q needs options", p.Name)
	}
	return ""
}

// multiple says whether the values are lists such as a;b;c.
func (p *Property) multiple() bool { return p.Type == "enumeration" && p.FieldType == "checkbox" }
