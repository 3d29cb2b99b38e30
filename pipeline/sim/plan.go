package sim

import (
	"fmt"
	"time"

	"crmsync"
	"crmsync/pipeline"
)

// plan is what is drawn at a history's start. Bounds are small, so that all
// that can be full gets full, and differ from history to history, so that every
// order of its times turns up.
type plan struct {
	config     pipeline.Config
	partitions int
	processes  int
	rates      [Troubles]int // by chance: troubles that come with calls
	upsets     []Trouble     // those that come over the world here
	upsetsLeft int
	// upsetChance is how likely one is at a step, in a thousandth.
	upsetChance int
	calmAt      int // after so many steps
	slow        string
	fetch       int           // messages a poll brings at most
	fetchFor    time.Duration // how long it takes
	idle        time.Duration // how long a poll waits for news
	limits      [2][5]crmsync.Limits
	whole       [2]bool // a CRM refuses a batch for one of its calls
}

// themes are troubles that belong together, so that some histories turn on them:
// owners that come and go, and accounts that make records wait while they do.
var themes = [...]struct {
	upsets []Trouble
	slow   []string // tasks, one of which is slow
}{
	{}, {},
	{[]Trouble{Crash, Sleep, Rebalance, Eviction, GracefulStop, Rebalance}, []string{"", "commit", "prove", "send", "claim"}},
	{[]Trouble{Crash, Eviction, Rebalance, CRMDown, QuotaForLong, OperatorReleases, ConnectionPaused}, []string{"", "release", "save"}},
	{[]Trouble{Sleep, CRMDown, QuotaForLong, Eviction}, []string{"save"}},
	{[]Trouble{Crash, Eviction, Sleep}, []string{"commit"}},
	{[]Trouble{CRMDown, QuotaForLong, CredentialRevoked, OperatorReleases}, []string{"release"}},
}

// kinds of CRM, as indexes of plan.limits and plan.whole.
func kindOf(provider string) int {
	if provider == atlas {
		return 0
	}
	return 1
}

// draw decides the plan and the messages.
func (w *World) draw() {
	d := w.dice
	w.plan.config = w.config()
	w.plan.partitions, w.plan.processes = 2+d.N(2), 2+d.N(2)
	for t := range Troubles {
		if p := troubles[t].permille; p > 0 {
			w.plan.rates[t] = [...]int{0, p, p, min(3*p, 500)}[d.N(4)]
		} else if Trouble(t) >= Crash && d.N(2) == 1 {
			w.plan.upsets = append(w.plan.upsets, Trouble(t))
		}
	}
	w.plan.upsetsLeft, w.plan.calmAt, w.plan.upsetChance = d.N(20), 50+d.N(400), 50
	w.plan.slow = [...]string{"", "", "commit", "send", "save", "check", "poll", "claim", "release", "prove", "commit", "send"}[d.N(12)]
	w.plan.fetch, w.plan.fetchFor = 1+d.N(4), [...]time.Duration{0, 0, 10 * ms, 40 * ms}[d.N(4)]
	if theme := &themes[d.N(len(themes))]; theme.upsets != nil {
		w.plan.upsets, w.plan.upsetsLeft, w.plan.upsetChance = theme.upsets, 3+w.plan.upsetsLeft, 120
		w.plan.slow = theme.slow[d.N(len(theme.slow))]
	}
	if w.plan.slow == "commit" { // then much is finished that is not committed
		w.plan.config.Window, w.plan.config.CommitEvery, w.plan.fetch = 3+d.N(2), 400*ms, 4
	}
	w.plan.idle = [...]time.Duration{50 * ms, 20 * ms, 100 * ms, 400 * ms}[d.N(4)]
	for kind := range w.plan.limits {
		w.plan.whole[kind] = d.N(2) == 1
		w.plan.config.MaxInflight = max(w.plan.config.MaxInflight, w.drawLimits(kind))
	}
	w.publish()
}

