package dsl

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"crmsync"
	"crmsync/dsl/document"
	"crmsync/dsl/expr"
	"crmsync/schemas"
)

// Options say what a folder of mappings rests on. The zero Options are fine.
type Options struct {
	// Dir is what messages call the folder; "mappings" if empty.
	Dir string
	// Schemas is laid out like the folder schemas: records/<type>.schema.json,
	// providers/<provider>/<object>.json, orgs/<org>/<provider>/<object>.json.
	// A file there goes before the built-in one of that name. May be nil.
	Schemas fs.FS
	// Providers are the names that a connection may name; empty: any.
	Providers []string
	// Compiler shares what it has compiled with later loads; nil: a new one.
	Compiler *expr.Compiler
	// Tests reads and checks the mappings' tests too.
	Tests bool
	// RequireTests warns of mappings without tests (CM403). It implies Tests.
	RequireTests bool
}

// Load reads all orgs and mappings below fsys. It returns everything that is
// wrong or doubtful, in file order, and a nil set if any of it is an error: a
// set is used whole or not at all.
func Load(fsys fs.FS, opt Options) (set *Set, ds document.Diagnostics) {
	l, err := newLoader(fsys, opt)
	if err != nil {
		return nil, document.Diagnostics{fileDiagnostic(l.Dir, "CM101", "prepare the loading of mappings: "+err.Error(), "")}
	}
	if wrong := contained(l.Dir, func() { set, ds = l.load() }); wrong != nil {
		return nil, wrong
	}
	return set, ds
}

// load is Load with its loader.
func (l *loader) load() (*Set, document.Diagnostics) {
	files, wrong := scan(l.fsys, l.Dir)
	l.wrong = wrong
	l.readAll(files)
	l.place()
	l.readOrgs()
	l.compileAll()
	l.lint()
	l.checkTests()
	return l.finish()
}

// loader is one load: what it has read, compiled and found wrong.
type loader struct {
	Options
	fsys     fs.FS
	formats  formats
	compiler *expr.Compiler
	catalogs *catalogs

	sources  []*source
	maps     map[slot]*source
	tests    map[slot]*source
	orgs     map[string]*source
	records  map[string]*expr.Schema
	builds   map[slot]*build
	accounts map[string][]crmsync.Connection
	wrong    document.Diagnostics // about no source in particular
}

// builtinFormats compiles the schemas of our own file formats, once: they are
// part of the program.
var builtinFormats = sync.OnceValues(func() (f formats, err error) {
	for name, to := range map[string]**document.Schema{"mapping": &f.mapping, "org": &f.org, "mapping_test": &f.test} {
		src, _ := schemas.Format(name)
		if *to, err = document.CompileSchema(name, src); err != nil {
			return f, fmt.Errorf("schema %s: %w", name, err)
		}
	}
	return f, nil
})

// newLoader fills in the options' defaults.
func newLoader(fsys fs.FS, opt Options) (*loader, error) {
	l := &loader{
		Options: opt, fsys: fsys, compiler: opt.Compiler,
		maps: map[slot]*source{}, tests: map[slot]*source{}, orgs: map[string]*source{},
		records: map[string]*expr.Schema{}, builds: map[slot]*build{}, accounts: map[string][]crmsync.Connection{},
	}
	if l.Dir == "" {
		l.Dir = "mappings"
	}
	l.Tests = opt.Tests || opt.RequireTests
	var err error
	if l.formats, err = builtinFormats(); err != nil {
		return l, err
	}
	if l.catalogs, err = newCatalogs(opt.Schemas); err != nil {
		return l, err
	}
	if l.compiler == nil {
		l.compiler, err = expr.NewCompiler()
	}
	return l, err
}

// parallel calls do(0) … do(n-1) on all cores and waits for them.
func parallel(n int, do func(i int)) {
	var wg sync.WaitGroup
	var next atomic.Int64
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wg.Wait()
}

// readAll parses the files, but tests only when they are wanted.
func (l *loader) readAll(files []found) {
	if !l.Tests {
		files = slices.DeleteFunc(files, func(f found) bool { return f.kind == testFile })
	}
	l.sources = make([]*source, len(files))
	parallel(len(files), func(i int) { l.sources[i] = l.readOne(files[i]) })
}

// place gives each file its slot and checks that it says the same of itself.
func (l *loader) place() {
	for _, s := range l.sources {
		switch s.kind {
		case orgFile:
			l.orgs[s.slot.org] = s
		case testFile:
			l.tests[s.slot] = s
		case mappingFile:
			l.maps[s.slot] = s
		}
	}
	for _, s := range l.maps {
		l.checkPath(s)
		l.record(s)
		if s.slot.org == Global { // an org's own mapping needs a connection, see CM406
			l.checkProvider(s, s.root.Get("provider"))
		}
	}
}

