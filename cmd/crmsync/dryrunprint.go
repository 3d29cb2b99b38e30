package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"crmsync"
	"crmsync/pipeline"
)

// Ended notes what became of a delivery.
func (r *rehearsal) Ended(e pipeline.Ended) {
	if e.First {
		a := &act{
			Line: r.events.numbers[e.Offset], EventID: e.Event.ID, Org: e.Event.Key.Org, RecordType: e.Event.Key.Type,
			RecordID: e.Event.Key.ID, Version: e.Event.Version, Op: e.Event.Op.String(), Deliveries: []deliveryPlan{},
		}
		if e.Connection.Provider == "" && e.Outcome == crmsync.Dead {
			a.Op = "" // the envelope is broken: what was read of it may be nothing
		}
		r.acts = append(r.acts, a)
	}
	sent := r.requests[e.Connection.ID]
	delete(r.requests, e.Connection.ID)
	if r.provider != "" && e.Connection.Provider != r.provider && e.Connection.Provider != "" {
		return
	}
	d := deliveryPlan{
		Connection: e.Connection.ID.Name, Provider: e.Connection.Provider, Paused: r.paused(e.Connection.ID),
		Outcome: e.Outcome.String(), Requests: sent,
	}
	if e.Program != nil {
		d.Mapping = e.Program.File()
	}
	d.Reason, d.Where = r.reason(&e), where(&e)
	a := r.acts[len(r.acts)-1]
	a.Deliveries = append(a.Deliveries, d)
}

// paused says whether the connection waits for somebody to resume it.
func (r *rehearsal) paused(id crmsync.ConnectionID) bool {
	return slices.ContainsFunc(r.set.Connections(id.Org), func(c crmsync.Connection) bool { return c.ID == id && c.Paused })
}

// Requested has nothing to add: the scribe has seen it.
func (r *rehearsal) Requested(pipeline.Requested) {}

// Noticed has nothing to add.
func (r *rehearsal) Noticed(pipeline.Notice) {}

// reason says why a delivery asks for nothing.
func (r *rehearsal) reason(e *pipeline.Ended) string {
	deleted := e.Event.Op == crmsync.Deleted
	switch e.Outcome {
	case crmsync.Dead:
		f := *e.Fault
		f.Where = "" // printed behind it
		return faultText(&f)
	case crmsync.Unmapped:
		switch {
		case e.Connection.Provider != "":
			return fmt.Sprintf("no mapping for %s at %s", e.Event.Key.Type, e.Connection.Provider)
		case slices.Contains(r.set.Orgs(), e.Event.Key.Org):
			return fmt.Sprintf("org %q has no connection", e.Event.Key.Org)
		}
		return fmt.Sprintf("there is no org %q%s", e.Event.Key.Org, didYouMean(e.Event.Key.Org, r.set.Orgs()))
	case crmsync.Filtered:
		if deleted {
			return "the mapping ignores deletes of this record"
		}
		return "the mapping's when is not true for it"
	case crmsync.Duplicate:
		return fmt.Sprintf("version %d was handled before", e.Event.Version)
	case crmsync.Stale, crmsync.Superseded:
		return fmt.Sprintf("a version newer than %d was handled before", e.Event.Version)
	case crmsync.Unchanged:
		if deleted {
			return "no object is known; the CRM would be asked for one, and it is taken to have none"
		}
		return "the CRM holds it already"
	}
	return ""
}

func where(e *pipeline.Ended) string {
	switch {
	case e.Fault == nil:
		return ""
	case e.Fault.Where != "" || e.Program == nil:
		return e.Fault.Where
	}
	return e.Program.Where(e.Fault.Field)
}

// rehearsedJSON is a dry run as JSON.
type rehearsedJSON struct {
	Events []*act  `json:"events"`
	Plan   planned `json:"plan"`
}

// planned counts deliveries by what would happen to them.
type planned struct {
	Upsert  int `json:"upsert"`
	Update  int `json:"update"`
	Archive int `json:"archive"`
	Skipped int `json:"skipped"`
	Dead    int `json:"dead"`
}

