package sim

import (
	"slices"

	"crmsync"
)

// content is what an object of a CRM shows of its record.
type content struct {
	Value  int    `json:"value"`
	Life   int    `json:"life"` // how often the record was deleted before
	Status string `json:"status"`
}

// place names a message in the log.
type place struct {
	partition int32
	offset    int64
}

// fact is what one message asks for, known without the engine.
type fact struct {
	place
	broken  bool // no envelope: it can only become a dead letter
	key     crmsync.RecordKey
	version int64
	deleted bool
	shows   content // what objects show after it
	hidden  bool    // `when` leaves it out
	flawed  bool    // the mapping or the CRM refuses it
	replay  bool    // it was a dead letter
}

// same says whether two messages of one version are the same change.
func (f *fact) same(o *fact) bool {
	return f.deleted == o.deleted && f.shows == o.shows && f.hidden == o.hidden && f.flawed == o.flawed
}

// record is all messages of one record, in the log's order.
type record struct {
	key       crmsync.RecordKey
	partition int32
	facts     []*fact
}

// of returns the messages of a version.
func (h *record) of(version int64) []*fact {
	var some []*fact
	for _, f := range h.facts {
		if f.version == version {
			some = append(some, f)
		}
	}
	return some
}

// first returns the first message of a version, nil if there is none.
func (h *record) first(version int64) *fact {
	i := slices.IndexFunc(h.facts, func(f *fact) bool { return f.version == version })
	if i < 0 {
		return nil
	}
	return h.facts[i]
}

// newest returns the highest version, 0 if there is no message.
func (h *record) newest() (version int64) {
	for _, f := range h.facts {
		version = max(version, f.version)
	}
	return version
}

// parted says whether a delete stands between version, of a later life, and an
// object of that earlier life: one that was not outdated already when it came.
func (w *World) parted(key crmsync.LinkKey, life int, version int64) bool {
	h := w.histories[key.Key]
	for i, f := range h.facts {
		if !f.deleted || f.version > version || f.shows.Life < life {
			continue
		}
		outdated := slices.ContainsFunc(h.facts[:i], func(o *fact) bool { return o.version > f.version })
		if !outdated && !w.excused(key, f.version) && !w.outcut(h, f.version) {
			return true
		}
	}
	return false
}

// outcut says whether a version as new, which may have taken the place of
// this one, was truncated away.
func (w *World) outcut(h *record, version int64) bool {
	return slices.ContainsFunc(h.facts, func(f *fact) bool { return f.version >= version && w.cut(f.place) })
}

// unmappable says whether a version ended as unmapped: its sender was gone
// before it could note it, and the mapping before others read it again.
func (w *World) unmappable(key crmsync.LinkKey, version int64) bool {
	return slices.ContainsFunc(w.histories[key.Key].of(version), func(f *fact) bool { return w.unmapped[way{f.place, key.Connection}] })
}

// undone says whether a delete before version is a dead letter, or truncated
// away. It may have been done all the same: nobody can tell it from a deletion
// by hand.
func (w *World) undone(key crmsync.LinkKey, version int64) bool {
	return slices.ContainsFunc(w.histories[key.Key].facts, func(f *fact) bool {
		return f.deleted && f.version < version && (w.buried[way{f.place, key.Connection}] || w.cut(f.place))
	})
}

// excused says whether the CRM need not show a version, whatever comes after it.
func (w *World) excused(key crmsync.LinkKey, version int64) bool {
	p := w.policy(key)
	if p == nil {
		return true
	}
	h := w.histories[key.Key]
	first := h.first(version)
	for _, f := range h.of(version) {
		if !f.same(first) {
			continue
		}
		d := way{f.place, key.Connection}
		if f.hidden && !f.deleted || f.deleted && p.onDelete == ignores || w.buried[d] || w.unmapped[d] || w.cut(f.place) {
			return true
		}
	}
	return false
}

// cut says whether the log was truncated over a message that nobody had finished.
func (w *World) cut(p place) bool {
	l := &w.logs[p.partition]
	return slices.ContainsFunc(l.cuts, func(c [2]int64) bool { return c[0] <= p.offset && p.offset < c[1] })
}

// policy returns what the mapping says for the record at that connection, nil
// if there is none.
func (w *World) policy(key crmsync.LinkKey) *policy {
	c := accountOf(crmsync.ConnectionID{Org: key.Key.Org, Name: key.Connection})
	if c == nil {
		return nil
	}
	return policyOf(c.Provider, key.Key.Type)
}

// shown says whether the CRM shows a version of a record, or a newer one.
func (w *World) shown(key crmsync.LinkKey, version int64) bool {
	m := w.mirror(key)
	if m.version >= version {
		return true
	}
	p := w.policy(key)
	for _, f := range w.histories[key.Key].of(version) {
		alive := w.crm.alive(key) > 0
		switch {
		case !f.deleted && m.content == f.shows && (alive || m.byHand):
			return true
		case f.deleted && !alive, f.deleted && p.onDelete == marks && m.content.Status == "gone":
			return true
		}
	}
	return false
}
