package expr

import (
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// choiceFunctions are about which value is taken.
func choiceFunctions() []*function {
	t := anyType()
	texts := types.NewMapType(types.StringType, t)
	return []*function{
		{
			name: "blank", group: "choice", params: []string{"x"}, unary: blank,
			doc:       "True for null, a missing field, a string without a visible character, and an empty list or map.",
			overloads: []overload{on(types.BoolType, types.DynType)},
			examples:  []Example{{`blank("  ")`, `true`}, {`blank(null)`, `true`}, {`blank([])`, `true`}, {`blank(0)`, `false`}, {`blank("x")`, `false`}},
		},
		{
			name: "default", group: "choice", params: []string{"x", "d"}, nulls: nullLast, result: size{fixed: 1024, times: 1}, binary: orDefault,
			doc:       "x, or d where x is blank: null, missing, or a string, list or map with nothing in it.",
			overloads: repeated(t, 2, 2),
			examples:  []Example{{`default(null, "n/a")`, `"n/a"`}, {`default(" ", "n/a")`, `"n/a"`}, {`default("x", "n/a")`, `"x"`}, {`default(0, 7)`, `0`}},
		},
		{
			name: "coalesce", group: "choice", params: []string{"a", "b", "c", "d", "e", "f"}, nulls: nullAll, result: size{fixed: 1024, times: 1}, variadic: coalesce,
			doc:       "The first of two to six values that is not blank; if all are, the last one as it is.",
			overloads: repeated(t, 2, 6),
			examples:  []Example{{`coalesce(null, "", "b", "c")`, `"b"`}, {`coalesce(null, null)`, `null`}, {`coalesce("", " ")`, `" "`}},
		},
		{
			name: "lookup", group: "choice", params: []string{"map", "key", "d"}, nulls: nullLast, result: size{fixed: 1024}, variadic: lookup,
			doc:       "What the map holds at key, or d. Without d, a key that is not in the map gives missing. A key that is null or missing is in no map.",
			overloads: []overload{on(t, texts, maybeText(), t), on(t, texts, maybeText())},
			examples: []Example{
				{`lookup({"lead": "Lead", "won": "Customer"}, "won", "Other")`, `"Customer"`},
				{`lookup({"lead": "Lead"}, "lost", "Other")`, `"Other"`}, {`lookup({"lead": "Lead"}, "lost")`, `missing`}, {`lookup({"a": 1}, null, 2)`, `2`},
			},
		},
	}
}

// repeated returns the signatures of a function that takes from least to most
// values of one type and gives one of them. To CEL only the last is typed, or
// null could stand before nothing but null; checkAlike compares the others.
func repeated(t *types.Type, least, most int) []overload {
	var all []overload
	for n := least; n <= most; n++ {
		args := make([]*types.Type, n)
		for i := range args {
			args[i] = types.DynType
		}
		args[n-1] = t
		all = append(all, on(t, args...))
	}
	return all
}

func isBlank(v ref.Val) bool {
	switch x := v.(type) {
	case types.String:
		return strings.TrimSpace(string(x)) == ""
	case traits.Lister:
		return x.Size() == types.IntZero
	case traits.Mapper:
		return x.Size() == types.IntZero
	case *types.Optional:
		return !x.HasValue() || isBlank(x.GetValue())
	}
	return isNothing(v)
}

func blank(v ref.Val) ref.Val { return types.Bool(isBlank(v)) }

func orDefault(v, d ref.Val) ref.Val {
	if !isBlank(v) {
		return v
	}
	if _, number := v.(types.Double); number {
		return v
	}
	return d
}

func coalesce(args ...ref.Val) ref.Val {
	for _, v := range args {
		if !isBlank(v) {
			return v
		}
	}
	return args[len(args)-1]
}

func lookup(args ...ref.Val) ref.Val {
	m, ok := args[0].(traits.Mapper)
	if !ok && !isNothing(args[0]) {
		return wrongType("lookup", "a map", args[0])
	}
	if ok && !isNothing(args[1]) {
		if v, found := m.Find(args[1]); found {
			return v
		}
	}
	if len(args) == 3 {
		return args[2]
	}
	return &missing{path: "the key"}
}
