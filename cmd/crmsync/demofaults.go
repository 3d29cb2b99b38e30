package main

import (
	"errors"
	"fmt"
	"time"

	"crmsync/cmd/crmsync/demo"
	"crmsync/providers/emulator"
)

// mood is how much goes wrong in a demo.
type mood struct {
	name   string
	events int   // unless the user says how many
	lead   int64 // how many deliveries may be under way
	// What the engine is told: shorter than in production, so that a demo ends
	// soon. 0: as configured.
	linger, lease, park, backoff time.Duration
	attempts                     int
	rates                        emulator.FaultRates
	restarts                     bool // processes end on the way
	plan                         []incident
}

// incident is something that goes wrong, or stops going wrong, once such a part
// of the events was sent and has ended.
type incident struct {
	at float64
	do func(*drive) error
}

// moods are what --faults may say, the calmest first.
func moods() []mood {
	return []mood{
		{name: "none", events: 100_000, lead: demoLead},
		{name: "some", events: 100_000, lead: demoLead, rates: someFaults(), plan: []incident{{demoCalm, calm}}},
		{
			name: "heavy", events: 30_000, lead: 1500, linger: 100 * time.Millisecond, lease: 2 * time.Second, park: time.Second,
			backoff: 2 * time.Second, attempts: 1000, rates: heavyFaults(), restarts: true, plan: heavyPlan(),
		},
	}
}

// moodOf returns the mood of that name.
func moodOf(name string) (mood, error) {
	for _, m := range moods() {
		if m.name == name {
			return m, nil
		}
	}
	return mood{}, usage{fmt.Errorf("--faults %q: give none, some or heavy", name)}
}

// someFaults are how often the CRM fails a write, in which way.
func someFaults() emulator.FaultRates {
	return emulator.FaultRates{
		emulator.ServerError: .01, emulator.BadGateway: .008, emulator.BadGatewayAfter: .008, emulator.Unavailable: .01,
		emulator.Locked: .005, emulator.Slow: .005, emulator.Late: .005, emulator.Timeout: .005, emulator.ResetBefore: .008,
		emulator.ResetAfter: .008, emulator.Partial: .015, emulator.BadRecord: .01, emulator.Silent: .005,
	}
}

// heavyFaults fail about every third request.
func heavyFaults() emulator.FaultRates {
	return emulator.FaultRates{
		emulator.Throttled: .03, emulator.Expired: .005, emulator.ServerError: .03, emulator.BadGateway: .03, emulator.BadGatewayAfter: .03,
		emulator.Unavailable: .03, emulator.Locked: .02, emulator.Slow: .01, emulator.Late: .015, emulator.Timeout: .015,
		emulator.ResetBefore: .03, emulator.ResetAfter: .03, emulator.Partial: .04, emulator.BadRecord: .02, emulator.Silent: .015,
	}
}

// harmRate is how often the database fails, and how often its answer is lost.
const harmRate = .03

// heavyPlan is what befalls crmsync and its own servers.
func heavyPlan() []incident {
	refuse := func(state, letters time.Duration) func(*drive) error {
		return func(d *drive) error {
			d.harm.refuse(state, letters)
			return nil
		}
	}
	return []incident{
		{0, func(d *drive) error { d.harm.failing(harmRate); return nil }},
		{.10, refuse(0, 4*time.Second)},
		{.15, refuse(2*time.Second, 0)},
		{.20, restart},
		{.25, forget},
		{.30, refuseOne},
		{.35, kill},
		{.45, refuse(0, 4*time.Second)},
		{.50, kill},
		{.55, restart},
		{.60, refuse(3*time.Second, time.Second)},
		{.65, forget},
		{.70, kill},
		{.75, kill},
		{demoCalm, calm},
	}
}

// upset lets happen what is due.
func (d *drive) upset() error {
	for len(d.plan) > 0 && d.done() >= d.plan[0].at && len(d.ends) == 0 {
		if err := d.plan[0].do(d); err != nil {
			return err
		}
		d.plan = d.plan[1:]
	}
	return nil
}

// calm ends what goes wrong by chance, so that the last records needn't wait for
// a second try.
func calm(d *drive) error {
	d.harm.failing(0)
	return d.crm.SetFaults(nil)
}

func restart(d *drive) error {
	d.harm.did(demo.HarmRestart)
	d.ends <- errRestarted
	return nil
}

func kill(d *drive) error {
	d.harm.did(demo.HarmKill)
	d.ends <- errKilled
	return nil
}

// errRestarted and errKilled are why a process of the demo ends before its time:
// it is told to, or dies in the middle of its work.
var (
	errRestarted = errors.New("stopped by the demo")
	errKilled    = errors.New("killed by the demo")
)

func forget(d *drive) error {
	d.harm.did(demo.HarmForgetting)
	d.harm.forget()
	return nil
}

// refuseOne has the CRM refuse the credential of the second org, which is not
// one of the special ones, for a while.
func refuseOne(d *drive) error {
	d.harm.did(demo.HarmDenied)
	return d.crm.DenyToken(d.orgs[min(1, len(d.orgs)-1)].Accounts[0].Token, time.Now().Add(3*time.Second))
}
