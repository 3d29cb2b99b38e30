package sim

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"crmsync"
	"crmsync/pipeline"
)

// judgeRequest judges a request as it leaves. Its deadline is by the world's clock.
func (w *World) judgeRequest(p *process, b *crmsync.Batch) {
	if w.tracing() {
		w.trace("%s sends %v: %s %s, by %v", p.name, b.Connection.ID, b.Operation, calls(b), b.Deadline.Sub(Epoch()).Round(ms/10))
	}
	if s := b.Credential.Reveal(); !strings.HasPrefix(s, b.Connection.ID.String()+"-") {
		w.breach("mixed: %v is used with the credential %q", b.Connection.ID, s)
	}
	if limits := w.limits(b.Connection, b.Object, b.Operation); len(b.Calls) == 0 || len(b.Calls) > limits.Items {
		w.breach("bounds: %d calls of %s to %v, which takes %d", len(b.Calls), b.Operation, b.Connection.ID, limits.Items)
	}
	if variants[p.variant].paused == b.Connection.ID {
		w.breach("paused: %v is sent to", b.Connection.ID)
	}
	if b.Deadline.After(p.moving.since.Add(w.plan.config.SendTimeout)) {
		w.breach("deadline: a request may leave %v after it was formed", b.Deadline.Sub(p.moving.since))
	}
	w.crm.air = slices.DeleteFunc(w.crm.air, func(a *airborne) bool { return !w.Now.Before(a.till) })
	for i := range b.Calls {
		w.judgeCall(p, b, i)
	}
}

func (w *World) judgeCall(p *process, b *crmsync.Batch, i int) {
	call := &b.Calls[i]
	key := crmsync.LinkKey{Key: call.Key, Connection: b.Connection.ID.Name}
	h := w.histories[call.Key]
	if call.Key.Org != b.Connection.ID.Org || h == nil {
		w.breach("mixed: %v is sent to %v", call.Key, b.Connection.ID)
		return
	}
	for _, other := range b.Calls[:i] {
		if other.Key == call.Key {
			w.breach("two calls of %v in one request", call.Key)
		}
	}
	for _, a := range w.crm.air {
		if a.key == key {
			w.breach("two calls in flight of %v %s: %s@%d while another may land till %v", key.Key, key.Connection, b.Operation, call.Version, a.till.Sub(Epoch()))
		}
	}
	w.judgeLease(p, h.partition)
}

// judgeLanding judges a call as it takes effect on o.
func (w *World) judgeLanding(b *crmsync.Batch, call *crmsync.Call, o *object, said *fields, created bool) {
	key := crmsync.LinkKey{Key: call.Key, Connection: b.Connection.ID.Name}
	m, p := w.mirror(key), w.policy(key)
	if w.tracing() {
		w.trace("lands %v@%d %s: %s on %s, which had %d%s", key.Key, call.Version, key.Connection, b.Operation, o.id, m.version, map[bool]string{true: ", new"}[created])
	}
	facts := w.histories[call.Key].of(call.Version)
	if !slices.ContainsFunc(facts, func(f *fact) bool { return says(f, b.Operation, said) }) {
		w.breach("wrong data: %s of %v@%d is not what its event says", b.Operation, key.Key, call.Version)
		return
	}
	switch {
	case o.key != key:
		w.breach("mixed: %v lands on the object of %v", key, o.key)
	case call.Version < m.version && !w.outcut(w.histories[call.Key], m.version) && !w.unmappable(key, m.version):
		w.breach("regress: %v@%d %s lands over %d", key.Key, call.Version, key.Connection, m.version)
	case call.Version == m.version && said.Value != nil && m.content.Value != *said.Value && !w.outcut(w.histories[call.Key], m.version):
		w.breach("conflict: %v@%d %s lands with two payloads", key.Key, call.Version, key.Connection)
	case !created && p.onDelete == archives && said.Life != nil && o.content.Life < *said.Life && w.parted(key, o.content.Life, call.Version):
		w.breach("lost delete: %v@%d %s lands on the object of an earlier life", key.Key, call.Version, key.Connection)
	case created:
		w.judgeCreation(key, m, p)
	}
}

func (w *World) judgeCreation(key crmsync.LinkKey, m *mirror, p *policy) {
	if w.crm.alive(key) > 1 {
		w.breach("duplicate: %v %s has two objects", key.Key, key.Connection)
	}
	row := w.store.rows[key]
	if m.byHand && !p.recreates && row != nil && row.ExternalID == m.handID && !row.Deleted {
		w.breach("re-created: %v %s, against on_missing: fail", key.Key, key.Connection)
	}
}

