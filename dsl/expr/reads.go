package expr

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// reads returns the fields of the record and the other variables that an
// expression reads, sorted.
func reads(a *ast.AST) (fields, names []string) {
	seen := map[string]bool{}
	var visit func(e ast.Expr)
	visit = func(e ast.Expr) {
		if p, ok := path(e); ok && isVariable(a, e) {
			seen[p] = true
			return
		}
		if p, ok := optionalPath(e); ok && isVariable(a, e.AsCall().Args()[0]) {
			seen[p] = true
			return
		}
		walkParts(e, visit)
	}
	visit(a.Expr())
	for p := range seen {
		if field, ok := strings.CutPrefix(p, "record."); ok {
			fields = append(fields, field)
		} else {
			names = append(names, p)
		}
	}
	slices.Sort(fields)
	slices.Sort(names)
	return fields, names
}

// optionalPath is path for record.?email.
func optionalPath(e ast.Expr) (p string, ok bool) {
	if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != "_?._" {
		return "", false
	}
	p, ok = path(e.AsCall().Args()[0])
	name, named := literalText(e.AsCall().Args()[1])
	return p + "." + name, ok && named
}

// isVariable tells whether a path begins with a variable of the environment and
// not with one of a loop.
func isVariable(a *ast.AST, e ast.Expr) bool {
	for e.Kind() == ast.SelectKind {
		e = e.AsSelect().Operand()
	}
	info := a.ReferenceMap()[e.ID()]
	if info == nil || info.Value != nil || a.GetType(e.ID()).Kind() == types.TypeKind {
		return false
	}
	return !strings.HasPrefix(info.Name, "@") && !strings.HasPrefix(info.Name, "#") && !boundIn(a, info.Name)
}

// boundIn tells whether a loop of the expression binds the name.
func boundIn(a *ast.AST, name string) bool {
	bound := false
	walk(a.Expr(), func(e ast.Expr) {
		if e.Kind() == ast.ComprehensionKind {
			c := e.AsComprehension()
			bound = bound || c.IterVar() == name || c.IterVar2() == name || c.AccuVar() == name
		}
	})
	return bound
}

// walkParts visits the children of an expanded node.
func walkParts(e ast.Expr, visit func(ast.Expr)) {
	switch e.Kind() {
	case ast.SelectKind:
		visit(e.AsSelect().Operand())
	case ast.CallKind:
		if e.AsCall().IsMemberFunction() {
			visit(e.AsCall().Target())
		}
		for _, arg := range e.AsCall().Args() {
			visit(arg)
		}
	case ast.ListKind:
		for _, item := range e.AsList().Elements() {
			visit(item)
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			visit(entry.AsMapEntry().Key())
			visit(entry.AsMapEntry().Value())
		}
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		for _, part := range []ast.Expr{c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()} {
			visit(part)
		}
	}
}
