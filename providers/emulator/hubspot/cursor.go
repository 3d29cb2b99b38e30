package hubspot

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// cursor walks over a JSON text that json.Valid has accepted, so it looks for
// wrong types only, never for wrong syntax. It makes no copies: the strings
// that it returns are parts of the text wherever they hold no escapes.
type cursor struct {
	text string
	at   int
}

// mistyped is a JSON value of another type than was wanted.
type mistyped struct {
	at    int    // byte offset in the text
	want  string // in HubSpot's words, which are Java's
	first byte   // the value's first byte
}

const (
	wantText   = "java.lang.String"
	wantObject = "java.util.LinkedHashMap<java.lang.String,java.lang.String>"
	wantList   = "java.util.ArrayList"
)

// Error names the types as HubSpot does, without the position.
func (m *mistyped) Error() string {
	value, token := "Integer", "VALUE_NUMBER_INT"
	switch m.first {
	case '[':
		value, token = "Array", "START_ARRAY"
	case '{':
		value, token = "Object", "START_OBJECT"
	case '"':
		value, token = "String", "VALUE_STRING"
	case 't':
		value, token = "Boolean", "VALUE_TRUE"
	case 'f':
		value, token = "Boolean", "VALUE_FALSE"
	case 'n':
		value, token = "Null", "VALUE_NULL"
	}
	return fmt.Sprintf("Cannot deserialize value of type `%s` from %s value (token `JsonToken.%s`)", m.want, value, token)
}

// next skips white space and returns the byte that follows.
func (c *cursor) next() byte {
	for c.at < len(c.text) {
		switch b := c.text[c.at]; b {
		case ' ', '\t', '\n', '\r':
			c.at++
		default:
			return b
		}
	}
	return 0
}

// object calls visit for each field; visit has to read or skip its value.
func (c *cursor) object(want string, visit func(name string) error) error {
	if b := c.next(); b != '{' {
		return &mistyped{c.at, want, b}
	}
	c.at++
	for c.next() != '}' {
		name := c.quoted()
		c.next()
		c.at++ // the colon
		if err := visit(name); err != nil {
			return err
		}
		if c.next() == ',' {
			c.at++
		}
	}
	c.at++
	return nil
}

// list calls visit for each item; visit has to read or skip it.
func (c *cursor) list(visit func() error) error {
	if b := c.next(); b != '[' {
		return &mistyped{c.at, wantList, b}
	}
	c.at++
	for c.next() != ']' {
		if err := visit(); err != nil {
			return err
		}
		if c.next() == ',' {
			c.at++
		}
	}
	c.at++
	return nil
}

// quoted reads a string at the cursor, which stands on its quote or on space
// before it.
func (c *cursor) quoted() string {
	c.next()
	start := c.at
	c.at++
	plain := true
	for c.text[c.at] != '"' {
		if c.text[c.at] == '\\' {
			plain = false
			c.at++
		}
		c.at++
	}
	c.at++
	inside := c.text[start+1 : c.at-1]
	if plain && utf8.ValidString(inside) {
		return inside
	}
	var out string
	if json.Unmarshal([]byte(c.text[start:c.at]), &out) != nil {
		return inside // cannot be: the text is valid
	}
	return out
}

// scalar reads a string. Unless strict, it takes numbers and booleans for
// their text and null for an empty string.
func (c *cursor) scalar(strict bool) (string, error) {
	b := c.next()
	switch {
	case b == '"':
		return c.quoted(), nil
	case strict, b == '[', b == '{':
		return "", &mistyped{c.at, wantText, b}
	}
	start := c.at
	c.skip()
	if text := c.text[start:c.at]; text != "null" {
		return text, nil
	}
	return "", nil
}

// skip passes over one value of any type.
func (c *cursor) skip() {
	depth := 0
	for {
		switch c.next() {
		case '"':
			c.quoted()
		case '{', '[':
			depth++
			c.at++
		case '}', ']':
			depth--
			c.at++
		case ',', ':':
			c.at++
			continue
		default:
			c.at += len(c.text[c.at:]) - len(strings.TrimLeft(c.text[c.at:], "-+.0123456789eEtrufalsn"))
		}
		if depth == 0 {
			return
		}
	}
}
