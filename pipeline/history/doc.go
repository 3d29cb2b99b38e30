// Package history judges a run of crmsync by what it left behind: the events
// that were accepted, the CRM's own log of calls, the state rows with what
// waits in them, the dead letters and the committed offsets. It says which of
// the promise's sentences do not hold, for which record, and prints the
// record's whole history.
//
// The simulation, the demo and the tests on real servers all end with it. It
// knows the promise and not the engine: it imports the nouns only, and takes
// from the rows nothing but their claims, which it checks against the CRM.
//
//	model.go     what is handed in
//	checker.go   how it is kept
//	calls.go     what the CRM went through: duplicates, regressions, sequence
//	ends.go      where it ended: lost, unaccounted, stuck
//	report.go    what was found
//	text.go      a record's history for people
//
// It does not fetch anything: the caller reads logs, tables and topics.
package history
