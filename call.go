package crmsync

import (
	"fmt"
	"time"
)

// Operation is what a call asks of the CRM.
type Operation uint8

// The operations of a call.
const (
	Upsert  Operation = iota // create or update by Match
	Create                   // create, where the CRM has no upsert
	Update                   // update by ExternalID
	Archive                  // delete by ExternalID
	Find                     // look for the object by Match, change nothing
)

var operationNames = [...]string{Upsert: "upsert", Create: "create", Update: "update", Archive: "archive", Find: "find"}

// String returns the operation as provider files, metrics and logs name it.
func (o Operation) String() string {
	if int(o) < len(operationNames) {
		return operationNames[o]
	}
	return fmt.Sprintf("operation(%d)", uint8(o))
}

// ParseOperation returns the operation of that name; ok is false for any other text.
func ParseOperation(name string) (op Operation, ok bool) {
	for i, n := range operationNames {
		if n == name {
			return Operation(i), true
		}
	}
	return 0, false
}

// Match is how the CRM finds an existing object: a unique field and its value.
type Match struct{ Field, Value string }

// Call is one request to one CRM object, in the CRM's field names.
type Call struct {
	Key        RecordKey
	Version    int64
	ExternalID string // of Update and Archive
	Match      Match  // of Upsert, Create and Find
	Fields     []byte // a JSON object; a null clears the field
	// Hash tells whether two calls leave the object the same. An update whose
	// hash is the link's needs no request. Zero never equals anything.
	Hash uint64
}

// Batch is calls of one connection, object and operation that travel in one
// HTTP request. No byte of it may leave after Deadline. No two of its calls are
// of one record.
type Batch struct {
	Connection Connection
	Credential Secret
	Object     string
	Operation  Operation
	Deadline   time.Time
	Calls      []Call
}

// Result is the answer to one call. A nil Fault means that it was done.
type Result struct {
	ExternalID string // of the object; empty only beside a fault, or after Archive
	Created    bool   // the object is new
	Fault      *Fault
}

// Answer is what a batch brought: one result per call, in the calls' order, and
// what the CRM told of its budgets.
type Answer struct {
	Results  []Result
	Readings []Reading
	Status   int // HTTP status; 0 when no answer came
}
