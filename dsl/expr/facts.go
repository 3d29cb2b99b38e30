package expr

import (
	"maps"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// facts are what is known at a point of an expression: path → is there, or even
// is not null.
type facts map[string]certainty

type certainty uint8

const (
	present certainty = iota + 1 // has() said so; it may be null
	notNull
)

// and returns the facts of both.
func (k facts) and(more facts) facts {
	if len(more) == 0 {
		return k
	}
	all := maps.Clone(k)
	if all == nil {
		all = facts{}
	}
	for p, c := range more {
		all[p] = max(all[p], c)
	}
	return all
}

// common returns the facts that both give.
func (k facts) common(other facts) facts {
	both := facts{}
	for p, c := range k {
		if o, ok := other[p]; ok {
			both[p] = min(c, o)
		}
	}
	return both
}

// implied returns what follows when a condition is true, or false.
func (n *nullness) implied(cond ast.Expr, truth bool) facts {
	if cond.Kind() == ast.SelectKind && cond.AsSelect().IsTestOnly() {
		if p, ok := path(cond); ok && truth {
			return above(p, cond.AsSelect().Operand(), present)
		}
		return nil
	}
	if cond.Kind() != ast.CallKind {
		return nil
	}
	args := cond.AsCall().Args()
	switch name := cond.AsCall().FunctionName(); name {
	case operators.LogicalNot:
		return n.implied(args[0], !truth)
	case operators.LogicalAnd, operators.LogicalOr:
		return n.impliedByAll(args, truth, truth == (name == operators.LogicalAnd))
	case operators.Equals, operators.NotEquals:
		return n.impliedByEquality(args, truth == (name == operators.Equals))
	case "blank":
		if p, ok := path(args[0]); ok && !truth {
			return below(p, args[0])
		}
	}
	return nil
}

func (n *nullness) impliedByAll(args []ast.Expr, truth, every bool) facts {
	var all facts
	for k, arg := range args {
		implied := n.implied(arg, truth)
		switch {
		case every:
			all = all.and(implied)
		case k == 0:
			all = implied
		default:
			all = all.common(implied)
		}
	}
	return all
}

// impliedByEquality: x == "a" and x != null make x a value.
func (n *nullness) impliedByEquality(args []ast.Expr, equal bool) facts {
	for k, arg := range args {
		p, named := path(arg)
		other := args[1-k]
		isNull := other.Kind() == ast.LiteralKind && other.AsLiteral() == types.NullValue
		isValue := other.Kind() == ast.LiteralKind && !isNull
		if named && (isNull && !equal || isValue && equal) {
			return below(p, arg)
		}
	}
	return nil
}

// below says that p is a value, and so everything it is read from.
func below(p string, e ast.Expr) facts {
	known := facts{p: notNull}
	for e.Kind() == ast.SelectKind {
		e = e.AsSelect().Operand()
		if up, ok := path(e); ok {
			known[up] = notNull
		}
	}
	return known
}

func above(p string, operand ast.Expr, c certainty) facts {
	known := facts{}
	if up, ok := path(operand); ok {
		known = below(up, operand)
	}
	known[p] = c
	return known
}
