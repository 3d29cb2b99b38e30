package dsl

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"crmsync/dsl/document"
	"crmsync/dsl/expr"
)

// lintCatalog compares the mapping with what is known of the CRM's object.
func (b *build) lintCatalog() {
	at := b.own.slot
	c := b.catalogs.of(at.org, at.provider, b.program.object)
	if c == nil {
		b.lintObject()
		return
	}
	if m := b.own.root.Get("match").Get("field"); m.Kind() == document.String {
		b.lintMatch(c, m)
	}
	for _, n := range b.own.root.Get("on_delete").Get("set").Items() {
		if def, ok := b.lintName(c, n, key(n), n.Key()); ok {
			b.lintConstant(def, n.Key(), n)
		}
	}
	for i := range b.program.fields {
		f := &b.program.fields[i]
		if n := b.fields[f.name]; !b.inherited(n) {
			b.lintField(c, f, n)
		}
	}
	b.lintRequired(c)
}

// lintObject reports an object that is probably spelled wrong. An object that
// nothing is known of may be a custom one.
func (b *build) lintObject() {
	n := b.own.root.Get("object")
	if n.Kind() != document.String || b.own.slot.provider == AnyProvider {
		return
	}
	known := b.catalogs.objects(b.own.slot.provider)
	if near := document.Suggest(b.program.object, known); near != "" {
		d := diagnose(n, "CM306", n.Range(), fmt.Sprintf("%s has no object %q that we know of", b.own.slot.provider, b.program.object), fmt.Sprintf("did you mean %q?  objects: %s", near, list(known)))
		d.Fix = &document.Fix{Range: n.Range(), Text: near}
		b.wrong = append(b.wrong, d)
	}
}

// lintMatch checks the field that objects are found by.
func (b *build) lintMatch(c *catalog, n *document.Node) {
	name, _ := n.Text()
	def, ok := c.fields[name]
	if !ok {
		b.unknownField(c, n, n.Range(), name)
		return
	}
	if def.Unique {
		return
	}
	var unique []string
	for _, k := range c.names() {
		if c.fields[k].Unique {
			unique = append(unique, k)
		}
	}
	b.wrong = append(b.wrong, diagnose(n, "CM307", n.Range(), fmt.Sprintf("several %s may share a value of %q", c.object, name), "match by a unique field: "+list(unique)))
}

// lintName checks that the field exists and may be written.
func (b *build) lintName(c *catalog, n *document.Node, at document.Range, name string) (catalogField, bool) {
	def, ok := c.fields[name]
	switch {
	case !ok:
		b.unknownField(c, n, at, name)
	case def.ReadOnly:
		b.wrong = append(b.wrong, diagnose(n, "CM302", at, fmt.Sprintf("%s sets %q itself: it can't be written", b.own.slot.provider, name), "take the line out"))
	}
	return def, ok && !def.ReadOnly
}

// unknownField reports a field that the object doesn't have.
func (b *build) unknownField(c *catalog, n *document.Node, at document.Range, name string) {
	if c.custom != nil && c.custom.MatchString(name) {
		return
	}
	names := c.names()
	d := diagnose(n, "CM301", at, fmt.Sprintf("%s has no field %q", c.object, name), "fields: "+list(names)+
		fmt.Sprintf("\na custom field must be listed in schemas/orgs/%s/%s/%s.json", b.own.slot.org, b.own.slot.provider, c.object))
	if b.own.slot.org == Global {
		d.Help = "fields: " + list(names)
	}
	if near := document.Suggest(name, names); near != "" {
		d.Help = fmt.Sprintf("did you mean %q?  %s", near, d.Help)
		d.Fix = &document.Fix{Range: at, Text: near}
	}
	b.wrong = append(b.wrong, d)
}

// lintField checks one field's name, type and constants.
func (b *build) lintField(c *catalog, f *field, n *document.Node) {
	noName := func(d document.Diagnostic) bool { return d.Code == "CM106" && d.Pointer == n.Pointer() }
	if slices.ContainsFunc(b.own.wrong, noName) {
		return
	}
	def, ok := b.lintName(c, n, key(n), f.name)
	if !ok {
		return
	}
	for _, m := range n.Get("map").Items() {
		b.lintConstant(def, f.name, m)
	}
	if d := n.Get("default"); d.Kind() != document.Invalid {
		b.lintConstant(def, f.name, d)
	}
	value := n
	if n.Kind() == document.Mapping {
		value = n.Get("value")
	}
	if f.value == nil {
		b.lintConstant(def, f.name, value)
		return
	}
	if f.listed == nil {
		b.lintType(def, f, value)
		b.lintRead(def, f, value)
	}
}

// lintConstant checks a constant against the field's options and length.
func (b *build) lintConstant(def catalogField, name string, n *document.Node) {
	value, ok := n.Scalar()
	if !ok || n.Kind() == document.Null {
		return
	}
	if len(def.Options) > 0 && !slices.Contains(def.Options, value) {
		d := diagnose(n, "CM304", n.Range(), fmt.Sprintf("%s does not take %q", name, shorten(value)), "it takes: "+list(def.Options))
		if near := document.Suggest(value, def.Options); near != "" {
			d.Help = fmt.Sprintf("did you mean %q?  %s", near, d.Help)
			d.Fix = &document.Fix{Range: n.Range(), Text: near}
		}
		b.wrong = append(b.wrong, d)
	}
	if length := utf8.RuneCountInString(value); def.MaxLength > 0 && length > def.MaxLength {
		b.wrong = append(b.wrong, diagnose(n, "CM305", n.Range(), fmt.Sprintf("%s holds %d characters, and this has %d", name, def.MaxLength, length), "shorten it"))
	}
}

