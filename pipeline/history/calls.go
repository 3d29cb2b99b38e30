package history

import (
	"cmp"
	"fmt"
	"slices"

	"crmsync"
)

// trial judges one record at one connection.
type trial struct {
	*bench
	record *record
	link   *link
	held   mirror
}

// mirror is what the CRM holds of a record. A call that tells no version leaves
// open which one it is, so low and high enclose it.
type mirror struct {
	low, high int64
	top       int64 // the highest low that there ever was …
	topEnded  int64 // … and when its call was over; 0: unknown
	content   uint64
	live      []string // the CRM's ids
}

// find adds a finding of this record and connection.
func (t *trial) find(class Class, version int64, format string, args ...any) {
	f := Finding{Class: class, Key: t.record.key, Connection: t.link.connection, Version: version, What: fmt.Sprintf(format, args...)}
	t.add(f, t.story(t.record))
}

// way returns what must become of an event here; ok is false if it doesn't come here.
func (t *trial) way(e *event) (w Way, ok bool) {
	for _, w := range e.ways {
		if w.Connection == t.link.connection {
			return w, true
		}
	}
	return Way{}, false
}

// follow takes the calls in the order of their effects.
func (t *trial) follow() {
	for i := range t.link.calls {
		k := &t.link.calls[i]
		low, high := k.version, k.version
		if k.version == 0 && k.effect != Nothing {
			low, high = t.deletion(k)
		}
		switch {
		case !t.explain(k, low):
		case k.effect == Nothing:
			t.belated(k)
		default:
			t.land(k, low, high)
		}
		if k.effect != Nothing {
			t.touch(k)
		}
	}
}

// land brings a version between low and high to the CRM.
func (t *trial) land(k *call, low, high int64) {
	if low < t.held.top {
		t.find(Regression, low, "%s was applied over v%d", k.name(), t.held.top)
	} else {
		t.held.top, t.held.topEnded = low, k.ended
	}
	t.survives(k)
	t.held.low, t.held.high, t.held.content = low, high, k.content
}

// deletion returns which deletions a call may be of that tells no version: the
// next one, at least, and at most the newest that was accepted by then; else the
// newest of the older ones; 0 if there is none. A mark may be made twice, where
// a removal finds nothing more.
func (t *trial) deletion(k *call) (low, high int64) {
	explains := func(e event) bool {
		w, here := t.way(&e)
		return here && e.op == crmsync.Deleted && w.Fate == k.deletes() && (e.at == 0 || k.ended == 0 || e.at <= k.ended)
	}
	from := t.held.low
	if k.deletes() == Marks {
		from--
	}
	newer := t.record.above(from)
	older := t.record.events[:len(t.record.events)-len(newer)]
	if i := slices.IndexFunc(newer, explains); i >= 0 {
		low = newer[i].version
	}
	for _, all := range [...][]event{newer, older} {
		for _, e := range slices.Backward(all) {
			if explains(e) {
				return cmp.Or(low, e.version), e.version
			}
		}
	}
	return 0, 0
}

// deletes returns the fate of deletions that such a call carries out.
func (k *call) deletes() Fate {
	if k.effect == Removed {
		return Removes
	}
	return Marks
}

// explain looks for the event that a call carries; false if there is none.
func (t *trial) explain(k *call, version int64) bool {
	if version == 0 {
		if k.effect != Nothing {
			t.find(Unaccounted, 0, "%s is what nobody asked for", k.name())
		}
		return false
	}
	best := Dies + 1
	for _, e := range t.record.versions(version) {
		if w, here := t.way(&e); here {
			best = min(best, w.Fate)
			if w.MayDie {
				best = Lands
			}
		}
	}
	switch {
	case best > Dies:
		t.find(Unaccounted, version, "%s carries a version that nobody sent", k.name())
	case best == Skipped:
		t.find(Unaccounted, version, "%s carries a version that the mapping leaves out", k.name())
	case best == Dies && k.effect != Nothing:
		t.find(Unaccounted, version, "%s had an effect, and should have been refused", k.name())
	}
	return true
}

// above returns the events of newer versions than that one.
func (r *record) above(v int64) []event {
	from, _ := slices.BinarySearchFunc(r.events, v+1, func(e event, v int64) int { return cmp.Compare(e.version, v) })
	return r.events[from:]
}

// versions returns the events of one version.
func (r *record) versions(v int64) []event {
	all := r.above(v - 1)
	return all[:len(all)-len(r.above(v))]
}

// belated finds a call without effect that began when a newer version had
// landed: it did no harm this time.
func (t *trial) belated(k *call) {
	if k.version > 0 && k.version < t.held.top && t.held.topEnded > 0 && k.began >= t.held.topEnded {
		t.find(IllegalSequence, k.version, "%s was sent after v%d had landed", k.name(), t.held.top)
	}
}

// survives finds an object that outlived a deletion: what comes after a deletion
// is a new object, or it would inherit what the new version doesn't mention.
func (t *trial) survives(k *call) {
	if k.effect != Changed || t.held.low == 0 || !slices.Contains(t.held.live, k.object) {
		return
	}
	for _, e := range t.record.above(t.held.low) {
		if e.version >= k.version {
			return
		}
		w, here := t.way(&e)
		if here && w.Fate == Removes && t.fresh(&e) && !t.dead(e.version) {
			t.find(Lost, e.version, "v%d should have removed the object %s before v%d came, which changed it", e.version, k.object, k.version)
			return
		}
	}
}

// fresh says whether an event came before all newer ones. If not, it may have
// been stale when it came.
func (t *trial) fresh(e *event) bool {
	return !slices.ContainsFunc(t.record.above(e.version), func(o event) bool {
		_, here := t.way(&o)
		return here && (o.partition != e.partition || o.offset < e.offset)
	})
}

// touch follows which objects live.
func (t *trial) touch(k *call) {
	live := &t.held.live
	known := slices.Contains(*live, k.object) && k.object != ""
	switch {
	case k.effect == Removed:
		*live = slices.DeleteFunc(*live, func(id string) bool { return id == k.object || k.object == "" })
	case known:
	case k.effect == Created && len(*live) > 0:
		t.find(Duplicate, k.version, "%s made a second object, %s beside %s", k.name(), k.object, (*live)[0])
		*live = append(*live, k.object)
	case k.effect == Changed && len(*live) > 0 && k.object != "" && (*live)[0] != "":
		t.find(Duplicate, k.version, "%s wrote to the object %s beside %s", k.name(), k.object, (*live)[0])
		*live = append(*live, k.object)
	case len(*live) == 0:
		*live = append(*live, k.object)
	}
}

// name returns the call as findings name it.
func (k *call) name() string {
	if k.version == 0 {
		return fmt.Sprintf("%s without a version", k.operation)
	}
	return fmt.Sprintf("%s of v%d", k.operation, k.version)
}

// together finds calls of two versions that were under way at the same time.
func (t *trial) together() {
	timed := make([]*call, 0, len(t.link.calls))
	for i := range t.link.calls {
		if k := &t.link.calls[i]; k.began > 0 && k.ended > 0 {
			timed = append(timed, k)
		}
	}
	slices.SortStableFunc(timed, func(a, b *call) int { return cmp.Compare(a.began, b.began) })
	var open []*call
	for _, k := range timed {
		open = slices.DeleteFunc(open, func(o *call) bool { return o.ended <= k.began })
		for _, o := range open {
			if o.version != k.version {
				t.find(IllegalSequence, k.version, "%s was sent while %s was under way", k.name(), o.name())
				break
			}
		}
		open = append(open, k)
	}
}
