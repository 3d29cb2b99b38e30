package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// options are what the flags say.
type options struct {
	counts   map[string]int // by scenario; only those that were given
	seconds  int
	only     []string
	short    bool
	rate     int
	orgs     int
	records  int // per org and record type
	seed     uint64
	memory   int // MiB that a daemon may use
	json     bool
	keep     bool
	parts    string
	program  string
	patience time.Duration
}

// parseOptions reads the flags. What is wrong with them is told on stderr.
func parseOptions(args []string, stderr io.Writer) (options, error) {
	o := options{counts: map[string]int{}}
	f := flag.NewFlagSet("chaos", flag.ContinueOnError)
	f.SetOutput(stderr)
	given := map[string]*int{}
	for _, s := range scenarios() {
		given[s.name] = f.Int(s.name, -1, fmt.Sprintf("%s (%d %s)", s.about, s.full, s.unit))
	}
	only := f.String("only", "", "`scenarios` to run, with commas between; else those with a figure, else all")
	f.IntVar(&o.seconds, "seconds", 0, "figure of all scenarios that are measured in seconds and have none")
	f.BoolVar(&o.short, "short", false, "small figures, for a quick look")
	f.IntVar(&o.rate, "rate", 150, "events a second")
	f.IntVar(&o.orgs, "orgs", 20, "orgs, each with an account at the CRM")
	f.IntVar(&o.records, "records", 100, "records per org and type")
	f.Uint64Var(&o.seed, "seed", 0, "makes events and choices repeatable; 0: by the clock")
	f.IntVar(&o.memory, "memory", 512, "`MiB` that a daemon may use")
	f.BoolVar(&o.json, "json", false, "print the results as JSON")
	f.BoolVar(&o.keep, "keep", false, "keep the folder of logs also when all is well")
	f.StringVar(&o.parts, "parts", ".ci/parts", "`script` that starts the servers")
	f.StringVar(&o.program, "program", "", "crmsync `binary`; else it is built")
	f.DurationVar(&o.patience, "patience", 3*time.Minute, "how long a recovery or the end may take")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	for name, n := range given {
		if *n >= 0 {
			o.counts[name] = *n
		}
	}
	if *only != "" {
		o.only = strings.Split(*only, ",")
	}
	if o.seed == 0 {
		o.seed = uint64(time.Now().UnixNano()) % 1_000_000
	}
	return o, o.check(f.Args())
}

func (o *options) check(rest []string) error {
	if len(rest) > 0 {
		return fmt.Errorf("argument %q: chaos takes flags only", rest[0])
	}
	if o.rate < 1 || o.rate > 20_000 || o.orgs < 2 || o.orgs > 500 || o.records < 1 || o.records > 100_000 {
		return errors.New("give a rate of 1 to 20,000 events a second, 2 to 500 orgs and 1 to 100,000 records of each")
	}
	for _, name := range o.only {
		if !slices.ContainsFunc(scenarios(), func(s scenario) bool { return s.name == name }) {
			return fmt.Errorf("there is no scenario %q: choose of %s", name, strings.Join(scenarioNames(), ", "))
		}
	}
	return nil
}

// chosen returns the scenarios to run.
func (o *options) chosen() (all []scenario) {
	for _, s := range scenarios() {
		_, counted := o.counts[s.name]
		switch {
		case len(o.only) > 0 && !slices.Contains(o.only, s.name):
		case len(o.only) == 0 && len(o.counts) > 0 && !counted:
		case o.figure(s) == 0:
		default:
			all = append(all, s)
		}
	}
	return all
}

// figure returns how many times or seconds a scenario does harm.
func (o *options) figure(s scenario) int {
	if n, ok := o.counts[s.name]; ok {
		return n
	}
	switch {
	case o.seconds > 0 && s.unit == seconds:
		return o.seconds
	case o.short:
		return s.short
	}
	return s.full
}
