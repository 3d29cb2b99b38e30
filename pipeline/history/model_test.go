package history_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	"crmsync"
	"crmsync/pipeline/history"
)

// model is a sync that does everything right, with all the freedom that it has:
// it may leave out versions that newer ones follow, send twice, be refused,
// park, and stop in the middle.
type model struct {
	t *rapid.T
	history.Evidence
	clock   time.Time
	records map[crmsync.RecordKey]*modelled
	offsets map[int32]int64
	objects int
}

// modelled is one record.
type modelled struct {
	key       crmsync.RecordKey
	partition int32
	pending   []history.Event // not yet done, oldest version first
	live      string
	row       crmsync.Link
}

const modelConnection = "hubspot"

// draw returns a correct run.
func draw(t *rapid.T) *model {
	m := &model{t: t, clock: start, records: map[crmsync.RecordKey]*modelled{}, offsets: map[int32]int64{}}
	m.Committed = map[int32]int64{}
	for range rapid.IntRange(1, 30).Draw(t, "events") {
		if m.chance(5, "broken") {
			m.broken()
			continue
		}
		r := m.record()
		m.take(r, m.event(r))
		if m.chance(50, "flush") {
			m.flush(r)
		}
	}
	m.rest()
	return m
}

func (m *model) chance(percent int, what string) bool {
	return rapid.IntRange(1, 100).Draw(m.t, what) <= percent
}

func (m *model) record() *modelled {
	n := rapid.IntRange(1, 4).Draw(m.t, "record")
	key := crmsync.RecordKey{Org: "acme", Type: "contact", ID: fmt.Sprintf("c-%d", n)}
	if m.records[key] == nil {
		row := crmsync.Link{LinkKey: crmsync.LinkKey{Key: key, Connection: modelConnection}, Owner: crmsync.Owner{Epoch: 1}}
		m.records[key] = &modelled{key: key, partition: int32(n % 2), row: row}
	}
	return m.records[key]
}

func (m *model) place(partition int32) (offset int64) {
	offset = m.offsets[partition]
	m.offsets[partition]++
	return offset
}

func (m *model) broken() {
	partition := int32(rapid.IntRange(0, 1).Draw(m.t, "partition"))
	e := history.Event{Partition: partition, Offset: m.place(partition), Broken: true, Code: "invalid_json"}
	m.Events = append(m.Events, e)
	m.Letters = append(m.Letters, history.Letter{Partition: partition, Offset: e.Offset, Code: e.Code})
}

// event is a version of the record: the next, a repeat, or an old one that was
// not sent before. What a version says is the same each time.
func (m *model) event(r *modelled) history.Event {
	version := rapid.Int64Range(1, 8).Draw(m.t, "version")
	for _, e := range m.Events {
		if e.Key == r.key && e.Version == version {
			e.Partition, e.Offset, e.At = r.partition, m.place(r.partition), m.clock
			return e
		}
	}
	fate := history.Fate(rapid.IntRange(int(history.Lands), int(history.Dies)).Draw(m.t, "fate"))
	if m.chance(40, "lands") {
		fate = history.Lands
	}
	e := history.Event{
		Partition: r.partition, Offset: m.place(r.partition), At: m.clock, Key: r.key, Version: version,
		Hash: uint64(version), Content: uint64(version), Ways: []history.Way{{Connection: modelConnection, Fate: fate}},
	}
	if fate == history.Marks || fate == history.Removes {
		e.Op = crmsync.Deleted
	}
	return e
}

// take lets an event join its record: a full record makes what is older
// superfluous, but for a deletion.
func (m *model) take(r *modelled, e history.Event) {
	m.clock = m.clock.Add(2 * time.Second)
	m.Events = append(m.Events, e)
	n := len(r.pending)
	if e.Version <= max(r.row.Applied, r.row.Dead) || n > 0 && e.Version <= r.pending[n-1].Version {
		return
	}
	for ; n > 0 && (e.Op == crmsync.Deleted || r.pending[n-1].Op != crmsync.Deleted); n-- {
		r.pending = r.pending[:n-1]
	}
	r.pending = append(r.pending, e)
}

