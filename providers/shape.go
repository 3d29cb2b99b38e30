package providers

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"crmsync"
	"crmsync/dsl/document"
)

// shape is a template of JSON, flat, so that a request is written in one pass
// over it.
type shape []part

// part is a stretch of a shape.
type part struct {
	raw    string // JSON as it stands, before the slot
	slot   slot
	value  text   // a string's inside, where the slot is literal
	spread bool   // of {fields}: its members, without braces
	comma  bool   // of a spread: members stand before it
	except []text // of a spread: members that stand beside it
}

// spreadKey is the key that stands for the members of {fields}.
const spreadKey = "*"

// uses returns the slots of the shape.
func (s shape) uses() slots {
	var set slots
	for _, p := range s {
		set |= setOf(p.slot) | p.value.uses()
		for _, key := range p.except {
			set |= key.uses()
		}
	}
	return set &^ setOf(literal)
}

// shaper compiles a YAML value into a shape.
type shaper struct {
	allowed slots
	parts   shape
	raw     strings.Builder
	report  func(n *document.Node, f *templateFault)
}

func (c *compiler) shape(n *document.Node, allowed slots) shape {
	if n == nil {
		return nil
	}
	s := shaper{allowed: allowed, report: c.templateFault}
	s.node(n)
	s.flush(part{})
	return s.parts
}

// flush ends a stretch of raw JSON with what follows it.
func (s *shaper) flush(p part) {
	p.raw = s.raw.String()
	s.raw.Reset()
	s.parts = append(s.parts, p)
}

func (s *shaper) node(n *document.Node) {
	switch n.Kind() {
	case document.Mapping:
		s.object(n)
	case document.List:
		s.raw.WriteByte('[')
		for i, item := range n.Items() {
			if i > 0 {
				s.raw.WriteByte(',')
			}
			s.node(item)
		}
		s.raw.WriteByte(']')
	case document.String:
		s.text(n)
	default:
		b, err := json.Marshal(n.Value())
		if err != nil {
			s.report(n, &templateFault{message: "value has no form in JSON"})
		}
		s.raw.Write(b)
	}
}

// object writes the members, and a spread after all others.
func (s *shaper) object(n *document.Node) {
	var keys []text
	var spread *document.Node
	s.raw.WriteByte('{')
	for _, name := range n.Keys() {
		value := n.Get(name)
		if name == spreadKey {
			spread = value
			continue
		}
		key, fault := parseText(name, s.allowed&^setOf(slotFields, slotCalls))
		if fault != nil {
			s.report(value, &templateFault{message: fault.message, key: true})
			continue
		}
		if len(keys) > 0 {
			s.raw.WriteByte(',')
		}
		keys = append(keys, key)
		s.quoted(key)
		s.raw.WriteByte(':')
		s.node(value)
	}
	if spread != nil {
		s.spread(spread, keys)
	}
	s.raw.WriteByte('}')
}

func (s *shaper) spread(n *document.Node, keys []text) {
	if value, _ := n.Text(); value != "{fields}" || !s.allowed.has(slotFields) {
		s.report(n, &templateFault{message: `the key "*" takes {fields}, in the JSON of a call`})
	}
	s.flush(part{slot: slotFields, spread: true, comma: len(keys) > 0, except: keys})
}

// text writes a string: a slot of JSON where it is nothing else, else a string
// with slots in it.
func (s *shaper) text(n *document.Node) {
	value, _ := n.Text()
	t, fault := parseText(value, s.allowed)
	if fault != nil {
		s.report(n, fault)
		return
	}
	whole := len(t) == 1 && (t[0].slot == slotFields || t[0].slot == slotCalls)
	switch {
	case whole:
		s.flush(part{slot: t[0].slot})
	case t.uses().has(slotFields) || t.uses().has(slotCalls):
		s.report(n, &templateFault{message: "{fields} and {calls} stand alone, they are no text"})
	default:
		s.quoted(t)
	}
}

func (s *shaper) quoted(t text) {
	escaped := slices.Clone(t)
	for i, p := range t {
		escaped[i].text = string(appendEscaped(nil, p.text))
	}
	s.raw.WriteByte('"')
	if t.uses() == 0 {
		s.raw.Write(escaped.append(nil, nil, nil))
	} else {
		s.flush(part{value: escaped})
	}
	s.raw.WriteByte('"')
}

// append fills the shape in. calls writes what {calls} stands for. After a
// fault dst holds a part of it.
func (s shape) append(dst []byte, f *filling, v *values, calls func([]byte) []byte) ([]byte, *badField) {
	for i := range s {
		p := &s[i]
		dst = append(dst, p.raw...)
		switch p.slot {
		case slotCalls:
			dst = calls(dst)
		case slotFields:
			var bad *badField
			if dst, bad = p.appendFields(dst, f, v); bad != nil {
				return dst, bad
			}
		default:
			dst = p.value.append(dst, f, appendEscaped)
		}
	}
	return dst, nil
}

// appendFields writes the call's fields, as an object or as members.
func (p *part) appendFields(dst []byte, f *filling, v *values) ([]byte, *badField) {
	fields := fieldsOf(f.call)
	if !p.spread {
		dst, bad := v.appendMembers(append(dst, '{'), fields, nil)
		return append(dst, '}'), bad
	}
	mark := len(dst)
	if p.comma {
		dst = append(dst, ',')
	}
	start := len(dst)
	dst, bad := v.appendMembers(dst, fields, p.names(f))
	if len(dst) == start {
		dst = dst[:mark]
	}
	return dst, bad
}

// names returns the keys that stand beside a spread.
func (p *part) names(f *filling) []string {
	names := make([]string, len(p.except))
	for i, key := range p.except {
		names[i] = string(key.append(nil, f, nil))
	}
	return names
}

// noFields is what a call without fields writes.
const noFields = "{}"

func fieldsOf(call *crmsync.Call) []byte {
	if len(call.Fields) == 0 {
		return []byte(noFields)
	}
	return call.Fields
}

// jsonOf returns a YAML value as JSON, what is absent as def.
func jsonOf(n *document.Node, def string) string {
	if n == nil {
		return def
	}
	b, err := json.Marshal(n.Value())
	if err != nil {
		return def
	}
	return cmp.Or(string(b), def)
}
