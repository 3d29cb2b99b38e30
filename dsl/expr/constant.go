package expr

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// checkConstant computes an expression that reads nothing, and says that it
// needs none.
func (j *job) checkConstant(p *Program) {
	root := j.tree.ast.Expr()
	if len(p.fields)+len(p.names) > 0 || j.failed() {
		return
	}
	start, end := j.tree.span(root)
	v, err := j.fold(root)
	if err != nil {
		i := Issue{Code: "CM212", Start: start, End: end, Message: "this always fails", Help: "correct it, or leave the field out"}
		if f, ok := errors.AsType[*fault](err); ok {
			i.Message += ": " + f.message
			if f.costly {
				i.Code = "CM208"
			}
		}
		j.report(i)
		return
	}
	value := result(v)
	p.constant = &value
	if isLiteral(root) || j.opt.Constant || j.opt.Guard {
		return
	}
	i := Issue{Warning: true, Code: "CM212", Start: start, End: end, Message: "this reads nothing: it is always " + value.String(), Help: "write the value itself"}
	if text, ok := literalOf(v); ok {
		i.Help = "write " + text
		i.Fix = &Fix{Start: 0, End: len(j.tree.runes), Text: text}
	}
	j.report(i)
}

// isLiteral tells a literal, also with a sign before it, or a list or map of
// them.
func isLiteral(e ast.Expr) bool {
	literal := true
	walk(e, func(part ast.Expr) {
		switch part.Kind() {
		case ast.LiteralKind, ast.ListKind, ast.MapKind, ast.UnspecifiedExprKind:
		case ast.CallKind:
			literal = literal && part.AsCall().FunctionName() == operators.Negate
		default:
			literal = false
		}
	})
	return literal
}

// literalOf writes a value as CEL.
func literalOf(v ref.Val) (text string, ok bool) {
	switch x := v.(type) {
	case types.String:
		return quote(string(x)), true
	case types.Int, types.Bool, types.Null:
		return Value{v}.String(), true
	case types.Double:
		text := strconv.FormatFloat(float64(x), 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		return text, true
	}
	return "", false
}

// fold computes a part of the expression that reads nothing.
func (j *job) fold(e ast.Expr) (ref.Val, error) {
	a := j.tree.ast
	part := ast.NewCheckedAST(ast.NewAST(e, a.SourceInfo()), a.TypeMap(), a.ReferenceMap())
	d := (&Program{env: j.env, tree: j.tree, ast: part}).decorator()
	run, err := j.env.cel.PlanProgram(part, cel.CustomDecoratorV2(d.decorate), cel.CostLimit(maxCost), cel.InterruptCheckFrequency(100))
	if err != nil {
		return nil, err
	}
	v, err := evalWatched(run, &Scope{})
	if err != nil && isPanic(err) {
		err = faultf(panicText)
	}
	return v, err
}

// checkGuards warns of conditions that are always true or always false.
func (j *job) checkGuards() {
	root := j.tree.ast.Expr()
	if j.opt.Guard {
		j.checkCondition(root)
	}
	seen := map[int64]bool{}
	walk(root, func(e ast.Expr) {
		if seen[e.ID()] {
			return
		}
		seen[e.ID()] = true
		switch {
		case e.Kind() == ast.SelectKind && e.AsSelect().IsTestOnly():
			j.checkPresence(e)
		case e.Kind() != ast.CallKind:
		case e.AsCall().FunctionName() == operators.Conditional:
			j.checkCondition(e.AsCall().Args()[0])
		case e.AsCall().FunctionName() == operators.LogicalAnd, e.AsCall().FunctionName() == operators.LogicalOr:
			for _, arg := range e.AsCall().Args() {
				j.checkCondition(arg)
			}
		case e.AsCall().FunctionName() == operators.Equals, e.AsCall().FunctionName() == operators.NotEquals:
			j.checkEnum(e.AsCall().Args(), e.AsCall().FunctionName() == operators.Equals)
		case e.AsCall().FunctionName() == operators.In:
			j.checkEnumList(e.AsCall().Args())
		}
	})
}

// checkCondition warns of a condition that reads nothing.
func (j *job) checkCondition(e ast.Expr) {
	if j.readsAnything(e) || j.tree.nodes[e.ID()] == nil {
		return
	}
	v, err := j.fold(e)
	if err != nil {
		return
	}
	if b, ok := v.(types.Bool); ok {
		start, end := j.tree.span(e)
		j.warnGuard(start, end, fmt.Sprintf("this is always %t", bool(b)), "drop it, or compare a field of the record", nil)
	}
}

func (j *job) warnGuard(start, end int, message, help string, fix *Fix) {
	j.report(Issue{Warning: true, Code: "CM213", Start: start, End: end, Message: message, Help: help, Fix: fix})
}

// readsAnything tells whether a part names a variable, be it of a loop.
func (j *job) readsAnything(e ast.Expr) bool {
	found := false
	walk(e, func(part ast.Expr) { found = found || part.Kind() == ast.IdentKind })
	return found
}

// checkPresence warns of has() on a field that is always there.
func (j *job) checkPresence(e ast.Expr) {
	n := j.nulls()
	f := n.field(e)
	if f == nil || !f.Required || n.may(e.AsSelect().Operand(), nil) || j.tree.nodes[e.ID()] == nil {
		return
	}
	start, end := j.tree.span(e)
	help := "drop it"
	if f.Nullable {
		help = "it is there and may be null: ask blank(…)"
	}
	j.warnGuard(start, end, fmt.Sprintf("the schema requires %s: this is always true", f.path), help, nil)
}

// checkEnum warns of a comparison with a value that the schema does not list.
func (j *job) checkEnum(args []ast.Expr, equal bool) {
	for k, arg := range args {
		text, ok := literalText(args[1-k])
		if f := j.nulls().fieldOf(arg); ok && f != nil {
			j.checkListed(f, text, args[1-k], fmt.Sprintf("this is always %t", !equal))
		}
	}
}

// checkEnumList warns of such a value in the list of x in [a, b].
func (j *job) checkEnumList(args []ast.Expr) {
	f := j.nulls().fieldOf(args[0])
	if f == nil || args[1].Kind() != ast.ListKind {
		return
	}
	for _, item := range args[1].AsList().Elements() {
		if text, ok := literalText(item); ok {
			j.checkListed(f, text, item, "it never matches")
		}
	}
}

func (j *job) checkListed(f *field, text string, literal ast.Expr, so string) {
	if len(f.Enum) == 0 || f.Type != String || slices.Contains(f.Enum, text) {
		return
	}
	start, end := j.tree.span(literal)
	near := suggest(text, f.Enum)
	var fix *Fix
	if near != "" {
		fix = &Fix{Start: start, End: end, Text: quote(near)}
	}
	j.warnGuard(start, end, fmt.Sprintf("%s is never %q: %s", f.path, text, so), didYouMean(near, "values", f.Enum), fix)
}
