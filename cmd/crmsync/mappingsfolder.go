package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"crmsync/dsl"
	"crmsync/dsl/document"
	"crmsync/providers"
)

// folder is a mappings folder, or the part of one that a command is about.
type folder struct {
	fsys  fs.FS
	dir   string   // as messages name it, with slashes
	parts []string // files and folders below dir that are asked for; none: all
}

// folders returns the mappings folders that paths lie in, each once. Without a
// path it is the one of the configuration, usually ./mappings.
func (p *program) folders(paths []string) ([]folder, error) {
	if len(paths) == 0 {
		dir, err := p.configured()
		return []folder{{fsys: os.DirFS(dir), dir: dir}}, err
	}
	var all []folder
	whole := map[string]bool{}
	for _, name := range paths {
		dir, part, err := locate(name)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(all, func(f folder) bool { return sameFile(f.dir, dir) })
		if i < 0 {
			i = len(all)
			all = append(all, folder{fsys: os.DirFS(dir), dir: dir})
		}
		whole[all[i].dir] = whole[all[i].dir] || part == ""
		all[i].parts = append(all[i].parts, part)
	}
	for i := range all {
		if whole[all[i].dir] {
			all[i].parts = nil
		}
	}
	return all, nil
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	other, err2 := os.Stat(b)
	return a == b || err == nil && err2 == nil && os.SameFile(one, other)
}

// configured returns the mappings folder of the configuration; where none is
// named, the one that we are in. Of the environment only its own variable
// counts: an author needs no other setting.
func (p *program) configured() (string, error) {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool { return !strings.HasPrefix(kv, variable("mappings.dir")+"=") })
	c, from, err := readConfig(p.config, env)
	if err != nil {
		return "", err
	}
	dir := filepath.ToSlash(filepath.Clean(cmp.Or(c.Mappings.Dir, defaultConfig().Mappings.Dir)))
	switch st, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist) && from["mappings.dir"] == "":
		if at, _, err := locate("."); err == nil {
			return at, nil
		}
		fallthrough
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("there is no folder %s: go to where it is (--dir), or name it in the configuration (mappings.dir)", dir)
	case err != nil:
		return "", fmt.Errorf("look for mappings: %w", err)
	case !st.IsDir():
		return "", fmt.Errorf("%s is a file: the configuration (mappings.dir) must name a folder", dir)
	case !holdsOrgs(dir) && !holdsMappings(dir):
		return "", fmt.Errorf("the folder %s holds no mappings: %s", dir, layout)
	}
	return dir, nil
}

// layout tells what a mappings folder looks like.
const layout = "it has a folder for each org, with org.yaml and <provider>/<record_type>.yaml, and " + dsl.Global + " for the fallback of all"

// locate finds the mappings folder that name is, or lies in, and what of it.
func locate(name string) (dir, part string, err error) {
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return "", "", fmt.Errorf("there is no file or folder %s", name)
	} else if err != nil {
		return "", "", fmt.Errorf("look for mappings: %w", err)
	}
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", "", fmt.Errorf("look for mappings: %w", err)
	}
	places := []string{abs}
	if target, err := filepath.EvalSymlinks(abs); err == nil && target != abs {
		places = append(places, target)
	}
	for _, place := range places {
		if dir, part, ok := climb(place); ok {
			return displayed(dir, name), part, nil
		}
	}
	if holdsMappings(name) {
		return filepath.ToSlash(filepath.Clean(name)), "", nil
	}
	return "", "", fmt.Errorf("%s is no mappings folder and lies in none: %s", name, layout)
}

// deepest is how far below its folder a mapping lies: org/provider/file.
const deepest = 3

// climb looks for a mappings folder from a place upwards.
func climb(place string) (dir, part string, ok bool) {
	for at := place; strings.Count(part, "/") < deepest; at, part = filepath.Dir(at), path.Join(filepath.Base(at), part) {
		if org, _, _ := strings.Cut(part, "/"); holdsOrgs(at) && (org == "" || isOrg(filepath.Join(at, org))) {
			return at, part, true
		}
	}
	return "", "", false
}

