package expr

import (
	"slices"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// maxTime is how long an evaluation that is watched may take.
const maxTime = 50 * time.Millisecond

// Program is a compiled expression. It is immutable and may be used
// concurrently, each user with its own Scope.
type Program struct {
	env      *Env
	tree     *tree
	ast      *ast.AST
	result   Type
	nullable bool
	fields   []string
	names    []string
	cost     uint64
	constant *Value // of an expression that reads nothing

	run     cel.Program
	watched bool // run with a cost limit and a deadline
	traced  func() (cel.Program, error)
}

// Text returns the expression as it was written.
func (p *Program) Text() string { return p.tree.text(0, len(p.tree.runes)) }

// Type returns the static type of the result; nullable tells whether null or
// missing may come out of it. Of a Dyn result it may.
func (p *Program) Type() (t Type, nullable bool) { return p.result, p.nullable }

// Fields returns the fields of the record that the program reads, as paths such
// as "address.city", sorted.
func (p *Program) Fields() []string { return slices.Clone(p.fields) }

// Names returns the other variables it reads, such as "event.version",
// "record_id" or "vars.region", sorted; "record" where it reads the whole of it.
func (p *Program) Names() []string { return slices.Clone(p.names) }

// Constant returns the value of a program that reads nothing; ok is false where
// it reads something, or fails.
func (p *Program) Constant() (v Value, ok bool) {
	if p.constant == nil {
		return Value{}, false
	}
	return *p.constant, true
}

// Cost returns the greatest cost that the program can have by the sizes that
// the schema allows, in CEL's units (about 10 ns each).
func (p *Program) Cost() uint64 { return p.cost }

// plan makes the program ready to run. One that cannot grow far runs without a
// limit: watching costs half as much again as running.
func (p *Program) plan() error {
	opts := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize), cel.CustomDecoratorV2(p.decorator().decorate)}
	p.watched = p.cost > freeCost || loops(p.ast)
	if p.watched {
		opts = append(opts, cel.CostLimit(maxCost), cel.InterruptCheckFrequency(100))
	}
	run, err := p.env.cel.PlanProgram(p.ast, opts...)
	p.run = run
	p.traced = sync.OnceValues(func() (cel.Program, error) {
		return p.env.cel.PlanProgram(p.ast, cel.CustomDecoratorV2(p.decorator().decorate),
			cel.EvalOptions(cel.OptTrackState), cel.CostLimit(maxCost), cel.InterruptCheckFrequency(100))
	})
	return err
}

func loops(a *ast.AST) bool {
	found := false
	walk(a.Expr(), func(e ast.Expr) { found = found || e.Kind() == ast.ComprehensionKind })
	return found
}

func (p *Program) decorator() *decorator {
	d := &decorator{guards: p.env.compiler.guards, presence: map[int64]bool{}}
	walk(p.ast.Expr(), func(e ast.Expr) {
		switch e.Kind() {
		case ast.SelectKind:
			if e.AsSelect().IsTestOnly() {
				d.presence[e.ID()] = true
			}
			d.dynamic = d.dynamic || p.ast.GetType(e.AsSelect().Operand().ID()).Kind() != types.StructKind
		case ast.CallKind:
			d.dynamic = d.dynamic || e.AsCall().FunctionName() == "_[_]"
		}
	})
	return d
}

// Eval computes the program. The error is an *EvalError. The value may alias
// the scope's memory: write it out before the scope is reset or set again.
func (p *Program) Eval(s *Scope) (Value, error) {
	v, err := p.eval(s)
	if err != nil {
		return Value{}, p.explainFault(s, err)
	}
	return result(v), nil
}

func (p *Program) eval(s *Scope) (ref.Val, error) {
	if p.watched {
		return evalWatched(p.run, s)
	}
	frame, err := s.running()
	if err != nil {
		return nil, err
	}
	v, _, err := p.run.Eval(frame)
	return v, err
}

func evalWatched(run cel.Program, vars interpreter.Activation) (ref.Val, error) {
	ctx, cancel := limitedTime()
	defer cancel()
	v, _, err := run.ContextEval(ctx, vars)
	return v, err
}
