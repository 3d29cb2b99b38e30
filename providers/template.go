package providers

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"crmsync"
)

// slot is a place in a template that a request fills.
type slot uint8

const (
	literal slot = iota
	slotObject
	slotMatchField
	slotMatchValue
	slotID
	slotIDs
	slotTrace
	slotFields
	slotCalls
	slotCredential
)

var slotNames = map[string]slot{
	"object": slotObject, "match.field": slotMatchField, "match.value": slotMatchValue, "id": slotID, "ids": slotIDs,
	"trace": slotTrace, "fields": slotFields, "calls": slotCalls, "credential": slotCredential,
}

// slots is a set of slots.
type slots uint16

func setOf(list ...slot) slots {
	var set slots
	for _, s := range list {
		set |= 1 << s
	}
	return set
}

func (set slots) has(s slot) bool { return set&(1<<s) != 0 }

// names returns the slots as a template writes them, sorted.
func (set slots) names() []string {
	var names []string
	for name, s := range slotNames {
		if set.has(s) {
			names = append(names, "{"+name+"}")
		}
	}
	slices.Sort(names)
	return names
}

// piece is a stretch of a template: text as it stands, or a slot.
type piece struct {
	slot slot
	text string // of a literal
}

// text is a template of plain text.
type text []piece

// templateFault is what is wrong with a template, between two rune offsets: of
// the whole value where end is 0, of the value's key where key is set.
type templateFault struct {
	start, end int
	message    string
	key        bool
}

// parseText reads a template whose slots must be among allowed.
func parseText(src string, allowed slots) (text, *templateFault) {
	var t text
	for rest, at := src, 0; rest != ""; {
		before, inside, open := strings.Cut(rest, "{")
		if before != "" {
			t = append(t, piece{text: before})
		}
		if !open {
			break
		}
		at += utf8.RuneCountInString(before)
		name, after, closed := strings.Cut(inside, "}")
		end := at + utf8.RuneCountInString(name) + 2
		if !closed {
			return nil, &templateFault{start: at, end: at + 1, message: "slot is not closed"}
		}
		s, known := slotNames[name]
		if !known || !allowed.has(s) {
			return nil, &templateFault{start: at, end: end, message: fmt.Sprintf("no slot {%s} here", name)}
		}
		t = append(t, piece{slot: s})
		rest, at = after, end
	}
	return t, nil
}

// uses returns the slots of the template.
func (t text) uses() slots {
	var set slots
	for _, p := range t {
		set |= setOf(p.slot)
	}
	return set &^ setOf(literal)
}

// append fills the template in. escape writes a slot's text, nil as it is.
func (t text) append(dst []byte, f *filling, escape func([]byte, string) []byte) []byte {
	for _, p := range t {
		switch {
		case p.slot == literal:
			dst = append(dst, p.text...)
		case escape == nil:
			dst = append(dst, f.text(p.slot)...)
		default:
			dst = escape(dst, f.text(p.slot))
		}
	}
	return dst
}

// filling is what slots stand for. The call is nil outside of {calls} in a
// request of many.
type filling struct {
	object     string
	matchField string // of all calls, where the request names it once
	credential string
	ids        string
	call       *crmsync.Call
	trace      int
}

// text returns what a slot of plain text stands for.
func (f *filling) text(s slot) string {
	switch s {
	case slotObject:
		return f.object
	case slotMatchField:
		if f.call != nil {
			return f.call.Match.Field
		}
		return f.matchField
	case slotMatchValue:
		return f.call.Match.Value
	case slotID:
		return f.call.ExternalID
	case slotIDs:
		return f.ids
	case slotTrace:
		return strconv.Itoa(f.trace)
	case slotCredential:
		return f.credential
	}
	return ""
}

// appendEscaped appends s as the inside of a JSON string.
func appendEscaped(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
