package expr

import "fmt"

// Type is the type of a variable, a field or a result, as far as mappings tell
// types apart.
type Type uint8

// The types. Dyn is any of them, known only when the expression runs.
const (
	Dyn Type = iota
	Bool
	Int
	Double
	String
	Bytes
	Timestamp
	Duration
	List   // of anything
	Map    // from string to anything
	Object // with the fields of a Schema
	Null
)

var typeNames = [...]string{
	Dyn: "any value", Bool: "boolean", Int: "integer", Double: "number", String: "string", Bytes: "bytes",
	Timestamp: "timestamp", Duration: "duration", List: "list", Map: "map", Object: "object", Null: "null",
}

// String returns the type's name as messages use it.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("type(%d)", uint8(t))
}
