// Package pipeline moves events to CRMs.
//
// The Engine decides: what to read, send, write and commit, and when. It has
// no goroutine, no lock, no clock and no I/O; it hands out Tasks and is told
// when they are done. Run is the loop that carries them out in production; the
// simulation (sim) is another one. The way of an event, a file per stage:
//
//	decode.go       bytes → envelope, or a dead letter
//	partition.go    owned, drained, lost; claim.go: epochs, leases, taking over; note.go
//	intake.go       poll → the window opens → one delivery per connection joins its record
//	idempotency.go  finished already? else the record's link, many in one read
//	record.go       one version after the other; doubt.go: what may have been sent
//	account.go      per connection: one version per record, batched, held, paced
//	send.go         a batch leaves: transform.go → ratecheck.go → call.go
//	answer.go       what each answer asks for: save, again (retry.go), halve, bury
//	park.go         what would wait too long, into the waiting room; release.go: out of it
//	save.go         the link, many in one write, by compare-and-set and epoch
//	bury.go         dead letters, awaited
//	commit.go       the window's watermark; handing partitions back
//	stuck.go        a task that never returns
//
// It owns every retry and every decision about order. It knows no CRM and no
// technology: those come in as Parts.
package pipeline
