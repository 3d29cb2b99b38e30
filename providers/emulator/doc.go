// Package emulator holds what every fake CRM server needs and no CRM defines:
// the history log with its counters, the plan of faults, the inspection API
// under /_emulator/, and a helper that serves a handler on a loopback port.
//
// The CRMs themselves live in folders below it, one package each. They are
// written from the vendors' facts and never from our own provider files, so
// that the two can contradict each other.
//
// The package knows no CRM's paths, bodies or status codes. It keeps no state
// outside its values and reads no clock: the caller hands in every time.
package emulator
