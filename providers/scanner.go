package providers

// nestingMax bounds the lists and objects in a field's value.
const nestingMax = 32

// scanner walks over JSON without building it. It is strict: what it passes is
// JSON, so that one call's fields can't break the request of all.
type scanner struct {
	src []byte
	pos int
}

// peek returns the next byte that is no space, 0 at the end.
func (s *scanner) peek() byte {
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; c {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// take steps over c if it is next.
func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.pos++
	return true
}

// done tells whether nothing but space is left.
func (s *scanner) done() bool { return s.peek() == 0 && s.pos == len(s.src) }

// word steps over a literal if it is next.
func (s *scanner) word(w string) bool {
	if len(s.src)-s.pos < len(w) || string(s.src[s.pos:s.pos+len(w)]) != w {
		return false
	}
	s.pos += len(w)
	return true
}

// text steps over a string and returns its inside as it stands, escapes included.
func (s *scanner) text() (inside []byte, ok bool) {
	if !s.take('"') {
		return nil, false
	}
	start := s.pos
	for s.pos < len(s.src) {
		c := s.src[s.pos]
		s.pos++
		switch {
		case c == '"':
			return s.src[start : s.pos-1], true
		case c < 0x20:
			return nil, false
		case c == '\\' && !s.escape():
			return nil, false
		}
	}
	return nil, false
}

// escape steps over what follows a backslash.
func (s *scanner) escape() bool {
	if s.pos >= len(s.src) {
		return false
	}
	c := s.src[s.pos]
	s.pos++
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		return s.hex4()
	}
	return false
}

func (s *scanner) hex4() bool {
	if len(s.src)-s.pos < 4 {
		return false
	}
	for _, c := range s.src[s.pos : s.pos+4] {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	s.pos += 4
	return true
}

// number steps over a number and returns it as it stands.
func (s *scanner) number() (text []byte, ok bool) {
	s.peek()
	start := s.pos
	s.one('-')
	if !s.one('0') && !s.digits() {
		return nil, false
	}
	if s.one('.') && !s.digits() {
		return nil, false
	}
	if s.one('e') || s.one('E') {
		if !s.one('+') {
			s.one('-')
		}
		if !s.digits() {
			return nil, false
		}
	}
	return s.src[start:s.pos], true
}

// one steps over the byte c, without skipping space.
func (s *scanner) one(c byte) bool {
	if s.pos >= len(s.src) || s.src[s.pos] != c {
		return false
	}
	s.pos++
	return true
}

func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.src) && s.src[s.pos] >= '0' && s.src[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > start
}

// skip steps over any value.
func (s *scanner) skip(depth int) bool {
	if depth > nestingMax {
		return false
	}
	switch c := s.peek(); c {
	case '"':
		_, ok := s.text()
		return ok
	case '{':
		return s.skipList('}', depth, true)
	case '[':
		return s.skipList(']', depth, false)
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	}
	_, ok := s.number()
	return ok
}

// skipList steps over a list, or an object whose values have names.
func (s *scanner) skipList(end byte, depth int, named bool) bool {
	s.pos++
	for first := true; !s.take(end); first = false {
		if !first && !s.take(',') {
			return false
		}
		if named {
			if _, ok := s.text(); !ok || !s.take(':') {
				return false
			}
		}
		if !s.skip(depth + 1) {
			return false
		}
	}
	return true
}
