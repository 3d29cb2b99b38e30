package main

import (
	"encoding/json"
	"fmt"

	"crmsync"
	"crmsync/dsl"
	"crmsync/dsl/expr"
)

// printExplained prints which mapping serves, and what it is made of or how it
// made a call of an event.
func (p *program) printExplained(x *dsl.Explanation, t *dsl.Trace, only string) {
	p.printChain(x)
	switch {
	case x.Program == nil:
	case t != nil:
		p.printTrace(x, t, only)
	default:
		p.printOrigins(x, only)
	}
}

func (p *program) printChain(x *dsl.Explanation) {
	style := p.style()
	fmt.Fprintln(p.out, "Looked for, first match wins")
	wide := 0
	for _, c := range x.Chain {
		wide = max(wide, len(c.File))
	}
	for i, c := range x.Chain {
		var state string
		switch c.State {
		case dsl.Used:
			state = style.good("✔ used")
		case dsl.NotPresent:
			state = style.dim("– not present")
		case dsl.Inherited:
			state = fmt.Sprintf("↑ extended, %s inherited", plural(c.Fields, "field"))
		case dsl.Shadowed:
			state = "– shadowed"
		}
		fmt.Fprintf(p.out, "  %d %-*s  %s\n", i+1, wide, c.File, state)
	}
	if x.Org == dsl.Global {
		return
	}
	if len(x.Connections) == 0 {
		fmt.Fprintf(p.out, "Not in use: %s has no connection to %s.\n", x.Org, x.Provider)
	}
	for _, c := range x.Connections {
		if c.Paused {
			fmt.Fprintf(p.out, "Not in use: the connection %s is paused.\n", c.ID.Name)
		}
	}
}

func (p *program) printOrigins(x *dsl.Explanation, only string) {
	rows := []dsl.Origin{}
	if only == "" {
		if x.When != nil {
			rows = append(rows, named("when", *x.When))
		}
		if x.Match != nil {
			rows = append(rows, named("match "+x.Match.Name, *x.Match))
		}
		rows = append(rows, x.OnDelete, x.OnMissing)
	}
	for _, o := range x.Fields {
		if only == "" || o.Name == only {
			rows = append(rows, o)
		}
	}
	fmt.Fprintln(p.out)
	t := p.table("FIELD", "FROM", "VALUE")
	for _, o := range rows {
		text := oneLine(o.Text)
		if o.Options != "" {
			text += "  (" + o.Options + ")"
		}
		if o.Removed {
			text = "removed"
		}
		where := o.Where
		if where == "" {
			where = "default"
		}
		t.row(o.Name, where, text)
	}
	_ = t.flush() // standard output is gone: nobody is left to tell
}

func named(name string, o dsl.Origin) dsl.Origin {
	o.Name = name
	return o
}

func (p *program) printTrace(x *dsl.Explanation, t *dsl.Trace, only string) {
	show := func(title string, f *dsl.FieldTrace) {
		if f == nil || only != "" && f.Name != only {
			return
		}
		fmt.Fprintf(p.out, "\n%s  ← %s\n", title, f.Where)
		p.printSteps("  ", f)
	}
	if only == "" {
		show("when", t.When)
		show("match "+x.Match.Name, t.Match)
	}
	for i := range t.Fields {
		show(t.Fields[i].Name, &t.Fields[i])
	}
	fmt.Fprintf(p.out, "\n%s\n", p.verdict(x, t))
}

// verdict is what the event comes to.
func (p *program) verdict(x *dsl.Explanation, t *dsl.Trace) string {
	switch {
	case t.Fault != nil:
		return p.style().bad("✖") + " would go to the dead-letter queue: " + printable(faultText(t.Fault))
	case t.OK && t.Operation == crmsync.Find:
		return fmt.Sprintf("✔ %s of %s: the object is looked for, and then: on_delete: %s", t.Operation, x.Program.Object(), x.OnDelete.Text)
	case t.OK:
		return fmt.Sprintf("✔ %s of %s", t.Operation, x.Program.Object())
	case t.When != nil && t.When.JSON == "false":
		return "· filtered: when is false"
	}
	return fmt.Sprintf("· filtered: on_delete: %s", x.OnDelete.Text)
}

