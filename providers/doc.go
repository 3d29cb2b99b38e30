// Package providers speaks the APIs of CRMs. A CRM is data: one folder with a
// provider.yaml, which this package checks, compiles and runs as a
// [crmsync.Provider]. To add a CRM takes its folder and one line in the list of
// names; the vocabulary and why it is so is docs/decisions/0004-a-crm-is-data.md.
//
// It owns the provider language, the writing of requests, the reading of
// answers, what a failure asks of the caller, and the transport below. It makes
// exactly one HTTP request per batch and none for an empty one. It does not
// own retries, waiting, rates, credentials or state: package pipeline does.
//
// # One result per call
//
// A call has succeeded only if the answer says so of that call. What else
// becomes of it depends on where the request stood:
//
//   - It never left (refused connection, no such host, a passed deadline, no
//     room in the request): transient.
//   - It left and no whole answer came (timeout, reset, an answer that is cut
//     off, too large or no JSON, an uncertain status such as 500): ambiguous.
//     A find changes nothing, so for it this is transient too.
//   - The answer came and doesn't name the call: transient, with the code
//     "unaccounted". Such answers have been seen when nothing was written, and
//     an upsert, update or archive may be sent twice. A create may not, so for
//     it this is ambiguous.
//
// # What leaves, and where to
//
// Every request goes through one guarded way out: only public addresses, looked
// at after the name was resolved, or the one host and port that the
// configuration names; no proxy of the environment, no redirect, no compression;
// answers are bounded in size and by the batch's deadline. No byte of a request
// is written after that deadline, and what the kernel still holds then is thrown
// away.
//
// One thing is out of reach here: what a CRM sends unasked net/http writes to
// package log, word for word. A program must send that output nowhere.
//
// Each connection of an org has an HTTP client of its own. They share no network
// connection, no TLS session and no cookie.
package providers
