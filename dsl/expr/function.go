package expr

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// maxString is the longest string, in bytes, that an expression may make or
// search. A field may be longer where it is only passed on.
const maxString = 64 << 10

// Function is one of our own functions.
type Function struct {
	Name       string
	Group      string   // "choice", "dates", "names", "numbers", "places", "text", "web"
	Signatures []string // "lower(s string?) string?"; a ? marks what may be null or missing
	Doc        string   // one or two sentences
	Examples   []Example
}

// Example is an expression that reads nothing, and its result in JSON
// ("missing" stands for a missing one, "fault: …" for a message).
type Example struct{ Expr, Result string }

// Functions returns our functions, sorted by group and name.
func Functions() []Function {
	var all []Function
	for _, f := range table() {
		all = append(all, Function{Name: f.name, Group: f.group, Signatures: f.signatures(), Doc: f.doc, Examples: slices.Clone(f.examples)})
	}
	return all
}

// table returns every function of ours: the one list to add to.
func table() []*function {
	all := slices.Concat(choiceFunctions(), textFunctions(), nameFunctions(), webFunctions(), placeFunctions(), dateFunctions(), numberFunctions())
	slices.SortFunc(all, func(a, b *function) int {
		return cmp.Or(strings.Compare(a.group, b.group), strings.Compare(a.name, b.name))
	})
	return all
}

// function is a row of the table.
type function struct {
	name, group, doc string
	params           []string // names of the longest signature's parameters
	overloads        []overload
	nulls            nullRule
	weight           uint64 // fixed cost of a call in CEL's units, about 10 ns each
	result           size   // of the result, in bytes
	examples         []Example

	unary    func(a ref.Val) ref.Val
	binary   func(a, b ref.Val) ref.Val
	variadic func(args ...ref.Val) ref.Val // for three arguments, or several counts of them

	// literal tells what is wrong with a literal argument; nil: nothing ever.
	literal func(arg int, text string) string
}

// overload is one signature as CEL types it.
type overload struct {
	args   []*types.Type
	result *types.Type
}

// nullRule tells when a function's result may be null or missing.
type nullRule uint8

const (
	nullNever  nullRule = iota
	nullFirst           // when its first argument is
	nullLast            // when its last argument is
	nullAll             // when all arguments are
	nullSome            // when one of the arguments is
	nullBlank           // when its first argument is, or is text that may say nothing
	nullAlways          // whatever the arguments are
)

// size is the greatest size of a result: so many bytes, and so many times the
// first argument.
type size struct {
	fixed uint64
	times float64
}

// on returns a signature.
func on(result *types.Type, args ...*types.Type) overload {
	return overload{args: args, result: result}
}

// The types of the table, fresh each time: types are values of cel-go's own.
func maybe(t *types.Type) *types.Type { return types.NewNullableType(t) }
func maybeText() *types.Type          { return maybe(types.StringType) }
func anyType() *types.Type            { return types.NewTypeParamType("T") }

// declaration returns the function as cel-go declares it. A name that a library
// has too gets a binding per overload.
func (f *function) declaration() cel.EnvOption {
	var opts []cel.FunctionOpt
	shared := f.name == "trim" // cel-go's method of strings
	for i, o := range f.overloads {
		var bound []cel.OverloadOpt
		if shared {
			bound = append(bound, cel.UnaryBinding(f.unary))
		}
		opts = append(opts, cel.Overload(f.overloadID(i), o.args, o.result, bound...))
	}
	switch {
	case shared:
	case f.unary != nil:
		opts = append(opts, cel.SingletonUnaryBinding(f.unary))
	case f.binary != nil:
		opts = append(opts, cel.SingletonBinaryBinding(f.binary))
	default:
		opts = append(opts, cel.SingletonFunctionBinding(f.variadic))
	}
	return cel.Function(f.name, opts...)
}

func (f *function) overloadID(i int) string { return fmt.Sprintf("crmsync_%s_%d", f.name, i) }

// costs returns the cost model: a fixed part, and a pass over the arguments.
func (f *function) costs() []cost.OverloadModel {
	models := make([]cost.OverloadModel, 0, len(f.overloads))
	for i, o := range f.overloads {
		terms := []cost.QuantityExpr{cost.Const(max(1, f.weight))}
		for arg := range o.args {
			terms = append(terms, cost.Scale(cost.Arg(arg), cost.StringTraversalCostFactor))
		}
		opts := []cost.OverloadModelOption{cost.EvalCost(cost.Sum(terms...))}
		if typeOf(o.result) == String || typeOf(o.result) == Dyn {
			opts = append(opts, cost.ResultSize(f.resultSize()))
		}
		models = append(models, cost.Overload(f.overloadID(i), opts...))
	}
	return models
}

