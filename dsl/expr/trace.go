package expr

import (
	"context"
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// Step is one sub-expression of a trace.
type Step struct {
	Start, End int    // rune offsets in the program's text
	Depth      int    // 0: the whole expression
	Text       string // the sub-expression as it was written
	Value      string // its value as Value.String shows it; "" beside Err
	Err        string // why it has none
}

// Trace evaluates the program and returns what its sub-expressions gave, outer
// before inner, left before right. Parts that were not reached and literals are
// left out, and so is the inside of a loop. It is for explain: slow, and it
// shows values.
func (p *Program) Trace(s *Scope) []Step {
	state, err := p.state(s)
	if err != nil {
		return nil
	}
	var steps []Step
	var visit func(e ast.Expr, depth int)
	visit = func(e ast.Expr, depth int) {
		if e.Kind() == ast.LiteralKind {
			return
		}
		step := Step{Depth: depth}
		step.Start, step.End = p.tree.span(e)
		step.Text = p.tree.text(step.Start, step.End)
		v, reached := state.Value(e.ID())
		inner := depth
		if reached && v != nil && !isContainer(p, e) {
			if err, failed := v.(*types.Err); failed {
				step.Err = p.explainFault(s, err).Message
			} else {
				step.Value = result(v).String()
			}
			steps = append(steps, step)
			inner++
		}
		if _, read := path(e); read || e.Kind() == ast.ComprehensionKind && isLoop(e) {
			return
		}
		for _, part := range p.tree.parts(e) {
			visit(part, inner)
		}
	}
	visit(p.ast.Expr(), 0)
	return slices.Clip(steps)
}

// isContainer tells a bare variable that holds everything, such as record.
func isContainer(p *Program, e ast.Expr) bool {
	return e.Kind() == ast.IdentKind && p.ast.GetType(e.ID()).Kind() == types.StructKind
}

func isLoop(e ast.Expr) bool {
	r := e.AsComprehension().IterRange()
	return r.Kind() != ast.ListKind || r.AsList().Size() > 0
}

func limitedTime() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), maxTime)
}
