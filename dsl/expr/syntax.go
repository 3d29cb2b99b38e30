package expr

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
)

// explainSyntax says in one issue why the text does not parse: what the lexer
// saw, else a habit of another language, else what cel-go stumbled over.
func explainSyntax(s *source, errs []*cel.Error) Issue {
	if len(s.tokens) == 0 {
		return emptyText(s)
	}
	if len(s.broken) > 0 {
		first := slices.MinFunc(s.broken, func(a, b lexFault) int { return a.start - b.start })
		return Issue{Code: "CM204", Start: first.start, End: first.end, Message: first.message, Help: first.help, Fix: first.fix}
	}
	for k := range s.tokens {
		if f, ok := s.habit(k); ok {
			return Issue{Code: "CM204", Start: f.start, End: f.end, Message: f.message, Help: f.help, Fix: f.fix}
		}
	}
	first := errs[0]
	at := s.offset(first.Location.Line(), first.Location.Column())
	if strings.Contains(first.Message, "limit exceeded") || strings.Contains(first.Message, "exceeds limit") {
		return Issue{Code: "CM209", End: len(s.runes), Message: "the expression is nested too deep or has too many parts", Help: "split it into several fields or vars"}
	}
	return s.stumble(first.Message, at)
}

func emptyText(s *source) Issue {
	return Issue{Code: "CM204", End: len(s.runes), Message: "the expression is empty", Help: "write what the value is, such as record.email"}
}

// offset returns the rune offset of cel-go's line (from 1) and column (from 0).
func (s *source) offset(line, column int) int {
	at := 0
	for ; line > 1 && at < len(s.runes); at++ {
		if s.runes[at] == '\n' {
			line--
		}
	}
	return min(at+column, len(s.runes))
}

// habit recognizes what is right in other languages.
func (s *source) habit(k int) (f lexFault, ok bool) {
	t, next := s.tokens[k], s.token(k+1)
	replace := func(n int, message, text string) (lexFault, bool) {
		end := s.token(k + n - 1).end
		f := lexFault{start: t.start, end: end, message: message, help: fmt.Sprintf("write %s", text)}
		f.fix = &Fix{Start: t.start, End: end, Text: text}
		return f, true
	}
	beside := next.start == t.end
	switch {
	case t.kind == tokenBad && strings.Contains("“”„‘’", t.text):
		return s.quotes(k)
	case t.text == "==" && next.text == "=" && beside:
		return replace(2, "=== is no operator", "==")
	case t.text == "!=" && next.text == "=" && beside:
		return replace(2, "!== is no operator", "!=")
	case t.text == "<" && next.text == ">" && beside:
		return replace(2, "<> is no operator", "!=")
	case t.text == "=":
		return replace(1, "= is no operator", "==")
	case t.text == "&":
		return replace(1, "& is no operator", "&&")
	case t.text == "|":
		return replace(1, "| is no operator", "||")
	case t.text == "?" && next.text == "?" && beside:
		return lexFault{start: t.start, end: next.end, message: "?? is no operator", help: "write default(a, b)"}, true
	case t.kind == tokenIdent && s.token(k-1).text != ".":
		return s.word(k, replace)
	case t.kind == tokenIdent && reserved(t.text):
		return replace(1, fmt.Sprintf("%q is a reserved word", t.text), "`"+t.text+"`")
	case t.kind == tokenBad:
		return lexFault{start: t.start, end: t.end, message: fmt.Sprintf("%s is not part of the language", t.text), help: "remove it"}, true
	}
	return lexFault{}, false
}

// word recognizes operators that other languages spell out.
func (s *source) word(k int, replace func(int, string, string) (lexFault, bool)) (lexFault, bool) {
	t := s.tokens[k]
	before, after := s.isValueEnd(k-1), s.isValueStart(k+1)
	switch strings.ToLower(t.text) {
	case "and":
		if before && after {
			return replace(1, t.text+" is no operator", "&&")
		}
	case "or":
		if before && after {
			return replace(1, t.text+" is no operator", "||")
		}
	case "not":
		if after && s.token(k+1).text != "(" {
			return replace(1, t.text+" is no operator", "!")
		}
	case "if", "then", "else":
		return lexFault{start: t.start, end: t.end, message: t.text + " is no part of an expression", help: "write condition ? value : other value"}, true
	}
	return lexFault{}, false
}