func (f *function) resultSize() cost.QuantityExpr {
	size := cost.Const(f.result.fixed)
	if f.result.times > 0 {
		size = cost.Sum(size, cost.Scale(cost.Arg(0), f.result.times))
	}
	return cost.AtMost(size)
}

// signatures writes the overloads for people.
func (f *function) signatures() []string {
	var all []string
	for _, o := range f.overloads {
		var params []string
		for i, t := range o.args {
			params = append(params, f.params[min(i, len(f.params)-1)]+" "+signatureType(t))
		}
		text := fmt.Sprintf("%s(%s) %s", f.name, strings.Join(params, ", "), signatureType(o.result))
		if !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}

// signatureType is typeText for our own functions: to CEL every timestamp may be
// null, and all of ours take and give it.
func signatureType(t *types.Type) string {
	if t.Kind() == types.TimestampKind {
		return "timestamp?"
	}
	return typeText(t)
}

// typeText writes a CEL type as our signatures and messages do.
func typeText(t *types.Type) string {
	switch t.Kind() {
	case types.TypeParamKind, types.DynKind, types.AnyKind:
		return "any"
	case types.ListKind:
		return "list of " + typeText(t.Parameters()[0])
	case types.MapKind:
		return "map of " + typeText(t.Parameters()[1])
	case types.StructKind:
		return "object"
	}
	name := map[types.Kind]string{
		types.BoolKind: "boolean", types.IntKind: "integer", types.UintKind: "integer", types.DoubleKind: "number",
		types.StringKind: "string", types.BytesKind: "bytes", types.TimestampKind: "timestamp",
		types.DurationKind: "duration", types.NullTypeKind: "null",
	}[t.Kind()]
	if name == "" {
		return t.TypeName()
	}
	if t.Kind() != types.NullTypeKind && t.IsAssignableType(types.NullType) {
		name += "?"
	}
	return name
}

// textFunction makes a function of a string that gives null for null.
func textFunction(name string, f func(s string) ref.Val) func(ref.Val) ref.Val {
	return func(v ref.Val) ref.Val {
		s, ok := v.(types.String)
		if !ok {
			return notText(name, v)
		}
		if len(s) > maxString {
			return types.WrapErr(costlyf("%s takes a string of at most 64 KiB", name))
		}
		return f(string(s))
	}
}

// changed is a textFunction that gives a string: the same value if f changed
// nothing.
func changed(name string, f func(string) string) func(ref.Val) ref.Val {
	return func(v ref.Val) ref.Val {
		s, ok := v.(types.String)
		if !ok {
			return notText(name, v)
		}
		if len(s) > maxString {
			return types.WrapErr(costlyf("%s takes a string of at most 64 KiB", name))
		}
		in := string(s)
		out := f(in)
		if len(out) == len(in) && unsafe.StringData(out) == unsafe.StringData(in) {
			return v
		}
		return limited(name, out)
	}
}

// notText is the result for an argument that is no string: null for null.
func notText(name string, v ref.Val) ref.Val {
	if isNothing(v) {
		return v
	}
	return wrongType(name, "a string", v)
}

// limited refuses a result that is too long.
func limited(name, s string) ref.Val {
	if len(s) > maxString {
		return types.WrapErr(costlyf("%s would make a string of more than 64 KiB", name))
	}
	return types.String(s)
}

func wrongType(name, want string, got ref.Val) ref.Val {
	return types.WrapErr(faultf("%s takes %s, not %s", name, want, valueKind(got)))
}

// refuse is the result of a function that cannot make sense of its argument.
// The message names no value.
func refuse(format string, args ...any) ref.Val { return types.WrapErr(faultf(format, args...)) }

// valueKind names what an argument is.
func valueKind(v ref.Val) string {
	switch v.(type) {
	case *missing:
		return "a missing value"
	case types.Null:
		return "null"
	case types.Bool:
		return "a boolean"
	case types.Int, types.Uint:
		return "an integer"
	case types.Double:
		return "a number"
	case types.String:
		return "a string"
	case types.Timestamp:
		return "a timestamp"
	}
	switch t, _ := v.Type().(*types.Type); {
	case t == nil:
	case t.Kind() == types.ListKind:
		return "a list"
	case t.Kind() == types.MapKind:
		return "a map"
	}
	return "a value of another type"
}
