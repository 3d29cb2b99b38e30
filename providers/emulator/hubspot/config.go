package hubspot

import (
	"context"
	"time"

	"crmsync/providers/emulator"
)

// Config says how a Server behaves. The zero value is a well-behaved server
// with no portal, which answers 401 to everybody.
type Config struct {
	// Now is the clock; time.Now when nil.
	Now func() time.Time
	// Wait sleeps until d has passed or ctx has ended; it is what slow and
	// held answers wait with. A timer when nil.
	Wait func(ctx context.Context, d time.Duration)
	// Seed makes chance repeatable: faults, the order of results, ids of
	// errors.
	Seed uint64
	// SearchLag is how long a write stays invisible to search.
	SearchLag time.Duration
	// Faults are the rates of faults that strike write requests by chance.
	Faults emulator.FaultRates
	// SlowFor is the delay of slow and late answers, 2 s when zero. HoldFor
	// is how long a timed-out request is held at most, 1 min when zero.
	SlowFor, HoldFor time.Duration
	// UnknownTokens accepts any bearer token as the token of its own portal,
	// made after NewPortal: pat-<digits>… names the portal by its digits,
	// any other text by a hash of it.
	UnknownTokens bool
	// NewPortal holds the settings of portals made for unknown tokens; its
	// ID and Token are not used.
	NewPortal Portal
	// LogLimit is how many lines the history keeps, a request and each of
	// its records counting one; emulator.DefaultLogLimit when zero.
	LogLimit int
	// MaxObjects is how many objects a portal holds per type, archived ones
	// included; 1,000,000 when zero.
	MaxObjects int
	// FirstID is the id of a portal's first object, 501 when zero. Portals
	// count on their own, so the same id stands for different objects.
	FirstID int64
	// StrictValues refuses property values that are not JSON strings. HubSpot
	// is said to take numbers and booleans for strings, and its newer
	// specifications allow null; so does the emulator unless this is set.
	StrictValues bool
	// AnyLifecycle lets lifecyclestage go backwards. HubSpot does not: it
	// must be cleared first.
	AnyLifecycle bool
}

// Plan is a HubSpot subscription, which sets the rate limits.
type Plan string

// The plans, with their limits in limitsOf.
const (
	Free         Plan = "free"
	Starter      Plan = "starter"
	Professional Plan = "professional"
	Enterprise   Plan = "enterprise"
	OAuth        Plan = "oauth" // a public app: its own short limit, none per day
)

// Limits are the rate limits of one token and its portal. Zero means the
// plan's own, a negative number no limit.
type Limits struct {
	TenSecondly int `json:"ten_secondly,omitempty"` // requests per token in any 10 s, searches left out
	Daily       int `json:"daily,omitempty"`        // requests per portal and day
	Searches    int `json:"searches,omitempty"`     // searches per portal in any second
}

// Portal is one HubSpot account and a token for it.
type Portal struct {
	ID    int64  `json:"id"`
	Token string `json:"token"`
	// Plan is Professional when empty.
	Plan   Plan   `json:"plan,omitempty"`
	Limits Limits `json:"limits,omitzero"`
	// Scopes are what the token may do, such as crm.objects.deals.read; nil
	// means everything.
	Scopes []string `json:"scopes,omitempty"`
	// Expires is when the token stops working; zero means never.
	Expires time.Time `json:"expires,omitzero"`
	// UniqueProperty, such as crmsync_id, is made ready in every object type.
	UniqueProperty string `json:"unique_property,omitempty"`
	// KeyProperty, such as crmsync_key, is made ready in every object type too,
	// without unique values: upserts and reads can't name records by it, creates
	// make as many of one value as are sent, and only search finds them. The log
	// names records by it.
	KeyProperty string `json:"key_property,omitempty"`
	// Location sets the portal's midnight, when the daily limit starts anew;
	// UTC when nil.
	Location *time.Location `json:"-"`
}

const (
	defaultMaxObjects = 1_000_000
	defaultFirstID    = 501
	// maxPortals bounds the portals of one server, those for unknown tokens
	// above all.
	maxPortals = 10_000
	// maxTokens bounds the tokens in the same way.
	maxTokens = 10_000
)

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Wait == nil {
		c.Wait = waitOnTimer
	}
	if c.MaxObjects <= 0 {
		c.MaxObjects = defaultMaxObjects
	}
	if c.FirstID <= 0 {
		c.FirstID = defaultFirstID
	}
	return c
}

func waitOnTimer(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// limitsOf returns the limits of a plan. For Professional HubSpot's pages
// disagree on the day's limit (625,000 and 650,000); this is the page's.
func limitsOf(plan Plan) (Limits, bool) {
	const searches = 5
	switch plan {
	case Free, Starter:
		return Limits{TenSecondly: 100, Daily: 250_000, Searches: searches}, true
	case Professional, "":
		return Limits{TenSecondly: 190, Daily: 625_000, Searches: searches}, true
	case Enterprise:
		return Limits{TenSecondly: 190, Daily: 1_000_000, Searches: searches}, true
	case OAuth:
		return Limits{TenSecondly: 110, Daily: -1, Searches: searches}, true
	}
	return Limits{}, false
}

// over returns l with the plan's own limits where l says nothing.
func (l Limits) over(plan Limits) Limits {
	pick := func(own, planned int) int {
		if own == 0 {
			return planned
		}
		return own
	}
	return Limits{
		TenSecondly: pick(l.TenSecondly, plan.TenSecondly),
		Daily:       pick(l.Daily, plan.Daily),
		Searches:    pick(l.Searches, plan.Searches),
	}
}
