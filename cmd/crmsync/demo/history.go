package demo

import (
	"fmt"
	"strconv"
	"time"

	"crmsync"
	"crmsync/pipeline/history"
)

// Effect is what a write did to an object.
type Effect uint8

// The effects.
const (
	Created Effect = iota
	Changed
	Archived
)

// Edit is one write that reached the CRM.
type Edit struct {
	Portal int64
	Type   string // of the object, in the CRM's words
	ID     string // the CRM's
	Effect Effect
	Record string // the record's id, where the write names it; a creation must
	Marker string // what Marker returns of the properties that were written
	// Began and Ended frame the request; zero where that is not known.
	Began, Ended time.Time
}

type objectID struct {
	portal   int64
	kind, id string
}

// mirror is all objects that one record has had at one account.
type mirror struct {
	portal       int64
	kind, record string
	marker       string // the newest that was written
	living       string // id of the object that is not archived
}

// kept is an edit as the history keeps it.
type kept struct {
	of           *mirror
	object       int64
	marker       int64 // see ordinal; 0: none
	began, ended int64 // nanoseconds; 0: unknown
	effect       Effect
}

// ordinal returns a marker as a number that rises as markers do: a version, or
// a time in seconds; 0 for none.
func ordinal(marker string) int64 {
	if t, err := time.Parse(time.RFC3339, marker); err == nil {
		return t.Unix()
	}
	n, err := strconv.ParseInt(marker, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// History follows the writes of a CRM in their order, and finds out what must
// not happen on the way, even if the end looks right.
type History struct {
	objects     map[objectID]*mirror // by the CRM's id
	records     map[objectID]*mirror // by the record's id
	edits       []kept
	duplicates  findings
	regressions findings
}

// NewHistory returns the history of a CRM without objects.
func NewHistory() *History {
	return &History{objects: map[objectID]*mirror{}, records: map[objectID]*mirror{}}
}

// Len returns how many writes the history has of records that it knows.
func (h *History) Len() int { return len(h.edits) }

// Answered tells when the request ended that made the writes from, and up to but
// not to.
func (h *History) Answered(from, to int, at time.Time) {
	for i := range h.edits[from:to] {
		h.edits[from+i].ended = nanoseconds(at)
	}
}

// Add takes in the next write.
func (h *History) Add(e Edit) {
	id := objectID{e.Portal, e.Type, e.ID}
	m := h.objects[id]
	switch {
	case e.Effect == Created:
		m = h.created(id, e)
	case m == nil: // made before anybody looked: what it is of can't be told
		return
	case e.Effect == Archived && m.living == e.ID:
		m.living = ""
	}
	object, _ := strconv.ParseInt(e.ID, 10, 64) // the CRM's ids are numbers
	h.edits = append(h.edits, kept{m, object, ordinal(e.Marker), nanoseconds(e.Began), nanoseconds(e.Ended), e.Effect})
	if e.Marker == "" {
		return
	}
	if e.Marker < m.marker {
		h.regressions.add("%s of account %d went back: %s was written after %s", m.record, e.Portal, e.Marker, m.marker)
	}
	m.marker = max(m.marker, e.Marker)
}

func (h *History) created(id objectID, e Edit) *mirror {
	record := objectID{e.Portal, e.Type, e.Record}
	m := h.records[record]
	if m == nil {
		m = &mirror{portal: e.Portal, kind: e.Type, record: e.Record}
		h.records[record] = m
	}
	if m.living != "" {
		h.duplicates.add("%s of account %d got a second object: %s beside %s", e.Record, e.Portal, e.ID, m.living)
	}
	m.living = e.ID
	h.objects[id] = m
	return m
}

func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func momentOf(nanoseconds int64) time.Time {
	if nanoseconds == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanoseconds)
}

// call returns the edit as the checker of histories takes it, but for what only
// the stream knows: record, connection and version.
func (k *kept) call() history.Call {
	c := history.Call{
		Object: strconv.FormatInt(k.object, 10), Content: uint64(k.marker), Began: momentOf(k.began), Ended: momentOf(k.ended),
		Effect: history.Changed,
	}
	switch k.effect {
	case Created:
		c.Effect = history.Created
	case Archived:
		c.Effect, c.Operation = history.Removed, crmsync.Archive
	case Changed:
	}
	return c
}

// maxExamples bounds how many findings of a kind are told in words.
const maxExamples = 10

// findings count faults and tell the first of them.
type findings struct {
	count    int
	examples []string
}

func (f *findings) add(format string, args ...any) {
	f.count++
	if len(f.examples) < maxExamples {
		f.examples = append(f.examples, fmt.Sprintf(format, args...))
	}
}
