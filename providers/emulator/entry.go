package emulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Outcome says what a call did to one record.
type Outcome string

// The outcomes of a record. Only Created, Updated and Archived changed the
// object; replaying them in the order of the log gives the objects.
const (
	Created   Outcome = "created"
	Updated   Outcome = "updated"
	Unchanged Outcome = "unchanged" // accepted, and every value was there already
	Archived  Outcome = "archived"
	Absent    Outcome = "absent"    // an archive that found nothing to archive
	Rejected  Outcome = "rejected"  // refused for what it says
	Untouched Outcome = "untouched" // a fault or another record's refusal came first
	Found     Outcome = "found"     // read
	Missing   Outcome = "missing"   // asked for and not there
)

// Landed says whether the call changed the object.
func (o Outcome) Landed() bool { return o == Created || o == Updated || o == Archived }

// Value is one property of a record, as it was stored.
type Value struct {
	Name  string
	Value string
}

// Values are the properties that a call wrote, in the order of the request.
// In JSON they are one object.
type Values []Value

// MarshalJSON writes the values as one JSON object, in their order.
func (v Values) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, pair := range v {
		if i > 0 {
			out = append(out, ',')
		}
		name, err := json.Marshal(pair.Name)
		if err != nil {
			return nil, fmt.Errorf("encode property name: %w", err)
		}
		value, err := json.Marshal(pair.Value)
		if err != nil {
			return nil, fmt.Errorf("encode property value: %w", err)
		}
		out = append(append(append(out, name...), ':'), value...)
	}
	return append(out, '}'), nil
}

// UnmarshalJSON reads one JSON object of strings, sorted by name.
func (v *Values) UnmarshalJSON(data []byte) error {
	pairs := map[string]string{}
	if err := json.Unmarshal(data, &pairs); err != nil {
		return fmt.Errorf("decode properties: %w", err)
	}
	*v = (*v)[:0]
	for name, value := range pairs {
		*v = append(*v, Value{name, value})
	}
	slices.SortFunc(*v, func(a, b Value) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

// Record is what one call did to one record.
type Record struct {
	// ID is the CRM's own id; empty when the call made none and named none.
	ID string `json:"id,omitempty"`
	// UniqueProperty and UniqueValue are how the call named the record, when
	// it did so by a unique property, and otherwise the record's own unique
	// property, or the one that the account's owner knows records by, if the
	// record has it set.
	UniqueProperty string  `json:"unique_property,omitempty"`
	UniqueValue    string  `json:"unique_value,omitempty"`
	Outcome        Outcome `json:"outcome"`
	// Reason is the CRM's own word for a refusal.
	Reason string `json:"reason,omitempty"`
	// Properties are the values that were stored, in the form in which they
	// were stored; empty unless the outcome is Created, Updated or Unchanged.
	Properties Values `json:"properties,omitempty"`
}

// Entry is one line of the history log: one request and its effects.
type Entry struct {
	// Seq rises by one with every entry of a server, across all accounts. It
	// is taken under the lock in which the effects happen, so the order of
	// the log is the order of the effects.
	Seq   int64     `json:"seq"`
	Start time.Time `json:"start"`
	// Landed is when the request changed objects, all at once; zero when it
	// changed none and never will.
	Landed time.Time `json:"landed,omitzero"`
	// End is when the answer was written or the request was abandoned; zero
	// while the client is still waiting.
	End        time.Time `json:"end,omitzero"`
	Account    string    `json:"account,omitempty"`
	Method     string    `json:"method"`
	Path       string    `json:"path"`
	Operation  string    `json:"operation"`
	ObjectType string    `json:"object_type,omitempty"`
	// Status is the HTTP status of the answer; 0 while there is none, and
	// for ever when a fault swallowed it.
	Status  int       `json:"status"`
	Fault   FaultKind `json:"fault,omitempty"`
	Records []Record  `json:"records,omitempty"`
}

// Object is one record as a CRM holds it.
type Object struct {
	ID         string            `json:"id"`
	Type       string            `json:"type"`
	Properties map[string]string `json:"properties"`
	CreatedAt  time.Time         `json:"created_at"`
	UpdatedAt  time.Time         `json:"updated_at"`
	Archived   bool              `json:"archived"`
}