// checkPath reports a mapping that stands in the wrong place.
func (l *loader) checkPath(s *source) {
	says := slot{s.slot.org, text(s.root, "provider"), text(s.root, "record_type")}
	if says == s.slot || says.provider == "" || says.record == "" {
		return
	}
	n, want := s.root.Get("record_type"), s.slot.record
	if says.record == s.slot.record {
		n, want = s.root.Get("provider"), s.slot.provider
	}
	got, _ := n.Text()
	if other := l.maps[says]; other != nil {
		s.wrong = append(s.wrong, diagnose(n, "CM108", n.Range(), fmt.Sprintf("another file maps the %s records of %s for %s already", says.record, says.org, says.provider), "see "+other.name))
		return
	}
	d := diagnose(n, "CM107", n.Range(), fmt.Sprintf("the file's path says %s %q and the file says %q", n.Key(), want, got), fmt.Sprintf("write %q, or move the file to %s", want, path.Join(l.Dir, says.file())))
	d.Fix = &document.Fix{Range: n.Range(), Text: want}
	s.wrong = append(s.wrong, d)
}

// compileAll compiles the fallbacks, then the mappings that may extend them.
func (l *loader) compileAll() {
	for _, global := range []bool{true, false} {
		var todo []*source
		for _, s := range l.sources {
			if s.kind == mappingFile && (s.slot.org == Global) == global {
				todo = append(todo, s)
			}
		}
		built := make([]*build, len(todo))
		parallel(len(todo), func(i int) { built[i] = l.buildOne(todo[i]) })
		for i, s := range todo {
			l.builds[s.slot] = built[i]
		}
	}
}

// compileOne compiles a mapping with the one it extends.
func (l *loader) compileOne(s *source) *build {
	base, ok := l.baseOf(s)
	if !ok {
		return &build{loader: l, own: s}
	}
	baseOK := true
	if base != nil {
		baseOK = !base.wrong.HasErrors() && !l.builds[base.slot].wrong.HasErrors()
	}
	return l.compile(s, base, baseOK)
}

// baseOf returns the mapping that s extends, nil if it extends none; ok is
// false when there is none to be had.
func (l *loader) baseOf(s *source) (base *source, ok bool) {
	n := s.root.Get("extends")
	if n.Kind() == document.Invalid {
		return nil, true
	}
	if s.slot.org == Global {
		s.wrong = append(s.wrong, diagnose(n, "CM111", key(n), "a fallback mapping has nothing to extend", "take the line out"))
		return nil, false
	}
	at := slot{Global, s.slot.provider, s.slot.record}
	for _, c := range []slot{at, {Global, AnyProvider, s.slot.record}} {
		if base := l.maps[c]; base != nil {
			return base, base.root != nil
		}
	}
	s.wrong = append(s.wrong, diagnose(n, "CM111", key(n), "there is no fallback mapping to extend", "write "+path.Join(l.Dir, at.file())+", or map all fields here and take extends out"))
	return nil, false
}

// finish gathers what is wrong and makes the set.
func (l *loader) finish() (*Set, document.Diagnostics) {
	all := slices.Clone(l.wrong)
	for _, s := range l.sources {
		if b := l.builds[s.slot]; s.kind == mappingFile && b != nil {
			s.wrong = append(s.wrong, b.wrong...)
		}
		all = append(all, l.annotated(s)...)
	}
	all.Sort()
	if all.HasErrors() {
		return nil, all
	}
	set := &Set{dir: l.Dir, orgs: l.accounts, programs: make(map[slot]*Program, len(l.builds)), hash: l.hash(), schemas: l.Schemas}
	for at, b := range l.builds {
		set.programs[at] = b.program
	}
	for _, s := range l.sources {
		if s.kind == testFile {
			set.tests = append(set.tests, s)
		}
	}
	return set, all
}

// hash digests all files but tests, by path and content.
func (l *loader) hash() string {
	h := sha256.New()
	for _, s := range l.sources {
		if s.kind != testFile {
			fmt.Fprintf(h, "%s\x00%d\x00", s.path, len(s.doc.Source()))
			h.Write(s.doc.Source())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.records)) {
		src, _ := l.schema("records/" + name + ".schema.json")
		fmt.Fprintf(h, "%s\x00%d\x00", name, len(src))
		h.Write(src)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
