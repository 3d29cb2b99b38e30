package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"crmsync"
	"crmsync/dsl"
	"crmsync/pipeline"
)

// explainFlags are the flags of explain.
type explainFlags struct {
	event  string
	field  string
	format string
}

func (p *program) explainCommand() *cobra.Command {
	var f explainFlags
	c := &cobra.Command{
		Use: "explain ORG/PROVIDER/RECORD_TYPE", Short: "Which mapping serves, why, and how a value comes about", Args: exactArgs("ORG/PROVIDER/RECORD_TYPE"),
		Example: "  crmsync mappings explain acme/hubspot/contact\n" +
			"  crmsync mappings explain acme/hubspot/contact --event examples/contact.json --field email",
		RunE: func(_ *cobra.Command, args []string) error { return p.explain(args[0], f) },
	}
	c.Flags().StringVar(&f.event, "event", "", "trace this event: a `file` with its JSON, or - for standard input")
	c.Flags().StringVar(&f.field, "field", "", "only this field of the CRM")
	c.Flags().StringVar(&f.format, "format", "text", "text or json")
	return c
}

func (p *program) explain(name string, flags explainFlags) error {
	parts := strings.Split(name, "/")
	if len(parts) != 3 {
		return usage{fmt.Errorf("%q: give ORG/PROVIDER/RECORD_TYPE, such as acme/hubspot/contact", name)}
	}
	set, err := p.loaded(dsl.Options{})
	if err != nil {
		return err
	}
	if parts[0] != dsl.Global && !slices.Contains(set.Orgs(), parts[0]) {
		fmt.Fprintf(p.err, "no org %q%s\n", parts[0], didYouMean(parts[0], set.Orgs()))
		return problems{errors.New("unknown org")}
	}
	x := set.Explain(parts[0], parts[1], parts[2])
	var trace *dsl.Trace
	if flags.event != "" && x.Program != nil {
		ev, err := p.readEvent(flags.event)
		if err != nil {
			return err
		}
		trace = x.Program.Trace(&ev, nil)
	}
	if flags.format == "json" {
		return p.printJSON(explainJSON(x, trace, flags.field))
	}
	p.printChain(x)
	if x.Program == nil {
		return problems{errors.New("unmapped")}
	}
	if flags.field != "" && !slices.ContainsFunc(x.Fields, func(o dsl.Origin) bool { return o.Name == flags.field }) {
		var names []string
		for _, o := range x.Fields {
			names = append(names, o.Name)
		}
		fmt.Fprintf(p.err, "the mapping has no field %q%s\n", flags.field, didYouMean(flags.field, names))
		return problems{errors.New("unknown field")}
	}
	if trace != nil {
		return p.printTrace(trace, flags.field)
	}
	p.printOrigins(x, flags.field)
	return nil
}

// readEvent reads one event as it stands in Kafka.
func (p *program) readEvent(file string) (ev crmsync.Event, err error) {
	in := p.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return ev, fmt.Errorf("read the event: %w", err)
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, 2<<20))
	if err != nil {
		return ev, fmt.Errorf("read the event: %w", err)
	}
	var d pipeline.Decoder
	ev, fault := d.Decode(&crmsync.Message{Value: bytes.TrimSpace(b)})
	if fault != nil {
		fmt.Fprintf(p.err, "%s: this is no event: %s (%s)\n", file, fault.Message, fault.Code)
		return ev, problems{fault}
	}
	return ev, nil
}

func (p *program) printChain(x *dsl.Explanation) {
	fmt.Fprintln(p.out, "Looked for, first match wins")
	wide := 0
	for _, c := range x.Chain {
		wide = max(wide, len(c.File))
	}
	for i, c := range x.Chain {
		state := map[dsl.CandidateState]string{dsl.Used: "✔ used", dsl.NotPresent: "– not present", dsl.Shadowed: "shadowed"}[c.State]
		if c.State == dsl.Inherited {
			state = fmt.Sprintf("extended, %s inherited", plural(c.Fields, "field"))
		}
		fmt.Fprintf(p.out, "  %d %-*s  %s\n", i+1, wide, c.File, state)
	}
	if len(x.Connections) == 0 && x.Org != dsl.Global {
		fmt.Fprintf(p.out, "Not in use: %s has no connection to %s.\n", x.Org, x.Provider)
	}
}