// drawLimits decides the bounds of one CRM. Only the first has an upsert.
func (w *World) drawLimits(kind int) (inflight time.Duration) {
	d := w.dice
	limits := crmsync.Limits{
		Parallel: d.N(3), MaxInflight: [...]time.Duration{40 * ms, 5 * ms, 80 * ms, 150 * ms}[d.N(4)],
		SearchLag: [...]time.Duration{0, 30 * ms, 100 * ms}[d.N(3)],
		Budgets:   []crmsync.Budget{{Name: "calls", Limit: 100, Window: time.Second, Cost: func(int) int64 { return 1 }}},
	}
	if d.N(4) == 3 {
		limits.Bytes = 700
	}
	for op := range w.plan.limits[kind] {
		limits.Items = 1 + d.N(4)
		if limits.Items == 1 && d.N(2) == 0 {
			limits.Items = 3
		}
		w.plan.limits[kind][op] = limits
	}
	if kind == kindOf(basalt) {
		w.plan.limits[kind][crmsync.Upsert] = crmsync.Limits{}
	} else {
		w.plan.limits[kind][crmsync.Create] = crmsync.Limits{}
	}
	return limits.MaxInflight
}

// limits are what the engine is told of a CRM.
func (w *World) limits(c crmsync.Connection, _ string, op crmsync.Operation) crmsync.Limits {
	return w.plan.limits[kindOf(c.Provider)][op]
}

// inflight is how long a call of a CRM may take beyond its deadline.
func (w *World) inflight(provider string) time.Duration {
	return w.plan.limits[kindOf(provider)][crmsync.Update].MaxInflight
}

// config draws the engine's bounds.
func (w *World) config() pipeline.Config {
	d := w.dice
	some := func(low, high int) time.Duration { return time.Duration(low+d.N(high-low+1)) * ms }
	return pipeline.Config{
		VersionFrom: pipeline.VersionField,
		Linger:      some(0, 8), Parallel: 1 + d.N(3), Sends: 1 + d.N(4), Rows: 1 + d.N(5),
		Window: 3 + d.N(8)*d.N(2), InFlight: 6 + d.N(20), InFlightMiB: 64, Cache: d.N(4),
		BackoffBase: 4 * ms, BackoffMax: 32 * ms, Attempts: [...]int{20, 8, 4, 3}[d.N(4)],
		SendTimeout: some(10, 200), DeniedPause: some(10, 60),
		Topic: topic, Lease: some(50, 200), ParkAfter: some(20, 100), ReleaseEvery: some(1, 30),
		CommitEvery: [...]time.Duration{20 * ms, 5 * ms, 100 * ms, 400 * ms}[d.N(4)], CommitAlarm: some(100, 300), DrainFor: some(1, 40), TaskLimit: time.Hour,
	}
}

// ---- the messages

// publish draws 2 to 30 messages on 2 to 5 records.
func (w *World) publish() {
	d := w.dice
	records := [...]crmsync.RecordKey{
		{Org: "acme", Type: "person", ID: "a"}, {Org: "beta", Type: "person", ID: "b"}, {Org: "acme", Type: "firm", ID: "c"},
		{Org: "acme", Type: "person", ID: "d"}, {Org: "beta", Type: "firm", ID: "e"}, {Org: "acme", Type: "offer", ID: "f"},
	}
	for i, n := 0, 1+d.N(5)*d.N(2); i <= n && i < len(records); i++ {
		h := &record{key: records[i], partition: int32(i % w.plan.partitions)}
		if w.plan.slow == "commit" {
			h.partition = 0 // so that one of them gets long
		}
		w.records = append(w.records, h)
		w.histories[h.key] = h
	}
	at := w.Now
	for range 2 + d.N(29) {
		if d.N(3) == 0 {
			at = at.Add(w.span(20 * ms))
		}
		w.append(at, w.records[d.N(len(w.records))])
	}
}

