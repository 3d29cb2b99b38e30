package expr

import (
	"strings"

	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// decorator replaces the parts of a plan in which our language differs from
// CEL: missing equals null, reading an unknown key of the data gives missing,
// and nothing grows without bound.
type decorator struct {
	guards   map[string]*guard
	presence map[int64]bool // ids of has() tests
	dynamic  bool           // the expression reads maps of which no schema tells the keys
}

func (d *decorator) decorate(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	if call, ok := i.(interpreter.InterpretableCall); ok {
		return d.call(call), nil
	}
	if d.dynamic {
		return d.attribute(i), nil
	}
	return i, nil
}

func (d *decorator) call(call interpreter.InterpretableCall) interpreter.InterpretableV2 {
	args := call.Args()
	switch call.Function() {
	case operators.Equals, operators.NotEquals:
		if mayBeNothing(args[0]) && mayBeNothing(args[1]) {
			return &equality{InterpretableCall: call, lhs: args[0], rhs: args[1], negated: call.Function() == operators.NotEquals}
		}
	case operators.Add:
		if len(args) == 2 {
			return &addition{InterpretableCall: call, lhs: args[0], rhs: args[1]}
		}
	}
	if g := d.guards[call.Function()]; g != nil {
		if g.before {
			args = append([]interpreter.InterpretableV2{&bounded{args[0], g}}, args[1:]...)
		}
		return interpreter.NewCall(call.ID(), call.Function(), call.OverloadID(), args, g.guarded(call.OverloadID()))
	}
	return call
}

// bounded is an argument that a guard looks at.
type bounded struct {
	interpreter.InterpretableV2
	guard *guard
}

// Exec implements interpreter.InterpretableV2.
func (b *bounded) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	v := b.InterpretableV2.Exec(frame)
	if err := b.guard.limit([]ref.Val{v}); err != nil {
		return types.LabelErrNode(b.ID(), types.WrapErr(err))
	}
	return v
}

// Eval implements interpreter.Interpretable.
func (b *bounded) Eval(vars interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(vars, b.Exec)
}

// mayBeNothing is false for constants other than null: CEL compares those right.
func mayBeNothing(i interpreter.InterpretableV2) bool {
	c, constant := i.(interpreter.InterpretableConst)
	return !constant || c.Value() == types.NullValue
}

// equality is == or !=, where missing equals null.
type equality struct {
	interpreter.InterpretableCall
	lhs, rhs interpreter.InterpretableV2
	negated  bool
}

// Exec implements interpreter.InterpretableV2.
func (e *equality) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	l, r := e.lhs.Exec(frame), e.rhs.Exec(frame)
	if types.IsUnknownOrError(l) {
		return l
	}
	if types.IsUnknownOrError(r) {
		return r
	}
	var equal ref.Val
	if nl, nr := isNothing(l), isNothing(r); nl || nr {
		equal = types.Bool(nl && nr)
	} else {
		equal = types.Equal(l, r)
	}
	if e.negated {
		equal = types.Bool(equal != types.True)
	}
	if costs := frame.CostTracker(); costs != nil {
		costs.EvalBinary(frame, e.ID(), e, l, r, equal)
	}
	return equal
}

// Eval implements interpreter.Interpretable.
func (e *equality) Eval(vars interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(vars, e.Exec)
}

// addition is +, with a bound on what it makes.
type addition struct {
	interpreter.InterpretableCall
	lhs, rhs interpreter.InterpretableV2
}

// Exec implements interpreter.InterpretableV2.
func (a *addition) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	l := a.lhs.Exec(frame)
	if types.IsUnknownOrError(l) {
		return l
	}
	r := a.rhs.Exec(frame)
	if types.IsUnknownOrError(r) {
		return r
	}
	sum := types.LabelErrNode(a.ID(), add(l, r))
	if costs := frame.CostTracker(); costs != nil {
		costs.EvalBinary(frame, a.ID(), a, l, r, sum)
	}
	return sum
}

// Eval implements interpreter.Interpretable.
func (a *addition) Eval(vars interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(vars, a.Exec)
}

func add(l, r ref.Val) ref.Val {
	switch x := l.(type) {
	case types.String:
		y, ok := r.(types.String)
		if !ok {
			return types.NewErr("no such overload")
		}
		if len(x)+len(y) > maxString {
			return types.WrapErr(longText())
		}
		return x + y
	case types.Bytes:
		if len(x)+textLen(r) > maxString {
			return types.WrapErr(longText())
		}
	case traits.Lister:
		if listLen(x)+listLen(r) > maxList {
			return types.WrapErr(longList())
		}
	}
	if adder, ok := l.(traits.Adder); ok {
		return adder.Add(r)
	}
	return types.NewErr("no such overload")
}

// attribute makes reads of data lenient.
func (d *decorator) attribute(i interpreter.InterpretableV2) interpreter.InterpretableV2 {
	attr, ok := i.(interpreter.InterpretableAttribute)
	if !ok {
		return i
	}
	if d.presence[i.ID()] {
		return &presence{attr}
	}
	if _, done := i.(*lenient); done {
		return i
	}
	if _, named := attr.Attr().(interpreter.NamespacedAttribute); named {
		return &lenient{attr}
	}
	return i
}

// lenient reads a variable and what is below it: a key that the data does not
// have is missing.
type lenient struct {
	interpreter.InterpretableAttribute
}

// Resolve implements interpreter.InterpretableAttribute.
func (l *lenient) Resolve(vars interpreter.Activation) (any, error) {
	return forgive(l.InterpretableAttribute.Resolve(vars))
}

// Attr implements interpreter.InterpretableAttribute: conditionals and indexes
// take the attribute out of its node.
func (l *lenient) Attr() interpreter.Attribute {
	if named, ok := l.InterpretableAttribute.Attr().(interpreter.NamespacedAttribute); ok {
		return &lenientAttribute{named}
	}
	return l.InterpretableAttribute.Attr()
}

// Exec implements interpreter.InterpretableV2.
func (l *lenient) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	v, err := l.Resolve(frame)
	var res ref.Val
	if err != nil {
		res = types.LabelErrNode(l.ID(), types.WrapErr(err))
	} else {
		res = l.Adapter().NativeToValue(v)
	}
	if costs := frame.CostTracker(); costs != nil {
		costs.EvalAttribute(l.ID(), false, res)
	}
	return res
}

// Eval implements interpreter.Interpretable.
func (l *lenient) Eval(vars interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(vars, l.Exec)
}

// lenientAttribute is the attribute of a lenient node.
type lenientAttribute struct {
	interpreter.NamespacedAttribute
}

// Resolve implements interpreter.Attribute.
func (l *lenientAttribute) Resolve(vars interpreter.Activation) (any, error) {
	return forgive(l.NamespacedAttribute.Resolve(vars))
}

// forgive turns a key that is not there into a missing value.
func forgive(v any, err error) (any, error) {
	if err != nil && strings.HasPrefix(err.Error(), "no such key") {
		return &missing{path: "a field"}, nil
	}
	return v, err
}

// presence is has() on data that may not even have the way to the field.
type presence struct {
	interpreter.InterpretableAttribute
}

// Exec implements interpreter.InterpretableV2.
func (p *presence) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	v := p.InterpretableAttribute.Exec(frame)
	if _, gone := v.(*missing); gone {
		return types.False
	}
	return v
}

// Eval implements interpreter.Interpretable.
func (p *presence) Eval(vars interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(vars, p.Exec)
}
