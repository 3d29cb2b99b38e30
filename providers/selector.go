package providers

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/valyala/fastjson"

	"crmsync/dsl/expr"
)

// selector takes a value out of an answer. In the file it is CEL; a plain path,
// which most are, is walked without it, because it runs for every result.
type selector struct {
	root    root
	steps   []step
	program *expr.Program // nil for a path
}

// root is what a path starts at.
type root uint8

const (
	rootBody root = iota
	rootItem
	rootError
)

var rootNames = map[string]root{"body": rootBody, "item": rootItem, "error": rootError}

// step is one step of a path: a member or, where name is empty and matched is
// false, an index.
type step struct {
	name    string
	index   int
	matched bool // the member that is named as the match field
}

var (
	pathPattern = regexp.MustCompile(`^(body|item|error)((?:\.[A-Za-z_][A-Za-z0-9_]*|\[[0-9]{1,4}\]|\[match_field\])*)$`)
	stepPattern = regexp.MustCompile(`\.([A-Za-z_][A-Za-z0-9_]*)|\[([0-9]+)\]|\[match_field\]`)
)

// parsePath returns the selector of a plain path; ok is false for any other
// expression.
func parsePath(expression string) (s selector, ok bool) {
	m := pathPattern.FindStringSubmatch(strings.TrimSpace(expression))
	if m == nil {
		return selector{}, false
	}
	s.root = rootNames[m[1]]
	for _, found := range stepPattern.FindAllStringSubmatch(m[2], -1) {
		index, err := strconv.Atoi(found[2])
		s.steps = append(s.steps, step{name: found[1], index: index, matched: found[1] == "" && err != nil})
	}
	return s, true
}

// node walks the path and returns nil where it ends.
func (s *selector) node(v *view) *fastjson.Value {
	at := v.roots[s.root]
	for _, step := range s.steps {
		if at == nil {
			return nil
		}
		switch {
		case step.matched:
			at = at.Get(v.matchField)
		case step.name != "":
			at = at.Get(step.name)
		default:
			at = element(at, step.index)
		}
	}
	return at
}

// element returns an item of a list, nil if there is none.
func element(v *fastjson.Value, index int) *fastjson.Value {
	items, err := v.Array()
	if err != nil || index >= len(items) {
		return nil
	}
	return items[index]
}

// list returns the items of the list that a path leads to; ok is false where
// there is no list.
func (s *selector) list(v *view) (items []*fastjson.Value, ok bool) {
	at := s.node(v)
	if at == nil {
		return nil, false
	}
	items, err := at.Array()
	return items, err == nil
}

// truth returns whether the value is true. An expression that fails is not.
func (s *selector) truth(v *view) bool {
	if s.program == nil {
		at := s.node(v)
		return at != nil && at.Type() == fastjson.TypeTrue
	}
	b, _ := v.eval(s.program).Bool()
	return b
}

// text returns the value as text, of a list its first item's; empty where there
// is none. It may alias the answer.
func (s *selector) text(v *view) []byte {
	var first []byte
	s.texts(v, func(t []byte) {
		if first == nil {
			first = t
		}
	})
	return first
}

// texts calls yield for the value, or for each item of a list. What is no text
// and no number is left out.
func (s *selector) texts(v *view, yield func([]byte)) {
	if s.program != nil {
		evaluated(v.eval(s.program), yield)
		return
	}
	at := s.node(v)
	if at == nil {
		return
	}
	if at.Type() != fastjson.TypeArray {
		scalar(at, yield)
		return
	}
	for _, item := range at.GetArray() {
		scalar(item, yield)
	}
}

// scalar yields a string as it is and a number as it was written.
func scalar(v *fastjson.Value, yield func([]byte)) {
	switch v.Type() {
	case fastjson.TypeString:
		yield(v.GetStringBytes())
	case fastjson.TypeNumber:
		yield(v.MarshalTo(nil))
	default:
	}
}

func evaluated(value expr.Value, yield func([]byte)) {
	if text, ok := value.Text(); ok {
		yield([]byte(text))
	}
	for item := range value.Items() {
		if text, ok := item.Text(); ok {
			yield([]byte(text))
		}
	}
}

// firstText returns what the first selector with a text gives, cut off at
// bytesMax.
func firstText(selectors []selector, v *view, bytesMax int) string {
	for i := range selectors {
		if text := selectors[i].text(v); len(text) > 0 {
			return cut(text, bytesMax)
		}
	}
	return ""
}

// cut returns the text's first bytesMax bytes at most, never a part of a rune.
func cut(text []byte, bytesMax int) string {
	if len(text) <= bytesMax {
		return strings.ToValidUTF8(string(text), "\uFFFD")
	}
	return strings.ToValidUTF8(string(text[:bytesMax]), "")
}