func (p *program) printOrigins(x *dsl.Explanation, only string) {
	rows := []dsl.Origin{}
	if x.When != nil && only == "" {
		rows = append(rows, named("when", *x.When))
	}
	if x.Match != nil && only == "" {
		rows = append(rows, named("match "+x.Match.Name, *x.Match))
	}
	if only == "" {
		rows = append(rows, named("on_delete", x.OnDelete))
	}
	for _, o := range x.Fields {
		if only == "" || o.Name == only {
			rows = append(rows, o)
		}
	}
	fmt.Fprintln(p.out)
	t := p.table("FIELD", "VALUE", "FROM")
	for _, o := range rows {
		text := oneLine(o.Text)
		if o.Options != "" {
			text += "  (" + o.Options + ")"
		}
		if o.Removed {
			text = "removed"
		}
		t.row(o.Name, text, o.Where)
	}
	_ = t.flush() // standard output is gone: nobody is left to tell
}

func named(name string, o dsl.Origin) dsl.Origin {
	o.Name = name
	return o
}

func (p *program) printTrace(t *dsl.Trace, only string) error {
	show := func(title string, f *dsl.FieldTrace) {
		if f == nil || only != "" && f.Name != only {
			return
		}
		fmt.Fprintf(p.out, "\n%s  ← %s\n", title, f.Where)
		p.printSteps("  ", f)
		if f.JSON != "" {
			fmt.Fprintf(p.out, "  = %s\n", f.JSON)
		}
	}
	if only == "" {
		show("when", t.When)
		show("match", t.Match)
	}
	for i := range t.Fields {
		show(t.Fields[i].Name, &t.Fields[i])
	}
	if t.Fault != nil {
		fmt.Fprintf(p.out, "\n✖ would go to the dead-letter queue: %s\n", faultText(t.Fault))
		return problems{t.Fault}
	}
	if !t.OK {
		fmt.Fprintln(p.out, "\nskipped: the mapping asks for nothing")
	}
	return nil
}

// faultText is a fault as the owner of the record may read it.
func faultText(f *crmsync.Fault) string {
	text := f.Message
	if text == "" {
		text = f.Code
	}
	if f.Field != "" {
		text = f.Field + ": " + text
	}
	if f.Where != "" {
		text += "  (" + f.Where + ")"
	}
	return text
}

// explainJSON is an explanation as JSON.
func explainJSON(x *dsl.Explanation, t *dsl.Trace, only string) any {
	type candidate struct {
		File  string `json:"file"`
		State string `json:"state"`
	}
	type origin struct {
		Name      string          `json:"name"`
		Where     string          `json:"where"`
		Text      string          `json:"text"`
		Inherited bool            `json:"inherited"`
		Removed   bool            `json:"removed"`
		Value     json.RawMessage `json:"value,omitempty"`
	}
	chain, fields := []candidate{}, []origin{}
	for _, c := range x.Chain {
		chain = append(chain, candidate{c.File, string(c.State)})
	}
	values := map[string]string{}
	if t != nil {
		for _, f := range t.Fields {
			values[f.Name] = f.JSON
		}
	}
	for _, o := range x.Fields {
		if only == "" || only == o.Name {
			fields = append(fields, origin{o.Name, o.Where, o.Text, o.Inherited, o.Removed, json.RawMessage(values[o.Name])})
		}
	}
	return map[string]any{"org": x.Org, "provider": x.Provider, "record_type": x.RecordType, "chain": chain, "fields": fields}
}
