package dsl

// field is one CRM field of a program.
type field struct {
	name    string
	key     []byte // `"name":`
	at      place  // of the value
	from    string // the file it was inherited from; empty: the mapping's own
	value   *snippet
	fixed   []byte            // JSON of a constant, when value is nil
	listed  map[string][]byte // `map`: text of the value to JSON; nil: none
	instead []byte            // `default` as JSON; nil: none
	as      conversion
	omit    bool // on_error: omit
	write   writing
}

// writing says in which calls a field goes.
type writing uint8

const (
	writeAlways writing = iota
	writeOnCreate
	writeOnUpdate
)

// conversion is a field's `type`.
type conversion uint8

const (
	asIs conversion = iota
	asString
	asInteger
	asNumber
	asBoolean
	asDate
	asTimestamp
	asList
)

var conversionTypes = map[string]conversion{
	"string": asString, "integer": asInteger, "number": asNumber, "boolean": asBoolean,
	"date": asDate, "timestamp": asTimestamp, "list": asList,
}