// quotes replaces a pair of typographic quotes, or one alone.
func (s *source) quotes(k int) (lexFault, bool) {
	t := s.tokens[k]
	f := lexFault{start: t.start, end: t.end, message: "this quote is typographic", help: `write strings in straight quotes, such as "text"`}
	for n := k + 1; n < len(s.tokens); n++ {
		if s.tokens[n].kind == tokenBad && strings.Contains("“”„‘’", s.tokens[n].text) {
			inside := s.text(t.end, s.tokens[n].start)
			f.end = s.tokens[n].end
			f.message = "these quotes are typographic"
			f.fix = &Fix{Start: t.start, End: f.end, Text: quote(inside)}
			break
		}
	}
	return f, true
}

// quote writes a string literal.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s) + `"`
}

func reserved(word string) bool {
	return slices.Contains([]string{
		"as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop", "namespace",
		"null", "package", "return", "true", "var", "void", "while",
	}, word)
}

func (s *source) isValueEnd(k int) bool {
	t := s.token(k)
	return t.end > 0 && (t.kind != tokenMark && t.kind != tokenBad || strings.Contains(")]}", t.text))
}

func (s *source) isValueStart(k int) bool {
	t := s.token(k)
	return t.end > 0 && (t.kind != tokenMark && t.kind != tokenBad || strings.Contains("([{-!", t.text))
}

// stumble translates what cel-go says at an offset.
func (s *source) stumble(message string, at int) Issue {
	k := s.find(at)
	t := s.token(k)
	i := Issue{Code: "CM204", Start: t.start, End: t.end}
	switch {
	case strings.Contains(message, "has() macro"):
		i.Start, i.End = s.callName(k)
		i.Message, i.Help = "has() takes one field", "write has(record.email)"
	case strings.Contains(message, "must be simple identifiers"), strings.Contains(message, "is not an identifier"), strings.Contains(message, "must be an identifier"):
		i.Message, i.Help = "a name for the item is wanted here", "write list.map(x, x.name), with a name of your own for x"
	case strings.Contains(message, "invalid int literal"), strings.Contains(message, "invalid uint literal"), strings.Contains(message, "invalid double literal"):
		i.Message, i.Help = "this number is too large", "whole numbers go up to 9223372036854775807"
	case k >= len(s.tokens) && s.token(k-1).text == ".":
		i.Start, i.End = s.token(k-1).start, s.token(k-1).end
		i.Message, i.Help = "a field's name must follow the dot", "write record.email"
	case k >= len(s.tokens):
		last := s.token(len(s.tokens) - 1)
		i.Start, i.End = last.start, last.end
		i.Message, i.Help = fmt.Sprintf("the expression ends after %s, something must follow", last.text), ""
		if strings.Contains(message, "':'") {
			i.Message, i.Help = "? without :", "write condition ? value : other value"
		}
	case s.isValueEnd(k-1) && s.isValueStart(k) && s.between(message):
		i.Message = fmt.Sprintf("%s follows %s with nothing between them", t.text, s.token(k-1).text)
		i.Help = "put an operator such as + or a comma between them"
	case t.kind == tokenString:
		i.Message, i.Help = "this string has an escape that is unknown", `write \\ for a backslash, or r"…" for a string without escapes`
	case t.text == "." && (s.token(k+1).kind != tokenIdent || s.token(k-1).text == "."):
		i.Message, i.Help = "a field's name must follow the dot", "write record.email"
	default:
		i.Message = fmt.Sprintf("%s cannot stand here", t.text)
	}
	return i
}

func (s *source) between(message string) bool {
	return strings.Contains(message, "extraneous") || strings.Contains(message, "mismatched") || strings.Contains(message, "missing")
}

// callName returns the range of the function's name before parenthesis k.
func (s *source) callName(k int) (start, end int) {
	for ; k > 0 && s.token(k).text != "("; k-- {
	}
	t := s.token(max(0, k-1))
	return t.start, t.end
}
