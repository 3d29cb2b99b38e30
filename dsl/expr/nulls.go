package expr

import (
	"fmt"
	"maps"
	"slices"
	"strings"

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
	if e.AsCall().FunctionName() == "dyn" && len(args) == 1 {
		return n.may(args[0], known)
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

// mayBeBlank tells whether a value that is not null can be text that says
// nothing.
func (n *nullness) mayBeBlank(e ast.Expr) bool {
	if text, literal := literalText(e); literal {
		return strings.TrimSpace(text) == ""
	}
	kind := n.kind(e)
	return kind == String || kind == Dyn
}

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

// need warns if what a call needs as a value may be none.
func (n *nullness) need(call, arg ast.Expr, known facts) {
	if !n.may(arg, known) {
		return
	}
	start, end := n.j.tree.span(arg)
	what, state := "this", "null"
	if p, ok := path(arg); ok {
		what = p
		if f := n.fieldOf(arg); f != nil && !f.Nullable {
			state = "missing"
		}
	}
	name, sign := n.nameOf(call)
	issue := Issue{
		Warning: true, Code: "CM211", Start: start, End: end,
		Message: fmt.Sprintf("%s may be %s here, %s fails on it", what, state, name),
	}
	issue.Fix = n.fix(call, arg, sign, start, end)
	if issue.Fix != nil {
		issue.Help = "write " + issue.Fix.Text
	} else {
		issue.Help = "ask blank(…) first, or give a default(…)"
	}
	n.j.report(issue)
}

func (n *nullness) fieldOf(e ast.Expr) *field {
	if e.Kind() != ast.SelectKind {
		return nil
	}
	return n.field(e)
}

// nameOf returns how a message calls an operator, function or loop.
func (n *nullness) nameOf(e ast.Expr) (name, sign string) {
	if e.Kind() != ast.CallKind {
		return "the loop", ""
	}
	function := e.AsCall().FunctionName()
	switch function {
	case operators.Conditional:
		return "the condition", function
	case operators.Index:
		return "the index", function
	}
	if sign := operatorSign(function); sign != "" {
		return sign, sign
	}
	return function + "()", function
}

// fix proposes our own function, a default, or to ask first.
func (n *nullness) fix(call, arg ast.Expr, name string, start, end int) *Fix {
	t := n.j.tree
	here := t.text(start, end)
	if call.Kind() == ast.CallKind {
		c := call.AsCall()
		from, to := t.span(call)
		own := map[string]string{"lowerAscii": "lower", "upperAscii": "upper", "trim": "trim"}[name]
		if own != "" && c.IsMemberFunction() {
			return &Fix{Start: from, End: to, Text: own + "(" + here + ")"}
		}
		own = map[string]string{"string": "text", "int": "integer", "double": "number", "bool": "boolean", "timestamp": "parseDate"}[name]
		if own != "" && !c.IsMemberFunction() && n.kind(arg) != Timestamp {
			return &Fix{Start: from, End: to, Text: own + "(" + here + ")"}
		}
		if name == operators.Index && n.kind(arg) == String && n.kind(c.Args()[0]) == Map && n.kind(call) != Dyn {
			return &Fix{Start: from, End: to, Text: "lookup(" + t.textOf(c.Args()[0]) + ", " + here + ")"}
		}
	}
	zero := map[Type]string{String: `""`, Int: "0", Double: "0.0", Bool: "false", List: "[]", Map: "{}"}[n.kind(arg)]
	if zero != "" && name != operators.Index {
		return &Fix{Start: start, End: end, Text: "default(" + here + ", " + zero + ")"}
	}
	if n.kind(call) == Bool && call.Kind() == ast.CallKind {
		from, to := t.span(call)
		return &Fix{Start: from, End: to, Text: "(!blank(" + here + ") && " + t.text(from, to) + ")"}
	}
	return n.askFirst(arg, here)
}

func (n *nullness) kind(e ast.Expr) Type { return typeOf(n.j.tree.ast.GetType(e.ID())) }

// askFirst puts blank(x) ? null : … before the whole expression, where x means
// the same there.
func (n *nullness) askFirst(arg ast.Expr, here string) *Fix {
	if _, ok := path(arg); !ok || !isVariable(n.j.tree.ast, arg) {
		return nil
	}
	whole := n.j.tree.text(0, len(n.j.tree.runes))
	return &Fix{Start: 0, End: len(n.j.tree.runes), Text: "blank(" + here + ") ? null : dyn(" + whole + ")"}
}
