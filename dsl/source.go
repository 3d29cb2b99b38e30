package dsl

import (
	"io/fs"
	"path"
	"unicode/utf8"

	"crmsync/dsl/document"
)

// source is one file as it was written, with what is wrong with it.
type source struct {
	found
	name  string // as messages call it
	doc   *document.Document
	root  *document.Node
	wrong document.Diagnostics
}

// formats are the compiled schemas of the files of a mappings folder.
type formats struct{ mapping, org, test *document.Schema }

// read parses and checks one file. Its root is nil when nothing of it can be
// used.
func read(fsys fs.FS, dir string, f found, fm formats) *source {
	s := &source{found: f, name: path.Join(dir, f.path)}
	limits := document.DefaultLimits()
	b, err := readFile(fsys, f.path, limits.Bytes)
	if err != nil {
		s.wrong = document.Diagnostics{fileDiagnostic(s.name, "CM101", "read file: "+cause(err), "check that it is there and may be read")}
		return s
	}
	if s.doc, s.wrong = document.Parse(s.name, b, limits); s.doc == nil {
		return s
	}
	schema := [...]*document.Schema{orgFile: fm.org, mappingFile: fm.mapping, testFile: fm.test}[f.kind]
	checked := document.Check(s.doc, schema, document.CheckOptions{})
	s.wrong = append(s.wrong, notYet(s.doc.Root(), checked)...)
	if !unreadable(checked) {
		s.root = s.doc.Root()
	}
	return s
}

// unreadable tells that nothing is known of the file: it is of another version,
// or no mapping at all.
func unreadable(ds document.Diagnostics) bool {
	for i := range ds {
		if ds[i].Code == "CM109" || ds[i].Code == "CM104" && ds[i].Pointer == "" {
			return true
		}
	}
	return false
}

// planned are parts of the language that a later version has.
var planned = map[string]string{
	"/refs":    "refs is not there yet: ids of other records can't be looked up in this version",
	"/inbound": "inbound is not there yet: changes in the CRM can't be brought back in this version",
}

// notYet words the help for what a later version will know, so that nobody
// looks for a typing mistake in it.
func notYet(root *document.Node, ds document.Diagnostics) document.Diagnostics {
	ifEmpty := map[string]bool{}
	for _, f := range root.Get("fields").Items() {
		if w := f.Get("write"); text(f, "write") == "if_empty" {
			ifEmpty[w.Pointer()] = true
		}
	}
	for i := range ds {
		d := &ds[i]
		if help, ok := planned[d.Pointer]; ok && d.Code == "CM102" {
			d.Help, d.Fix = help, nil
		}
		if d.Code == "CM104" && ifEmpty[d.Pointer] {
			d.Help, d.Fix = "if_empty is not there yet: this version writes always, on_create or on_update", nil
		}
	}
	return ds
}

// key returns the node's place as a message should point at it: its key.
func key(n *document.Node) document.Range { return n.KeyRange() }

// text returns the string under key, "" for anything else.
func text(n *document.Node, key string) string {
	s, _ := n.Get(key).Text()
	return s
}

// placeOf returns where the runes of a scalar stand.
func placeOf(n *document.Node) place {
	p := place{file: n.Document().File()}
	value, ok := n.Scalar()
	whole := n.Range()
	p.runs = []run{{0, whole.Start.Line, whole.Start.Column}}
	if !ok || whole.Start.Line == whole.End.Line && whole.End.Column-whole.Start.Column == utf8.RuneCountInString(value) {
		return p // a plain scalar in one line, by far the most
	}
	starts := n.Starts()
	for i, at := range starts {
		if i == 0 {
			p.runs[0] = run{0, at.Line, at.Column}
		} else if last := starts[i-1]; at.Line != last.Line || at.Column != last.Column+1 {
			p.runs = append(p.runs, run{i, at.Line, at.Column})
		}
	}
	return p
}