// append publishes one message, mostly on the record h.
func (w *World) append(at time.Time, h *record) {
	m := crmsync.Message{Topic: topic, Partition: h.partition, Time: at}
	f := &fact{key: h.key}
	switch n := len(h.facts); {
	case w.happens(Undecodable):
		f.broken, m.Value = true, []byte(`{"event_id":"x","org_id":`)
	case w.happens(UnknownOrg):
		f.key = crmsync.RecordKey{Org: "ghost", Type: "person", ID: "x"}
		f.version = 1
		m.Value = body(f)
	case w.happens(NoMapping):
		f.key.Type = "odd"
		f.version = 1
		m.Value = body(f)
	case n > 0 && w.happens(Repeat):
		*f = *h.facts[w.dice.N(n)]
		m.Value = body(f)
	case n > 0 && w.happens(OtherPayload):
		*f = *h.facts[w.dice.N(n)]
		if f.shows.Value += 1000; f.deleted {
			f.shows.Value -= 1000
		}
		m.Value = body(f)
	default:
		w.change(h, f)
		if m.Value = body(f); f.deleted && w.happens(Tombstone) {
			m.Value = nil
			m.Headers = []crmsync.Header{{Key: crmsync.HeaderVersion, Value: fmt.Append(nil, f.version)}}
		}
	}
	w.place(m, f)
}

// change is the next change of a record, or one that comes too late.
func (w *World) change(h *record, f *fact) {
	d := w.dice
	last := &fact{}
	for _, o := range h.facts {
		if o.version > last.version {
			last = o
		}
	}
	f.version, f.shows = last.version+1, content{len(h.facts) + 1, last.shows.Life, "active"}
	if w.happens(VersionGap) {
		f.version += int64(1 + d.N(3))
	}
	if last.deleted {
		f.shows.Life++
		w.note(NewLife)
	}
	switch {
	case last.version > 2 && h.first(last.version-1) == nil && w.happens(OutOfOrder):
		f.version = last.version - 1
		f.shows.Life = last.shows.Life
	case last.version > 0 && !last.deleted && w.happens(Deletion):
		f.deleted, f.shows = true, content{Life: last.shows.Life}
	case last.version > 0 && !last.deleted && w.happens(SamePayload):
		f.shows = h.likeBefore(last, d.N(3))
	}
	if !f.deleted {
		f.hidden = w.happens(Filtered)
		f.flawed = !f.hidden && (w.happens(Unrenderable) || w.happens(RefusedByCRM) || last.version == 0 && w.happens(RefusedByCRM))
	}
}

// likeBefore is what the record showed some changes ago, in the same life: now
// and then the CRM holds it already, or something else has landed in between.
func (h *record) likeBefore(last *fact, back int) content {
	if i := len(h.facts) - 1 - back; i >= 0 && !h.facts[i].deleted && h.facts[i].shows.Life == last.shows.Life {
		return h.facts[i].shows
	}
	return last.shows
}

// place puts a message at the end of its partition.
func (w *World) place(m crmsync.Message, f *fact) {
	l := &w.logs[m.Partition]
	m.Offset = int64(len(l.messages))
	if m.Key == nil && !f.broken {
		m.Key = []byte(f.key.String())
	}
	f.place = place{m.Partition, m.Offset}
	l.messages, l.facts = append(l.messages, m), append(l.facts, f)
	if f.broken {
		return
	}
	h := w.histories[f.key]
	if h == nil {
		h = &record{key: f.key, partition: m.Partition}
		w.histories[f.key] = h
	}
	h.facts = append(h.facts, f)
}

// body is the event's JSON.
func body(f *fact) []byte {
	op := "upsert"
	if f.deleted {
		op = "delete"
	}
	b := fmt.Appendf(nil, `{"event_id":"%s-%d","org_id":"%s","record_type":"%s","record_id":"%s","version":%d,"op":"%s","occurred_at":"2000-01-01T00:00:00Z"`,
		f.key.ID, f.version, f.key.Org, f.key.Type, f.key.ID, f.version, op)
	if f.deleted {
		return append(b, '}')
	}
	status, flaw, email := "open", "", `"A@B.example"`
	if f.hidden {
		status = "internal"
	}
	if f.flawed {
		if flaw = "refuse"; f.version%2 == 0 {
			flaw, email = "", "7" // no text: it can't be rendered
		}
	}
	return fmt.Appendf(b, `,"data":{"value":%d,"life":%d,"flaw":"%s","email":%s,"status":"%s"}}`, f.shows.Value, f.shows.Life, flaw, email, status)
}
