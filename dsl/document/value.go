package document

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// rank orders the faults of one value: its type comes first, for the others
// mean nothing while that is wrong.
func rank(keyword string) int {
	order := []string{"type", "const", "enum", "format", "pattern"}
	if i := slices.Index(order, keyword); i >= 0 {
		return i
	}
	return len(order)
}

// subject names a node in a message.
func (n *Node) subject() string {
	switch {
	case n.parent == nil:
		return "the file"
	case n.key == nil:
		return fmt.Sprintf("item %d of %s", n.index+1, n.parent.subject())
	}
	return fmt.Sprintf("%q", short(n.key.Value))
}

// place returns where a value is to be shown: at its key if it is not written.
func (n *Node) place() Range {
	if r := n.Range(); r.Start != r.End {
		return r
	}
	return n.KeyRange()
}

// value reports a value that a keyword of the schema refuses.
func (c *checker) value(n *Node, keyword string, owner map[string]any, fallback string) {
	if n.parent == c.doc.root && n.Key() == "version" && (keyword == "const" || keyword == "enum") {
		c.add(finding{Diagnostic: version(n, owner), node: n})
		return
	}
	message, help := refusal(keyword, owner, fallback)
	d := n.Report(Error, CodeWrongType, ruleWrongType, n.place(), n.subject()+" "+message, help)
	switch keyword {
	case "type":
		want := kinds(owner["type"])
		d.Message = n.subject() + " must be " + enumerate(kindWords(want), "or") + ", but is " + n.kind.String()
		d.Help, d.Fix = n.retype(want)
	case "enum":
		allowed := literals(owner["enum"])
		text, _ := n.Scalar()
		if near := Suggest(text, allowed); near != "" && n.raw.Style == 0 {
			d.Help = fmt.Sprintf("did you mean %q?", near)
			d.Fix = &Fix{Range: n.Range(), Text: near}
		}
	}
	c.add(finding{Diagnostic: d, node: n, rank: rank(keyword)})
}

func version(n *Node, owner map[string]any) Diagnostic {
	allowed := literals(owner["enum"])
	if owner["const"] != nil {
		allowed = literals([]any{owner["const"]})
	}
	text, _ := n.Scalar()
	text = short(text)
	message := fmt.Sprintf("version %s of this file format is not supported", text)
	switch n.kind {
	case String: // a quoted number: 1 and "1" must not look alike
		message = fmt.Sprintf("version %q of this file format is not supported", text)
	case Null, Mapping, List:
		message = "the version of the file format is " + n.kind.String()
	default: // a number or boolean reads as it is written
	}
	return n.Report(Error, CodeVersion, ruleVersion, n.place(), message, "supported: "+strings.Join(allowed, ", "))
}

// refusal says how a value must be that a keyword refuses.
func refusal(keyword string, owner map[string]any, fallback string) (message, help string) {
	limit := owner[keyword]
	switch keyword {
	case "const":
		return "must be " + literals([]any{limit})[0], ""
	case "enum":
		return "must be " + enumerate(literals(limit), "or"), ""
	case "format":
		return fmt.Sprintf("is not a %v", limit), example(owner)
	case "pattern":
		return fmt.Sprintf("is not of the form %v", limit), example(owner)
	case "minLength":
		return atLeast(limit, "character"), ""
	case "minItems":
		return atLeast(limit, "item"), ""
	case "minProperties":
		return atLeast(limit, "key"), ""
	case "maxLength":
		return fmt.Sprintf("is longer than %v characters", limit), ""
	case "maxItems":
		return fmt.Sprintf("has more than %v items", limit), ""
	case "maxProperties":
		return fmt.Sprintf("has more than %v keys", limit), ""
	case "minimum":
		return fmt.Sprintf("must be at least %v", limit), ""
	case "maximum":
		return fmt.Sprintf("must be at most %v", limit), ""
	case "exclusiveMinimum":
		return fmt.Sprintf("must be greater than %v", limit), ""
	case "exclusiveMaximum":
		return fmt.Sprintf("must be less than %v", limit), ""
	case "uniqueItems":
		return "has an item twice", ""
	case "anyOf", "oneOf":
		return "has none of the forms that are allowed here", ""
	}
	return "is refused: " + fallback, ""
}

func atLeast(limit any, what string) string {
	if limit == 1.0 {
		return "is empty"
	}
	return fmt.Sprintf("needs at least %v %ss", limit, what)
}

func example(owner map[string]any) string {
	if list := literals(owner["examples"]); len(list) > 0 {
		return "for example " + list[0]
	}
	if owner["format"] == "date-time" {
		return "for example 2026-11-22T10:00:00Z"
	}
	if owner["format"] == "date" {
		return "for example 2026-11-22"
	}
	return ""
}

// kinds returns the kinds that a schema's type allows.
func kinds(types any) []Kind {
	list := words(types)
	if one, ok := types.(string); ok {
		list = []string{one}
	}
	names := map[string]Kind{"object": Mapping, "array": List, "string": String, "integer": Integer,
		"number": Float, "boolean": Boolean, "null": Null}
	var out []Kind
	for _, name := range list {
		out = append(out, names[name])
	}
	return out
}

func kindWords(list []Kind) []string {
	out := make([]string, len(list))
	for i, k := range list {
		out[i] = k.String()
	}
	return out
}

// retype proposes how a value of another type can be written as one of those
// that are wanted.
func (n *Node) retype(want []Kind) (help string, fix *Fix) {
	text, scalar := n.Scalar()
	if !scalar || text == "" || len(text) > quotedRunes || n.raw.Style != 0 || strings.ContainsAny(text, "\n'\"") {
		return "", nil
	}
	replacement := ""
	switch {
	case slices.Contains(want, String):
		replacement = "'" + text + "'"
	case slices.Contains(want, Boolean):
		replacement = map[string]string{"yes": "true", "on": "true", "no": "false", "off": "false"}[strings.ToLower(text)]
	case slices.Contains(want, List):
		replacement = "[" + text + "]"
	}
	if replacement == "" {
		return "", nil
	}
	return "write " + replacement, &Fix{Range: n.Range(), Text: replacement}
}

// matches tells whether a schema's pattern fits; the schema compiled, so the
// pattern does.
func matches(pattern, text string) bool {
	ok, err := regexp.MatchString(pattern, text)
	return err == nil && ok
}
