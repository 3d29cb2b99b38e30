// Command demolog reads the one JSON object that "crmsync demo --json" prints and exits 1, with
// every fault it found, unless the demo handled events, told the outcome of deliveries, and all of
// its checks are there and count nothing.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
)

// checks are the promises that the demo must have looked at. It may look at more.
var checks = []string{"lost", "duplicates", "regressions", "unaccounted"}

func main() {
	faults := inspect(os.Stdin, os.Stdout)
	for _, fault := range faults {
		fmt.Fprintf(os.Stderr, "demolog: %s\n", fault)
	}
	if len(faults) > 0 {
		os.Exit(1)
	}
}

// demo is the part of the demo's report that is judged here.
type demo struct {
	Events          int            `json:"events"`
	EventsPerSecond float64        `json:"events_per_second"`
	Outcomes        map[string]int `json:"outcomes"`
	Checks          map[string]int `json:"checks"`
}

// inspect prints a line about the demo and returns what is wrong with it.
func inspect(in io.Reader, out io.Writer) []string {
	var d demo
	stream := json.NewDecoder(in)
	if err := stream.Decode(&d); err != nil {
		return []string{fmt.Sprintf("the demo's output is no JSON object: %v", err)}
	}
	var faults []string
	if _, err := stream.Token(); !errors.Is(err, io.EOF) {
		faults = append(faults, "the demo printed more than one JSON object")
	}
	fmt.Fprintf(out, "demo: %d events, %.0f/s, outcomes %v, checks %v\n", d.Events, d.EventsPerSecond, d.Outcomes, d.Checks)
	return append(faults, d.faults()...)
}

func (d demo) faults() []string {
	var found []string
	if d.Events < 1 || d.EventsPerSecond <= 0 {
		found = append(found, "the demo handled no events")
	}
	if len(d.Outcomes) == 0 {
		found = append(found, "the demo tells no outcomes")
	}
	for _, name := range checks {
		if _, ok := d.Checks[name]; !ok {
			found = append(found, fmt.Sprintf("the demo did not check %q", name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Checks)) {
		if n := d.Checks[name]; n != 0 {
			found = append(found, fmt.Sprintf("the demo counts %d %s", n, name))
		}
	}
	return found
}
