package document

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// judge adds the findings of one failed keyword. What the keyword allows is
// read from the schema itself, not from the library's message.
func (c *checker) judge(n *Node, e *jsonschema.ValidationError) {
	path := pointerTokens(e.AbsoluteKeywordLocation)
	if forbidden, ok := c.at(path).(bool); ok && !forbidden && lastIs(path, 2, "properties") {
		c.notBeside(n, c.condition(path))
		return
	}
	if len(path) == 0 {
		return
	}
	keyword := path[len(path)-1]
	owner, _ := c.at(path[:len(path)-1]).(map[string]any)
	switch {
	case inPropertyNames(e.KeywordLocation):
		c.keyName(n, keyword, owner, path)
	case keyword == "additionalProperties":
		c.unknownKeys(n, owner)
	case keyword == "required":
		for _, key := range words(owner["required"]) {
			c.missingKey(n, key, fmt.Sprintf("missing key %q", key), n.KeyRange(), c.description(path, key))
		}
	case lastIs(path, 3, "dependencies"):
		c.needs(n, path)
	default:
		c.value(n, keyword, owner, e.Message)
	}
}

func lastIs(path []string, back int, token string) bool {
	return len(path) >= back && path[len(path)-back] == token
}

// at returns what stands at a path of the schema, nil if nothing does.
func (c *checker) at(path []string) any {
	node := c.schema.source
	for _, token := range path {
		switch n := node.(type) {
		case map[string]any:
			node = n[token]
		case []any:
			i := indexOf(token, len(n))
			if i < 0 {
				return nil
			}
			node = n[i]
		default:
			return nil
		}
	}
	return node
}

// condition returns the keys that the nearest "if" above path asks for.
func (c *checker) condition(path []string) []string {
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == "then" {
			owner, _ := c.at(path[:i]).(map[string]any)
			test, _ := owner["if"].(map[string]any)
			return words(test["required"])
		}
	}
	return nil
}

// description returns what the schema, at or above path, says of a key.
func (c *checker) description(path []string, key string) string {
	for i := len(path) - 1; i >= 0; i-- {
		owner, _ := c.at(path[:i]).(map[string]any)
		properties, _ := owner["properties"].(map[string]any)
		property, _ := properties[key].(map[string]any)
		if only := property["const"]; only != nil {
			return "write " + key + ": " + literals([]any{only})[0]
		}
		if text, ok := property["description"].(string); ok {
			return key + ": " + text
		}
		if i < len(path) && path[i] == "definitions" {
			break
		}
	}
	return ""
}

func words(list any) []string {
	items, _ := list.([]any)
	var out []string
	for _, item := range items {
		if s, ok := item.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func (c *checker) add(f finding) {
	if len(c.findings) < 4*maxReported { // more than are told, since some say the same
		c.findings = append(c.findings, f)
	}
}

// unknownKeys finds the keys that owner's properties don't list.
func (c *checker) unknownKeys(n *Node, owner map[string]any) {
	properties, _ := owner["properties"].(map[string]any)
	known := slices.Sorted(maps.Keys(properties))
	for _, item := range n.Items() {
		if _, ok := properties[item.Key()]; !ok && !patterned(owner, item.Key()) {
			d := unknownKey(item, known)
			c.add(finding{Diagnostic: d, node: n, meant: Suggest(item.Key(), known)})
		}
	}
}

// unknownKey returns CM102 for the key of n. The suggestion is a fix unless the
// mapping has that key too.
func unknownKey(n *Node, known []string) Diagnostic {
	d := n.Report(Error, CodeUnknownKey, ruleUnknownKey, n.KeyRange(), fmt.Sprintf("unknown key %q", short(n.Key())), "")
	if len(known) == 0 {
		d.Help = "no key is allowed here"
		return d
	}
	absent := slices.DeleteFunc(slices.Clone(known), func(k string) bool { return n.parent.Get(k) != nil })
	d.Help = "allowed: " + strings.Join(known, ", ")
	if near := Suggest(n.Key(), absent); near != "" {
		d.Help = fmt.Sprintf("did you mean %q?  %s", near, d.Help)
		d.Fix = &Fix{Range: n.KeyRange(), Text: near}
	}
	return d
}

func patterned(owner map[string]any, key string) bool {
	patterns, _ := owner["patternProperties"].(map[string]any)
	for p := range patterns {
		if matches(p, key) {
			return true
		}
	}
	return false
}

func (c *checker) missingKey(n *Node, key, message string, r Range, help string) {
	if n.Get(key) != nil || n.Kind() != Mapping {
		return
	}
	d := n.Report(Error, CodeMissingKey, ruleMissingKey, r, message, help)
	c.add(finding{Diagnostic: d, node: n, missing: key})
}

// needs reports a key that another one asks for.
func (c *checker) needs(n *Node, path []string) {
	has := path[len(path)-2]
	needed, _ := c.at(path).(string)
	c.missingKey(n, needed, fmt.Sprintf("key %q needs the key %q beside it", has, needed), n.Get(has).KeyRange(), c.description(path, needed))
}

// notBeside reports a key that others exclude.
func (c *checker) notBeside(n *Node, others []string) {
	message := fmt.Sprintf("key %q is not allowed here", n.Key())
	if len(others) > 0 {
		message = fmt.Sprintf("key %q is not allowed beside %s", n.Key(), quoted(others, "and"))
	}
	d := n.Report(Error, CodeUnknownKey, ruleUnknownKey, n.KeyRange(), message, "remove one of them")
	c.add(finding{Diagnostic: d, node: n})
}

// keyName reports a key that propertyNames refuses.
func (c *checker) keyName(n *Node, keyword string, owner map[string]any, path []string) {
	if keyword == "enum" {
		others := words(owner["enum"])
		if slices.Equal(others, c.condition(path)) {
			c.notBeside(n, others)
			return
		}
		c.add(finding{Diagnostic: unknownKey(n, others), node: n.parent, meant: Suggest(n.Key(), others)})
		return
	}
	message, help := refusal(keyword, owner, "")
	d := n.Report(Error, CodeWrongType, ruleWrongType, n.KeyRange(), fmt.Sprintf("key %q %s", short(n.Key()), message), help)
	c.add(finding{Diagnostic: d, node: n, ofKey: true, rank: rank(keyword)})
}

func quoted(list []string, last string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = fmt.Sprintf("%q", s)
	}
	return enumerate(out, last)
}

// enumerate joins "a", "b" and "c".
func enumerate(list []string, last string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " " + last + " " + list[len(list)-1]
}

// literals returns constants as they are written in YAML.
func literals(list any) []string {
	items, _ := list.([]any)
	out := make([]string, len(items))
	for i, item := range items {
		if s, ok := item.(string); ok {
			out[i] = s
			continue
		}
		b, _ := json.Marshal(item) // it came from JSON
		out[i] = string(b)
	}
	return out
}
