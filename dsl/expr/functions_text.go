package expr

import (
	"strings"
	"unicode"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"golang.org/x/net/html"
	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// textFunctions change strings.
func textFunctions() []*function {
	text := []overload{on(maybeText(), maybeText())}
	same := size{times: 1}
	return []*function{
		{
			name: "lower", group: "text", params: []string{"s"}, nulls: nullFirst, overloads: text, result: size{times: 1.5}, unary: changed("lower", strings.ToLower),
			doc:      "s in lower case, in any alphabet.",
			examples: []Example{{`lower("ÅSA")`, `"åsa"`}, {`lower(null)`, `null`}},
		},
		{
			name: "upper", group: "text", params: []string{"s"}, nulls: nullFirst, overloads: text, result: size{times: 1.5}, unary: changed("upper", strings.ToUpper),
			doc:      "s in upper case, in any alphabet.",
			examples: []Example{{`upper("se")`, `"SE"`}, {`upper(null)`, `null`}},
		},
		{
			name: "trim", group: "text", params: []string{"s"}, nulls: nullFirst, overloads: text, result: same, unary: changed("trim", strings.TrimSpace),
			doc:      "s without white space at its ends.",
			examples: []Example{{`trim("  Ada ")`, `"Ada"`}, {`trim(null)`, `null`}},
		},
		{
			name: "titleCase", group: "text", params: []string{"s"}, nulls: nullFirst, overloads: text, result: size{times: 1.5}, weight: 50, unary: changed("titleCase", titleCase),
			doc:      "s with each word's first letter in upper case and the others in lower case.",
			examples: []Example{{`titleCase("ada KING-noel")`, `"Ada King-Noel"`}, {`titleCase("o'neil")`, `"O'neil"`}, {`titleCase(null)`, `null`}},
		},
		{
			name: "truncate", group: "text", params: []string{"s", "n"}, nulls: nullFirst, result: same, binary: truncate,
			doc:       "The first n characters of s.",
			overloads: []overload{on(maybeText(), maybeText(), types.IntType)},
			examples:  []Example{{`truncate("Émilie", 3)`, `"Émi"`}, {`truncate("ab", 3)`, `"ab"`}, {`truncate(null, 3)`, `null`}, {`truncate("ab", -1)`, `fault: truncate takes a length of 0 or more`}},
		},
		{
			name: "digits", group: "text", params: []string{"s"}, nulls: nullFirst, overloads: text, result: same, unary: changed("digits", digits),
			doc:      "The digits 0 to 9 of s.",
			examples: []Example{{`digits("(020) 79-46")`, `"0207946"`}, {`digits(null)`, `null`}},
		},
		{
			name: "singleLine", group: "text", params: []string{"s"}, nulls: nullFirst, overloads: text, result: same, unary: changed("singleLine", singleLine),
			doc:      "s on one line: each run of white space becomes one blank, none at the ends.",
			examples: []Example{{`singleLine(" 1 Main St\n  London ")`, `"1 Main St London"`}, {`singleLine(null)`, `null`}},
		},
		{
			name: "stripHtml", group: "text", params: []string{"s"}, nulls: nullFirst, overloads: text, result: same, weight: 100, unary: changed("stripHtml", stripHTML),
			doc:      "The text of an HTML fragment: tags, scripts and styles removed, entities decoded, a line per block.",
			examples: []Example{{`stripHtml("<p>Fish &amp; chips</p><p>Call <b>back</b></p>")`, `"Fish & chips\nCall back"`}, {`stripHtml(null)`, `null`}},
		},
		{
			name: "slug", group: "text", params: []string{"s"}, nulls: nullFirst, overloads: text, result: same, weight: 50, unary: changed("slug", slug),
			doc:      "s in lower-case letters a to z and digits, other characters as single hyphens; accents are dropped.",
			examples: []Example{{`slug("Crème Brûlée & Co.")`, `"creme-brulee-co"`}, {`slug(null)`, `null`}},
		},
		{
			name: "joinNonBlank", group: "text", params: []string{"list", "separator"}, result: size{fixed: 4096}, weight: 5, binary: joinNonBlank,
			doc:       "The strings of a list that are not blank, trimmed, with the separator between them; null if none is left.",
			nulls:     nullAlways,
			overloads: []overload{on(maybeText(), types.NewListType(types.DynType), types.StringType)},
			examples:  []Example{{`joinNonBlank(["Ada", null, " ", "King "], " ")`, `"Ada King"`}, {`joinNonBlank([null], ", ")`, `null`}},
		},
		{
			name: "text", group: "text", params: []string{"x"}, nulls: nullFirst, result: size{fixed: 64, times: 1}, unary: text1,
			doc:       "A number, boolean or timestamp as text; numbers without exponent, timestamps in RFC 3339.",
			overloads: []overload{on(maybeText(), types.DynType)},
			examples:  []Example{{`text(1200000.5)`, `"1200000.5"`}, {`text(true)`, `"true"`}, {`text(timestamp("2026-01-02T03:04:05Z"))`, `"2026-01-02T03:04:05Z"`}, {`text(null)`, `null`}, {`text([1])`, `fault: text takes a string, number, boolean or timestamp, not a list`}},
		},
	}
}

// titleCase makes a caser each time: one may not be shared between goroutines.
func titleCase(s string) string { return cases.Title(language.Und).String(s) }

func truncate(v, n ref.Val) ref.Val {
	s, ok := v.(types.String)
	if !ok {
		return notText("truncate", v)
	}
	count, ok := n.(types.Int)
	if !ok || count < 0 {
		return refuse("truncate takes a length of 0 or more")
	}
	if int64(len(s)) <= int64(count) {
		return v
	}
	for i := range string(s) {
		if count == 0 {
			return s[:i]
		}
		count--
	}
	return v
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

func singleLine(s string) string {
	for _, r := range s {
		if unicode.IsSpace(r) {
			return strings.Join(strings.Fields(s), " ")
		}
	}
	return s
}

// stripHTML reads tags with a real tokenizer: text between < and > need not be
// one.
func stripHTML(s string) string {
	if !strings.ContainsAny(s, "<&") {
		return s
	}
	var b strings.Builder
	hidden := 0
	tokens := html.NewTokenizer(strings.NewReader(s))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return tidyLines(b.String())
		case html.TextToken:
			if hidden == 0 {
				b.Write(tokens.Text())
			}
		case html.StartTagToken:
			name, _ := tokens.TagName()
			if hides(string(name)) {
				hidden++
			}
			newLine(&b, string(name))
		case html.EndTagToken:
			name, _ := tokens.TagName()
			if hides(string(name)) && hidden > 0 {
				hidden--
			}
			newLine(&b, string(name))
		case html.SelfClosingTagToken:
			name, _ := tokens.TagName()
			newLine(&b, string(name))
		}
	}
}