// explained is an explanation as JSON.
type explained struct {
	Org        string           `json:"org"`
	Provider   string           `json:"provider"`
	RecordType string           `json:"record_type"`
	Mapping    string           `json:"mapping"` // empty: unmapped
	Object     string           `json:"object,omitempty"`
	Chain      []explainedFile  `json:"chain"`
	When       *explainedValue  `json:"when,omitempty"`
	Match      *explainedValue  `json:"match,omitempty"`
	OnDelete   *explainedValue  `json:"on_delete,omitempty"`
	OnMissing  *explainedValue  `json:"on_missing,omitempty"`
	Fields     []explainedValue `json:"fields"`
	Event      *explainedEvent  `json:"event,omitempty"`
}

type explainedFile struct {
	File  string `json:"file"`
	State string `json:"state"`
}

type explainedValue struct {
	Name      string          `json:"name"`
	Where     string          `json:"where,omitempty"` // file:line:col
	Text      string          `json:"text"`
	Options   string          `json:"options,omitempty"`
	Inherited bool            `json:"inherited"`
	Removed   bool            `json:"removed"`
	Steps     []explainedStep `json:"steps,omitempty"`
	Value     json.RawMessage `json:"value,omitempty"` // what is written
	Note      string          `json:"note,omitempty"`  // why nothing is
	Fault     string          `json:"fault,omitempty"`
}

type explainedStep struct {
	Depth int    `json:"depth"`
	Text  string `json:"text"`
	Value string `json:"value,omitempty"`
	Fault string `json:"fault,omitempty"`
}

type explainedEvent struct {
	Operation string `json:"operation,omitempty"`
	Filtered  bool   `json:"filtered"`
	Fault     string `json:"fault,omitempty"`
}

func explainJSON(x *dsl.Explanation, t *dsl.Trace, only string) *explained {
	out := &explained{Org: x.Org, Provider: x.Provider, RecordType: x.RecordType, Fields: []explainedValue{}, Chain: []explainedFile{}}
	for _, c := range x.Chain {
		out.Chain = append(out.Chain, explainedFile{c.File, string(c.State)})
	}
	if x.Program == nil {
		return out
	}
	out.Mapping, out.Object = x.Program.File(), x.Program.Object()
	if t == nil {
		t = &dsl.Trace{}
	} else {
		out.Event = traced(t)
	}
	traces := map[string]*dsl.FieldTrace{}
	for i := range t.Fields {
		traces[t.Fields[i].Name] = &t.Fields[i]
	}
	if only == "" {
		out.When, out.Match = valueJSON(x.When, t.When), valueJSON(x.Match, t.Match)
		out.OnDelete, out.OnMissing = valueJSON(&x.OnDelete, nil), valueJSON(&x.OnMissing, nil)
	}
	for i, o := range x.Fields {
		if only == "" || only == o.Name {
			out.Fields = append(out.Fields, *valueJSON(&x.Fields[i], traces[o.Name]))
		}
	}
	return out
}

func traced(t *dsl.Trace) *explainedEvent {
	e := &explainedEvent{Filtered: !t.OK && t.Fault == nil}
	if t.OK {
		e.Operation = t.Operation.String()
	}
	if t.Fault != nil {
		e.Fault = faultText(t.Fault)
	}
	return e
}

func valueJSON(o *dsl.Origin, t *dsl.FieldTrace) *explainedValue {
	if o == nil {
		return nil
	}
	v := &explainedValue{Name: o.Name, Where: o.Where, Text: o.Text, Options: o.Options, Inherited: o.Inherited, Removed: o.Removed}
	if t == nil {
		return v
	}
	v.Value, v.Note = json.RawMessage(t.JSON), t.Note
	if t.Fault != nil {
		v.Fault = faultText(t.Fault)
	}
	for _, s := range t.Steps {
		v.Steps = append(v.Steps, stepJSON(s))
	}
	return v
}

func stepJSON(s expr.Step) explainedStep { return explainedStep{s.Depth, s.Text, s.Value, s.Err} }
