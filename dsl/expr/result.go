package expr

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// resultType returns the type of a node; of a conditional that of its branches,
// which cel-go takes for null when one of them is.
func (j *job) resultType(e ast.Expr) (t Type, nullable bool) {
	if e.Kind() == ast.CallKind && e.AsCall().FunctionName() == "_?_:_" {
		a, _ := j.resultType(e.AsCall().Args()[1])
		b, _ := j.resultType(e.AsCall().Args()[2])
		t = a
		switch {
		case a == Null:
			t = b
		case b != a && b != Null:
			t = Dyn
		}
	} else {
		t = typeOf(unwrap(j.tree.ast.GetType(e.ID())))
	}
	return t, t == Null || t == Dyn || j.nulls().may(e, nil)
}

// unwrap returns what an optional holds.
func unwrap(t *types.Type) *types.Type {
	if t.Kind() == types.OpaqueKind && t.TypeName() == "optional_type" && len(t.Parameters()) == 1 {
		return t.Parameters()[0]
	}
	return t
}

func (j *job) checkWant(got Type) {
	if root := j.tree.ast.Expr(); unwrap(j.tree.ast.GetType(root.ID())).Kind() == types.TypeKind {
		start, end := j.tree.span(root)
		j.report(Issue{Code: "CM210", Start: start, End: end, Message: "this gives a type, which is no value to write", Help: "compare it, as in type(x) == string"})
		return
	}
	want := j.opt.Want
	if len(want) == 0 || got == Dyn || got == Null || slices.Contains(want, got) || got == Int && slices.Contains(want, Double) ||
		got == Object && slices.Contains(want, Map) {
		return
	}
	var names []string
	for _, t := range want {
		names = append(names, t.String())
	}
	start, end := j.tree.span(j.tree.ast.Expr())
	j.report(Issue{
		Code: "CM210", Start: start, End: end,
		Message: fmt.Sprintf("this gives %s, but %s is wanted here", article(got.String()), article(strings.Join(names, " or "))),
		Help:    conversionHelp(got, want), Fix: j.conversionFix(got, want, start, end),
	})
}

func article(noun string) string {
	if strings.Contains("aeio", noun[:1]) && noun != "any value" {
		return "an " + noun
	}
	if noun == "null" || noun == "bytes" || noun == "any value" {
		return noun
	}
	return "a " + noun
}

// conversion returns the function that makes one type of another, "" if none is
// sure to.
func conversion(got Type, want []Type) string {
	for _, t := range want {
		switch {
		case t == String && (got == Int || got == Double || got == Bool || got == Timestamp):
			return "text"
		case t == Double && got == String:
			return "number"
		case t == Int && (got == String || got == Double):
			return "integer"
		case t == Bool && got == String:
			return "boolean"
		case t == Timestamp && got == String:
			return "parseDate"
		}
	}
	return ""
}

func conversionHelp(got Type, want []Type) string {
	if f := conversion(got, want); f != "" {
		return "convert it with " + f + "(…)"
	}
	if got == List && slices.Contains(want, String) {
		return "make one string of it with joinNonBlank(…, \";\")"
	}
	return ""
}

func (j *job) conversionFix(got Type, want []Type, start, end int) *Fix {
	text := j.tree.text(start, end)
	if f := conversion(got, want); f != "" {
		return &Fix{Start: start, End: end, Text: f + "(" + text + ")"}
	}
	if got == List && slices.Contains(want, String) {
		return &Fix{Start: start, End: end, Text: "joinNonBlank(" + text + ", \";\")"}
	}
	return nil
}
