package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"crmsync"
	"crmsync/pipeline"
)

// Ended notes what became of a delivery.
func (r *rehearsal) Ended(e pipeline.Ended) {
	if e.First {
		r.acts = append(r.acts, &act{
			EventID: e.Event.ID, Org: e.Event.Key.Org, RecordType: e.Event.Key.Type, RecordID: e.Event.Key.ID,
			Version: e.Event.Version, Op: e.Event.Op.String(), Deliveries: []deliveryPlan{},
		})
	}
	a := r.acts[len(r.acts)-1]
	if e.Connection.Provider == "" && e.Outcome == crmsync.Dead {
		a.Op = "" // the envelope is broken: what was read of it may be nothing
	}
	if r.provider != "" && e.Connection.Provider != r.provider {
		return
	}
	d := deliveryPlan{
		Connection: e.Connection.ID.Name, Provider: e.Connection.Provider, Outcome: e.Outcome.String(),
		Requests: r.requests[e.Connection.ID],
	}
	delete(r.requests, e.Connection.ID)
	if e.Program != nil {
		d.Mapping = e.Program.File()
	}
	d.Reason, d.Where = reason(&e), where(&e)
	a.Deliveries = append(a.Deliveries, d)
}

// Requested has nothing to add: the scribe has seen it.
func (r *rehearsal) Requested(pipeline.Requested) {}

// Noticed has nothing to add.
func (r *rehearsal) Noticed(pipeline.Notice) {}

// reason says why a delivery asks for nothing.
func reason(e *pipeline.Ended) string {
	switch e.Outcome {
	case crmsync.Dead:
		text := e.Fault.Message
		if text == "" {
			text = e.Fault.Error()
		}
		if e.Fault.Field != "" {
			text = e.Fault.Field + ": " + text
		}
		return text
	case crmsync.Unmapped:
		if e.Connection.Provider == "" {
			return fmt.Sprintf("org %q has no connection", e.Event.Key.Org)
		}
		return fmt.Sprintf("no mapping for %s at %s", e.Event.Key.Type, e.Connection.Provider)
	case crmsync.Filtered:
		if e.Event.Op == crmsync.Deleted {
			return "the mapping ignores deletes of this record"
		}
		return "the mapping's when is not true for it"
	case crmsync.Duplicate:
		return fmt.Sprintf("version %d was handled before", e.Event.Version)
	case crmsync.Stale, crmsync.Superseded:
		return fmt.Sprintf("a version newer than %d was handled before", e.Event.Version)
	case crmsync.Unchanged:
		if e.Event.Op == crmsync.Deleted {
			return "no object is known, so there is nothing to delete"
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

// plan counts what would happen.
func (r *rehearsal) plan() map[string]int {
	counts := map[string]int{"upsert": 0, "update": 0, "archive": 0, "skipped": 0, "dead": 0}
	for _, a := range r.acts {
		for _, d := range a.Deliveries {
			switch {
			case d.Outcome == crmsync.Dead.String():
				counts["dead"]++
			case d.Outcome == crmsync.Synced.String() && len(d.Requests) > 0:
				counts[d.Requests[len(d.Requests)-1].Operation]++
			default:
				counts["skipped"]++
			}
		}
	}
	return counts
}

// signs stand before requests, as in other tools' plans.
var signs = map[string]string{"upsert": "+", "create": "+", "update": "~", "archive": "-", "find": "?"}

func (p *program) printRehearsal(r *rehearsal) error {
	n := 0
	for _, a := range r.acts {
		if len(a.Deliveries) == 0 {
			continue
		}
		n++
		title := "(no event)"
		if a.EventID != "" {
			title = fmt.Sprintf("%s %s/%s v%d  %s", a.Org, a.RecordType, a.RecordID, a.Version, a.Op)
		}
		fmt.Fprintf(p.out, "%-3d %s\n", n, printable(title))
		for _, d := range a.Deliveries {
			p.printDelivery(&d)
		}
	}
	c := r.plan()
	_, err := fmt.Fprintf(p.out, "\nPlan: %d to create or update, %d to update, %d to delete, %d skipped, %d failing. No request was sent.\n",
		c["upsert"], c["update"], c["archive"], c["skipped"], c["dead"])
	return err
}

func (p *program) printDelivery(d *deliveryPlan) {
	if d.Mapping != "" {
		fmt.Fprintf(p.out, "    %s  by %s\n", d.Connection, d.Mapping)
	}
	for _, request := range d.Requests {
		fmt.Fprintf(p.out, "    %s %s %s\n", signs[request.Operation], request.Method, request.URL)
		if len(request.Body) > 0 {
			fmt.Fprintf(p.out, "      %s\n", indented(request.Body, "      "))
		}
	}
	if d.Reason == "" {
		return
	}
	sign, text := "·", d.Outcome+": "+d.Reason
	if d.Outcome == crmsync.Dead.String() {
		sign, text = "✖", "would go to the dead-letter queue: "+d.Reason
	}
	if d.Where != "" {
		text += "  (" + d.Where + ")"
	}
	fmt.Fprintf(p.out, "    %s %s\n", sign, strings.TrimSpace(printable(text)))
}

// indented is JSON that is fit to be read.
func indented(body []byte, prefix string) string {
	var b bytes.Buffer
	if err := json.Indent(&b, body, prefix, "  "); err != nil {
		return string(body)
	}
	return b.String()
}
