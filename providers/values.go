package providers

import (
	"encoding/json"
	"slices"
	"strconv"
)

// values says how a field's value travels, see "values" in a provider file.
type values struct {
	null        string // JSON that clears a field
	booleanText bool
	numberText  bool
	list        string // JSON of what joins a list's items, without quotes; empty: a JSON array
	flat        bool   // nested objects and lists in lists are refused
}

// Codes of fields that cannot be sent.
const (
	codeInvalidFields = "invalid_fields" // not a JSON object: our own mistake
	codeNestedValue   = "nested_value"
)

// badField is why a call's fields cannot be written.
type badField struct{ code, field string }

// appendMembers appends the members of the JSON object src, converted, without
// the braces, and leaves out those whose names are in except. It copies text
// as it stands, escapes included, and builds nothing. After a fault dst holds
// a part of them.
func (v *values) appendMembers(dst, src []byte, except []string) ([]byte, *badField) {
	s := scanner{src: src}
	if !s.take('{') {
		return dst, &badField{code: codeInvalidFields}
	}
	start := len(dst)
	for first := true; !s.take('}'); first = false {
		if !first && !s.take(',') {
			return dst, &badField{code: codeInvalidFields}
		}
		name, ok := s.text()
		if !ok || !s.take(':') {
			return dst, &badField{code: codeInvalidFields}
		}
		mark := len(dst)
		if mark > start {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), name...), '"', ':')
		var code string
		if dst, code = v.appendValue(dst, &s); code != "" {
			return dst, &badField{code: code, field: plain(name)}
		}
		if slices.ContainsFunc(except, func(e string) bool { return reads(name, e) }) {
			dst = dst[:mark]
		}
	}
	if !s.done() {
		return dst, &badField{code: codeInvalidFields}
	}
	return dst, nil
}

// appendValue converts the value that s stands at. The code is empty when it
// could.
func (v *values) appendValue(dst []byte, s *scanner) ([]byte, string) {
	switch s.peek() {
	case '[':
		if v.list != "" {
			return v.appendJoined(dst, s)
		}
		return v.appendNested(dst, s)
	case '{':
		return v.appendNested(dst, s)
	}
	return v.appendScalar(dst, s)
}

// appendNested copies a list or an object as it stands.
func (v *values) appendNested(dst []byte, s *scanner) ([]byte, string) {
	isObject, start := s.peek() == '{', s.pos
	if isObject && v.flat {
		return dst, codeNestedValue
	}
	if !s.skip(0) {
		return dst, codeInvalidFields
	}
	return append(dst, s.src[start:s.pos]...), ""
}

// appendScalar converts anything but a list or an object.
func (v *values) appendScalar(dst []byte, s *scanner) ([]byte, string) {
	switch c := s.peek(); {
	case c == '"':
		text, ok := s.text()
		if !ok {
			return dst, codeInvalidFields
		}
		return append(append(append(dst, '"'), text...), '"'), ""
	case c == 'n' && s.word("null"):
		return append(dst, v.null...), ""
	case c == 't' && s.word("true"):
		return appendWord(dst, "true", v.booleanText), ""
	case c == 'f' && s.word("false"):
		return appendWord(dst, "false", v.booleanText), ""
	}
	number, ok := s.number()
	if !ok {
		return dst, codeInvalidFields
	}
	if !v.numberText {
		return append(dst, number...), ""
	}
	return append(appendDigits(append(dst, '"'), number), '"'), ""
}

// appendJoined converts a list to one text. Its nulls are left out.
func (v *values) appendJoined(dst []byte, s *scanner) ([]byte, string) {
	s.take('[')
	dst = append(dst, '"')
	empty := true
	for first := true; !s.take(']'); first = false {
		if !first && !s.take(',') {
			return dst, codeInvalidFields
		}
		mark := len(dst)
		if !empty {
			dst = append(dst, v.list...)
		}
		was := len(dst)
		var code string
		if dst, code = appendBare(dst, s); code != "" {
			return dst, code
		}
		if len(dst) == was {
			dst = dst[:mark]
			continue
		}
		empty = false
	}
	return append(dst, '"'), ""
}

// appendBare appends a scalar's text without quotes; of null and "" nothing.
func appendBare(dst []byte, s *scanner) ([]byte, string) {
	switch c := s.peek(); {
	case c == '"':
		text, ok := s.text()
		if !ok {
			return dst, codeInvalidFields
		}
		return append(dst, text...), ""
	case c == '[' || c == '{':
		return dst, codeNestedValue
	case c == 'n' && s.word("null"):
		return dst, ""
	case c == 't' && s.word("true"):
		return append(dst, "true"...), ""
	case c == 'f' && s.word("false"):
		return append(dst, "false"...), ""
	}
	number, ok := s.number()
	if !ok {
		return dst, codeInvalidFields
	}
	return appendDigits(dst, number), ""
}

func appendWord(dst []byte, word string, quoted bool) []byte {
	if !quoted {
		return append(dst, word...)
	}
	return append(append(append(dst, '"'), word...), '"')
}

// appendDigits writes a JSON number without an exponent, which CRMs that take
// numbers as text don't read.
func appendDigits(dst, number []byte) []byte {
	if !slices.ContainsFunc(number, func(b byte) bool { return b == 'e' || b == 'E' }) {
		return append(dst, number...)
	}
	f, err := strconv.ParseFloat(string(number), 64)
	if err != nil { // beyond float64: as it stands, for the CRM to refuse
		return append(dst, number...)
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64)
}

// reads tells whether a JSON string's inside is that text.
func reads(raw []byte, text string) bool {
	return string(raw) == text || slices.Contains(raw, '\\') && plain(raw) == text
}

// plain returns the text of a JSON string's inside.
func plain(raw []byte) string {
	if !slices.Contains(raw, '\\') {
		return string(raw)
	}
	var text string
	if err := json.Unmarshal(append(append([]byte{'"'}, raw...), '"'), &text); err != nil {
		return string(raw)
	}
	return text
}