// flush does what is pending.
func (m *model) flush(r *modelled) {
	for _, e := range r.pending {
		m.do(r, &e)
	}
	r.pending = nil
}

func (m *model) do(r *modelled, e *history.Event) {
	r.row.Revision++
	fate := e.Ways[0].Fate
	if fate == history.Dies {
		m.Letters = append(m.Letters, history.Letter{
			Partition: e.Partition, Offset: e.Offset, Connection: modelConnection, Key: e.Key, Version: e.Version, Code: "no_match",
		})
		r.row.Dead = e.Version
		return
	}
	r.row.Applied = e.Version
	switch {
	case fate == history.Skipped, fate != history.Lands && r.live == "":
		return
	case fate == history.Removes:
		m.call(r, history.Call{Operation: crmsync.Archive, Effect: history.Removed, Object: r.live})
		r.live, r.row.ExternalID, r.row.Deleted = "", "", true
		return
	case fate == history.Marks:
		m.call(r, history.Call{Operation: crmsync.Update, Effect: history.Changed, Object: r.live})
		return
	}
	m.lands(r, e)
}

// lands brings a version to the CRM, perhaps twice.
func (m *model) lands(r *modelled, e *history.Event) {
	c := history.Call{Version: e.Version, Content: e.Content, Effect: history.Changed}
	if m.chance(20, "refused") {
		m.call(r, history.Call{Version: e.Version})
	}
	if r.live == "" {
		m.objects++
		r.live, c.Effect = fmt.Sprint(m.objects), history.Created
	}
	c.Object = r.live
	m.call(r, c)
	if m.chance(20, "twice") {
		c.Effect = history.Changed
		m.call(r, c)
	}
	r.row.ExternalID, r.row.Deleted = r.live, false
}

func (m *model) call(r *modelled, c history.Call) {
	m.clock = m.clock.Add(time.Second)
	c.Key, c.Connection, c.Began, c.Ended = r.key, modelConnection, m.clock, m.clock.Add(time.Second)
	m.Calls = append(m.Calls, c)
}

// rest brings the run to its end: each record's last version is done, or waits,
// or the log is not committed so far.
func (m *model) rest() {
	for _, r := range m.sorted() {
		switch rapid.IntRange(0, 2).Draw(m.t, "end") {
		case 0:
			m.flush(r)
		case 1:
			if n := len(r.pending); n > 0 {
				r.row.Revision++
				r.row.Wait = &crmsync.Wait{Version: r.pending[n-1].Version, Reason: "denied"}
			}
			r.pending = nil
		}
		m.Links = append(m.Links, r.row)
	}
	for _, partition := range slices.Sorted(maps.Keys(m.offsets)) {
		end := m.offsets[partition]
		for _, r := range m.records {
			for _, e := range r.pending {
				if e.Partition == partition {
					end = min(end, e.Offset)
				}
			}
		}
		m.Committed[partition] = end
	}
}

func (m *model) sorted() (all []*modelled) {
	for _, r := range m.records {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *modelled) int { return int(a.key.ID[2]) - int(b.key.ID[2]) })
	return all
}

// String returns the run for people.
func (m *model) String() string {
	text := ""
	for _, e := range m.Events {
		text += fmt.Sprintf("event %d/%d %s v%d %v\n", e.Partition, e.Offset, e.Key.ID, e.Version, e.Ways)
	}
	for _, c := range m.Calls {
		text += fmt.Sprintf("call %s v%d %s %s %s\n", c.Key.ID, c.Version, c.Operation, c.Effect, c.Object)
	}
	for _, l := range m.Links {
		text += fmt.Sprintf("row %s applied v%d dead v%d deleted %t waits %v\n", l.Key.ID, l.Applied, l.Dead, l.Deleted, l.Wait)
	}
	return text + fmt.Sprintf("letters %v\ncommitted %v\n", m.Letters, m.Committed)
}
