package sim

import (
	"slices"
	"time"

	"crmsync"
)

// store is the state store: links, epochs and the waiting room. Its moments are
// those of the world's clock.
type store struct {
	w      *World
	rows   map[crmsync.LinkKey]*crmsync.Link
	order  []crmsync.LinkKey // of the rows: a map has none, and a history must repeat
	epochs [most][]claimed   // by partition, the oldest first
	down   time.Time         // till when
}

// claimed is an epoch that was handed out.
type claimed struct {
	by *process
	at time.Time
}

func (s *store) epoch(p int32) int64 { return int64(len(s.epochs[p])) }

// put writes a row as crmsync.StateStore demands.
func (s *store) put(by string, l crmsync.Link) crmsync.Saved {
	old := s.rows[l.LinkKey]
	if old == nil {
		old = &crmsync.Link{LinkKey: l.LinkKey}
	}
	fate := s.fate(old, &l)
	if s.w.tracing() {
		s.w.trace("%s saves %v: %v", by, describe(&l), [...]string{"written", "moved", "fenced"}[fate])
	}
	if fate != crmsync.Written || old.Revision == l.Revision && !s.w.setup.NoRevisions {
		if fate == crmsync.Written && !sameRow(old, &l) {
			s.w.breach("two rows of one revision: %s and %s", describe(old), describe(&l))
		}
		return fate
	}
	s.w.judgeRow(old, &l)
	if s.rows[l.LinkKey] == nil {
		s.order = append(s.order, l.LinkKey)
	}
	s.rows[l.LinkKey] = &l
	return crmsync.Written
}

func (s *store) fate(old, l *crmsync.Link) crmsync.Saved {
	switch {
	case s.epoch(l.Owner.Partition) != l.Owner.Epoch && !s.w.setup.NoFence:
		return crmsync.Fenced
	case s.w.setup.NoRevisions:
		return crmsync.Written
	case l.Revision > 0 && old.Revision == l.Revision && old.Owner == l.Owner:
		return crmsync.Written
	case l.Revision < 1 || old.Revision != l.Revision-1:
		return crmsync.Moved
	}
	return crmsync.Written
}

// sameRow says whether two rows say the same, but for when a wait is over: an
// operator may have changed that.
func sameRow(a, b *crmsync.Link) bool {
	x, y := *a, *b
	if x.Wait != nil && y.Wait != nil {
		v, w := *x.Wait, *y.Wait
		v.Until = w.Until
		x.Wait, y.Wait = &v, &w
	}
	return describe(&x) == describe(&y)
}

// waits returns the rows that wait, of a partition, in the order of their coming.
func (s *store) waits(p int32) (links []*crmsync.Link) {
	for _, key := range s.order {
		if l := s.rows[key]; l.Wait != nil && l.Owner.Partition == p {
			links = append(links, l)
		}
	}
	return links
}

// wards sums up who waits in a partition, by connection.
func (s *store) wards(p int32) (wards []crmsync.Ward) {
	for _, l := range s.waits(p) {
		id := crmsync.ConnectionID{Org: l.Key.Org, Name: l.Connection}
		i := slices.IndexFunc(wards, func(w crmsync.Ward) bool { return w.Connection == id })
		if i < 0 {
			i = len(wards)
			wards = append(wards, crmsync.Ward{Connection: id, Next: l.Wait.Until})
		}
		wards[i].Entries++
		if l.Wait.Until.Before(wards[i].Next) {
			wards[i].Next = l.Wait.Until
		}
	}
	return wards
}

// due answers one ask of the waiting room.
func (s *store) due(ask crmsync.WaitAsk) (d crmsync.Due) {
	var links []*crmsync.Link
	for _, l := range s.waits(ask.Partition) {
		if l.Key.Org == ask.Connection.Org && l.Connection == ask.Connection.Name {
			links = append(links, l)
		}
	}
	slices.SortStableFunc(links, func(a, b *crmsync.Link) int { return a.Wait.Until.Compare(b.Wait.Until) })
	for i, l := range links {
		if i == ask.Limit || l.Wait.Until.After(s.w.Now) {
			d.Next = l.Wait.Until
			break
		}
		d.Links = append(d.Links, *l)
	}
	return d
}

// release ends the waits that a filter picks.
func (s *store) release(f *crmsync.WaitFilter) (n int64) {
	for _, key := range s.order {
		l := s.rows[key]
		if l.Wait == nil || !picks(f, l) {
			continue
		}
		row, wait := *l, *l.Wait
		wait.Until = s.w.Now
		row.Wait = &wait
		s.rows[key] = &row
		n++
	}
	return n
}

func picks(f *crmsync.WaitFilter, l *crmsync.Link) bool {
	same := func(want, got string) bool { return want == "" || want == got }
	return same(f.Key.Org, l.Key.Org) && same(f.Key.Type, l.Key.Type) && same(f.Key.ID, l.Key.ID) &&
		same(f.Connection, l.Connection) && same(f.Reason, l.Wait.Reason)
}

// shifted returns a link whose moments another clock tells, that is so much ahead.
func shifted(l crmsync.Link, by time.Duration) crmsync.Link {
	if by == 0 {
		return l
	}
	if !l.Unsure.IsZero() {
		l.Unsure = l.Unsure.Add(by)
	}
	if l.Wait != nil {
		wait := *l.Wait
		wait.Until = wait.Until.Add(by)
		l.Wait = &wait
	}
	return l
}

// newest is the newest version that a row answers for.
func newest(l *crmsync.Link) int64 {
	if l.Wait != nil {
		return max(l.Settled(), l.Wait.Version)
	}
	return l.Settled()
}
