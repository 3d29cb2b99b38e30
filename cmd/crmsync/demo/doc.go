// Package demo makes the events of `crmsync demo` and judges what became of
// them. Its parts:
//
//	mappings/    the demo's own orgs and mappings
//	orgs.go      what is special about each org
//	stream.go    the events: the same for the same seed
//	oracle.go    what the mappings mean, said once more in plain Go
//	ledger.go    how deliveries ended, as they were told of
//	history.go   what was written to the CRM, in order
//	judge.go     whether all of that fits together
//	weigh.go     what the checker of histories is told
//	report.go    what a reader is told
//
// It imports nothing of ours but the nouns and that checker, and so can't share
// a mistake with the engine, the mapping language or the providers: those are
// what it judges. It runs nothing and does no I/O; the program does that and
// hands in what it saw.
package demo
