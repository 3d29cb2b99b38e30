package dsl

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"crmsync/dsl/document"
	"crmsync/schemas"
)

// catalog is the fields of one kind of object in a CRM, as one org has it.
type catalog struct {
	object      string
	file        string // as messages call it
	fields      map[string]catalogField
	required    []string
	requiredAny [][]string
	custom      *regexp.Regexp // names of custom fields; nil: must be listed
	own         bool           // the org has a file of its own
}

// catalogField is one field of a catalogue. The yaml tags are those of JSON,
// which YAML holds.
type catalogField struct {
	Type        string   `yaml:"type"`
	Label       string   `yaml:"label"`
	Description string   `yaml:"description"`
	MaxLength   int      `yaml:"max_length"`
	ReadOnly    bool     `yaml:"read_only"`
	Unique      bool     `yaml:"unique"`
	Custom      bool     `yaml:"custom"`
	Options     []string `yaml:"options"`
}

// catalogFile is a catalogue as it is written.
type catalogFile struct {
	Schema      string                  `yaml:"$schema"`
	Object      string                  `yaml:"object"`
	Title       string                  `yaml:"title"`
	Source      string                  `yaml:"source"`
	Fields      map[string]catalogField `yaml:"fields"`
	Required    []string                `yaml:"required"`
	RequiredAny [][]string              `yaml:"required_any"`
	Custom      string                  `yaml:"custom_fields"`
}

// catalogLimits are wider than a mapping's: a CRM has hundreds of fields, with
// hundreds of options.
func catalogLimits() document.Limits {
	return document.Limits{Bytes: 2 << 20, Nodes: 50_000, Depth: 16}
}

// catalogs reads catalogue files, each once. It may be used concurrently.
type catalogs struct {
	own    fs.FS
	format *document.Schema

	mu    sync.Mutex // guards what follows
	files map[string]*catalogFile
	wrong document.Diagnostics
}

// builtinCatalogFormat compiles the schema of catalogue files, once.
var builtinCatalogFormat = sync.OnceValues(func() (*document.Schema, error) {
	src, ok := schemas.Format("catalog")
	if !ok {
		return nil, errors.New("schema catalog: not built in")
	}
	return document.CompileSchema("catalog", src)
})

// newCatalogs returns catalogues that are looked for in own first.
func newCatalogs(own fs.FS) (*catalogs, error) {
	format, err := builtinCatalogFormat()
	return &catalogs{own: own, format: format, files: map[string]*catalogFile{}}, err
}

// hasOwn tells whether the org has a file of its own for the object.
func (c *catalogs) hasOwn(org, provider, object string) bool {
	return c.read(path.Join("orgs", org, provider, object+".json"), object) != nil
}

// of returns the catalogue of an object as the org has it, nil if nothing is
// known of the object.
func (c *catalogs) of(org, provider, object string) *catalog {
	if provider == AnyProvider || object == "" {
		return nil
	}
	standard := path.Join("providers", provider, object+".json")
	overlay := path.Join("orgs", org, provider, object+".json")
	base, own := c.read(standard, object), c.read(overlay, object)
	if base == nil && own == nil {
		return nil
	}
	out := &catalog{object: object, file: "schemas/" + standard, fields: map[string]catalogField{}, own: own != nil}
	for _, f := range []*catalogFile{base, own} {
		if f == nil {
			continue
		}
		maps.Copy(out.fields, f.Fields)
		out.required = append(out.required, f.Required...)
		out.requiredAny = append(out.requiredAny, f.RequiredAny...)
		if re, err := regexp.Compile(f.Custom); f.Custom != "" && err == nil {
			out.custom = re
		}
	}
	return out
}

// read returns a catalogue file, nil if there is none or it can't be used.
func (c *catalogs) read(p, object string) *catalogFile {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f, ok := c.files[p]; ok {
		return f
	}
	c.files[p] = nil
	if strings.ContainsAny(object, `/\`) {
		return nil // no name of a file
	}
	src, file := schemaFile(c.own, p)
	if src == nil {
		return nil
	}
	doc, ds := document.Parse(file, src, catalogLimits())
	f := &catalogFile{}
	if doc != nil {
		ds = append(ds, document.Check(doc, c.format, document.CheckOptions{})...)
	}
	if !ds.HasErrors() {
		ds = append(ds, c.decode(doc, object, f)...)
	}
	if c.wrong = append(c.wrong, ds...); ds.HasErrors() {
		return nil
	}
	c.files[p] = f
	return f
}

// decode fills f and checks what the format's schema can't say.
func (c *catalogs) decode(doc *document.Document, object string, f *catalogFile) document.Diagnostics {
	ds := document.Decode(doc.Root(), f)
	if n := doc.Root().Get("object"); f.Object != object {
		ds = append(ds, diagnose(n, "CM107", n.Range(), fmt.Sprintf("the file's path says object %q and the file says %q", object, f.Object), fmt.Sprintf("write %q, or rename the file", object)))
	}
	if _, err := regexp.Compile(f.Custom); err != nil {
		n := doc.Root().Get("custom_fields")
		ds = append(ds, diagnose(n, "CM104", n.Range(), "this is no pattern: "+err.Error(), "write it in RE2 syntax, as in __c$"))
	}
	return ds
}

// objects returns the names of the provider's objects that a catalogue exists
// for, sorted.
func (c *catalogs) objects(provider string) []string {
	var names []string
	for _, fsys := range []fs.FS{c.own, schemas.FS()} {
		if fsys == nil {
			continue
		}
		files, err := fs.Glob(fsys, path.Join("providers", provider, "*.json"))
		if err != nil {
			continue // only for a malformed pattern: a provider's name has no such letters
		}
		for _, f := range files {
			names = append(names, strings.TrimSuffix(path.Base(f), ".json"))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// names returns the fields that may be written, sorted.
func (c *catalog) names() []string {
	var out []string
	for name, f := range c.fields {
		if !f.ReadOnly {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
