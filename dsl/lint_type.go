package dsl

import (
	"fmt"
	"slices"

	"crmsync/dsl/document"
	"crmsync/dsl/expr"
)

// fits are the types of a result that a CRM field takes, and those that it
// takes only by luck: text that happens to be a number.
var fits = map[string]struct{ well, perhaps []expr.Type }{
	"string":      {well: []expr.Type{expr.String, expr.Int, expr.Double, expr.Bool, expr.Timestamp}},
	"enumeration": {well: []expr.Type{expr.String, expr.Int, expr.Bool}, perhaps: []expr.Type{expr.Double}},
	"integer":     {well: []expr.Type{expr.Int}, perhaps: []expr.Type{expr.Double, expr.String}},
	"number":      {well: []expr.Type{expr.Int, expr.Double}, perhaps: []expr.Type{expr.String}},
	"boolean":     {well: []expr.Type{expr.Bool}, perhaps: []expr.Type{expr.String}},
	"date":        {well: []expr.Type{expr.Timestamp}, perhaps: []expr.Type{expr.String, expr.Int}},
	"timestamp":   {well: []expr.Type{expr.Timestamp, expr.Int}, perhaps: []expr.Type{expr.String}},
	"list":        {well: []expr.Type{expr.List, expr.String}},
}

// converts are the types of CRM fields that a field's `type` is right for.
var converts = map[conversion][]string{
	asString:    {"string", "enumeration", "list"},
	asInteger:   {"integer", "number", "string", "enumeration"},
	asNumber:    {"number", "string"},
	asBoolean:   {"boolean", "string", "enumeration"},
	asDate:      {"date", "timestamp", "string"},
	asTimestamp: {"timestamp", "date", "string"},
	asList:      {"list"},
}

// lintType compares the type of the field's value with that of the CRM's field.
func (b *build) lintType(def catalogField, f *field, n *document.Node) {
	if f.as != asIs {
		if !slices.Contains(converts[f.as], def.Type) {
			t := b.fields[f.name].Get("type")
			name, _ := t.Text()
			b.wrong = append(b.wrong, diagnose(t, "CM210", t.Range(), fmt.Sprintf("%s holds a %s, and this makes a %s", f.name, def.Type, name), ""))
		}
		return
	}
	got, _ := f.value.prog.Type()
	fit, known := fits[def.Type]
	if !known || got == expr.Dyn || got == expr.Null || slices.Contains(fit.well, got) || b.formatFits(def, f) {
		return
	}
	d := diagnose(n, "CM210", n.Range(), fmt.Sprintf("%s holds a %s, and this gives a %s", f.name, def.Type, got), "")
	if slices.Contains(fit.perhaps, got) {
		d.Severity = document.Warning
		d.Help = fmt.Sprintf("add type: %s, so that a value that is none is found here and not by the CRM", typeOption(def.Type))
	}
	b.wrong = append(b.wrong, d)
}

// typeOption returns the `type` that makes values for a CRM field of that type.
func typeOption(crm string) string {
	if crm == "enumeration" {
		return "string"
	}
	return crm
}

// formatFits tells that the text read from the record is a date or time as its
// schema says.
func (b *build) formatFits(def catalogField, f *field) bool {
	rec, ok := b.plain(f.value)
	switch {
	case !ok:
		return false
	case def.Type == "date":
		return rec.Format == "date"
	case def.Type == "timestamp":
		return rec.Format == "date-time" || rec.Format == "date"
	}
	return false
}
