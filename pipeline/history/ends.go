package history

import (
	"fmt"
	"slices"
)

// ends judges where the record came to rest at the connection.
func (t *trial) ends() {
	t.claims()
	t.accounted()
	t.conflicts()
	if row := t.link.row; t.options.Final && row != nil && row.Wait != nil {
		t.find(Stuck, row.Wait.Version, "v%d still waits (%s)", row.Wait.Version, row.Wait.Reason)
	}
	t.named()
	done := t.done()
	if why := t.missing(done); why != "" {
		t.find(Lost, done, "v%d %s", done, why)
		return
	}
	if row := t.link.row; row != nil && row.Applied > 0 && row.Applied != done && t.sent(row.Applied) {
		if why := t.missing(row.Applied); why != "" {
			t.find(Lost, row.Applied, "v%d %s", row.Applied, why)
			return
		}
	}
	t.outlived()
}

// claims finds versions in the row that nobody sent.
func (t *trial) claims() {
	row := t.link.row
	if row == nil {
		return
	}
	waits := int64(0)
	if row.Wait != nil {
		waits = row.Wait.Version
	}
	for _, c := range [...]struct {
		word    string
		version int64
	}{{"applied", row.Applied}, {"dead", row.Dead}, {"waiting", waits}} {
		if c.version > 0 && !t.sent(c.version) {
			t.find(Unaccounted, c.version, "the row calls v%d %s, which nobody sent", c.version, c.word)
		}
	}
}

// named finds a row that is at rest and names another object than the CRM has.
func (t *trial) named() {
	row, live := t.link.row, t.held.live
	if row == nil || row.ExternalID == "" || row.Wait != nil || row.Deleted || row.Seek || len(live) == 0 || live[0] == "" {
		return
	}
	if newest, _ := t.newest(); row.Applied == newest && t.coming() == 0 && !slices.Contains(live, row.ExternalID) {
		t.find(Unaccounted, newest, "the row names the object %s, and the CRM's is %s", row.ExternalID, live[0])
	}
}

// outlived finds an object that a deletion should have removed, where all that
// came after it has found its end: a deletion isn't superseded by that.
func (t *trial) outlived() {
	over, _ := t.newest()
	if t.waits(over) || t.coming() > 0 {
		over = 0
	}
	if row := t.link.row; row != nil {
		over = max(over, row.Applied)
	}
	if len(t.held.live) == 0 {
		return
	}
	for _, e := range t.record.above(t.held.high) {
		w, here := t.way(&e)
		if here && w.Fate == Removes && e.version < over && t.fresh(&e) && !t.dead(e.version) {
			t.find(Lost, e.version, "v%d should have removed the object %s, which shows v%d", e.version, t.held.live[0], t.held.high)
			return
		}
	}
}

// sent says whether there is an event of that version for the connection.
func (t *trial) sent(version int64) bool {
	return slices.ContainsFunc(t.record.versions(version), func(e event) bool {
		_, here := t.way(&e)
		return here
	})
}

// newest returns the record's newest version here, and whether an event of it
// is committed; 0 if there is none.
func (t *trial) newest() (version int64, committed bool) {
	for i := range t.record.events {
		e := &t.record.events[i]
		if _, here := t.way(e); !here {
			continue
		}
		if e.version > version {
			version, committed = e.version, false
		}
		committed = committed || t.finished(e.place)
	}
	return version, committed
}

// done returns the newest version if it is said to be finished, else 0: then it
// is still to come, and may have made all others superfluous.
func (t *trial) done() int64 {
	version, committed := t.newest()
	if row := t.link.row; committed || row != nil && row.Applied >= version {
		return version
	}
	return 0
}

// missing says how a version that is said to be finished is not; empty: it is.
func (t *trial) missing(version int64) string {
	if version == 0 || t.waits(version) || t.dead(version) {
		return ""
	}
	why := ""
	for _, e := range t.record.versions(version) {
		w, here := t.way(&e)
		if !here {
			continue
		}
		if why = t.lacks(&e, w); why == "" {
			return ""
		}
	}
	return why
}

