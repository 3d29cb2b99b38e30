package expr

import (
	"fmt"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// need warns if what a call needs as a value may be none.
func (n *nullness) need(call, arg ast.Expr, known facts) {
	if !n.may(arg, known) {
		return
	}
	start, end := n.j.tree.span(arg)
	what, state := "this", "null"
	if p, ok := path(arg); ok {
		what = p
		if f := n.fieldOf(arg); f != nil && !f.Nullable {
			state = "missing"
		}
	}
	name, sign := n.nameOf(call)
	issue := Issue{
		Warning: true, Code: "CM211", Start: start, End: end,
		Message: fmt.Sprintf("%s may be %s here, %s fails on it", what, state, name),
	}
	issue.Fix = n.fix(call, arg, sign, start, end)
	if issue.Fix != nil {
		issue.Help = "write " + issue.Fix.Text
	} else {
		issue.Help = "ask blank(…) first, or give a default(…)"
	}
	n.j.report(issue)
}

func (n *nullness) fieldOf(e ast.Expr) *field {
	if e.Kind() != ast.SelectKind {
		return nil
	}
	return n.field(e)
}

// nameOf returns how a message calls an operator, function or loop.
func (n *nullness) nameOf(e ast.Expr) (name, sign string) {
	if e.Kind() != ast.CallKind {
		return "the loop", ""
	}
	function := e.AsCall().FunctionName()
	switch function {
	case operators.Conditional:
		return "the condition", function
	case operators.Index:
		return "the index", function
	}
	if sign := operatorSign(function); sign != "" {
		return sign, sign
	}
	return function + "()", function
}

// fix proposes our own function, a default, or to ask first.
func (n *nullness) fix(call, arg ast.Expr, name string, start, end int) *Fix {
	t := n.j.tree
	here := t.text(start, end)
	if call.Kind() == ast.CallKind {
		c := call.AsCall()
		from, to := t.span(call)
		own := map[string]string{"lowerAscii": "lower", "upperAscii": "upper", "trim": "trim"}[name]
		if own != "" && c.IsMemberFunction() {
			return &Fix{Start: from, End: to, Text: own + "(" + here + ")"}
		}
		own = map[string]string{"string": "text", "int": "integer", "double": "number", "bool": "boolean", "timestamp": "parseDate"}[name]
		if own != "" && !c.IsMemberFunction() && n.kind(arg) != Timestamp {
			return &Fix{Start: from, End: to, Text: own + "(" + here + ")"}
		}
		if name == operators.Index && n.kind(arg) == String && n.kind(c.Args()[0]) == Map && n.kind(call) != Dyn {
			return &Fix{Start: from, End: to, Text: "lookup(" + t.textOf(c.Args()[0]) + ", " + here + ")"}
		}
	}
	zero := map[Type]string{String: `""`, Int: "0", Double: "0.0", Bool: "false", List: "[]", Map: "{}"}[n.kind(arg)]
	if zero != "" && name != operators.Index {
		return &Fix{Start: start, End: end, Text: "default(" + here + ", " + zero + ")"}
	}
	if n.kind(call) == Bool && call.Kind() == ast.CallKind {
		from, to := t.span(call)
		return &Fix{Start: from, End: to, Text: "(!blank(" + here + ") && " + t.text(from, to) + ")"}
	}
	return n.askFirst(arg, here)
}

func (n *nullness) kind(e ast.Expr) Type { return typeOf(n.j.tree.ast.GetType(e.ID())) }

// askFirst puts blank(x) ? null : … before the whole expression, where x means
// the same there.
func (n *nullness) askFirst(arg ast.Expr, here string) *Fix {
	if _, ok := path(arg); !ok || !isVariable(n.j.tree.ast, arg) {
		return nil
	}
	whole := n.j.tree.text(0, len(n.j.tree.runes))
	return &Fix{Start: 0, End: len(n.j.tree.runes), Text: "blank(" + here + ") ? null : dyn(" + whole + ")"}
}
