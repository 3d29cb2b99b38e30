package history

import (
	"cmp"
	"fmt"
	"slices"

	"crmsync"
)

// bench judges some of the records.
type bench struct {
	*Checker
	counts   [Classes]int64
	findings []Finding
}

// add counts a finding, and keeps its words if there is room for them.
func (b *bench) add(f Finding, story func() string) {
	b.counts[f.Class]++
	told := 0
	for i := range b.findings {
		if b.findings[i].Class == f.Class {
			told++
		}
	}
	if told >= b.options.Findings {
		return
	}
	if story != nil {
		f.History = story()
	}
	b.findings = append(b.findings, f)
}

// deliver hands the dead letters to the records that they are of. Those that
// are of none are judged here.
func (c *Checker) deliver(b *bench) {
	for i := range c.records {
		c.records[i].letters = c.records[i].letters[:0]
	}
	for _, l := range c.letters {
		at := place{l.Partition, l.Offset}
		code, isBroken := c.broken[at]
		switch {
		case isBroken && code != "" && code != l.Code:
			b.add(Finding{Class: Unaccounted, What: fmt.Sprintf("the dead letter of %s says %s and should say %s", at, l.Code, code)}, nil)
		case isBroken:
		case l.Key == crmsync.RecordKey{}:
			b.add(Finding{Class: Unaccounted, What: fmt.Sprintf("the dead letter of %s (%s) names no record, though the message is an event or was never sent", at, l.Code)}, nil)
		default:
			r := c.record(l.Key)
			r.letters = append(r.letters, l)
		}
	}
}

// rest judges the messages that are no events.
func (c *Checker) rest(b *bench) {
	dead := map[place]bool{}
	for _, l := range c.letters {
		dead[place{l.Partition, l.Offset}] = true
	}
	all := make([]place, 0, len(c.broken))
	for at := range c.broken {
		all = append(all, at)
	}
	slices.SortFunc(all, place.compare)
	for _, at := range all {
		switch {
		case c.finished(at) && !dead[at]:
			b.add(Finding{Class: Unaccounted, What: fmt.Sprintf("the message at %s is no event, is committed, and is not among the dead letters", at)}, nil)
		case c.options.Final && !c.finished(at):
			b.add(Finding{Class: Stuck, What: fmt.Sprintf("the message at %s is no event, and is not committed", at)}, nil)
		}
	}
}

// finished says whether the log is committed beyond a message.
func (c *Checker) finished(at place) bool { return at.offset < c.committed[at.partition] }

// String returns the place as partition/offset.
func (p place) String() string { return fmt.Sprintf("%d/%d", p.partition, p.offset) }

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.partition, q.partition), cmp.Compare(p.offset, q.offset))
}

// record judges one record.
func (b *bench) record(r *record) {
	slices.SortFunc(r.events, func(x, y event) int {
		return cmp.Or(cmp.Compare(x.version, y.version), x.compare(y.place))
	})
	for i := range r.links {
		t := &trial{bench: b, record: r, link: &r.links[i]}
		t.follow()
		t.together()
		t.ends()
	}
	b.letters(r)
	for i := range r.events {
		if e := &r.events[i]; b.options.Final && !b.finished(e.place) {
			b.add(Finding{Class: Stuck, Key: r.key, Version: e.version, What: fmt.Sprintf("v%d at %s is not committed", e.version, e.place)}, b.story(r))
		}
	}
}

// letters judges whether the record's dead letters may be there.
func (b *bench) letters(r *record) {
	for i := range r.letters {
		l := &r.letters[i]
		if why := r.wronged(l); why != "" {
			b.add(Finding{Class: Unaccounted, Key: r.key, Connection: l.Connection, Version: l.Version,
				What: fmt.Sprintf("the dead letter of v%d from %d/%d (%s) %s", l.Version, l.Partition, l.Offset, l.Code, why)}, b.story(r))
		}
	}
}

// wronged says what is wrong with a dead letter; empty: nothing.
func (r *record) wronged(l *Letter) string {
	i := slices.IndexFunc(r.events, func(e event) bool {
		return e.place == place{l.Partition, l.Offset} && e.version == l.Version
	})
	if i < 0 {
		return "is of an event that nobody sent"
	}
	e := &r.events[i]
	if l.Code == VersionConflict {
		other := func(o event) bool {
			return o.version == e.version && (o.hash != e.hash || o.hash == 0) && o.place != e.place
		}
		if !slices.ContainsFunc(r.events, other) {
			return "has no other data of the same version to be in conflict with"
		}
		return ""
	}
	mayDie := func(w Way) bool {
		return (l.Connection == "" || l.Connection == w.Connection) && (w.MayDie || w.Fate == Dies)
	}
	if !slices.ContainsFunc(e.ways, mayDie) {
		return "has no reason: the event should not die there"
	}
	return ""
}