func hides(tag string) bool { return tag == "script" || tag == "style" }

// newLine ends the line at a tag that stands on lines of its own.
func newLine(b *strings.Builder, tag string) {
	switch tag {
	case "p", "br", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "table":
		b.WriteByte('\n')
	}
}

// tidyLines puts each line on one blank-separated line and drops empty ones.
func tidyLines(s string) string {
	var lines []string
	for line := range strings.Lines(s) {
		if line = singleLine(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func slug(s string) string {
	var b strings.Builder
	gap := false
	for _, r := range norm.NFKD.String(strings.ToLower(s)) {
		switch {
		case 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			gap = false
			b.WriteRune(r)
		case !unicode.Is(unicode.Mn, r):
			gap = true
		}
	}
	return b.String()
}

func joinNonBlank(list, separator ref.Val) ref.Val {
	items, ok := list.(traits.Lister)
	if !ok {
		if isNothing(list) {
			return types.NullValue
		}
		return wrongType("joinNonBlank", "a list", list)
	}
	sep, ok := separator.(types.String)
	if !ok {
		return wrongType("joinNonBlank", "a separator that is a string", separator)
	}
	var b strings.Builder
	for it := items.Iterator(); it.HasNext() == types.True; {
		item := it.Next()
		if isBlank(item) {
			continue
		}
		part, ok := Value{item}.Text()
		if !ok {
			return wrongType("joinNonBlank", "a list of strings", item)
		}
		if b.Len() > 0 {
			b.WriteString(string(sep))
		}
		if b.WriteString(strings.TrimSpace(part)); b.Len() > maxString {
			return limited("joinNonBlank", b.String())
		}
	}
	if b.Len() == 0 {
		return types.NullValue
	}
	return types.String(b.String())
}

func text1(v ref.Val) ref.Val {
	if isNothing(v) {
		return v
	}
	s, ok := Value{v}.Text()
	if !ok {
		return wrongType("text", "a string, number, boolean or timestamp", v)
	}
	if _, same := v.(types.String); same {
		return v
	}
	return types.String(s)
}