// says says whether a call says what its event does.
func says(f *fact, op crmsync.Operation, said *fields) bool {
	if f.deleted {
		return op == crmsync.Archive || op == crmsync.Update && said.Status != nil && *said.Status == "gone"
	}
	return op != crmsync.Archive && said.Value != nil && *said.Value == f.shows.Value && said.Life != nil && *said.Life == f.shows.Life
}

// judgeRow judges a row as it takes the place of old.
func (w *World) judgeRow(old, l *crmsync.Link) {
	h := w.histories[l.Key]
	if h == nil || h.partition != l.Owner.Partition || l.Owner.Topic != topic {
		w.breach("row of %v is owned by %v", l.LinkKey, l.Owner)
		return
	}
	if before := newest(old); newest(l) < before && !w.excused(l.LinkKey, before) && !w.comes(h, before, w.logs[h.partition].committed) {
		w.breach("row of %v goes back from %d to %d", l.LinkKey, before, newest(l))
	}
	if l.Applied > old.Applied && !w.excused(l.LinkKey, l.Applied) && !w.shown(l.LinkKey, l.Applied) {
		w.breach("row of %v claims %d, the CRM has %d", l.LinkKey, l.Applied, w.mirror(l.LinkKey).version)
	}
	if l.Dead > old.Dead && !slices.ContainsFunc(h.of(l.Dead), func(f *fact) bool { return w.buried[way{f.place, l.Connection}] }) {
		w.breach("row of %v claims that %d is a dead letter", l.LinkKey, l.Dead)
	}
	i := slices.IndexFunc(w.crm.objects, func(o *object) bool { return o.id == l.ExternalID })
	if l.ExternalID != "" && (i < 0 || w.crm.objects[i].key != l.LinkKey) {
		w.breach("mixed: row of %v links %s", l.LinkKey, l.ExternalID)
	}
}

// judgeCommitted judges that a message is finished: the log will not bring it again.
func (w *World) judgeCommitted(f *fact, offset int64) {
	if w.cut(f.place) {
		return
	}
	if f.broken {
		if !w.buried[way{f.place, ""}] {
			w.breach("lost: %d/%d is committed and no dead letter", f.partition, f.offset)
		}
		return
	}
	for i := range accounts {
		if accounts[i].ID.Org != f.key.Org {
			continue
		}
		d := way{f.place, accounts[i].ID.Name}
		key := crmsync.LinkKey{Key: f.key, Connection: d.connection}
		safe := w.buried[d] || w.unmapped[d] || w.comes(w.histories[f.key], f.version, offset)
		if row := w.store.rows[key]; row != nil {
			safe = safe || newest(row) >= f.version
		}
		switch {
		case !safe:
			w.breach("lost: %v@%d %s (%d/%d) is committed before it is safe", f.key, f.version, d.connection, f.partition, f.offset)
		case !w.ended[d]:
			w.breach("unaccounted: %v@%d %s (%d/%d) is committed without an outcome", f.key, f.version, d.connection, f.partition, f.offset)
		}
	}
}

// comes says whether the log from offset on has a version of a record, or a newer one.
func (w *World) comes(h *record, version, offset int64) bool {
	return slices.ContainsFunc(h.facts, func(f *fact) bool { return f.version >= version && f.offset >= offset })
}

// judgeLetter judges a dead letter as it is kept.
func (w *World) judgeLetter(l *crmsync.DeadLetter, d way) {
	f := w.logs[d.partition].facts[d.offset]
	if m := &w.logs[d.partition].messages[d.offset]; !bytes.Equal(m.Value, l.Message.Value) || !bytes.Equal(m.Key, l.Message.Key) {
		w.breach("letter: %d/%d is not the message that came", d.partition, d.offset)
	}
	if f.broken || d.connection == "" {
		if !f.broken || d.connection != "" {
			w.breach("letter: %d/%d to %q is dead without a cause", d.partition, d.offset, d.connection)
		}
		return
	}
	key := crmsync.LinkKey{Key: f.key, Connection: d.connection}
	cause := false
	switch kind := l.Fault.Kind; {
	case l.Fault.Code == "version_conflict":
		cause = slices.ContainsFunc(w.histories[f.key].of(f.version), func(o *fact) bool { return o.offset < f.offset && !o.same(f) })
	case kind == crmsync.Rejected:
		cause = f.flawed
	case kind == crmsync.Missing:
		cause = !f.deleted && !w.policy(key).recreates && (w.handled[key] || w.undone(key, f.version))
	case kind == crmsync.Transient || kind == crmsync.Ambiguous || kind == crmsync.Conflict || kind == crmsync.Dependency:
		cause = l.Attempts >= w.plan.config.Attempts
	}
	if !cause {
		w.breach("letter: %v@%d %s is dead without a cause: %s %s", f.key, f.version, d.connection, l.Fault.Kind, l.Fault.Code)
	}
}