// isOrg says whether dir may be an org's folder in a mappings folder.
func isOrg(dir string) bool {
	return filepath.Base(dir) == dsl.Global || holds(os.DirFS(dir), "org.yaml") || holds(os.DirFS(dir), "*/*.yaml")
}

// displayed returns how messages name a folder: as its path was given, absolute or
// from the folder we are in.
func displayed(dir, given string) string {
	if here, err := os.Getwd(); err == nil && !filepath.IsAbs(given) {
		if rel, err := filepath.Rel(here, dir); err == nil {
			dir = rel
		}
	}
	return filepath.ToSlash(dir)
}

// holdsOrgs says whether dir holds an org with connections, or the fallback.
func holdsOrgs(dir string) bool {
	if st, err := os.Stat(filepath.Join(dir, dsl.Global)); err == nil && st.IsDir() {
		return true
	}
	return holds(os.DirFS(dir), "*/org.yaml")
}

// holdsMappings says whether dir holds what may be mappings, if only by the
// depth they lie at.
func holdsMappings(dir string) bool { return holds(os.DirFS(dir), "*/*/*.yaml") }

func holds(fsys fs.FS, pattern string) bool {
	found, err := fs.Glob(fsys, pattern)
	return err == nil && len(found) > 0
}

// below returns a file's path below the folder; ok is false for one that lies
// elsewhere, such as a schema.
func (f *folder) below(file string) (rest string, ok bool) {
	return strings.CutPrefix(file, strings.TrimSuffix(path.Join(f.dir, "x"), "x")) // dir may be "." or "/"
}

// asked says whether a file, as messages name it, is one that is asked for.
func (f *folder) asked(file string) bool {
	rest, ok := f.below(file)
	return !ok || len(f.parts) == 0 || slices.ContainsFunc(f.parts, func(part string) bool {
		return rest == part || strings.HasPrefix(rest, part+"/")
	})
}

// only keeps of the folder what concerns these orgs; none or the fallback keeps
// all of it. An org is thus not stopped by what is wrong with another.
func (f *folder) only(orgs []string) {
	if len(orgs) > 0 && !slices.Contains(orgs, dsl.Global) {
		f.fsys = someOrgs{f.fsys, orgs}
	}
}

// onlyParts is only for the orgs that the parts lie in.
func (f *folder) onlyParts() {
	var orgs []string
	for _, part := range f.parts {
		org, _, _ := strings.Cut(part, "/")
		orgs = append(orgs, org)
	}
	f.only(orgs)
}

// someOrgs is a mappings folder with some orgs and the fallback only.
type someOrgs struct {
	fs.FS
	orgs []string
}

// ReadDir lists a folder.
func (s someOrgs) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(s.FS, name)
	if name != "." {
		return all, err
	}
	return slices.DeleteFunc(all, func(e fs.DirEntry) bool {
		return e.Name() != dsl.Global && !slices.Contains(s.orgs, e.Name())
	}), err
}

// Stat describes a file or folder.
func (s someOrgs) Stat(name string) (fs.FileInfo, error) { return fs.Stat(s.FS, name) }

// load reads the folder.
func (f *folder) load(opt dsl.Options) (*dsl.Set, document.Diagnostics) {
	opt.Dir, opt.Schemas, opt.Providers = f.dir, dsl.SchemasBeside(f.dir), providers.Names()
	return dsl.Load(f.fsys, opt)
}

// orgs returns the names of the folders in it, without the fallback.
func (f *folder) orgs() (names []string) {
	all, _ := fs.ReadDir(os.DirFS(f.dir), ".") // what can't be read was reported by load
	for _, e := range all {
		if e.Name() != dsl.Global && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}

// count returns how many YAML files are asked for.
func (f *folder) count() (n int) {
	for _, pattern := range []string{"*/org.yaml", "*/*/*.yaml"} {
		found, _ := fs.Glob(f.fsys, pattern)
		for _, file := range found {
			if !strings.HasPrefix(file, ".") && !strings.Contains(file, "/.") && f.asked(path.Join(f.dir, file)) {
				n++
			}
		}
	}
	return n
}
