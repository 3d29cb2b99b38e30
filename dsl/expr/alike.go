package expr

import (
	"fmt"

	"cel.dev/cel-go/common/ast"
)

// checkAlike wants the values that default and coalesce choose from to be of
// one type: CEL takes the result for what the last of them is.
func (j *job) checkAlike() {
	for _, node := range j.tree.nodes {
		if node.Kind() != ast.CallKind || node.AsCall().IsMemberFunction() {
			continue
		}
		call := node.AsCall()
		if name := call.FunctionName(); name != "default" && name != "coalesce" {
			continue
		}
		last := call.Args()[len(call.Args())-1]
		want, _ := j.resultType(last)
		for _, arg := range call.Args()[:len(call.Args())-1] {
			got, _ := j.resultType(arg)
			if got != want && got != Null && want != Null && got != Dyn && want != Dyn {
				j.reportUnlike(node, arg, last, got, want)
				break
			}
		}
	}
}

func (j *job) reportUnlike(node, arg, last ast.Expr, got, want Type) {
	start, end := j.tree.point(node)
	i := Issue{Code: "CM203", Start: start, End: end, Message: fmt.Sprintf("%s takes values of one type, not %s and %s", node.AsCall().FunctionName(), article(got.String()), article(want.String()))}
	from, to := j.tree.span(last)
	switch text := j.tree.text(from, to); {
	case got == Double && want == Int && last.Kind() == ast.LiteralKind:
		i.Fix = &Fix{Start: from, End: to, Text: text + ".0"}
	case want == String && conversion(got, []Type{String}) != "":
		from, to = j.tree.span(arg)
		i.Fix = &Fix{Start: from, End: to, Text: "text(" + j.tree.text(from, to) + ")"}
	case conversion(want, []Type{got}) != "":
		i.Fix = &Fix{Start: from, End: to, Text: conversion(want, []Type{got}) + "(" + text + ")"}
	}
	if i.Fix != nil {
		i.Help = "write " + i.Fix.Text
	}
	j.report(i)
}
