package expr

import "crmsync"

// Scope holds the values that expressions read, and scratch memory. It is
// reusable and not for concurrent use. The zero Scope is ready.
type Scope struct{}

// Reset puts an event in the place of what was there: record, event, record_id,
// org_id and vars. The event's Data is parsed, its fields are converted only
// when they are read. It fails when Data is not a JSON object; nil Data is an
// empty one. The event must stay untouched while the scope is in use.
func (s *Scope) Reset(ev *crmsync.Event, vars *Vars) error { return nil }

// Set gives a variable of a plain Env its value, see ValueOf.
func (s *Scope) Set(name string, v any) {}

// SetJSON parses data and gives it to a variable of a plain Env. Memory is
// reused from the variable's last SetJSON. It fails when data is not JSON.
func (s *Scope) SetJSON(name string, data []byte) error { return nil }

// Clear forgets all variables.
func (s *Scope) Clear() {}