// judgeEnd judges an outcome as the engine tells of it.
func (w *World) judgeEnd(p *process, e *pipeline.Ended) {
	w.Coverage.Ended[e.Outcome.String()]++
	d := way{place{e.Partition, e.Offset}, e.Connection.ID.Name}
	f := w.logs[d.partition].facts[d.offset]
	w.ended[d] = true
	if w.tracing() {
		w.trace("%s ends %d/%d %v@%d %s: %s", p.name, d.partition, d.offset, f.key, f.version, d.connection, e.Outcome)
	}
	if f.broken {
		if e.Outcome != crmsync.Dead || !w.buried[d] {
			w.breach("outcome: the broken message %d/%d ends as %s", d.partition, d.offset, e.Outcome)
		}
		return
	}
	if d.connection == "" {
		if e.Outcome != crmsync.Unmapped || f.key.Org != "ghost" {
			w.breach("outcome: %v@%d ends as %s", f.key, f.version, e.Outcome)
		}
		return
	}
	if e.Outcome == crmsync.Unmapped {
		w.unmapped[d] = p.lacked(e.Connection.Provider, f.key.Type)
	}
	if !w.true(f, d, e.Outcome) {
		w.breach("outcome: %v@%d %s (%d/%d) ends as %s, which it is not", f.key, f.version, d.connection, d.partition, d.offset, e.Outcome)
	}
}

// true says whether an outcome is what became of a message.
func (w *World) true(f *fact, d way, o crmsync.Outcome) bool {
	key := crmsync.LinkKey{Key: f.key, Connection: d.connection}
	row := w.store.rows[key]
	if row == nil {
		row = &crmsync.Link{}
	}
	switch o {
	case crmsync.Unmapped:
		return w.unmapped[d]
	case crmsync.Dead:
		return w.buried[d]
	case crmsync.Filtered:
		return f.hidden || f.deleted && w.policy(key).onDelete == ignores
	case crmsync.Synced, crmsync.Unchanged:
		return row.Applied >= f.version && w.shown(key, f.version)
	case crmsync.Waiting:
		return newest(row) >= f.version
	case crmsync.Stale:
		return row.Settled() > f.version
	case crmsync.Superseded:
		return w.histories[f.key].newest() > f.version
	}
	m := w.mirror(key)
	other := m.version == f.version && !f.deleted && !f.replay && !w.buried[d] && m.content != f.shows &&
		!slices.ContainsFunc(w.histories[f.key].of(f.version), func(o *fact) bool { return (o.offset < f.offset || o.replay) && o.same(f) })
	return !other || row.Applied != f.version || row.EventHash == 0
}

func calls(b *crmsync.Batch) string {
	var s strings.Builder
	for _, c := range b.Calls {
		s.WriteString(c.Key.String() + "@" + itoa(c.Version) + " ")
	}
	return strings.TrimSpace(s.String())
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// judgeLease judges that nothing is sent for a partition that another process
// has claimed so long ago that this one must know.
func (w *World) judgeLease(p *process, part int32) {
	epochs := w.store.epochs[part]
	for i := len(epochs) - 1; i >= 0 && epochs[i].by != p; i-- {
		if i == 0 || epochs[i-1].by == p {
			if after := w.Now.Sub(epochs[i].at); after > p.cfg.Lease {
				w.breach("lease: %s sends for partition %d %v after it was claimed anew", p.name, part, after)
			}
			return
		}
	}
}

// judgeGap judges that an operator allowed to go on behind a gap.
func (w *World) judgeGap(p *process, mark crmsync.Mark) {
	if !slices.Contains(p.accepts, mark.Partition) {
		w.breach("gap: %s commits partition %d behind a gap that nobody accepts", p.name, mark.Partition)
	}
}
