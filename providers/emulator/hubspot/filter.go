package hubspot

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// filter is one condition of a search, as it travels.
type filter struct {
	PropertyName string   `json:"propertyName"`
	Operator     string   `json:"operator"`
	Value        string   `json:"value"`
	HighValue    string   `json:"highValue"`
	Values       []string `json:"values"`
}

// condition is a filter that is ready to be asked.
type condition struct {
	slot  int
	holds func(value string) bool
}

// compile checks a filter. Not documented: the words of refusals, and whether
// NEQ and NOT_IN find records without the property. Here they do.
func (f filter) compile(s *schema) (condition, *refusal) {
	slot := s.slot(f.PropertyName)
	if slot < 0 {
		return condition{}, refused(fmt.Sprintf("There was a problem with the request: property %q does not exist", f.PropertyName))
	}
	p := s.props[slot]
	for _, value := range append(slices.Clone(f.Values), f.Value, f.HighValue) {
		if _, ok := p.ordinal(value); value != "" && !ok {
			return condition{}, refused(fmt.Sprintf("%s is not a valid value of property %q", value, p.Name))
		}
	}
	holds, ok := f.test(p)
	if !ok {
		return condition{}, refused(fmt.Sprintf("%q is not a valid operator", f.Operator))
	}
	return condition{slot, holds}, nil
}

// test returns the question that the filter asks of a value.
func (f filter) test(p *Property) (holds func(string) bool, ok bool) {
	compare := func(want string, hit func(int) bool) func(string) bool {
		return func(v string) bool { return v != "" && hit(p.compare(v, want)) }
	}
	not := func(test func(string) bool) func(string) bool { return func(v string) bool { return !test(v) } }
	equal := compare(f.Value, func(c int) bool { return c == 0 })
	token := func(v string) bool { return hasToken(v, f.Value) }
	switch f.Operator {
	case "EQ":
		return equal, true
	case "NEQ":
		return not(equal), true
	case "LT":
		return compare(f.Value, func(c int) bool { return c < 0 }), true
	case "LTE":
		return compare(f.Value, func(c int) bool { return c <= 0 }), true
	case "GT":
		return compare(f.Value, func(c int) bool { return c > 0 }), true
	case "GTE":
		return compare(f.Value, func(c int) bool { return c >= 0 }), true
	case "BETWEEN":
		low := compare(f.Value, func(c int) bool { return c >= 0 })
		high := compare(f.HighValue, func(c int) bool { return c <= 0 })
		return func(v string) bool { return low(v) && high(v) }, true
	case "IN":
		return f.in(p), true
	case "NOT_IN":
		return not(f.in(p)), true
	case "HAS_PROPERTY":
		return func(v string) bool { return v != "" }, true
	case "NOT_HAS_PROPERTY":
		return func(v string) bool { return v == "" }, true
	case "CONTAINS_TOKEN":
		return token, true
	case "NOT_CONTAINS_TOKEN":
		return not(token), true
	}
	return nil, false
}

// in compares with a list. HubSpot wants the values of texts in lower case,
// so a capital letter in the list never matches.
func (f filter) in(p *Property) func(string) bool {
	return func(v string) bool {
		if v == "" {
			return false
		}
		if p.Type == "string" {
			return slices.Contains(f.Values, strings.ToLower(v))
		}
		return slices.ContainsFunc(f.Values, func(want string) bool { return p.compare(v, want) == 0 })
	}
}

// compare orders two values by the type of the property.
func (p *Property) compare(a, b string) int {
	switch p.Type {
	case "number", "date", "datetime":
		x, _ := p.ordinal(a)
		y, _ := p.ordinal(b)
		return cmp.Compare(x, y)
	case "enumeration":
		return strings.Compare(a, b)
	}
	return strings.Compare(strings.ToLower(a), strings.ToLower(b))
}

// ordinal is the place of a value among its kind: the number itself, or
// milliseconds for times. Texts have none and need none.
func (p *Property) ordinal(value string) (float64, bool) {
	switch p.Type {
	case "number":
		n, err := strconv.ParseFloat(value, 64)
		return n, err == nil
	case "date", "datetime":
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			return float64(n), true
		}
		for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
			if t, err := time.Parse(layout, value); err == nil {
				return float64(t.UnixMilli()), true
			}
		}
		return 0, false
	}
	return 0, true
}

// hasToken looks for a word in a value. A star stands for any characters.
func hasToken(value, want string) bool {
	value, want = strings.ToLower(value), strings.ToLower(want)
	if matches(value, want) {
		return true
	}
	words := strings.FieldsFunc(value, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return slices.ContainsFunc(words, func(word string) bool { return matches(word, want) })
}

// matches compares with a pattern of stars.
func matches(text, pattern string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return text == pattern
	}
	first, last := parts[0], parts[len(parts)-1]
	if !strings.HasPrefix(text, first) {
		return false
	}
	text = text[len(first):]
	for _, part := range parts[1 : len(parts)-1] {
		_, after, ok := strings.Cut(text, part)
		if !ok {
			return false
		}
		text = after
	}
	return strings.HasSuffix(text, last)
}
