package dsl

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"crmsync/dsl/document"
	"crmsync/dsl/expr"
)

// maxMappingCost bounds what one record may cost in all expressions of its
// mapping together, in CEL's units: about 10 ms.
const maxMappingCost = 1_000_000

// build compiles one mapping, on top of the one it extends.
type build struct {
	*loader
	own, base *source
	record    *expr.Schema
	env       *expr.Env
	program   *Program
	fields    map[string]*document.Node // of the CRM's fields, inherited ones too
	wrong     document.Diagnostics
	fixes     int // worked out so far, see maxFixes
}

// compile returns the program of a mapping, nil if it has none for its errors.
// baseOK tells that the base has no errors of its own.
func (l *loader) compile(own, base *source, baseOK bool) *build {
	b := &build{loader: l, own: own, base: base, fields: map[string]*document.Node{}}
	b.record = l.records[own.slot.record]
	if own.root == nil || b.record == nil || base != nil && base.root == nil {
		return b
	}
	b.program = &Program{slot: own.slot, file: own.name, object: b.objectName()}
	if base != nil {
		b.program.base = base.name
	}
	if !b.environment() {
		b.program = nil
		return b
	}
	b.guard()
	b.matching()
	b.deleting()
	b.missing()
	b.allFields()
	b.affordable()
	b.inheritedFaults(baseOK)
	return b
}

// objectName returns the CRM object that is mapped to.
func (b *build) objectName() string {
	if o := text(b.own.root, "object"); o != "" || b.base == nil {
		return o
	}
	return text(b.base.root, "object")
}

// get returns the node of a top-level key, of the base if the mapping itself
// doesn't say.
func (b *build) get(key string) *document.Node {
	if n := b.own.root.Get(key); n.Kind() != document.Invalid || b.base == nil {
		return n
	}
	return b.base.root.Get(key)
}

// environment makes the names that expressions see.
func (b *build) environment() bool {
	values := map[string]any{}
	for _, s := range []*source{b.base, b.own} {
		if s == nil {
			continue
		}
		if m, ok := s.root.Get("vars").Value().(map[string]any); ok {
			maps.Copy(values, m)
		}
	}
	vars, err := expr.NewVars(values)
	if err == nil {
		b.program.vars, b.program.varNames = vars, slices.Sorted(maps.Keys(values))
		b.env, err = b.compiler.RecordEnv(b.record, vars)
	}
	if err != nil {
		n := b.own.root.Get("vars")
		b.wrong = append(b.wrong, diagnose(b.own.root, "CM104", key(n), "these constants can't be used: "+err.Error(), "take strings, numbers, booleans, lists and tables of them"))
	}
	return err == nil
}

// guard compiles `when`.
func (b *build) guard() {
	n := b.get("when")
	if _, ok := n.Text(); ok {
		b.program.when = b.expression(n, expr.CompileOptions{Want: []expr.Type{expr.Bool}, Guard: true})
	}
}

// matchTypes are what a match value may be: something with a text of its own.
var matchTypes = []expr.Type{expr.String, expr.Int, expr.Double, expr.Bool}

// matching compiles `match`.
func (b *build) matching() {
	n := b.get("match")
	b.program.match.field = text(n, "field")
	value := n.Get("value")
	if value.Kind() == document.Invalid {
		return
	}
	b.program.match.at = placeOf(value)
	if _, ok := value.Text(); ok {
		b.program.match.value = b.expression(value, expr.CompileOptions{Want: matchTypes})
	}
}

// deleting reads `on_delete`.
func (b *build) deleting() {
	n := b.get("on_delete")
	d := &b.program.onDelete
	switch action, _ := n.Text(); {
	case action == "archive":
		d.action = archiveObject
	case n.Get("set").Kind() == document.Mapping:
		d.action, d.fields = setFields, b.constants(n.Get("set"))
	}
	d.at = startOf(n)
}

// missing reads `on_missing`.
func (b *build) missing() {
	n := b.get("on_missing")
	action, _ := n.Text()
	b.program.missing = onMissing{recreate: action == "recreate", at: startOf(n)}
}

// startOf returns where a node begins; nothing for one that isn't there.
func startOf(n *document.Node) place {
	if n.Kind() == document.Invalid {
		return place{}
	}
	start := n.Range().Start
	return place{file: n.Document().File(), runs: []run{{0, start.Line, start.Column}}}
}

