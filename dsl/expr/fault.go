package expr

import (
	"errors"
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// explainFault says why an evaluation failed, and where. It shows no value:
// cel-go's own texts do, and are not passed on.
func (p *Program) explainFault(s *Scope, err error) *EvalError {
	if isPanic(err) {
		return p.panicFault(s)
	}
	e := &EvalError{End: len(p.tree.runes)}
	node := p.blamed(err)
	if node != nil {
		e.Start, e.End = p.blamedSpan(node)
	}
	var cancelled interpreter.EvalCancelledError
	switch f, ours := errors.AsType[*fault](err); {
	case ours:
		e.Message, e.Costly = f.message, f.costly
	case errors.As(err, &cancelled), errors.Is(err, interpreter.InterruptError{}):
		e.Message, e.Costly = fmt.Sprintf("stopped: it costs more than %d, or takes longer than %s", maxCost, maxTime), true
		e.Start, e.End = 0, len(p.tree.runes)
	case strings.Contains(err.Error(), "no such overload"), strings.Contains(err.Error(), "no such key"), strings.Contains(err.Error(), "type conversion error"):
		p.explainOperand(s, node, err, e)
	case strings.Contains(err.Error(), "expected iterable"), strings.Contains(err.Error(), "comprehension range"):
		p.explainLoop(s, err, e)
	default:
		e.Message = plainFault(err.Error())
	}
	return e
}

// blamed returns the node that an error names; nil if it names none.
func (p *Program) blamed(err error) ast.Expr {
	for at := err; at != nil; {
		e, ok := errors.AsType[*types.Err](at)
		if !ok {
			return nil
		}
		if e.NodeID() != 0 {
			return p.nodeByID(e.NodeID())
		}
		at = e.Unwrap()
	}
	return nil
}

func (p *Program) nodeByID(id int64) ast.Expr {
	if n := p.tree.nodes[id]; n != nil {
		return n
	}
	var found ast.Expr
	walk(p.ast.Expr(), func(e ast.Expr) {
		if e.ID() == id {
			found = e
		}
	})
	return found
}

// blamedSpan returns the runes to show: a read with all its fields, an operator,
// the name of a function.
func (p *Program) blamedSpan(node ast.Expr) (start, end int) {
	if node.Kind() == ast.IdentKind || node.Kind() == ast.SelectKind {
		return p.tree.span(p.wholeRead(node))
	}
	return p.tree.point(node)
}

// wholeRead climbs from a variable to the last field that is read from it:
// cel-go blames the variable.
func (p *Program) wholeRead(node ast.Expr) ast.Expr {
	for {
		up := p.tree.nodes[p.tree.up[node.ID()]]
		if up == nil || up.Kind() != ast.SelectKind {
			return node
		}
		node = up
	}
}

// explainOperand looks for an operand that is null or missing.
func (p *Program) explainOperand(s *Scope, node ast.Expr, err error, e *EvalError) {
	e.Message = plainFault(err.Error())
	if node == nil {
		return
	}
	state, traceErr := p.state(s)
	if traceErr != nil {
		return
	}
	for _, part := range p.tree.parts(node) {
		v, ok := state.Value(part.ID())
		if !ok || v == nil || !isNothing(v) {
			continue
		}
		what := "this"
		if read, ok := path(part); ok {
			what = read
		}
		e.Start, e.End = p.tree.span(part)
		e.Message = fmt.Sprintf("%s is %s, %s needs a value", what, nothingText(v), p.callText(node))
		return
	}
}

// explainLoop looks for the loop that has nothing to go through: cel-go does not
// name it.
func (p *Program) explainLoop(s *Scope, err error, e *EvalError) {
	e.Message = "this has no items to go through"
	state, traceErr := p.state(s)
	if traceErr != nil {
		return
	}
	for _, node := range p.tree.nodes {
		if node.Kind() != ast.ComprehensionKind {
			continue
		}
		if v, ok := state.Value(node.AsComprehension().IterRange().ID()); ok && v != nil && isNothing(v) {
			p.explainOperand(s, node, err, e)
			return
		}
	}
}

func nothingText(v ref.Val) string {
	if _, gone := v.(*missing); gone {
		return "missing"
	}
	return "null"
}

func (p *Program) callText(e ast.Expr) string {
	e = p.tree.written(e)
	if e.Kind() != ast.CallKind {
		return "this"
	}
	name := e.AsCall().FunctionName()
	if name == "_?_:_" {
		return "the condition"
	}
	if name == "_[_]" {
		return "the index"
	}
	if sign := operatorSign(name); sign != "" {
		return sign
	}
	return name + "()"
}

// state runs the program once more and records the value of each node.
func (p *Program) state(s *Scope) (interpreter.EvalState, error) {
	run, err := p.traced()
	if err != nil {
		return nil, err
	}
	_, details, err := evalTraced(run, s)
	if details == nil || details.State() == nil {
		return nil, errors.Join(errors.New("no trace"), err)
	}
	return details.State(), nil
}

func evalTraced(run cel.Program, s *Scope) (ref.Val, *cel.EvalDetails, error) {
	ctx, cancel := limitedTime()
	defer cancel()
	return run.ContextEval(ctx, s)
}

// plainFault translates what cel-go says. Its text may hold a value, so only
// what it is about is kept.
func plainFault(text string) string {
	for _, known := range [...]struct{ begins, says string }{
		{"no such key", "there is no entry for this key; lookup(map, key, default) gives another value"},
		{"no such overload", "a value is of a type that does not fit here"},
		{"index out of", "there is nothing at this index"},
		{"division by zero", "division by zero"},
		{"modulus by zero", "division by zero"},
		{"integer overflow", "the number is too large"},
		{"unsigned integer overflow", "the number is too large"},
		{"duration overflow", "the duration is too long"},
		{"timestamp overflow", "the year is not between 1 and 9999"},
		{"type conversion error", "the value cannot be converted to this type"},
		{"no such attribute", "there is no such variable"},
		{"invalid optional", "the optional holds nothing"},
		{"optional.none() dereference", "the optional holds nothing"},
		{"regex", "the regular expression cannot be used"},
		{"error parsing regexp", "the regular expression cannot be used"},
		{"unsupported conversion", "a value of this type cannot be used here"},
	} {
		if strings.HasPrefix(text, known.begins) {
			return known.says
		}
	}
	switch {
	case strings.Contains(text, "out of range"), strings.Contains(text, "out of bounds"):
		return "an index or a length is out of range"
	case strings.Contains(text, "parsing"), strings.Contains(text, "invalid syntax"), strings.Contains(text, "timestamp"), strings.Contains(text, "duration"):
		return "the text cannot be read as this type"
	}
	return "a value does not fit here"
}
