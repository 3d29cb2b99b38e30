package crmsync

import (
	"errors"
	"fmt"
	"time"
)

// Kind is what a failure asks of the caller. It is the one thing to branch on.
type Kind uint8

// The kinds of a fault.
const (
	Internal   Kind = iota // our own mistake: dead letter, alarm
	Transient              // it did not happen: try again later
	Throttled              // it did not happen: the account is closed for After
	Quota                  // it did not happen: a long budget is used up, closed for After
	Denied                 // it did not happen: the credential is refused
	Rejected               // the CRM will never take this call: dead letter
	Missing                // the object is not there
	Conflict               // another object holds the match value, named by ExistingID if known
	Dependency             // another record must be there first
	Ambiguous              // nobody knows whether it happened, or still will
)

var kindNames = [...]string{
	Internal: "internal", Transient: "transient", Throttled: "throttled", Quota: "quota", Denied: "denied",
	Rejected: "rejected", Missing: "missing", Conflict: "conflict", Dependency: "dependency", Ambiguous: "ambiguous",
}

// String returns the kind as provider files, metrics and logs name it.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// ParseKind returns the kind of that name; ok is false for any other text.
func ParseKind(name string) (kind Kind, ok bool) {
	for i, n := range kindNames {
		if n == name {
			return Kind(i), true
		}
	}
	return 0, false
}

// Fault is a failure and what it asks of the caller.
type Fault struct {
	Kind Kind
	// Code is the reason in one stable word, ours (invalid_json) or the CRM's
	// (PROPERTY_DOESNT_EXIST). It holds no datum and may go into a metric.
	Code string
	// Message is for a person who may see the record. It can hold the CRM's own
	// words, so it goes to the dead-letter queue and never to a log.
	Message    string
	Where      string        // file:line:col in the mapping that is to blame; may be empty
	Field      string        // the CRM's field that is to blame; may be empty
	After      time.Duration // how long to wait; 0: no hint
	ExistingID string        // of Conflict: the object that is there already
	// Whole says that the answer blames the request and not this call: sent with
	// fewer companions the call may pass.
	Whole bool
	Err   error // the cause, for errors.Is; may be nil
}

// Error returns kind and code, and the cause's text where there is one. It
// leaves out Message, which may hold personal data.
func (f *Fault) Error() string {
	s := f.Kind.String()
	if f.Code != "" {
		s += " " + f.Code
	}
	if f.Where != "" {
		s = f.Where + ": " + s
	}
	if f.Err != nil {
		s += ": " + f.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }

// KindOf returns the kind of the first Fault in err's tree, else Internal.
func KindOf(err error) Kind {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.Kind
	}
	return Internal
}