// plan counts what would happen.
func (r *rehearsal) plan() (n planned) {
	for _, a := range r.acts {
		for _, d := range a.Deliveries {
			last := ""
			if len(d.Requests) > 0 {
				last = d.Requests[len(d.Requests)-1].Operation
			}
			switch {
			case d.Outcome == crmsync.Dead.String():
				n.Dead++
			case d.Outcome != crmsync.Synced.String():
				n.Skipped++
			case last == crmsync.Archive.String():
				n.Archive++
			case last == crmsync.Update.String():
				n.Update++
			default:
				n.Upsert++
			}
		}
	}
	return n
}

func (p *program) printRehearsal(r *rehearsal) error {
	for _, a := range r.acts {
		if len(a.Deliveries) == 0 {
			continue
		}
		fmt.Fprintf(p.out, "%-3d %s\n", a.Line, printable(a.title()))
		for i := range a.Deliveries {
			p.printDelivery(&a.Deliveries[i])
		}
	}
	p.printHeaders(r)
	c := r.plan()
	_, err := fmt.Fprintf(p.out, "\nPlan: %d to create or update, %d to update, %d to delete, %d skipped, %d failing. No request was sent.\n",
		c.Upsert, c.Update, c.Archive, c.Skipped, c.Dead)
	return err
}

// title names the event, as far as it could be read.
func (a *act) title() string {
	parts := []string{}
	if a.Org != "" {
		parts = append(parts, a.Org)
	}
	if a.RecordType != "" && a.RecordID != "" {
		parts = append(parts, a.RecordType+"/"+a.RecordID)
	}
	if len(parts) == 0 {
		return "no event"
	}
	if a.Version > 0 {
		parts = append(parts, fmt.Sprintf("v%d", a.Version))
	}
	title := strings.Join(parts, " ")
	if a.Op != "" {
		title += "  " + a.Op
	}
	return title
}

// printHeaders prints the headers that requests have, each set of them once.
func (p *program) printHeaders(r *rehearsal) {
	var seen []string
	for _, a := range r.acts {
		for _, d := range a.Deliveries {
			for _, request := range d.Requests {
				if text := headerText(request.Header); !slices.Contains(seen, text) {
					seen = append(seen, text)
					fmt.Fprintf(p.out, "\nHeaders of requests to %s\n%s", d.Provider, text)
				}
			}
		}
	}
}

func headerText(header map[string][]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(header)) {
		fmt.Fprintf(&b, "    %s: %s\n", name, printable(strings.Join(header[name], ", ")))
	}
	return b.String()
}

// sign stands before a request, as in other tools' plans.
func (s style) sign(operation string) string {
	switch operation {
	case crmsync.Upsert.String():
		return s.good("+")
	case crmsync.Update.String():
		return s.change("~")
	case crmsync.Archive.String():
		return s.bad("-")
	}
	return "?"
}

func (p *program) printDelivery(d *deliveryPlan) {
	style := p.style()
	if d.Connection != "" {
		by := ""
		if d.Mapping != "" {
			by = "  by " + d.Mapping
		}
		if d.Paused {
			by += "  (paused: it would wait)"
		}
		fmt.Fprintf(p.out, "    %s%s\n", printable(d.Connection), by)
	}
	for _, request := range d.Requests {
		fmt.Fprintf(p.out, "    %s %s %s\n", style.sign(request.Operation), request.Method, printable(request.URL))
		if len(request.Body) > 0 {
			fmt.Fprintf(p.out, "      %s\n", indented(request.Body, "      "))
		}
	}
	if d.Reason == "" {
		return
	}
	sign, text := "·", d.Outcome+": "+d.Reason
	if d.Outcome == crmsync.Dead.String() {
		sign, text = style.bad("✖"), "would go to the dead-letter queue: "+d.Reason
	}
	if d.Where != "" {
		text += "  (" + d.Where + ")"
	}
	fmt.Fprintf(p.out, "    %s %s\n", sign, printable(text))
}

// indented is JSON that is fit to be read. What could steer a terminal is
// escaped as JSON allows it.
func indented(body []byte, prefix string) string {
	var b bytes.Buffer
	if err := json.Indent(&b, body, prefix, "  "); err != nil {
		return printable(string(body))
	}
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return strings.Join(lines, "\n")
}
