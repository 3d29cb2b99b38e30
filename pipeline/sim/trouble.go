package sim

import (
	"fmt"
	"strings"
)

// Trouble is one kind of fault, or of oddity, that a history can hold.
type Trouble uint8

// The troubles: of messages, of parts one call at a time, and those that come
// over the world and last.
const (
	Repeat Trouble = iota
	VersionGap
	OutOfOrder
	OtherPayload
	Undecodable
	Unrenderable
	RefusedByCRM
	Filtered
	UnknownOrg
	NoMapping
	Deletion
	Tombstone
	NewLife
	SamePayload

	PollError
	CommitError
	CommitAckLost
	ReleaseError
	ReleaseAckLost
	EndsError
	LateStart
	LateLoss
	ClaimError
	ClaimAckLost
	EpochsError
	LinksError
	SaveError
	SaveAckLost
	SaveLate
	DueError
	LettersError
	LettersAckLost
	LettersPartial
	CredentialsError
	RateWait
	RequestRefused
	ThrottledHint
	ThrottledBare
	QuotaUsed
	AnswerLost
	LandsLate
	LandsNever
	ItemTransient
	ItemAmbiguous
	ItemConflict
	ItemConflictBare
	WholeRefusal
	GoneOnArchive

	Crash
	Sleep
	Rebalance
	Eviction
	GracefulStop
	SourceRefuses
	Truncation
	StoreDown
	CacheForgets
	CacheGone
	LettersDown
	CRMDown
	QuotaForLong
	CredentialRevoked
	CredentialUnusable
	OtherProgram
	ConnectionPaused
	MappingGone
	HandDeletion
	OperatorReleases
	DeadReplayed
	StrangeNote
	ClockSkew

	Troubles = int(iota)
)

// trouble says how a Trouble is called and how likely it is each time that it
// could happen, in a thousandth; 0: it comes over the world, see upset.go.
type trouble struct {
	name     string
	permille int
}

var troubles = [Troubles]trouble{
	Repeat: {"message: repeated", 120}, VersionGap: {"message: versions left out", 150},
	OutOfOrder: {"message: behind a newer version", 50}, OtherPayload: {"message: same version, other payload", 40},
	Undecodable: {"message: cannot be decoded", 25}, Unrenderable: {"message: cannot be rendered", 25},
	RefusedByCRM: {"message: the CRM refuses it", 80}, Filtered: {"message: filtered", 40},
	UnknownOrg: {"message: of an unknown org", 15}, NoMapping: {"message: of a type without mapping", 15},
	Deletion: {"message: delete", 200}, Tombstone: {"message: delete as tombstone", 300},
	NewLife: {"message: new life after a delete", 0}, SamePayload: {"message: same payload as before", 150},

	PollError: {"log: poll fails", 20}, CommitError: {"log: commit fails", 30}, CommitAckLost: {"log: commit's answer lost", 30},
	ReleaseError: {"log: release fails", 30}, ReleaseAckLost: {"log: release's answer lost", 30},
	EndsError: {"log: asking for the end fails", 30}, LateStart: {"log: fetching starts late", 200}, LateLoss: {"group: a member learns late what it lost", 200},
	ClaimError: {"store: claim fails", 30}, ClaimAckLost: {"store: claim's answer lost", 30}, EpochsError: {"store: epochs not read", 30},
	LinksError: {"store: links not read", 30}, SaveError: {"store: save fails", 30}, SaveAckLost: {"store: save's answer lost", 30},
	SaveLate: {"store: statement runs on after its client gave up", 20}, DueError: {"store: waiting room not read", 30},
	LettersError: {"dead letters: put fails", 60}, LettersAckLost: {"dead letters: put's answer lost", 40},
	LettersPartial:   {"dead letters: some of them put", 40},
	CredentialsError: {"credentials: not read", 15}, RateWait: {"rate check: wait", 30},
	RequestRefused: {"crm: request refused, nothing done", 30}, ThrottledHint: {"crm: 429 with a hint", 15},
	ThrottledBare: {"crm: 429 without a hint", 6}, QuotaUsed: {"crm: quota refused once", 10},
	AnswerLost: {"crm: answer lost", 120}, LandsLate: {"crm: a call lands late", 0}, LandsNever: {"crm: a call never lands", 0},
	ItemTransient: {"crm: one call fails for now", 30}, ItemAmbiguous: {"crm: one call not accounted for", 20},
	ItemConflict: {"crm: conflict, the other object named", 250}, ItemConflictBare: {"crm: conflict, no object named", 20},
	WholeRefusal: {"crm: a batch refused for one of its calls", 0}, GoneOnArchive: {"crm: 404 on delete", 0},

	Crash: {"process: crash", 0}, Sleep: {"process: sleeps longer than its session", 0}, Rebalance: {"group: partition moves, drained", 0},
	Eviction: {"group: partition taken away", 0}, GracefulStop: {"process: stops and comes back", 0},
	SourceRefuses: {"log: the group refuses the member for good", 0}, Truncation: {"log: truncated below the committed offset", 0},
	StoreDown: {"store: down", 0}, CacheForgets: {"cache: flushed", 0}, CacheGone: {"cache: gone", 0}, LettersDown: {"dead letters: down", 0},
	CRMDown: {"crm: down", 0}, QuotaForLong: {"crm: quota used up for long", 0}, CredentialRevoked: {"crm: credential revoked", 0},
	CredentialUnusable: {"credentials: cannot be opened", 0}, OtherProgram: {"mappings: another program", 0},
	ConnectionPaused: {"mappings: connection paused", 0}, MappingGone: {"mappings: mapping gone", 0},
	HandDeletion: {"crm: object deleted by hand", 0}, OperatorReleases: {"operator: releases what waits", 0},
	DeadReplayed: {"operator: replays a dead letter", 0}, StrangeNote: {"log: note of another version", 0},
	ClockSkew: {"process: clock is off", 0},
}

// String returns what the trouble is called.
func (t Trouble) String() string { return troubles[t].name }

// Coverage is how often each trouble happened, and each outcome was reached.
type Coverage struct {
	Happened [Troubles]int64
	Ended    map[string]int64
}

// Add sums up.
func (c *Coverage) Add(o *Coverage) {
	for i, n := range o.Happened {
		c.Happened[i] += n
	}
	if c.Ended == nil {
		c.Ended = map[string]int64{}
	}
	for name, n := range o.Ended {
		c.Ended[name] += n
	}
}

// Missing returns the troubles that never happened.
func (c *Coverage) Missing() (names []string) {
	for i, n := range c.Happened {
		if n == 0 {
			names = append(names, Trouble(i).String())
		}
	}
	return names
}

// String returns a table, one line per trouble.
func (c *Coverage) String() string {
	var b strings.Builder
	for i, n := range c.Happened {
		fmt.Fprintf(&b, "%10d  %s\n", n, Trouble(i))
	}
	return b.String()
}
