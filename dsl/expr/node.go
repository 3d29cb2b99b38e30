package expr

import (
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// tree is a parsed expression with its text.
type tree struct {
	*source
	ast   *ast.AST
	nodes map[int64]ast.Expr // of the written text: macros as they were called
	up    map[int64]int64    // id of the node around it
}

// newTree indexes the nodes that a person wrote.
func newTree(s *source, a *ast.AST) *tree {
	t := &tree{source: s, ast: a, nodes: map[int64]ast.Expr{}, up: map[int64]int64{}}
	t.index(a.Expr(), 0)
	return t
}

func (t *tree) index(e ast.Expr, around int64) {
	if _, seen := t.nodes[e.ID()]; !seen {
		t.nodes[e.ID()], t.up[e.ID()] = e, around
	}
	for _, child := range t.parts(e) {
		t.index(child, e.ID())
	}
}

// written returns a macro as it was called, any other node as it is.
func (t *tree) written(e ast.Expr) ast.Expr {
	if call, ok := t.ast.SourceInfo().GetMacroCall(e.ID()); ok {
		return call
	}
	return e
}

// parts returns the children of a node as they were written, left to right. The
// arguments of a macro come from the macro's call.
func (t *tree) parts(e ast.Expr) []ast.Expr {
	e = t.written(e)
	switch e.Kind() {
	case ast.SelectKind:
		return []ast.Expr{e.AsSelect().Operand()}
	case ast.CallKind:
		call := e.AsCall()
		if call.IsMemberFunction() {
			return append([]ast.Expr{call.Target()}, call.Args()...)
		}
		return call.Args()
	case ast.ListKind:
		return e.AsList().Elements()
	case ast.MapKind:
		var parts []ast.Expr
		for _, entry := range e.AsMap().Entries() {
			parts = append(parts, entry.AsMapEntry().Key(), entry.AsMapEntry().Value())
		}
		return parts
	case ast.StructKind:
		var parts []ast.Expr
		for _, f := range e.AsStruct().Fields() {
			parts = append(parts, f.AsStructField().Value())
		}
		return parts
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		return []ast.Expr{c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()}
	}
	return nil
}

// offset returns where cel-go places a node: the dot of a selection, the
// parenthesis of a call, an operator, or the start.
func (t *tree) offset(id int64) (at int, ok bool) {
	r, ok := t.ast.SourceInfo().GetOffsetRange(id)
	return int(r.Start), ok
}

// span returns the runes of a whole node, parentheses around it left out.
func (t *tree) span(e ast.Expr) (start, end int) {
	start, end = t.point(t.written(e))
	at, ok := t.offset(e.ID())
	if !ok {
		start, end = len(t.runes), 0
	}
	for _, part := range t.parts(e) {
		s, n := t.span(part)
		start, end = min(start, s), max(end, n)
	}
	if !ok {
		return min(start, end), end
	}
	k := t.find(at)
	if e.Kind() == ast.CallKind && strings.Contains(e.AsCall().FunctionName(), ".") && t.token(k-2).text == "." {
		start = min(start, t.token(k-3).start) // math.abs(x)
	}
	return t.widen(k, start, end)
}

// widen takes in the brackets that belong to the token a node is placed at, and
// those around its operands.
func (t *tree) widen(k, start, end int) (int, int) {
	here := t.token(k)
	if before := t.token(k - 1); here.kind == tokenMark && before.partner >= 0 && before.partner < k-1 {
		start = min(start, t.token(before.partner).start)
	}
	switch here.text {
	case "(", "[", "{":
		if here.partner > k {
			end = max(end, t.token(here.partner).end)
		}
	default:
		if after := t.token(k + 1); here.kind == tokenMark && after.partner > k+1 {
			end = max(end, t.token(after.partner).end)
		}
	}
	return start, end
}

// point returns the runes of the word that names a node: the field of a
// selection, the name of a function, an operator, else the first token.
func (t *tree) point(e ast.Expr) (start, end int) {
	at, _ := t.offset(e.ID())
	k := t.find(at)
	here := t.token(k)
	if e.Kind() == ast.SelectKind && e.AsSelect().IsTestOnly() && here.partner > k {
		field := t.token(here.partner - 1) // the last word inside has(…)
		return field.start, field.end
	}
	switch here.text {
	case ".":
		k = t.fieldAfter(k)
	case "(":
		if t.token(k-1).kind == tokenIdent {
			k--
		}
	case "?":
		if t.token(k+1).kind == tokenIdent && t.token(k-1).text == "." {
			k++
		}
	}
	named := t.token(k)
	return named.start, max(named.end, named.start)
}

// fieldAfter returns the index of the field's name after a dot.
func (t *tree) fieldAfter(k int) int {
	for n := k + 1; n <= k+2; n++ {
		if t.token(n).kind == tokenIdent {
			return n
		}
	}
	return k
}

// textOf returns a node as it was written, with the parentheses it needs to
// stand before a dot.
func (t *tree) textOf(e ast.Expr) string {
	start, end := t.span(e)
	return t.text(start, end)
}

// path returns "record.address.city" for a chain of names; ok is false for
// anything else.
func path(e ast.Expr) (text string, ok bool) {
	switch e.Kind() {
	case ast.IdentKind:
		return e.AsIdent(), true
	case ast.SelectKind:
		text, ok = path(e.AsSelect().Operand())
		return text + "." + e.AsSelect().FieldName(), ok
	}
	return "", false
}

// walk visits e and what is below it, in the order of evaluation; macros as they
// were expanded.
func walk(e ast.Expr, visit func(ast.Expr)) {
	ast.PreOrderVisit(e, ast.NewExprVisitor(visit))
}

// literalText returns the text of a string literal.
func literalText(e ast.Expr) (s string, ok bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	text, ok := e.AsLiteral().(types.String)
	return string(text), ok
}
