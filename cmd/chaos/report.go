package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"crmsync/pipeline/history"
)

// result is what a scenario came to.
type result struct {
	Scenario string           `json:"scenario"`
	Seed     uint64           `json:"seed"`
	Harms    []harm           `json:"harms"`
	Events   int64            `json:"events"`
	Calls    int64            `json:"calls"`
	Records  int64            `json:"records"`
	Verdict  map[string]int64 `json:"verdict"`
	Troubles []string         `json:"troubles"`
	Findings []string         `json:"findings"`
	// Steady times are of those harms after which all must recover, in seconds.
	SteadyMedian float64 `json:"steady_p50_s"`
	SteadyMax    float64 `json:"steady_max_s"`
	Oldest       float64 `json:"oldest_event_s"`
	PeakMiB      int64   `json:"peak_rss_mib"`
	Took         float64 `json:"took_s"`
	Logs         string  `json:"logs,omitempty"`
}

// sound says that nothing was wrong.
func (r *result) sound() bool {
	return len(r.Troubles) == 0 && len(r.Findings) == 0 && r.Verdict != nil && r.total() == 0
}

func (r *result) total() (n int64) {
	for _, count := range r.Verdict {
		n += count
	}
	return n
}

// judged adds the checker's verdict.
func (r *result) judged(report *history.Report) {
	r.Events, r.Calls, r.Records, r.Verdict = report.Events, report.Calls, report.Records, report.Checks()
	for _, f := range report.Findings {
		r.Findings = append(r.Findings, f.String())
	}
}

// timed adds the times to steady work.
func (r *result) timed(harms []harm) {
	r.Harms = harms
	var all []time.Duration
	for _, h := range harms {
		if h.Steady > 0 {
			all = append(all, h.Steady)
		}
	}
	if len(all) == 0 {
		return
	}
	slices.Sort(all)
	r.SteadyMedian, r.SteadyMax = all[len(all)/2].Seconds(), all[len(all)-1].Seconds()
}

// MarshalJSON writes the time in seconds.
func (h harm) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		What   string  `json:"what"`
		Steady float64 `json:"steady_s,omitempty"`
	}{h.What, float64(h.Steady.Milliseconds()) / 1000})
}

// printJSON writes results for programs.
func printJSON(w io.Writer, all []*result) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(map[string]any{"results": all, "sound": !slices.ContainsFunc(all, func(r *result) bool { return !r.sound() })})
}

// printTable writes results for people, and what was found in full.
func printTable(w io.Writer, all []*result) error {
	for _, r := range all {
		for _, text := range r.Findings {
			fmt.Fprintf(w, "%s: %s\n", r.Scenario, text)
		}
		for _, text := range r.Troubles {
			fmt.Fprintf(w, "%s: %s\n\n", r.Scenario, text)
		}
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := []string{"scenario", "harms", "events", "calls"}
	for class := range history.Classes {
		head = append(head, history.Class(class).String())
	}
	head = append(head, "troubles", "steady p50", "max", "peak MiB", "took", "")
	fmt.Fprintln(t, strings.Join(head, "\t"))
	for _, r := range all {
		fmt.Fprintln(t, strings.Join(r.cells(), "\t"))
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print the results: %w", err)
	}
	for _, r := range all {
		if !r.sound() {
			fmt.Fprintf(w, "%s is not sound; logs in %s\n", r.Scenario, r.Logs)
		}
	}
	return nil
}

func (r *result) cells() []string {
	cells := []string{r.Scenario, fmt.Sprint(len(r.Harms)), fmt.Sprint(r.Events), fmt.Sprint(r.Calls)}
	for class := range history.Classes {
		n, judged := r.Verdict[history.Class(class).String()]
		if !judged {
			cells = append(cells, "?")
			continue
		}
		cells = append(cells, fmt.Sprint(n))
	}
	return append(cells, fmt.Sprint(len(r.Troubles)), fmt.Sprintf("%.1f s", r.SteadyMedian), fmt.Sprintf("%.1f s", r.SteadyMax),
		fmt.Sprint(r.PeakMiB), fmt.Sprintf("%.0f s", r.Took), "")
}
