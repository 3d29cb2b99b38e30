package dsl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/fsnotify/fsnotify"

	"crmsync/dsl/document"
	"crmsync/dsl/expr"
)

// The pace of a watch.
const (
	// settleTime is how long files must rest before they are read: an editor or
	// a checkout writes many at once.
	settleTime = 300 * time.Millisecond
	// rescanTime is how often the folder is looked at even without news. Mounted
	// ConfigMaps and network folders change without telling.
	rescanTime = 10 * time.Second
	// maxWatched bounds the folders that are watched; those beyond it are found
	// by the re-scan.
	maxWatched = 4096
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
	stamped uint64 // the state of the folder when it was last read
	refused bool   // what was read last; this and stamped are Watch's alone
}

// SchemasBeside returns the folder schemas that stands beside a folder of
// mappings, as in our own repository; nil if there is none. For a folder behind
// a symbolic link it may stand beside the link or beside the folder itself. It
// is what knows the custom fields of orgs.
func SchemasBeside(dir string) fs.FS {
	places := []string{dir}
	if target, err := filepath.EvalSymlinks(dir); err == nil {
		places = append(places, target)
	}
	for _, place := range places {
		beside := filepath.Join(place, "..", "schemas")
		if st, err := os.Stat(beside); err == nil && st.IsDir() {
			return os.DirFS(beside)
		}
	}
	return nil
}

// Open loads the folder dir, with SchemasBeside where no others are given. The
// registry is nil if there are errors; warnings come beside it.
func Open(dir string, opt Options) (*Registry, document.Diagnostics) {
	if opt.Compiler == nil {
		c, err := expr.NewCompiler()
		if err != nil {
			return nil, document.Diagnostics{fileDiagnostic(dir, "CM101", "prepare the loading of mappings: "+err.Error(), "")}
		}
		opt.Compiler = c // its caches make a reload cheap
	}
	if opt.Dir == "" {
		opt.Dir = filepath.ToSlash(filepath.Clean(dir))
	}
	if opt.Schemas == nil {
		opt.Schemas = SchemasBeside(dir)
	}
	r := &Registry{dir: dir, opt: opt}
	r.stamped = r.stamp()
	set, ds := Load(os.DirFS(dir), opt)
	if set == nil {
		return nil, ds
	}
	r.current.Store(set)
	return r, ds
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

// Watch reloads the set whenever a file of the folder changes, until ctx ends.
// A folder with a broken file is refused as a whole, and the set in use stays.
// Report is told of each reading that changed the set, was refused, or is sound
// again after one that was refused: one at a time, by Watch's own goroutine.
// Only one Watch may run. The folder is also looked at every 10 seconds, for
// mounts and systems that don't tell of changes. The error says that the folder
// is not there when watching starts; later that is a reading that is refused.
func (r *Registry) Watch(ctx context.Context, report func(Reload)) error {
	if r.dir == "" { // a held set
		<-ctx.Done()
		return nil
	}
	if _, err := os.ReadDir(r.dir); err != nil {
		return fmt.Errorf("watch mappings: %w", err)
	}
	ticker := time.NewTicker(rescanTime)
	defer ticker.Stop()
	t := ticks{rescan: ticker.C, after: time.After}
	w, err := fsnotify.NewWatcher()
	if err != nil { // the re-scan still finds every change
		r.loop(ctx, t, news{watch: func() {}}, report)
		return nil
	}
	defer func() { _ = w.Close() }() // nothing was written
	n := news{events: w.Events, errors: w.Errors, watch: func() { watchFolders(w, r.dir) }}
	n.watch()
	r.loop(ctx, t, n, report)
	return nil
}

// news is what the file system tells.
type news struct {
	events <-chan fsnotify.Event
	errors <-chan error // events may be lost
	watch  func()       // watches folders that are new
}

// ticks are the times that a watch waits for.
type ticks struct {
	rescan <-chan time.Time
	// after returns a channel that gets the time once d has passed.
	after func(d time.Duration) <-chan time.Time
}

// loop waits for news and reads the folder when it has settled.
func (r *Registry) loop(ctx context.Context, t ticks, n news, report func(Reload)) {
	var settled <-chan time.Time
	if r.stamp() != r.stamped { // changed before it was watched
		settled = t.after(settleTime)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.events:
			settled = t.after(settleTime)
		case err := <-n.errors: // news were lost
			if err == nil {
				n.errors = nil // closed
				continue
			}
			settled = t.after(settleTime)
		case at := <-settled:
			settled = nil
			n.watch()
			r.reload(at, report)
		case at := <-t.rescan:
			if r.stamp() != r.stamped {
				n.watch()
				r.reload(at, report)
			}
		}
	}
}

// reload reads the folder and swaps the set if it is another and sound.
func (r *Registry) reload(at time.Time, report func(Reload)) {
	old := r.Current()
	r.stamped = r.stamp() // before reading: what changes meanwhile is found again
	set, ds := Load(os.DirFS(r.dir), r.opt)
	if set == nil {
		r.refused = true
		report(Reload{At: at, Set: old, Diagnostics: ds})
		return
	}
	changed := set.Hash() != old.Hash()
	if changed {
		r.current.Store(set)
	}
	if changed || r.refused {
		r.refused = false
		report(Reload{At: at, Set: r.Current(), Changed: changed, Diagnostics: ds})
	}
}

// stamp returns what tells one state of the folder from another: a digest of
// the names, sizes and times of all its files, followed through links.
func (r *Registry) stamp() uint64 {
	var h xxhash.Digest
	h.Reset()
	eachFolder(r.dir, func(dir string, entries []os.DirEntry) bool {
		for _, e := range entries {
			name := filepath.Join(dir, e.Name())
			if st, err := os.Stat(name); err == nil && !st.IsDir() {
				fmt.Fprintf(&h, "%s\x00%d\x00%d\x00", name, st.Size(), st.ModTime().UnixNano())
			}
		}
		return true
	})
	return h.Sum64()
}

// watchFolders watches the folder and those below. Watching one twice changes
// nothing; one that can't be watched is found by the re-scan.
func watchFolders(w *fsnotify.Watcher, root string) {
	n := 0
	eachFolder(root, func(dir string, _ []os.DirEntry) bool {
		n++
		return w.Add(dir) == nil && n < maxWatched
	})
}

// eachFolder calls do for the folder and those up to two levels below, followed
// through links, until do returns false.
func eachFolder(root string, do func(dir string, entries []os.DirEntry) bool) {
	level := []string{root}
	for range 3 {
		var next []string
		for _, dir := range level {
			entries, err := os.ReadDir(dir)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if !do(dir, entries) {
				return
			}
			for _, e := range entries {
				p := filepath.Join(dir, e.Name())
				if st, err := os.Stat(p); err == nil && st.IsDir() && !strings.HasPrefix(e.Name(), ".") {
					next = append(next, p)
				}
			}
		}
		level = next
	}
}
