package demo

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"crmsync"
)

// Report is what a demo tells of itself, as JSON or as text.
type Report struct {
	Seed            uint64           `json:"seed"`
	Events          int              `json:"events"`
	Seconds         float64          `json:"seconds"`
	EventsPerSecond float64          `json:"events_per_second"`
	Deliveries      int64            `json:"deliveries"`
	Outcomes        map[string]int64 `json:"outcomes"`
	Waited          int64            `json:"waited"` // how often a delivery went to the waiting room, to end later
	Orgs            []OrgReport      `json:"orgs"`
	DeadLetters     LetterReport     `json:"dead_letters"`
	Faults          map[string]int64 `json:"faults"` // that the CRM was made to have
	Harm            map[string]int64 `json:"harm"`   // what else was made to go wrong
	Memory          MemoryReport     `json:"memory"`
	Checks          map[string]int   `json:"checks"`
	Objects         int              `json:"objects"` // in the CRM, all compared with the oracle's
	Findings        []string         `json:"findings,omitempty"`
	Folder          string           `json:"folder,omitempty"` // where the demo's files are, if they were kept

	Sample *Sample `json:"-"`
}

// OrgReport is what became of one org.
type OrgReport struct {
	Name     string           `json:"name"`
	Story    string           `json:"story"`
	Outcomes map[string]int64 `json:"outcomes"`
	// Half and Slowest are how many seconds synced deliveries took, from the
	// sending of the event to the CRM's answer.
	Half     float64         `json:"half_seconds"`
	Slowest  float64         `json:"slowest_seconds"`
	Accounts []AccountReport `json:"accounts,omitempty"`
}

// AccountReport is what one account went through.
type AccountReport struct {
	Connection string  `json:"connection"`
	Requests   int64   `json:"requests"`
	Calls      int64   `json:"calls"`                           // in all requests
	HeldBack   int64   `json:"held_back"`                       // requests that our own rate check did not let out yet
	Throttled  int64   `json:"throttled"`                       // answers 429
	Denied     int64   `json:"denied"`                          // answers 401
	Down       float64 `json:"denied_seconds"`                  // from the first 401 to the first success after it
	Allowed    int     `json:"allowed_in_10_seconds,omitempty"` // requests, where that is less than the plan's
	refused    bool
}

// LetterReport is the dead letters by reason.
type LetterReport struct {
	Count   int      `json:"count"`
	Topic   string   `json:"topic"`
	Reasons []Reason `json:"reasons"`
}

// Reason is all dead letters with one cause.
type Reason struct {
	Count   int    `json:"count"`
	Code    string `json:"code"`
	Kind    string `json:"kind"`
	Where   string `json:"where,omitempty"` // file:line:col in the mapping
	Field   string `json:"field,omitempty"`
	Record  string `json:"record,omitempty"`  // of the first
	Message string `json:"message,omitempty"` // of the first
}

// MemoryReport is what the process took, broker and CRM included.
type MemoryReport struct {
	PeakBytes uint64 `json:"peak_bytes"`
}

// Seen is what was seen of an account's requests.
type Seen struct {
	Requests, Calls, HeldBack, Throttled, Denied int64
	FirstDenied, WorkedAgain                     time.Time
}

// Run is what was seen while a demo ran.
type Run struct {
	Setting    Setting
	Produced   int
	Took       time.Duration // from the first message to the last ending
	Ledger     *Ledger
	Letters    []Letter
	Topic      string // of the dead letters
	Accounts   map[crmsync.ConnectionID]Seen
	Delays     map[string][]time.Duration // by org, of synced deliveries
	Faults     map[string]int64
	Harm       map[string]int64
	PeakMemory uint64
	Sample     *Sample
	Folder     string
}

// NewReport puts together what was seen and what the oracle found.
func NewReport(r Run, v Verdict) *Report {
	counts := r.Ledger.Counts()
	out := &Report{
		Seed: r.Setting.Seed, Events: r.Produced, Seconds: r.Took.Seconds(), EventsPerSecond: float64(r.Produced) / max(r.Took.Seconds(), 0.001),
		Deliveries: counts.Total(), Outcomes: named(counts), Waited: r.Ledger.Waited(),
		DeadLetters: letterReport(r.Letters, r.Topic), Faults: r.Faults, Harm: r.Harm,
		Memory: MemoryReport{r.PeakMemory}, Objects: v.Objects, Findings: v.Examples, Folder: r.Folder, Sample: r.Sample,
		Checks: map[string]int{
			"lost": v.Lost, "wrong": v.Wrong, "duplicates": v.Duplicates, "regressions": v.Regressions,
			"stuck": v.Stuck, "unaccounted": v.Unaccounted, "illegal_sequence": v.Illegal,
		},
	}
	for _, o := range Orgs(r.Setting.Orgs) {
		out.Orgs = append(out.Orgs, orgReport(o, r))
	}
	if n := r.Ledger.Org("nobody"); n.Total() > 0 {
		out.Orgs = append(out.Orgs, OrgReport{Name: "nobody", Story: "an org that nobody knows", Outcomes: named(n)})
	}
	if n := r.Ledger.Org(""); n.Total() > 0 {
		out.Orgs = append(out.Orgs, OrgReport{Name: "no org", Story: "messages that are no events", Outcomes: named(n)})
	}
	return out
}

func orgReport(o Org, r Run) OrgReport {
	out := OrgReport{Name: o.Name, Story: o.Story, Outcomes: named(r.Ledger.Org(o.Name))}
	if d := slices.Sorted(slices.Values(r.Delays[o.Name])); len(d) > 0 {
		out.Half, out.Slowest = d[len(d)/2].Seconds(), d[len(d)-1].Seconds()
	}
	for _, a := range o.Accounts {
		s := r.Accounts[crmsync.ConnectionID{Org: o.Name, Name: a.Connection}]
		one := AccountReport{
			Connection: a.Connection, Requests: s.Requests, Calls: s.Calls, HeldBack: s.HeldBack,
			Throttled: s.Throttled, Denied: s.Denied, Allowed: a.TenSecondly, refused: a.Denied,
		}
		if s.Denied > 0 && s.WorkedAgain.After(s.FirstDenied) {
			one.Down = s.WorkedAgain.Sub(s.FirstDenied).Seconds()
		}
		out.Accounts = append(out.Accounts, one)
	}
	return out
}

// named gives counts their names; outcomes that no delivery had are left out.
func named(c Counts) map[string]int64 {
	out := map[string]int64{}
	for o, n := range c {
		if n > 0 {
			out[crmsync.Outcome(o).String()] = n
		}
	}
	return out
}

// letterReport groups the dead letters, the most frequent first.
func letterReport(letters []Letter, topic string) LetterReport {
	groups := map[Reason]*Reason{}
	for i := range letters {
		l := &letters[i]
		key := Reason{Code: l.Code, Kind: l.Kind, Where: l.Where, Field: l.Field}
		if groups[key] == nil {
			first := key
			first.Record, first.Message = l.Record, l.Message
			groups[key] = &first
		}
		groups[key].Count++
	}
	out := LetterReport{Count: len(letters), Topic: topic, Reasons: []Reason{}}
	for _, g := range groups {
		out.Reasons = append(out.Reasons, *g)
	}
	slices.SortFunc(out.Reasons, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Code, b.Code), strings.Compare(a.Where, b.Where))
	})
	return out
}

// Sound says that all checks are 0.
func (r *Report) Sound() bool {
	for n := range maps.Values(r.Checks) {
		if n != 0 {
			return false
		}
	}
	return true
}