// constants returns the fields that a delete sets as a JSON object, sorted by
// name, so that the order in the file doesn't count.
func (b *build) constants(n *document.Node) []byte {
	names := slices.Sorted(slices.Values(n.Keys()))
	out := []byte{'{'}
	for i, name := range names {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(out, jsonString(name)...), ':')
		out = append(out, b.converted(&field{name: name}, n.Get(name))...)
	}
	return append(out, '}')
}

// maxFields is how many fields a mapping may say, as its schema says it too.
const maxFields = 500

// allFields compiles the fields of the mapping and those it inherits. Of one
// with too many the check of its form tells, and nothing more is looked at.
func (b *build) allFields() {
	if len(b.own.root.Get("fields").Keys()) > maxFields {
		return
	}
	if b.base != nil {
		for _, n := range tableItems(b.base.root.Get("fields")) {
			b.fields[n.Key()] = n
		}
	}
	for _, n := range tableItems(b.own.root.Get("fields")) {
		if n.Kind() == document.Null && b.base != nil {
			b.remove(n)
			continue
		}
		b.fields[n.Key()] = n
	}
	for _, name := range slices.Sorted(maps.Keys(b.fields)) {
		if f, ok := b.field(name, b.fields[name]); ok {
			b.program.fields = append(b.program.fields, f)
			b.program.later = b.program.later || f.write == writeOnUpdate
		}
	}
}

// tableItems returns the items of a table; a list in its place is told by the
// check of the file's form.
func tableItems(n *document.Node) []*document.Node {
	if n.Kind() != document.Mapping {
		return nil
	}
	return n.Items()
}

// remove takes an inherited field out.
func (b *build) remove(n *document.Node) {
	name := n.Key()
	if _, ok := b.fields[name]; ok {
		delete(b.fields, name)
		b.program.removed = append(b.program.removed, removal{name, placeOf(n)})
		return
	}
	help := fmt.Sprintf("%s has no such field; take the line out, or write \"null\" in quotes to clear the field", b.base.name)
	if near := document.Suggest(name, slices.Collect(maps.Keys(b.fields))); near != "" {
		help = fmt.Sprintf("did you mean %q?", near)
	}
	b.wrong = append(b.wrong, diagnose(n, "CM409", key(n), fmt.Sprintf("there is no inherited field %q to take out", name), help))
}

// inherited tells whether a node stands in the base.
func (b *build) inherited(n *document.Node) bool {
	return b.base != nil && n.Document() == b.base.doc
}

// expression compiles the CEL text of a node; nil if it has errors.
func (b *build) expression(n *document.Node, opt expr.CompileOptions) *snippet {
	text, _ := n.Text()
	prog, issues := b.env.Compile(text, opt)
	b.wrong = append(b.wrong, b.placeIssues(n, issues)...)
	if prog == nil {
		return nil
	}
	return &snippet{at: placeOf(n), prog: prog}
}

// affordable refuses a mapping whose expressions together cost too much.
func (b *build) affordable() {
	var sum uint64
	for _, f := range b.program.fields {
		if f.value != nil {
			sum += f.value.prog.Cost()
		}
	}
	if sum > maxMappingCost {
		n := b.get("fields")
		b.wrong = append(b.wrong, diagnose(n, "CM208", key(n),
			fmt.Sprintf("the fields together can cost %d units for one record, more than %d", sum, maxMappingCost),
			"give lists and strings a maxItems or maxLength in the record's schema, or take loops out"))
	}
}

// inheritedFaults drops what is wrong in the base, which is told there, and
// tells what became wrong only by this mapping's vars.
func (b *build) inheritedFaults(baseOK bool) {
	if b.base == nil {
		return
	}
	own := b.wrong[:0]
	for _, d := range b.wrong {
		if d.File != b.base.name {
			own = append(own, d)
			continue
		}
		if baseOK && d.Severity == document.Error {
			own = append(own, b.brokenByVars(d))
		}
	}
	b.wrong = own
}

// brokenByVars moves a fault of an inherited expression to the vars that
// caused it.
func (b *build) brokenByVars(d document.Diagnostic) document.Diagnostic {
	at := b.own.root.Get("vars")
	if at.Kind() == document.Invalid {
		at = b.own.root.Get("extends")
	}
	name := strings.TrimPrefix(d.Pointer, "/")
	moved := diagnose(at, d.Code, key(at), fmt.Sprintf("with these vars the inherited %s is wrong: %s", name, d.Message), d.Help)
	moved.Notes = []string{fmt.Sprintf("it stands at %s:%s", d.File, d.Range.Start)}
	return moved
}
