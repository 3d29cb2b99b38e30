package pipeline

import (
	"bytes"
	"encoding/json"
)

// tooDeep says whether b nests deeper than events may. It needs no valid JSON.
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
// len(b) if none does. It leaps from quote to quote: most of an event is text.
func endOfString(b []byte, i int) int {
	for {
		leap := bytes.IndexByte(b[i+1:], '"')
		if leap < 0 {
			return len(b)
		}
		i += 1 + leap
		escapes := 0
		for b[i-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i
		}
	}
}

// members hands the members of the JSON object b to env. It needs no valid JSON,
// so that it can stand before every parser: it answers false for what is no
// object, ends too early or nests too deep, and may answer true for what is not
// valid inside.
func members(b []byte, env *envelope) bool {
	i := space(b, 0)
	if at(b, i) != '{' {
		return false
	}
	for i = space(b, i+1); at(b, i) == '"'; {
		end := endOfString(b, i)
		colon := space(b, end+1)
		from := space(b, colon+1)
		to := endOfValue(b, from)
		if at(b, colon) != ':' || to <= from || to > len(b) {
			return false
		}
		env.set(plain(b[i:end+1]), b[from:to])
		if i = space(b, to); at(b, i) == ',' {
			i = space(b, i+1)
		}
	}
	return at(b, i) == '}'
}

// at returns the byte at i, 0 beyond the end.
func at(b []byte, i int) byte {
	if i < len(b) {
		return b[i]
	}
	return 0
}

// plain returns the text of a JSON string.
func plain(quoted []byte) []byte {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	var s string
	_ = json.Unmarshal(quoted, &s) // it is valid JSON
	return []byte(s)
}

// endOfValue returns the index after the value at i, which stands in an object;
// -1 if it nests too deep.
func endOfValue(b []byte, i int) int {
	if at(b, i) == '"' {
		return endOfString(b, i) + 1
	}
	for depth := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i = endOfString(b, i)
		case '{', '[':
			if depth++; depth >= maxEventDepth {
				return -1
			}
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
