package dsl

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"crmsync/dsl/document"
)

// Caps on what a folder may hold. Beyond them a load is refused instead of
// growing without bound.
const (
	maxOrgs        = 50_000
	maxFilesPerOrg = 200
)

var (
	orgName    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)
	folderName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
)

// fileKind is what a file is to the mapping language.
type fileKind uint8

const (
	orgFile fileKind = iota
	mappingFile
	testFile
)

// found is one file of the folder.
type found struct {
	kind fileKind
	path string // below the folder
	slot slot   // of an orgFile only the org
}

// scanner walks a folder of mappings. Folders are entered also through
// symbolic links, as Kubernetes mounts them.
type scanner struct {
	fsys  fs.FS
	dir   string
	files []found
	wrong document.Diagnostics
}

// scan lists the files of the folder, sorted by path, and reports those that
// stand where nothing would read them.
func scan(fsys fs.FS, dir string) ([]found, document.Diagnostics) {
	s := &scanner{fsys: fsys, dir: dir}
	orgs := s.list(".")
	if len(orgs) > maxOrgs {
		s.report(".", "CM112", fmt.Sprintf("the folder has %d entries, more than %d", len(orgs), maxOrgs), "split it over several processes")
		return nil, s.wrong
	}
	for _, e := range orgs {
		switch {
		case s.isDir(e.path):
			s.org(e.name)
		case isYAML(e.name):
			s.report(e.path, "CM107", "no file is read from this folder itself", "a mapping stands in <org>/<provider>/<record_type>.yaml")
		}
	}
	slices.SortFunc(s.files, func(a, b found) int { return cmp.Compare(a.path, b.path) })
	return s.files, s.wrong
}

// entry is one name of a folder.
type entry struct{ name, path string }

// list returns the entries of a folder but those whose names start with a dot.
func (s *scanner) list(dir string) []entry {
	es, err := fs.ReadDir(s.fsys, dir)
	if err != nil {
		s.report(dir, "CM101", "read folder: "+cause(err), "check that it is there and may be read")
		return nil
	}
	var out []entry
	for _, e := range es {
		if !strings.HasPrefix(e.Name(), ".") {
			out = append(out, entry{e.Name(), path.Join(dir, e.Name())})
		}
	}
	return out
}

// isDir tells whether there is a folder at p, followed through a link.
func (s *scanner) isDir(p string) bool {
	st, err := fs.Stat(s.fsys, p)
	return err == nil && st.IsDir()
}

// org collects the files of one org's folder.
func (s *scanner) org(org string) {
	if org != Global && !orgName.MatchString(org) {
		s.report(org, "CM107", fmt.Sprintf("%q is no name of an org", org), "it is made of letters, digits, dot, dash and underscore, and starts with a letter or digit")
		return
	}
	before := len(s.files)
	for _, e := range s.list(org) {
		switch {
		case s.isDir(e.path):
			s.provider(org, e.name)
		case e.name == "org.yaml" && org != Global:
			s.files = append(s.files, found{orgFile, e.path, slot{org: org}})
		case e.name == "org.yaml":
			s.report(e.path, "CM107", "the fallback for all orgs has no connections of its own", "move it to the folder of an org")
		case isYAML(e.name):
			s.report(e.path, "CM107", "this file is not read here", fmt.Sprintf("a mapping stands in %s/<provider>/<record_type>.yaml, connections in %s/org.yaml", org, org))
		}
	}
	if n := len(s.files) - before; n > maxFilesPerOrg {
		s.report(org, "CM112", fmt.Sprintf("the org has %d files, more than %d", n, maxFilesPerOrg), "take out what it doesn't need")
		s.files = s.files[:before]
	}
}

// provider collects the mappings of one org for one provider.
func (s *scanner) provider(org, provider string) {
	dir := org + "/" + provider
	if provider != AnyProvider && !folderName.MatchString(provider) {
		s.report(dir, "CM107", fmt.Sprintf("%q is no name of a provider", provider), "it is made of small letters, digits and underscores, and starts with a letter")
		return
	}
	for _, e := range s.list(dir) {
		switch name, yaml := strings.CutSuffix(e.name, ".yaml"); {
		case s.isDir(e.path):
			s.report(e.path, "CM107", "folders are not read here", "a mapping stands in <org>/<provider>/<record_type>.yaml")
		case !yaml && isYAML(e.name):
			s.report(e.path, "CM107", "a mapping's name ends in .yaml", "rename it to "+strings.TrimSuffix(e.name, ".yml")+".yaml")
		case yaml:
			s.mapping(e.path, org, provider, name)
		}
	}
}

// mapping adds a mapping or the tests of one.
func (s *scanner) mapping(p, org, provider, name string) {
	kind := mappingFile
	if rest, ok := strings.CutSuffix(name, "_test"); ok {
		kind, name = testFile, rest
	}
	if !folderName.MatchString(name) {
		s.report(p, "CM107", fmt.Sprintf("%q is no name of a record type", name), "it is made of small letters, digits and underscores, and starts with a letter")
		return
	}
	s.files = append(s.files, found{kind, p, slot{org, provider, name}})
}

// report adds a diagnostic about a whole file or folder.
func (s *scanner) report(p, id, message, help string) {
	s.wrong = append(s.wrong, fileDiagnostic(path.Join(s.dir, p), id, message, help))
}

// isYAML tells whether a file's name says that it is YAML.
func isYAML(name string) bool {
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

// readFile returns a file's bytes, at most one more than limit.
func readFile(fsys fs.FS, p string, limit int) ([]byte, error) {
	f, err := fsys.Open(p)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	return io.ReadAll(io.LimitReader(f, int64(limit)+1))
}
