package pipeline

import (
	"encoding/json"

	"crmsync"
)

// tooDeep says whether b nests deeper than events may. It needs no valid JSON,
// so that it can stand before every parser.
func tooDeep(b []byte) bool {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i = endOfString(b, i)
		case '{', '[':
			if depth++; depth > maxEventDepth {
				return true
			}
		case '}', ']':
			depth--
		}
	}
	return false
}

// endOfString returns the index of the quote that ends the string at i, or
// len(b) if none does.
func endOfString(b []byte, i int) int {
	for i++; i < len(b) && b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i
}

// members calls visit for each member of the valid JSON object b, with its name
// and its raw value, until one returns a fault.
func members(b []byte, visit func(name, value []byte) *crmsync.Fault) *crmsync.Fault {
	i := space(b, 0)
	if b[i] != '{' {
		return refuse("wrong_type", "the event must be a JSON object")
	}
	for i = space(b, i+1); b[i] != '}'; {
		end := endOfString(b, i)
		name := plain(b[i : end+1])
		i = space(b, space(b, end+1)+1) // the colon
		end = endOfValue(b, i)
		if f := visit(name, b[i:end]); f != nil {
			return f
		}
		if i = space(b, end); b[i] == ',' {
			i = space(b, i+1)
		}
	}
	return nil
}

// plain returns the text of a JSON string.
func plain(quoted []byte) []byte {
	inner := quoted[1 : len(quoted)-1]
	for _, c := range inner {
		if c == '\\' {
			var s string
			_ = json.Unmarshal(quoted, &s) // it is valid JSON
			return []byte(s)
		}
	}
	return inner
}

// endOfValue returns the index after the value at i.
func endOfValue(b []byte, i int) int {
	if b[i] == '"' {
		return endOfString(b, i) + 1
	}
	for depth := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i = endOfString(b, i)
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
			if depth < 0 {
				return i
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
	return i
}

func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n') {
		i++
	}
	return i
}
