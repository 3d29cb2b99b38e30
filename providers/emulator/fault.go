package emulator

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// FaultKind names one way in which a server can misbehave.
type FaultKind string

// The kinds of faults. Those that say so let the effect happen first.
const (
	Throttled       FaultKind = "throttled"         // 429: the short limit
	QuotaSpent      FaultKind = "quota_spent"       // 429: the daily limit
	Denied          FaultKind = "denied"            // 401: the token is unknown
	Expired         FaultKind = "expired"           // 401: the token is too old
	ServerError     FaultKind = "server_error"      // 500
	BadGateway      FaultKind = "bad_gateway"       // 502
	BadGatewayAfter FaultKind = "bad_gateway_after" // 502 after the effect
	Unavailable     FaultKind = "unavailable"       // 503
	Locked          FaultKind = "locked"            // the record or account is locked for a moment
	Migrating       FaultKind = "migrating"         // the account moves house; come back later
	Slow            FaultKind = "slow"              // the answer comes late, after the effect
	Late            FaultKind = "late"              // the effect itself comes late
	Timeout         FaultKind = "timeout"           // the effect happens, the answer never comes
	ResetBefore     FaultKind = "reset_before"      // the connection breaks, no effect
	ResetAfter      FaultKind = "reset_after"       // the connection breaks after the effect
	Partial         FaultKind = "partial"           // some records of a batch fail
	BadRecord       FaultKind = "bad_record"        // one record spoils its whole batch
	Silent          FaultKind = "silent"            // success is claimed, nothing is written
)

// FaultKinds returns all kinds, in the order of the list above.
func FaultKinds() []FaultKind {
	return []FaultKind{
		Throttled, QuotaSpent, Denied, Expired, ServerError, BadGateway, BadGatewayAfter, Unavailable,
		Locked, Migrating, Slow, Late, Timeout, ResetBefore, ResetAfter, Partial, BadRecord, Silent,
	}
}

// Fault is one misbehaviour of one request.
type Fault struct {
	Kind FaultKind
	// Delay is how long Slow and Late wait, how long Timeout holds the
	// connection at most, and what Migrating asks the client to wait. Zero
	// means the plan's own.
	Delay time.Duration
	// Drawn is true for a fault that chance chose and nobody queued.
	Drawn bool
}

// Call is what the plan knows of a request when it chooses a fault.
type Call struct {
	Method, Path, Token, Account, Operation, ObjectType string
	// Write is true when the request would change an object. Only such
	// requests get faults by chance.
	Write bool
}

// Match says which requests a queued fault is meant for. An empty field
// matches all; Path is a prefix.
type Match struct {
	Method     string `json:"method,omitempty"`
	Path       string `json:"path,omitempty"`
	Token      string `json:"token,omitempty"`
	Account    string `json:"account,omitempty"`
	Operation  string `json:"operation,omitempty"`
	ObjectType string `json:"object_type,omitempty"`
}

func (m Match) accepts(c Call) bool {
	same := func(want, got string) bool { return want == "" || want == got }
	return same(m.Method, c.Method) && strings.HasPrefix(c.Path, m.Path) && same(m.Token, c.Token) &&
		same(m.Account, c.Account) && same(m.Operation, c.Operation) && same(m.ObjectType, c.ObjectType)
}

// FaultRates says how likely each kind of fault is for one write request,
// from 0 to 1. A request gets at most one, so the rates add up to at most 1.
type FaultRates map[FaultKind]float64

// Validate returns an error that names the first kind with an impossible
// rate, or the sum when it is over 1.
func (r FaultRates) Validate() error {
	sum := 0.0
	for _, kind := range slices.Sorted(maps.Keys(r)) {
		if err := kind.validate(); err != nil {
			return err
		}
		if !(r[kind] >= 0 && r[kind] <= 1) {
			return fmt.Errorf("rate of fault %s is %v: give a number from 0 to 1", kind, r[kind])
		}
		sum += r[kind]
	}
	if sum > 1 {
		return fmt.Errorf("fault rates add up to %v: a request gets at most one fault, so keep the sum at 1 or below", sum)
	}
	return nil
}

func (k FaultKind) validate() error {
	if slices.Contains(FaultKinds(), k) {
		return nil
	}
	return fmt.Errorf("unknown fault %q: choose one of %v", string(k), FaultKinds())
}