// lintRead checks a field that is read from the record as it is: what the
// record's schema allows must fit.
func (b *build) lintRead(def catalogField, f *field, n *document.Node) {
	rec, ok := b.plain(f.value)
	if !ok || rec.Type != expr.String {
		return
	}
	text := f.value.prog.Text()
	if refused := notIn(rec.Enum, def.Options); len(def.Options) > 0 && len(refused) > 0 {
		d := diagnose(n, "CM304", n.Range(), fmt.Sprintf("%s may be %s, which %s does not take", text, quoteAll(refused), f.name), "translate it with map; "+f.name+" takes: "+list(def.Options))
		d.Severity = document.Warning
		b.wrong = append(b.wrong, d)
	}
	if def.MaxLength > 0 && rec.MaxLength > def.MaxLength {
		d := diagnose(n, "CM305", n.Range(), fmt.Sprintf("%s may have %d characters, and %s holds %d", text, rec.MaxLength, f.name, def.MaxLength), "")
		d.Severity = document.Warning
		short := fmt.Sprintf("truncate(%s, %d)", text, def.MaxLength)
		d.Help = short
		d.Fix = b.fix(n, expr.Fix{Start: 0, End: utf8.RuneCountInString(text), Text: short})
		b.wrong = append(b.wrong, d)
	}
}

// notIn returns the values that options lack.
func notIn(values, options []string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return slices.Contains(options, v) })
}

// lintRequired reports fields without which the CRM creates no object. The
// fallback's own gaps are told there.
func (b *build) lintRequired(c *catalog) {
	if b.base != nil && !c.own && len(b.program.removed) == 0 || misspelled(b.own.wrong) || misspelled(b.wrong) {
		return
	}
	if hasErrorAt(b.own.wrong, "/fields") { // a field that is missing may be the one that is badly written
		return
	}
	at := b.own.root.Get("fields")
	if at.Kind() == document.Invalid {
		at = b.own.root.Get("object")
	}
	for _, gap := range b.gaps(c) {
		b.wrong = append(b.wrong, diagnose(at, "CM303", key(at), fmt.Sprintf("%s are not created without %s, which no field sets", c.object, gap), "map it; a field that says write: on_update does not count"))
	}
}

// gaps returns what the mapping doesn't set and the CRM needs to create an
// object, in words.
func (b *build) gaps(c *catalog) []string {
	var out []string
	for _, name := range c.required {
		if !b.sets(name) {
			out = append(out, fmt.Sprintf("%q", name))
		}
	}
	for _, group := range c.requiredAny {
		if !slices.ContainsFunc(group, b.sets) {
			out = append(out, "one of "+strings.Join(group, ", "))
		}
	}
	return out
}

// lintFallbacks reports accounts that need more than the fallback which serves
// them sets. Only of an org with a catalogue of its own can that be known.
func (l *loader) lintFallbacks() {
	var fallbacks []*build
	for at, b := range l.builds {
		if at.org == Global && b.program != nil {
			fallbacks = append(fallbacks, b)
		}
	}
	for org, s := range l.orgs {
		for _, n := range s.root.Get("connections").Items() {
			provider := text(n, "provider")
			for _, b := range fallbacks {
				at := b.own.slot
				if first, ok := l.first(slot{org, provider, at.record}); ok && first == at && l.catalogs.hasOwn(org, provider, b.program.object) {
					s.lintAccount(n.Get("provider"), b, l.catalogs.of(org, provider, b.program.object))
				}
			}
		}
	}
}

// lintAccount reports what an account needs beyond a fallback's own gaps.
func (s *source) lintAccount(at *document.Node, b *build, c *catalog) {
	if c == nil {
		return
	}
	var known []string
	if standard := b.catalogs.of(Global, b.own.slot.provider, c.object); standard != nil {
		known = b.gaps(standard)
	}
	for _, gap := range notIn(b.gaps(c), known) {
		s.wrong = append(s.wrong, diagnose(at, "CM303", at.Range(), fmt.Sprintf("%s of this account are not created without %s, which the fallback mapping does not set", c.object, gap),
			fmt.Sprintf("write a mapping that extends %s and sets it", b.own.name)))
	}
}

// sets tells whether a call that creates the object sets the field. A field
// that has errors of its own counts.
func (b *build) sets(name string) bool {
	n := b.fields[name]
	return b.program.match.field == name || n.Kind() != document.Invalid && writings[text(n, "write")].in(true)
}

// misspelled tells that names are wrong or that a part was not read, so that
// what seems to be missing may be there.
func misspelled(ds document.Diagnostics) bool {
	return slices.ContainsFunc(ds, func(d document.Diagnostic) bool {
		return d.Code == "CM301" || d.Code == "CM101" || (d.Code == "CM102" || d.Code == "CM103") && strings.Count(d.Pointer, "/") < 2
	})
}
