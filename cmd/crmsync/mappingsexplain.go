package main

import (
	"bytes"
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
			"  head -1 examples/events.jsonl | crmsync mappings explain acme/hubspot/contact --event - --field email",
		RunE: func(_ *cobra.Command, args []string) error { return p.explain(args[0], f) },
	}
	c.Flags().StringVar(&f.event, "event", "", "trace this event: a `file` with its JSON, or - for standard input")
	c.Flags().StringVar(&f.field, "field", "", "only this field of the CRM")
	c.Flags().StringVar(&f.format, "format", "text", "text or json")
	return c
}

func (p *program) explain(name string, flags explainFlags) error {
	parts := strings.Split(name, "/")
	switch {
	case len(parts) != 3 || slices.Contains(parts, ""):
		return usage{fmt.Errorf("%q: give ORG/PROVIDER/RECORD_TYPE, such as acme/hubspot/contact", name)}
	case flags.format != "text" && flags.format != "json":
		return formatError(flags.format, "text or json")
	}
	set, f, err := p.loaded(dsl.Options{}, parts[0])
	if err != nil {
		return err
	}
	if parts[0] != dsl.Global && !slices.Contains(set.Orgs(), parts[0]) && !slices.Contains(f.orgs(), parts[0]) {
		fmt.Fprintf(p.err, "no org %q%s\n", parts[0], didYouMean(parts[0], f.orgs()))
		return problems{errors.New("unknown org")}
	}
	x := set.Explain(parts[0], parts[1], parts[2])
	if err := p.knowsField(x, flags.field); err != nil {
		return err
	}
	var trace *dsl.Trace
	if flags.event != "" && x.Program != nil {
		ev, err := p.readEvent(flags.event, x)
		if err != nil {
			return err
		}
		trace = x.Program.Trace(&ev, nil)
	}
	if flags.format == "json" {
		err = p.printJSON(explainJSON(x, trace, flags.field))
	} else {
		p.printExplained(x, trace, flags.field)
	}
	switch {
	case err != nil:
		return err
	case x.Program == nil:
		p.unmapped(set, x)
		return problems{errors.New("unmapped")}
	case trace != nil && trace.Fault != nil:
		return problems{trace.Fault}
	}
	return nil
}

// knowsField refuses a field that the mapping doesn't have.
func (p *program) knowsField(x *dsl.Explanation, field string) error {
	if field == "" || x.Program == nil {
		return nil
	}
	var names []string
	for _, o := range x.Fields {
		names = append(names, o.Name)
	}
	if slices.Contains(names, field) {
		return nil
	}
	hint := didYouMean(field, names)
	if hint == "" {
		hint = ": it has " + strings.Join(names, ", ")
	}
	fmt.Fprintf(p.err, "%s has no field %q%s\n", x.Program.File(), field, hint)
	return problems{errors.New("unknown field")}
}

// unmapped says why nothing serves, and what would.
func (p *program) unmapped(set *dsl.Set, x *dsl.Explanation) {
	var types, connected []string
	for _, m := range set.Programs() {
		types = append(types, m.RecordType())
	}
	for _, c := range set.Connections(x.Org) {
		connected = append(connected, c.Provider)
	}
	text := fmt.Sprintf("unmapped: no mapping serves %s of %s for %s", x.RecordType, x.Org, x.Provider)
	switch {
	case !slices.Contains(connected, x.Provider) && didYouMean(x.Provider, connected) != "":
		text += didYouMean(x.Provider, connected)
	case !slices.Contains(types, x.RecordType):
		text += didYouMean(x.RecordType, types)
	}
	fmt.Fprintln(p.err, text)
}

// readEvent reads one event as it stands in Kafka.
func (p *program) readEvent(file string, x *dsl.Explanation) (ev crmsync.Event, err error) {
	in := p.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return ev, fmt.Errorf("read the event: %w", err)
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxEventLine))
	if err != nil {
		return ev, fmt.Errorf("read the event: %w", err)
	}
	if b = bytes.TrimSpace(b); bytes.Contains(b, []byte("}\n{")) {
		return ev, usage{fmt.Errorf("%s holds several events, explain takes one: head -1 %[1]s | crmsync mappings explain … --event -", file)}
	}
	var d pipeline.Decoder
	ev, fault := d.Decode(&crmsync.Message{Value: b})
	switch {
	case fault != nil:
		fmt.Fprintf(p.err, "%s: this is no event: %s (%s)\n", file, fault.Message, fault.Code)
		return ev, problems{fault}
	case ev.Key.Type != x.RecordType:
		return ev, usage{fmt.Errorf("%s: the event is of a %s: explain %s/%s/%[2]s", file, ev.Key.Type, x.Org, x.Provider)}
	case ev.Key.Org != x.Org && x.Org != dsl.Global:
		fmt.Fprintf(p.err, "note: the event is of %s and is traced as if it were of %s\n", ev.Key.Org, x.Org)
		ev.Key.Org = x.Org
	}
	return ev, nil
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
