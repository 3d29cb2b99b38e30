package expr

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// maxLayout is the longest layout of a date, in bytes.
const maxLayout = 64

// goLayout translates a layout such as "yyyy-MM-dd'T'HH:mm" into Go's. Problem
// tells what is wrong with it, "" if nothing is.
func goLayout(layout string) (translated, problem string) {
	if layout == "" || len(layout) > maxLayout {
		return "", fmt.Sprintf("is empty or longer than %d characters", maxLayout)
	}
	var out []byte
	before := "" // the pattern that ends where the next begins
	for i := 0; i < len(layout); {
		piece, n, pattern, problem := layoutPiece(layout[i:], out)
		if problem != "" {
			return "", problem
		}
		if pattern != "" && before != "" && (len(before) == 1 || len(pattern) == 1) {
			return "", fmt.Sprintf("has %s right beside %s: put something between them", before, pattern)
		}
		before = pattern
		out = append(out, piece...)
		i += n
	}
	return string(out), ""
}

// layoutPiece translates what the rest of a layout begins with: quoted text, a
// pattern (then named) or another character. It takes n bytes.
func layoutPiece(rest string, before []byte) (piece string, n int, pattern, problem string) {
	c := rest[0]
	switch {
	case c == '\'':
		text, n := quoted(rest)
		switch {
		case n == 0:
			return "", 0, "", "has a quote ' that is not closed"
		case !inert(text):
			return "", 0, "", "has quoted text that reads like a date"
		}
		return text, n, "", ""
	case '0' <= c && c <= '9' || c == '_':
		return "", 0, "", `has digits or _: write patterns such as "dd/MM/yyyy", not an example`
	case !isLetter(c):
		return rest[:1], 1, "", ""
	}
	n = len(rest) - len(strings.TrimLeft(rest, rest[:1]))
	pattern = rest[:n]
	piece, ok := layoutPart(pattern)
	if !ok {
		return "", 0, "", fmt.Sprintf("has the unknown pattern %q", pattern)
	}
	if pattern == "SSS" && !bytes.HasSuffix(before, []byte(".")) && !bytes.HasSuffix(before, []byte(",")) {
		return "", 0, "", "has SSS without a point or comma before it"
	}
	return piece, n, pattern, ""
}

// inert tells whether text stands for itself in a layout of Go's.
func inert(text string) bool {
	return time.Date(2009, 8, 7, 16, 54, 3, 0, time.UTC).Format(text) == text
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

// quoted returns the text in quotes at the start of s, and how long it is there;
// two quotes stand for one.
func quoted(s string) (text string, length int) {
	if strings.HasPrefix(s, "''") {
		return "'", 2
	}
	end := strings.IndexByte(s[1:], '\'')
	if end < 0 {
		return "", 0
	}
	return s[1 : end+1], end + 2
}

// shownLayout returns a layout for a message: its patterns and the signs
// between them. What else is in it may come from a record.
func shownLayout(layout string) string {
	var b strings.Builder
	for i := 0; i < len(layout); i++ {
		c := layout[i]
		if c == '\'' {
			_, n := quoted(layout[i:])
			b.WriteString("'…'")
			i += n - 1
			continue
		}
		if isLetter(c) || strings.IndexByte(" -/.,:", c) >= 0 {
			b.WriteByte(c)
		} else if !strings.HasSuffix(b.String(), "…") {
			b.WriteString("…")
		}
	}
	return b.String()
}

// layoutPart returns Go's form of a pattern.
func layoutPart(pattern string) (part string, ok bool) {
	switch pattern {
	case "yyyy":
		return "2006", true
	case "yy":
		return "06", true
	case "MMMM":
		return "January", true
	case "MMM":
		return "Jan", true
	case "MM":
		return "01", true
	case "M":
		return "1", true
	case "dd":
		return "02", true
	case "d":
		return "2", true
	case "EEEE":
		return "Monday", true
	case "EEE":
		return "Mon", true
	case "HH", "H":
		return "15", true
	case "hh":
		return "03", true
	case "h":
		return "3", true
	case "mm":
		return "04", true
	case "m":
		return "4", true
	case "ss":
		return "05", true
	case "s":
		return "5", true
	case "SSS":
		return "000", true
	case "a":
		return "PM", true
	case "XXX":
		return "Z07:00", true
	}
	return "", false
}

func badLayout(arg int, text string) string {
	if arg != 1 {
		return ""
	}
	if _, problem := goLayout(text); problem != "" {
		return problem
	}
	return ""
}

func badFormat(arg int, text string) string {
	if arg == 2 {
		if _, err := time.LoadLocation(text); err != nil || text == "" || text == "Local" {
			return `is no time zone such as "Europe/Stockholm"`
		}
		return ""
	}
	return badLayout(arg, text)
}
