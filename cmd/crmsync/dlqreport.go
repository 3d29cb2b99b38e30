package main

import (
	"cmp"
	"errors"
	"fmt"
)

// replayed is what a replay did.
type replayed struct {
	Topic   string         `json:"topic"`
	DryRun  bool           `json:"dry_run"`
	Letters int            `json:"letters"` // selected
	Sent    int            `json:"sent"`    // or, in a dry run, would be
	Repeats int            `json:"repeats"` // left out: another letter is of the same version
	Failed  []replayFailed `json:"failed"`
	More    bool           `json:"more"` // there are more beyond the limit
	Stopped bool           `json:"stopped"`
}

type replayFailed struct {
	Entry string `json:"entry"`
	Error string `json:"error"`
}

// report prints what was done.
func (r *replay) report() error {
	if r.asJSON {
		if err := r.p.printJSON(r.result); err != nil {
			return err
		}
	} else if err := r.print(); err != nil {
		return err
	}
	if n := len(r.result.Failed); n > 0 {
		return problems{fmt.Errorf("%d letters could not be sent again", n)}
	}
	if r.result.Stopped {
		return problems{errors.New("stopped by a signal")}
	}
	return nil
}

func (r *replay) print() error {
	res := &r.result
	if len(r.shown) > 0 {
		t := r.p.table("ENTRY", "RECORD", "VERSION", "REASON", "MAPPING")
		for _, l := range r.shown {
			t.row(l.Entry, cmp.Or(l.Record, "-"), number(l.Version), l.Reason, cmp.Or(l.Mapping, "-"))
		}
		if err := t.flush(); err != nil {
			return err
		}
		if more := res.Sent - len(r.shown); more > 0 {
			fmt.Fprintf(r.p.out, "… and %d more\n", more)
		}
	}
	for _, f := range res.Failed {
		fmt.Fprintf(r.p.err, "%s: not sent: %s\n", f.Entry, f.Error)
	}
	fmt.Fprintln(r.p.out, res.summary())
	switch {
	case res.Stopped:
		r.p.hint("Stopped by a signal. Start it again for the rest: what was sent already has no second effect.")
	case res.More:
		r.p.hint("There are more: --limit %d was reached.", r.limit)
	case res.Sent > 0 && !res.DryRun:
		r.p.hint(`They are on their way. Those that fail again are listed by "crmsync dlq list --since 5m --open".`)
	}
	return nil
}

// summary says in a line what was done.
func (r *replayed) summary() string {
	verb, end := "sent again to", "."
	if r.DryRun {
		verb, end = "would be sent again to", ". Nothing was sent."
	}
	text := fmt.Sprintf("%d of %d dead letters %s %s", r.Sent, r.Letters, verb, r.Topic)
	if r.Repeats > 0 {
		text += fmt.Sprintf(", %d left out as the same versions", r.Repeats)
	}
	if n := len(r.Failed); n > 0 {
		text += fmt.Sprintf(", %d not", n)
	}
	return text + end
}
