package history

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// maxLines bounds the history of one record: what is beyond is left out in the
// middle.
const maxLines = 80

// line is one line of a history.
type line struct {
	at   int64 // nanoseconds; 0: unknown, which comes first
	text string
}

// story returns what tells a record's history when it is asked to.
func (c *Checker) story(r *record) func() string {
	return func() string {
		lines := r.lines()
		slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(a.at, b.at) })
		start := int64(0)
		for _, l := range lines {
			if start == 0 && l.at != math.MaxInt64 {
				start = l.at
			}
		}
		var b strings.Builder
		hidden := max(0, len(lines)-maxLines)
		for i, l := range lines {
			if i == maxLines/2 && hidden > 0 {
				fmt.Fprintf(&b, "… %d lines more …\n", hidden)
			}
			if i < maxLines/2 || i >= maxLines/2+hidden {
				b.WriteString(clock(l.at, start) + l.text + "\n")
			}
		}
		c.marks(&b, r)
		return b.String()
	}
}

// clock returns a moment since the history's start.
func clock(at, start int64) string {
	if at == 0 || at == math.MaxInt64 {
		return "          "
	}
	return fmt.Sprintf("%+9.3f ", time.Duration(at-start).Seconds())
}

// lines returns all that is known of a record: what has no time comes first,
// what is left at the end comes last.
func (r *record) lines() (all []line) {
	events := slices.Clone(r.events)
	slices.SortFunc(events, func(a, b event) int { return cmp.Or(cmp.Compare(a.at, b.at), a.compare(b.place)) })
	for i := range events {
		all = append(all, line{events[i].at, events[i].String()})
	}
	for i := range r.links {
		l := &r.links[i]
		for j := range l.calls {
			all = append(all, line{l.calls[j].began, l.calls[j].text(l.connection)})
		}
		if l.row != nil {
			all = append(all, line{math.MaxInt64, l.text()})
		}
	}
	for _, l := range r.letters {
		all = append(all, line{math.MaxInt64, fmt.Sprintf("letter %d/%d v%d %s %s", l.Partition, l.Offset, l.Version, cmp.Or(l.Connection, "(no connection)"), l.Code)})
	}
	return all
}

// String returns the event as its history's line.
func (e *event) String() string {
	text := fmt.Sprintf("event  %s v%d %s", e.place, e.version, e.op)
	if e.hash != 0 {
		text += fmt.Sprintf(" data %04x", e.hash&0xffff)
	}
	for _, w := range e.ways {
		text += fmt.Sprintf(", %s at %s", w.Fate, w.Connection)
		if w.MayDie {
			text += " or dies"
		}
	}
	return text
}

// text returns the call as its history's line.
func (k *call) text(connection string) string {
	text := fmt.Sprintf("call   %s %s: %s", connection, k.name(), k.effect)
	if k.object != "" {
		text += " object " + k.object
	}
	if k.began > 0 && k.ended > 0 {
		text += fmt.Sprintf(", over after %s", time.Duration(k.ended-k.began).Round(time.Microsecond))
	}
	return text
}

// text returns the row as its history's line.
func (l *link) text() string {
	row := l.row
	text := fmt.Sprintf("row    %s applied v%d", l.connection, row.Applied)
	if row.Dead > 0 {
		text += fmt.Sprintf(", dead v%d", row.Dead)
	}
	if row.ExternalID != "" {
		text += ", object " + row.ExternalID
	}
	if row.Deleted {
		text += ", deleted"
	}
	if w := row.Wait; w != nil {
		text += fmt.Sprintf(", v%d waits since %s for %s (tried %d times)", w.Version, w.Since.UTC().Format(time.RFC3339), w.Reason, w.Attempts)
	}
	if row.Seek {
		text += ", to be looked for"
	}
	return text + fmt.Sprintf(" (epoch %d, revision %d)", row.Owner.Epoch, row.Revision)
}

// marks tells how far the partitions of the record's events are committed.
func (c *Checker) marks(b *strings.Builder, r *record) {
	var told []int32
	for i := range r.events {
		if p := r.events[i].partition; !slices.Contains(told, p) {
			told = append(told, p)
			fmt.Fprintf(b, "          commit %d/%d\n", p, c.committed[p])
		}
	}
}
