package document

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// Schema is a compiled JSON Schema (draft-07). It does not change and may be
// used concurrently.
type Schema struct {
	compiled *jsonschema.Schema
	source   any // the schema itself, to read what a failed keyword allows
}

// CompileSchema compiles a JSON Schema; name is for its errors. It refuses
// references to other files.
func CompileSchema(name string, src []byte) (*Schema, error) {
	s := &Schema{}
	if err := json.Unmarshal(src, &s.source); err != nil {
		return nil, fmt.Errorf("schema %s: %w", name, err)
	}
	c := jsonschema.NewCompiler()
	c.Draft = jsonschema.Draft7
	c.LoadURL = func(url string) (io.ReadCloser, error) { return nil, fmt.Errorf("%s is another file", url) }
	const location = "schema:///" // a name that no file has
	if err := c.AddResource(location, bytes.NewReader(src)); err != nil {
		return nil, fmt.Errorf("schema %s: %w", name, err)
	}
	compiled, err := c.Compile(location)
	if err != nil {
		return nil, fmt.Errorf("schema %s: %w", name, err)
	}
	s.compiled = compiled
	return s, nil
}

// CheckOptions change what Check does. The zero value is the usual check.
type CheckOptions struct {
	Max int // diagnostics at most; 0: 100
}

// Check tells where a document departs from a schema, one diagnostic per
// mistake: CM102 at an unknown key, with the nearest known one; CM103 at the
// nearest key that is there, or 1:1; CM104 at a value of the wrong type or not
// among the allowed; CM109 for another version than the schema's, alone, for
// nothing else is known of such a file. The result is sorted.
func Check(d *Document, s *Schema, opt CheckOptions) Diagnostics {
	err := s.compiled.Validate(d.root.Value())
	if err == nil {
		return nil
	}
	failed, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok { // a schema that refers to itself without end
		return Diagnostics{d.root.Report(Error, CodeWrongType, ruleWrongType, d.root.KeyRange(), err.Error(), "")}
	}
	c := &checker{doc: d, schema: s}
	c.walk(failed)
	ds := c.settle()
	return ds[:min(len(ds), cmp.Or(opt.Max, maxReported))]
}

// finding is a diagnostic on its way.
type finding struct {
	Diagnostic
	node    *Node
	missing string // the key that is missing
	meant   string // the missing or known key that an unknown one was meant to be
	ofKey   bool   // it is the key of node that is at fault
	rank    int    // of several faults of one key or value the lowest is told
}

// checker turns the tree of a failed validation into findings.
type checker struct {
	doc      *Document
	schema   *Schema
	findings []finding
}

// walk visits the failures that no other one explains.
func (c *checker) walk(e *jsonschema.ValidationError) {
	if keyword := lastToken(e.KeywordLocation); keyword != "anyOf" && keyword != "oneOf" { // there nobody knows which was meant
		for _, cause := range e.Causes {
			c.walk(cause)
		}
		if len(e.Causes) > 0 {
			return
		}
	}
	node, ok := c.node(pointerTokens(e.InstanceLocation))
	if ok || node != nil && inPropertyNames(e.KeywordLocation) {
		c.judge(node, e)
	}
}

func lastToken(location string) string { return location[strings.LastIndexByte(location, '/')+1:] }

// inPropertyNames tells whether a keyword judges a key and not a value.
func inPropertyNames(location string) bool {
	tokens := strings.Split(location, "/")
	for i, t := range tokens {
		if t == "propertyNames" && (i == 0 || tokens[i-1] != "properties") {
			return true
		}
	}
	return false
}

// node follows a path from the root. ok is false where Parse refused a node:
// what is wrong with it was told.
func (c *checker) node(path []string) (n *Node, ok bool) {
	n = c.doc.root
	for _, token := range path {
		if n.Kind() == Mapping {
			n = n.Get(token)
		} else if i := indexOf(token, len(n.Items())); i >= 0 {
			n = n.items[i]
		} else {
			return nil, false
		}
	}
	return n, n.Kind() != Invalid
}

func indexOf(token string, length int) int {
	if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < length {
		return i
	}
	return -1
}

// pointerTokens splits a location as jsonschema writes it: a JSON pointer whose
// tokens are escaped for a URL too.
func pointerTokens(location string) []string {
	_, fragment, found := strings.Cut(location, "#")
	if !found {
		fragment = location
	}
	if fragment == "" || fragment == "/" {
		return nil
	}
	tokens := strings.Split(strings.TrimPrefix(fragment, "/"), "/")
	for i, t := range tokens {
		if plain, err := url.PathUnescape(t); err == nil {
			t = plain
		}
		tokens[i] = strings.ReplaceAll(strings.ReplaceAll(t, "~1", "/"), "~0", "~")
	}
	return tokens
}

// settle leaves one finding per mistake and sorts.
func (c *checker) settle() Diagnostics {
	for _, f := range c.findings {
		if f.Code == CodeVersion {
			return Diagnostics{f.Diagnostic}
		}
	}
	var ds Diagnostics
	for i, f := range c.findings {
		if !c.follows(i, f) {
			ds = append(ds, f.Diagnostic)
		}
	}
	ds.Sort()
	return slices.CompactFunc(ds, func(a, b Diagnostic) bool {
		return a.Range == b.Range && a.Code == b.Code && a.Message == b.Message
	})
}

// follows tells whether finding i says again what another one says better: a
// missing key that stands there misspelt, or a second fault of one value.
func (c *checker) follows(i int, f finding) bool {
	for j, other := range c.findings {
		if j == i || other.node != f.node || other.ofKey != f.ofKey {
			continue
		}
		if f.missing != "" && other.meant == f.missing {
			return true
		}
		if f.Code == CodeWrongType && other.Code == CodeWrongType && (other.rank < f.rank || other.rank == f.rank && j < i) {
			return true
		}
	}
	return false
}
