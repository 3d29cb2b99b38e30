package main

import (
	"context"

	"crmsync/providers/emulator"
)

// Units of a scenario's figure.
const (
	times   = "times"
	seconds = "seconds"
)

// scenario is one kind of harm.
type scenario struct {
	name, about string
	unit        string
	full, short int // figures: in general, and for a quick look; 0: not in it
	brokers     int
	faults      emulator.FaultRates // of the CRM, while harm is done
	harm        func(ctx context.Context, r *rig, figure int) error
}

// mild are faults of the CRM that make a kill hurt: requests whose effect comes
// after their sender has died, or of which nobody knows.
func mild() emulator.FaultRates {
	return emulator.FaultRates{emulator.Late: .01, emulator.Slow: .01, emulator.BadGatewayAfter: .003, emulator.ResetAfter: .003}
}

// rough are all faults of a CRM but those that blame a good record.
func rough() emulator.FaultRates {
	return emulator.FaultRates{
		emulator.Throttled: .02, emulator.ServerError: .02, emulator.BadGateway: .01, emulator.BadGatewayAfter: .01,
		emulator.Unavailable: .01, emulator.Locked: .005, emulator.Slow: .01, emulator.Late: .01, emulator.Timeout: .01,
		emulator.ResetBefore: .01, emulator.ResetAfter: .01, emulator.Partial: .02, emulator.Silent: .005,
	}
}

// scenarios returns all that can be run, in the order in which it is.
func scenarios() []scenario {
	return []scenario{
		{name: "kills", about: "kill -9 of a daemon, restart", unit: times, full: 20, short: 5, brokers: 1, faults: mild(), harm: killing},
		{name: "pauses", about: "SIGSTOP of a daemon for 1 to 3 session timeouts, SIGCONT", unit: times, full: 6, short: 0, brokers: 1, faults: mild(), harm: pausing},
		{name: "joins", about: "a daemon joins or leaves", unit: times, full: 20, short: 2, brokers: 1, faults: mild(), harm: joining},
		{name: "broker-kills", about: "kill -9 of a broker, restart", unit: times, full: 6, short: 1, brokers: 3, faults: mild(), harm: killingBrokers},
		{name: "hangs", about: "SIGSTOP of a broker, SIGCONT", unit: times, full: 3, short: 0, brokers: 3, faults: mild(), harm: hangingBrokers},
		{name: "stores", about: "PostgreSQL restarted, killed and away for so long; Redis killed, flushed and away", unit: seconds, full: 60, short: 0, brokers: 1, faults: mild(), harm: hurtingStores},
		{name: "letters", about: "the dead-letter topic takes nothing for so long", unit: seconds, full: 60, short: 0, brokers: 3, harm: closingLetters},
		{name: "toxics", about: "5 toxics on 4 connections, each for so long", unit: seconds, full: 60, short: 0, brokers: 1, harm: poisoning},
		{name: "crm", about: "the CRM itself fails for so long, in every way", unit: seconds, full: 60, short: 0, brokers: 1, faults: rough(), harm: failingCRM},
		{name: "denied", about: "the CRM refuses one org's credential for so long", unit: seconds, full: 30, short: 5, brokers: 1, harm: denying},
		{name: "storm", about: "all of it at once, for so long", unit: seconds, full: 120, short: 25, brokers: 3, faults: rough(), harm: storming},
	}
}

func scenarioNames() (names []string) {
	for _, s := range scenarios() {
		names = append(names, s.name)
	}
	return names
}
