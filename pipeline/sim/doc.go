// Package sim plays histories of the real engine in a world made up for it, and
// judges each by the promise.
//
// A seed decides everything: who goes on, what fails, when time moves, which
// process crashes, which sleeps and wakes up believing that it still owns its
// partitions. The same seed gives the same history, so that a breach found once
// is found again, shortened to what is needed for it, and read by a person.
//
//	dice.go       the choices of a history, written down; shrinking
//	trouble.go    what can go wrong or be odd, and how often it did
//	mappings.go   the orgs, their connections and mappings
//	plan.go       what is drawn at the start: bounds, records, messages
//	world.go      what survives a crash, and time
//	log.go        the log and its consumer group        member.go      as one process sees it
//	store.go      links, epochs, the waiting room       statements.go  as a process asks them
//	parts.go      the small parts: cache, dead letters, credentials, rate check
//	crm.go        two kinds of CRM                      apply.go       as a request meets one
//	facts.go      what each message asks for, worked out without the engine
//	judge.go      what must hold at any time            verdict.go     what must hold at the end
//	evidence.go   what the history checker is shown
//	process.go    an engine and its tasks under way     loop.go        run by its own loop
//	sim.go        one step after the other              upset.go       what breaks in between
//
// It owns the world and the judgement, and nothing of the engine: it knows what
// is promised, not how that is done. It has no clock but its own, and no goroutine
// but those of the engine's own loop, where a test wants it to run.
package sim
