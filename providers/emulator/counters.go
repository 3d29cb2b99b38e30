package emulator

import "maps"

// Counters are sums over all entries of a log, also over those it dropped.
type Counters struct {
	// Calls counts requests by operation, Statuses those that ended by HTTP
	// status (0: ended without an answer), Faults the injected ones by kind.
	Calls    map[string]int64    `json:"calls"`
	Statuses map[int]int64       `json:"statuses"`
	Faults   map[FaultKind]int64 `json:"faults"`
	// Records counts records by outcome, Accounts the same by account.
	Records  map[Outcome]int64            `json:"records"`
	Accounts map[string]map[Outcome]int64 `json:"accounts"`
	// Open is how many requests still wait for their answer.
	Open int64 `json:"open"`
	// Pending is how many requests are there and not yet in the log: their
	// effect is still to come, if they have one. When it is 0 and nobody sends,
	// nothing changes any more.
	Pending int64 `json:"pending"`
	// LastSeq is the number of the newest entry, LogLines how many lines the
	// log keeps, LogDropped how many it has dropped for want of room.
	LastSeq    int64 `json:"last_seq"`
	LogLines   int64 `json:"log_lines"`
	LogDropped int64 `json:"log_dropped"`

	firstSeq int64 // the first number that these counters know of
}

func newCounters() Counters {
	return Counters{
		Calls: map[string]int64{}, Statuses: map[int]int64{}, Faults: map[FaultKind]int64{},
		Records: map[Outcome]int64{}, Accounts: map[string]map[Outcome]int64{},
	}
}

func (c *Counters) began(e Entry) {
	c.Open++
	c.Calls[e.Operation]++
	if e.Fault != "" {
		c.Faults[e.Fault]++
	}
	if len(e.Records) == 0 {
		return
	}
	account := c.Accounts[e.Account]
	if account == nil {
		account = map[Outcome]int64{}
		c.Accounts[e.Account] = account
	}
	for _, r := range e.Records {
		c.Records[r.Outcome]++
		account[r.Outcome]++
	}
}

func (c *Counters) finished(status int) {
	c.Open--
	c.Statuses[status]++
}

func (c *Counters) clone() Counters {
	out := *c
	out.Calls, out.Statuses = maps.Clone(c.Calls), maps.Clone(c.Statuses)
	out.Faults, out.Records = maps.Clone(c.Faults), maps.Clone(c.Records)
	out.Accounts = make(map[string]map[Outcome]int64, len(c.Accounts))
	for account, outcomes := range c.Accounts {
		out.Accounts[account] = maps.Clone(outcomes)
	}
	return out
}