// lacks says how the CRM doesn't show an event; empty: it does.
func (t *trial) lacks(e *event, w Way) string {
	h := &t.held
	shown := h.high >= e.version || h.content != 0 && h.content == e.content
	switch w.Fate {
	case Lands:
		if len(h.live) == 0 && h.high <= e.version {
			return fmt.Sprintf("should be in the CRM, which holds no object (v%d was the last)", h.high)
		}
	case Marks:
		shown = shown || len(h.live) == 0
	case Removes:
		if len(h.live) > 0 && h.high <= e.version {
			return fmt.Sprintf("should have removed the object %s, which shows v%d", h.live[0], h.high)
		}
		return ""
	case Dies:
		return "should be a dead letter"
	case Skipped:
		return ""
	}
	if !shown {
		return fmt.Sprintf("should be in the CRM, which holds v%d", h.high)
	}
	return ""
}

// waits says whether the row keeps that version, or a newer one, for later, and
// doesn't call it applied.
func (t *trial) waits(version int64) bool {
	row := t.link.row
	return row != nil && row.Wait != nil && row.Wait.Version >= version && row.Applied < version
}

// dead says whether the version is a dead letter for a reason of its own.
func (t *trial) dead(version int64) bool {
	return slices.ContainsFunc(t.record.letters, func(l Letter) bool {
		return l.Version == version && t.mine(&l) && l.Code != VersionConflict
	})
}

// mine says whether a dead letter is of this connection.
func (t *trial) mine(l *Letter) bool { return l.Connection == "" || l.Connection == t.link.connection }

// settled returns the newest version that row, dead letters or mapping answer for.
func (t *trial) settled() (version int64) {
	if row := t.link.row; row != nil {
		version = row.Applied
		if row.Wait != nil {
			version = max(version, row.Wait.Version)
		}
	}
	for i := range t.record.letters {
		if l := &t.record.letters[i]; t.mine(l) && l.Code != VersionConflict {
			version = max(version, l.Version)
		}
	}
	for i := range t.record.events {
		e := &t.record.events[i]
		w, here := t.way(e)
		needless := w.Fate == Skipped || (w.Fate == Marks || w.Fate == Removes) && len(t.held.live) == 0 && t.held.top == 0
		if here && needless && t.finished(e.place) {
			version = max(version, e.version)
		}
	}
	return version
}

// accounted finds committed events that nothing answers for and no newer
// version makes superfluous.
func (t *trial) accounted() {
	answered := max(t.settled(), t.coming())
	for i := range t.record.events {
		e := &t.record.events[i]
		if _, here := t.way(e); here && e.version > answered && t.finished(e.place) {
			t.find(Unaccounted, e.version, "v%d at %s is committed, and neither row nor dead letter answers for it", e.version, e.place)
		}
	}
}

// coming returns the newest version that the log still holds beyond what is
// committed; 0 if there is none.
func (t *trial) coming() (version int64) {
	for i := range t.record.events {
		e := &t.record.events[i]
		if _, here := t.way(e); here && !t.finished(e.place) {
			version = max(version, e.version)
		}
	}
	return version
}

// conflicts looks at the newest version: if it came with different data, all
// but one of them must be dead letters.
func (t *trial) conflicts() {
	version, _ := t.newest()
	if t.options.LooseConflicts || version == 0 || t.waits(version) || t.dead(version) || t.coming() >= version {
		return
	}
	var data []uint64
	for _, e := range t.record.versions(version) {
		w, here := t.way(&e)
		if here && e.hash != 0 && w.Fate != Skipped && w.Fate != Dies && !slices.Contains(data, e.hash) && !t.conflicted(&e) {
			data = append(data, e.hash)
		}
	}
	if len(data) > 1 {
		t.find(Lost, version, "v%d came with different data, and %d of them are neither in the CRM nor dead letters (%s)", version, len(data)-1, VersionConflict)
	}
}

// conflicted says whether data like an event's are a dead letter because its
// version has other data too.
func (t *trial) conflicted(e *event) bool {
	return slices.ContainsFunc(t.record.versions(e.version), func(o event) bool {
		return o.hash == e.hash && slices.ContainsFunc(t.record.letters, func(l Letter) bool {
			return l.Code == VersionConflict && t.mine(&l) && o.place == place{l.Partition, l.Offset}
		})
	})
}
