package expr

import (
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// nullness tells where null and missing can come from and where they hurt.
type nullness struct {
	j     *job
	ours  map[string]*function
	bound map[string]bool // variables of loops and bindings that may be null
}

func (j *job) nulls() *nullness {
	return &nullness{j: j, ours: j.env.compiler.ours, bound: map[string]bool{}}
}

// checkNulls warns where an operator or a function that needs a value may get
// null or a missing field.
func (j *job) checkNulls() { j.nulls().visit(j.tree.ast.Expr(), facts{}) }

// own returns our function that a call names; methods are the libraries'.
func (n *nullness) own(e ast.Expr) *function {
	if e.Kind() != ast.CallKind || e.AsCall().IsMemberFunction() {
		return nil
	}
	return n.ours[e.AsCall().FunctionName()]
}

// may tells whether a node can be null or missing.
func (n *nullness) may(e ast.Expr, known facts) bool {
	switch e.Kind() {
	case ast.LiteralKind:
		return e.AsLiteral() == types.NullValue
	case ast.SelectKind:
		return n.fieldMay(e, known)
	case ast.CallKind:
		return n.callMay(e, known)
	case ast.IdentKind:
		return n.bound[e.AsIdent()] && known[e.AsIdent()] != notNull
	case ast.ComprehensionKind:
		if isLoop(e) {
			return false
		}
		defer n.bind(e, known)()
		return n.may(e.AsComprehension().Result(), known)
	}
	return false
}

// bind notes what the variables of a loop or of cel.bind may be, until the
// function it returns is called.
func (n *nullness) bind(e ast.Expr, known facts) (release func()) {
	c := e.AsComprehension()
	before := maps.Clone(n.bound)
	n.bound[c.AccuVar()] = !isLoop(e) && n.may(c.AccuInit(), known)
	n.bound[c.IterVar()] = false
	if f := n.fieldOf(c.IterRange()); f != nil && f.items != nil {
		n.bound[c.IterVar()] = f.items.Nullable
	}
	return func() { n.bound = before }
}

// fieldMay looks a field up in the schema of the object it is read from.
func (n *nullness) fieldMay(e ast.Expr, known facts) bool {
	p, named := path(e)
	sel := e.AsSelect()
	if sel.IsTestOnly() || named && known[p] == notNull {
		return false
	}
	if n.may(sel.Operand(), known) {
		return true
	}
	f := n.field(e)
	if f == nil {
		return false
	}
	return f.Nullable || !f.Required && known[p] != present
}

// field returns what the schema says of a selection; nil: nothing.
func (n *nullness) field(e ast.Expr) *field {
	o := n.j.env.types.objects[n.j.tree.ast.GetType(e.AsSelect().Operand().ID()).TypeName()]
	if o == nil || o.schema == nil {
		return nil
	}
	return o.schema.byName[e.AsSelect().FieldName()]
}

func (n *nullness) callMay(e ast.Expr, known facts) bool {
	args := e.AsCall().Args()
	if e.AsCall().FunctionName() == operators.Conditional {
		return n.may(args[1], known.and(n.implied(args[0], true))) || n.may(args[2], known.and(n.implied(args[0], false)))
	}
	switch name := e.AsCall().FunctionName(); {
	case name == "dyn" && len(args) == 1:
		return n.may(args[0], known)
	case name == "orValue" && e.AsCall().IsMemberFunction():
		return n.optionalMay(e.AsCall().Target()) || n.may(args[0], known)
	}
	f := n.own(e)
	if f == nil || len(args) == 0 {
		return false
	}
	may := func(a ast.Expr) bool { return n.may(a, known) }
	switch f.nulls {
	case nullFirst:
		return may(args[0])
	case nullLast:
		return may(args[len(args)-1]) || f.name == "lookup" && len(args) == 2
	case nullAll:
		return !slices.ContainsFunc(args, func(a ast.Expr) bool { return !may(a) })
	case nullSome:
		return slices.ContainsFunc(args, may)
	case nullBlank:
		return may(args[0]) || n.mayBeBlank(args[0])
	}
	return f.nulls == nullAlways
}

// optionalMay tells whether record.?email can hold null: it is there then.
func (n *nullness) optionalMay(e ast.Expr) bool {
	if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != operators.OptSelect {
		return false
	}
	args := e.AsCall().Args()
	o := n.j.env.types.objects[n.j.tree.ast.GetType(args[0].ID()).TypeName()]
	name, _ := literalText(args[1])
	return o != nil && o.schema != nil && o.schema.byName[name] != nil && o.schema.byName[name].Nullable
}

// mayBeBlank tells whether a value that is not null can be text that says
// nothing.
func (n *nullness) mayBeBlank(e ast.Expr) bool {
	if text, literal := literalText(e); literal {
		return strings.TrimSpace(text) == ""
	}
	kind := n.kind(e)
	return kind == String || kind == Dyn
}

// visit warns inside e, under what is known there.
func (n *nullness) visit(e ast.Expr, known facts) {
	switch e.Kind() {
	case ast.ComprehensionKind:
		n.need(e, e.AsComprehension().IterRange(), known)
		n.visit(e.AsComprehension().IterRange(), known)
		n.visit(e.AsComprehension().AccuInit(), known)
		defer n.bind(e, known)()
		c := e.AsComprehension()
		for _, part := range []ast.Expr{c.LoopCondition(), c.LoopStep(), c.Result()} {
			n.visit(part, known)
		}
		return
	case ast.CallKind:
		if n.visitCall(e, known) {
			return
		}
	}
	walkParts(e, func(part ast.Expr) { n.visit(part, known) })
}

// visitCall handles calls; done tells that it visited the arguments too.
func (n *nullness) visitCall(e ast.Expr, known facts) (done bool) {
	call := e.AsCall()
	args := call.Args()
	switch name := call.FunctionName(); name {
	case operators.Conditional:
		n.need(e, args[0], known)
		n.visit(args[0], known)
		n.visit(args[1], known.and(n.implied(args[0], true)))
		n.visit(args[2], known.and(n.implied(args[0], false)))
		return true
	case operators.LogicalAnd, operators.LogicalOr:
		for _, arg := range args {
			n.need(e, arg, known)
			n.visit(arg, known)
			known = known.and(n.implied(arg, name == operators.LogicalAnd))
		}
		return true
	case operators.Equals, operators.NotEquals, operators.OptSelect, operators.OptIndex, "dyn", "type", "optional.of", "optional.ofNonZeroValue", operators.NotStrictlyFalse:
		return false
	case operators.In:
		n.need(e, args[1], known)
		return false
	case operators.Index:
		n.need(e, args[1], known)
		return false
	}
	if f := n.own(e); f != nil {
		for k, arg := range args {
			if !f.takesNull(k, len(args)) {
				n.need(e, arg, known)
			}
		}
		return false
	}
	if call.IsMemberFunction() {
		n.need(e, call.Target(), known)
	}
	for _, arg := range args {
		n.need(e, arg, known)
	}
	return false
}

// takesNull tells whether a parameter may be null.
func (f *function) takesNull(arg, count int) bool {
	for _, o := range f.overloads {
		if len(o.args) != count || arg >= count {
			continue
		}
		switch t := o.args[arg]; {
		case t.IsDyn(), t.Kind() == types.TimestampKind, t.IsAssignableType(types.NullType):
			return true
		}
	}
	return false
}
