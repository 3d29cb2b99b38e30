package hubspot

import (
	"encoding/json"
	"strconv"
	"time"
)

// encoder writes objects as HubSpot does, into one growing slice.
type encoder struct {
	out    []byte
	schema *schema
	marks  []bool // by slot: the properties of the object at hand
}

// bytesPerResult is a guess that spares the slice from growing often.
const bytesPerResult = 768

func newEncoder(s *schema, results int) *encoder {
	return &encoder{schema: s, marks: make([]bool, len(s.props)), out: make([]byte, 0, 256+results*bytesPerResult)}
}

// shown is how one object is to be written.
type shown struct {
	state snapshot
	slots []int // properties to show; the id and the times are always there
	sets  []set // or those that were written
	named int   // a further property to show, or -1
	isNew *bool // upserts only
	url   string
}

// object writes one object. Properties that are defined and not set are null.
func (e *encoder) object(v shown) {
	o := v.state.object
	e.text(`{"id":`, o.id)
	e.raw(`,"properties":{`)
	e.properties(v)
	e.raw(`},"createdAt":`)
	e.time(o.created)
	e.raw(`,"updatedAt":`)
	e.time(v.state.updated)
	if archived := v.state.archived; !archived.IsZero() {
		e.raw(`,"archived":true,"archivedAt":`)
		e.time(archived)
	} else {
		e.raw(`,"archived":false`)
	}
	if v.isNew != nil {
		e.raw(`,"new":`)
		e.out = strconv.AppendBool(e.out, *v.isNew)
	}
	if v.url != "" {
		e.text(`,"url":`, v.url)
	}
	e.raw("}")
}

func (e *encoder) properties(v shown) {
	s := e.schema
	clear(e.marks)
	e.marks[s.id], e.marks[s.created], e.marks[s.modified] = true, true, true
	for _, slot := range v.slots {
		e.marks[slot] = true
	}
	for _, written := range v.sets {
		e.marks[written.slot] = true
	}
	if v.named >= 0 {
		e.marks[v.named] = true
	}
	first := true
	for _, slot := range s.byName {
		if !e.marks[slot] {
			continue
		}
		if !first {
			e.raw(",")
		}
		first = false
		e.string(s.props[slot].Name)
		e.raw(":")
		e.value(v.state, slot)
	}
}

func (e *encoder) value(v snapshot, slot int) {
	switch slot {
	case e.schema.id:
		e.string(v.object.id)
	case e.schema.created:
		e.time(v.object.created)
	case e.schema.modified:
		e.time(v.updated)
	default:
		value := valueAt(v.values, slot)
		if value == "" {
			e.raw("null")
			return
		}
		e.string(value)
	}
}

func (e *encoder) raw(text string) { e.out = append(e.out, text...) }

// text writes a piece of JSON and a string after it.
func (e *encoder) text(before, value string) {
	e.raw(before)
	e.string(value)
}

func (e *encoder) time(t time.Time) {
	e.out = append(e.out, '"')
	e.out = t.AppendFormat(e.out, wireTime)
	e.out = append(e.out, '"')
}

// string writes a JSON string: at once when nothing needs an escape.
func (e *encoder) string(value string) {
	for i := range len(value) {
		if b := value[i]; b < ' ' || b > '~' || b == '"' || b == '\\' {
			quoted, err := json.Marshal(value)
			if err != nil {
				quoted = []byte(`""`) // cannot be: every string can be encoded
			}
			e.out = append(e.out, quoted...)
			return
		}
	}
	e.out = append(append(append(e.out, '"'), value...), '"')
}
