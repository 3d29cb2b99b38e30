package dsl

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"crmsync/dsl/expr"
)

// conversion is a field's `type`.
type conversion uint8

const (
	asIs conversion = iota
	asString
	asInteger
	asNumber
	asBoolean
	asDate
	asTimestamp
	asList
)

var conversionTypes = map[string]conversion{
	"string": asString, "integer": asInteger, "number": asNumber, "boolean": asBoolean,
	"date": asDate, "timestamp": asTimestamp, "list": asList,
}

// The errors of a conversion name what was wanted and never the value.
var (
	errNoText      = errors.New("text")
	errNoInteger   = errors.New("a whole number")
	errNoNumber    = errors.New("a number")
	errNoBoolean   = errors.New("true or false")
	errNoDate      = errors.New("a date (2006-01-02)")
	errNoTimestamp = errors.New("a time (2006-01-02T15:04:05Z)")
)

// append appends a value that is neither null nor missing as JSON of that type.
func (c conversion) append(dst []byte, v expr.Value) ([]byte, error) {
	switch c {
	case asString:
		text, ok := v.Text()
		if !ok {
			return dst, errNoText
		}
		return appendJSONString(dst, text), nil
	case asInteger:
		return appendInteger(dst, v)
	case asNumber:
		return appendNumber(dst, v)
	case asBoolean:
		return appendBoolean(dst, v)
	case asDate:
		return appendTime(dst, v, time.DateOnly, errNoDate)
	case asTimestamp:
		return appendTime(dst, v, time.RFC3339Nano, errNoTimestamp)
	case asList:
		return appendList(dst, v)
	default:
		return v.AppendJSON(dst)
	}
}

// appendInteger takes integers, whole numbers and text in digits.
func appendInteger(dst []byte, v expr.Value) ([]byte, error) {
	if n, ok := v.Int(); ok {
		return strconv.AppendInt(dst, n, 10), nil
	}
	if s, ok := v.Str(); ok {
		if n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64); err == nil {
			return strconv.AppendInt(dst, n, 10), nil
		}
	}
	return dst, errNoInteger
}

// appendNumber takes numbers and text that is a decimal number. Text keeps its
// digits, because an amount must not change on its way through a float.
func appendNumber(dst []byte, v expr.Value) ([]byte, error) {
	if s, ok := v.Str(); ok {
		s = strings.TrimSpace(s)
		if !isDecimal(s) {
			return dst, errNoNumber
		}
		return append(dst, s...), nil
	}
	if f, ok := v.Float(); ok && !math.IsNaN(f) && !math.IsInf(f, 0) {
		return v.AppendJSON(dst)
	}
	return dst, errNoNumber
}

// isDecimal tells whether s is a number as JSON writes it, of at most 40 bytes
// and no larger than a CRM can read: 1e700 is beyond a float.
func isDecimal(s string) bool {
	if len(s) > 40 || strings.Trim(s, "-+.0123456789eE") != "" || !json.Valid([]byte(s)) {
		return false
	}
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

// appendBoolean takes booleans and the texts true and false.
func appendBoolean(dst []byte, v expr.Value) ([]byte, error) {
	b, ok := v.Bool()
	if s, isText := v.Str(); isText {
		switch s = strings.ToLower(strings.TrimSpace(s)); s {
		case "true", "false":
			b, ok = s == "true", true
		}
	}
	if !ok {
		return dst, errNoBoolean
	}
	return strconv.AppendBool(dst, b), nil
}

// appendTime takes timestamps, and text that is a date or a time in RFC 3339.
// Dates are those of UTC.
func appendTime(dst []byte, v expr.Value, layout string, failure error) ([]byte, error) {
	t, ok := v.Time()
	if s, isText := v.Str(); isText {
		s = strings.TrimSpace(s)
		for _, l := range [...]string{time.RFC3339Nano, time.DateOnly} {
			if parsed, err := time.Parse(l, s); err == nil {
				t, ok = parsed, true
				break
			}
		}
	}
	if !ok {
		return dst, failure
	}
	dst = append(dst, '"')
	return append(t.UTC().AppendFormat(dst, layout), '"'), nil
}

// appendList takes lists as they are, and makes one of a single value.
func appendList(dst []byte, v expr.Value) ([]byte, error) {
	if v.Type() == expr.List {
		return v.AppendJSON(dst)
	}
	dst, err := v.AppendJSON(append(dst, '['))
	return append(dst, ']'), err
}

// appendJSONString appends s as JSON, without escaping < and > as HTML asks.
func appendJSONString(dst []byte, s string) []byte {
	plain := true
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x7f {
			plain = false
			break
		}
	}
	if plain {
		return append(append(append(dst, '"'), s...), '"')
	}
	return append(dst, jsonString(s)...)
}

// jsonString returns s as JSON. Bytes that are not UTF-8 become U+FFFD.
func jsonString(s string) []byte { return marshal(s) }

// marshal returns JSON of plain values, which always have one.
func marshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return []byte("null")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
