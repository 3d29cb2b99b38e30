package demo

import "fmt"

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
}

type objectID struct {
	portal   int64
	kind, id string
}

// mirror is all objects that one record has had at one account.
type mirror struct {
	record string
	marker string // the newest that was written
	living string // id of the object that is not archived
}

// History follows the writes of a CRM in their order, and finds out what must
// not happen on the way, even if the end looks right.
type History struct {
	objects     map[objectID]*mirror // by the CRM's id
	records     map[objectID]*mirror // by the record's id
	duplicates  findings
	regressions findings
}

// NewHistory returns the history of a CRM without objects.
func NewHistory() *History {
	return &History{objects: map[objectID]*mirror{}, records: map[objectID]*mirror{}}
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
		m = &mirror{record: e.Record}
		h.records[record] = m
	}
	if m.living != "" {
		h.duplicates.add("%s of account %d got a second object: %s beside %s", e.Record, e.Portal, e.ID, m.living)
	}
	m.living = e.ID
	h.objects[id] = m
	return m
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
