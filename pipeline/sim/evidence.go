package sim

import (
	"crmsync"
	"crmsync/pipeline/history"
)

// second asks the history checker for its opinion, which knows nothing of this
// world. It also knows nothing of gaps, of objects deleted by hand and of
// mappings that were gone for a while: histories with these it doesn't see.
func (w *World) second() {
	if h := &w.Coverage.Happened; h[Truncation]+h[HandDeletion]+h[MappingGone] > 0 {
		return
	}
	report := history.Check(history.Options{Final: true, Findings: 1}, w.evidence())
	for _, f := range report.Findings {
		w.breach("%s: the checker finds: %v %s v%d: %s", f.Class, f.Key, f.Connection, f.Version, f.What)
	}
}

// evidence is what the history left behind.
func (w *World) evidence() history.Evidence {
	e := history.Evidence{Calls: w.crm.calls, Letters: w.graves, Committed: map[int32]int64{}}
	for p := range w.plan.partitions {
		e.Committed[int32(p)] = w.logs[p].committed
		for _, f := range w.logs[p].facts {
			e.Events = append(e.Events, w.accepted(f))
		}
	}
	for _, key := range w.store.order {
		e.Links = append(e.Links, *w.store.rows[key])
	}
	return e
}

func (w *World) accepted(f *fact) history.Event {
	e := history.Event{
		Partition: f.partition, Offset: f.offset, At: w.logs[f.partition].messages[f.offset].Time,
		Broken: f.broken, Key: f.key, Version: f.version, Content: f.shows.hash(),
	}
	if e.Hash = e.Content<<2 + 1; f.flawed || f.hidden {
		e.Hash += 2
	}
	if f.deleted {
		e.Op, e.Content, e.Hash = crmsync.Deleted, marked, 2
	}
	for i := range accounts {
		if c := &accounts[i]; c.ID.Org == f.key.Org {
			if p := policyOf(c.Provider, f.key.Type); p != nil {
				e.Ways = append(e.Ways, history.Way{Connection: c.ID.Name, Fate: p.fate(f), MayDie: !f.flawed})
			}
		}
	}
	return e
}

// fate is what must become of a message.
func (p *policy) fate(f *fact) history.Fate {
	switch {
	case f.deleted:
		return [...]history.Fate{archives: history.Removes, marks: history.Marks, ignores: history.Skipped}[p.onDelete]
	case f.hidden:
		return history.Skipped
	case f.flawed:
		return history.Dies
	}
	return history.Lands
}

// marked is the content of an object that says its record is gone.
const marked = 2

// hash tells contents apart. It is never 0, and odd.
func (c content) hash() uint64 { return uint64(c.Value)<<16 + uint64(c.Life)<<1 + 1 }

// remember keeps a call that had an effect, as the CRM's own log would.
func (c *crm) remember(b *crmsync.Batch, call *crmsync.Call, o *object, created bool) {
	k := history.Call{
		Key: call.Key, Connection: b.Connection.ID.Name, Version: call.Version, Operation: b.Operation,
		Effect: history.Changed, Object: o.id, Content: o.content.hash(),
	}
	switch {
	case created:
		k.Effect = history.Created
	case o.archived:
		k.Effect, k.Content = history.Removed, 0
	case o.content.Status == "gone":
		k.Content = marked
	}
	c.calls = append(c.calls, k)
}
