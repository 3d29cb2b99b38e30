package expr

import (
	"strings"
	"unicode"
)

// token is a piece of an expression's text. Offsets count runes.
type token struct {
	kind       tokenKind
	start, end int
	text       string
	partner    int // index of the bracket that closes or opens this one; -1: none
}

type tokenKind uint8

const (
	tokenIdent tokenKind = iota
	tokenNumber
	tokenString
	tokenMark // an operator or a bracket
	tokenBad  // no part of the language
)

// source is the text of an expression, cut into tokens. It places what cel-go
// knows only the start of.
type source struct {
	runes  []rune
	tokens []token
	depth  int // the deepest nesting of brackets
	broken []lexFault
}

// lexFault is a fault that is plain before parsing.
type lexFault struct {
	start, end    int
	message, help string
	fix           *Fix
}

// lex cuts the text into tokens and pairs the brackets.
func lex(text string) *source {
	s := &source{runes: []rune(text)}
	var open []int
	for i := 0; i < len(s.runes); {
		n := s.next(i)
		if n < 0 {
			i -= n
			continue
		}
		t := &s.tokens[len(s.tokens)-1]
		if t.kind == tokenMark {
			open = s.pair(open, t)
		}
		i += n
	}
	for _, at := range open {
		t := s.tokens[at]
		s.broken = append(s.broken, lexFault{start: t.start, end: t.end, message: "this " + t.text + " is never closed", help: "add " + closing(t.text)})
	}
	return s
}

// pair keeps the stack of open brackets.
func (s *source) pair(open []int, t *token) []int {
	at := len(s.tokens) - 1
	switch t.text {
	case "(", "[", "{":
		open = append(open, at)
		s.depth = max(s.depth, len(open))
	case ")", "]", "}":
		if len(open) == 0 || closing(s.tokens[open[len(open)-1]].text) != t.text {
			s.broken = append(s.broken, lexFault{start: t.start, end: t.end, message: "this " + t.text + " closes nothing", help: "remove it, or open it before"})
			return open
		}
		before := open[len(open)-1]
		s.tokens[before].partner, t.partner = at, before
		open = open[:len(open)-1]
	}
	return open
}

func closing(open string) string {
	return map[string]string{"(": ")", "[": "]", "{": "}"}[open]
}

// next appends the token at rune i and returns its length. White space and
// comments give none: their length is negative.
func (s *source) next(i int) int {
	if unicode.IsSpace(s.runes[i]) {
		return -1
	}
	if s.runes[i] == '/' && s.at(i+1) == '/' {
		n := 2
		for c := s.at(i + n); c != '\n' && c != 0; c = s.at(i + n) {
			n++
		}
		return -n
	}
	kind, n := s.scan(i)
	s.tokens = append(s.tokens, token{kind: kind, start: i, end: i + n, text: string(s.runes[i : i+n]), partner: -1})
	return n
}

// at returns the rune at i, 0 past the end.
func (s *source) at(i int) rune {
	if i < len(s.runes) {
		return s.runes[i]
	}
	return 0
}

func (s *source) scan(i int) (tokenKind, int) {
	r := s.runes[i]
	if n := s.stringLen(i); n > 0 {
		return tokenString, n
	}
	switch {
	case identStart(r):
		n := 1
		for identStart(s.at(i+n)) || isDigit(s.at(i+n)) {
			n++
		}
		return tokenIdent, n
	case isDigit(r), r == '.' && isDigit(s.at(i+1)):
		return tokenNumber, s.numberLen(i)
	case r == '`':
		for n := 1; s.at(i+n) != 0; n++ {
			if s.at(i+n) == '`' {
				return tokenIdent, n + 1
			}
		}
		return tokenBad, 1
	}
	for _, mark := range []string{"==", "!=", "<=", ">=", "&&", "||"} {
		if r == rune(mark[0]) && s.at(i+1) == rune(mark[1]) {
			return tokenMark, 2
		}
	}
	if strings.ContainsRune("()[]{}.,?:+-*/%<>!=&|", r) {
		return tokenMark, 1
	}
	return tokenBad, 1
}

func identStart(r rune) bool {
	return r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

// numberLen measures a number: digits, a point, an exponent, 0x, a trailing u.
func (s *source) numberLen(i int) int {
	n := 0
	for {
		switch r := s.at(i + n); {
		case isDigit(r), identStart(r):
		case r == '.' && isDigit(s.at(i+n+1)):
		case (r == '+' || r == '-') && n > 0 && (s.at(i+n-1) == 'e' || s.at(i+n-1) == 'E') && s.at(i+1) != 'x':
		default:
			return n
		}
		n++
	}
}

// stringLen measures a string with its prefix and quotes; 0: there is none. One
// that is never closed goes to the end of the text, and is a fault.
func (s *source) stringLen(i int) int {
	n, raw := 0, false
	for n < 2 && strings.ContainsRune("rRbB", s.at(i+n)) && s.at(i+n) != 0 {
		raw = raw || s.at(i+n) == 'r' || s.at(i+n) == 'R'
		n++
	}
	quote := s.at(i + n)
	if quote != '"' && quote != '\'' {
		return 0
	}
	width := 1
	if s.at(i+n+1) == quote && s.at(i+n+2) == quote {
		width = 3
	}
	for n += width; i+n < len(s.runes); n++ {
		switch {
		case s.at(i+n) == '\\' && !raw:
			n++
		case s.closes(i+n, quote, width):
			return n + width
		case width == 1 && s.at(i+n) == '\n':
			return s.unclosed(i, n)
		}
	}
	return s.unclosed(i, min(n, len(s.runes)-i))
}

func (s *source) closes(i int, quote rune, width int) bool {
	for k := range width {
		if s.at(i+k) != quote {
			return false
		}
	}
	return true
}

func (s *source) unclosed(i, n int) int {
	s.broken = append(s.broken, lexFault{start: i, end: i + 1, message: "this string is never closed", help: "add the closing quote"})
	return n
}

// find returns the index of the token that holds rune offset i, else of the
// first one after it; len(tokens) past the end.
func (s *source) find(i int) int {
	for k, t := range s.tokens {
		if t.end > i {
			return k
		}
	}
	return len(s.tokens)
}

// token returns token k; a zero one out of range.
func (s *source) token(k int) token {
	if k < 0 || k >= len(s.tokens) {
		return token{partner: -1, kind: tokenBad}
	}
	return s.tokens[k]
}

// text returns the runes of a range.
func (s *source) text(start, end int) string {
	return string(s.runes[max(0, start):min(end, len(s.runes))])
}
