package expr

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/functions"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// The sizes that guarded functions keep to.
const (
	maxList     = 10_000    // items of a list that an expression makes
	maxPairs    = 1_000_000 // items compared with each other: distinct, sort, sets
	maxRewrites = 4 << 20   // bytes that a regular expression may at worst write
)

// guard is a library function that could make much out of little. Its limit
// looks at the arguments before it runs, and refuses.
type guard struct {
	name   string
	limit  func(args []ref.Val) error
	result func(v ref.Val) error // looks at what came out; nil: nothing to see
	impls  map[string]functions.FunctionOp
	before bool // the first argument is looked at before the call: cel-go puts another in its place
}

// newGuards returns the guards by function name, with the libraries' own
// implementations inside.
func newGuards(env *cel.Env) (map[string]*guard, error) {
	guards := map[string]*guard{}
	for _, g := range []*guard{
		{name: "replace", limit: limitReplace},
		{name: "join", limit: limitJoin},
		{name: "format", limit: limitFormat, result: limitResult},
		{name: "strings.quote", limit: limitGrowth(2)},
		{name: "base64.encode", limit: limitGrowth(1.4)},
		{name: "regex.replace", limit: limitRegexReplace, result: limitResult},
		{name: "regex.extract", limit: limitGrowth(1)},
		{name: "regex.extractAll", limit: limitGrowth(1)},
		{name: "charAt", limit: limitGrowth(1)}, {name: "indexOf", limit: limitGrowth(1)}, {name: "lastIndexOf", limit: limitGrowth(1)},
		{name: "lowerAscii", limit: limitGrowth(1)}, {name: "upperAscii", limit: limitGrowth(1)}, {name: "substring", limit: limitGrowth(1)}, {name: "reverse", limit: limitGrowth(1)},
		{name: "matches", limit: limitGrowth(1), before: true},
		{name: "split", limit: limitGrowth(1), result: limitResult},
		{name: "lists.range", limit: limitRange},
		{name: "flatten", limit: limitSelf(maxList), result: limitItems},
		{name: "distinct", limit: limitPairs}, {name: "sort", limit: limitPairs}, {name: "@sortByAssociatedKeys", limit: limitPairs},
		{name: "sets.contains", limit: limitPairs}, {name: "sets.equivalent", limit: limitPairs}, {name: "sets.intersects", limit: limitPairs},
		{name: "hasAll", limit: limitPairs}, {name: "hasAny", limit: limitPairs}, {name: "hasExactly", limit: limitPairs}, {name: "hasOnly", limit: limitPairs},
	} {
		declared := env.Functions()[g.name]
		if declared == nil {
			return nil, fmt.Errorf("the libraries have no function %s", g.name)
		}
		bindings, err := declared.Bindings()
		if err != nil {
			return nil, fmt.Errorf("function %s: %w", g.name, err)
		}
		g.impls = map[string]functions.FunctionOp{}
		for _, b := range bindings {
			g.impls[b.Operator] = variadicOf(b)
		}
		guards[g.name] = g
	}
	return guards, nil
}

// variadicOf returns an implementation as one of any number of arguments. What
// the first of them must be able to do, cel-go's own calls look at before, and
// some implementations panic without.
func variadicOf(o *functions.Overload) functions.FunctionOp {
	return func(args ...ref.Val) ref.Val {
		switch {
		case o.OperandTrait != 0 && (len(args) == 0 || !args[0].Type().HasTrait(o.OperandTrait)):
			return types.NoSuchOverloadErr()
		case o.Unary != nil && len(args) == 1:
			return o.Unary(args[0])
		case o.Binary != nil && len(args) == 2:
			return o.Binary(args[0], args[1])
		case o.Function != nil:
			return o.Function(args...)
		}
		return types.NoSuchOverloadErr()
	}
}

// guarded returns the implementation of a call with the guard around it.
func (g *guard) guarded(overload string) functions.FunctionOp {
	impl := g.impls[overload]
	if impl == nil {
		impl = g.impls[g.name]
	}
	return func(args ...ref.Val) ref.Val {
		if err := g.limit(args); err != nil {
			return types.WrapErr(err)
		}
		if impl == nil {
			return types.NewErr("no such overload")
		}
		out := impl(args...)
		if g.result != nil {
			if err := g.result(out); err != nil {
				return types.WrapErr(err)
			}
		}
		return out
	}
}

func longText() error {
	return costlyf("the result would be a string of more than 64 KiB")
}

func longList() error {
	return costlyf("the list has more than %d items, or is compared with too many", maxList)
}

// textLen returns the length of a string or of bytes, else 0.
func textLen(v ref.Val) int {
	switch x := v.(type) {
	case types.String:
		return len(x)
	case types.Bytes:
		return len(x)
	}
	return 0
}

func listLen(v ref.Val) int {
	if s, ok := v.(traits.Sizer); ok {
		n, _ := s.Size().(types.Int)
		return int(n)
	}
	return 0
}

func atMost(n, most int, refused func() error) error {
	if n > most {
		return refused()
	}
	return nil
}

// limitGrowth allows a result of so many times the first argument.
func limitGrowth(times float64) func([]ref.Val) error {
	return func(args []ref.Val) error {
		return atMost(int(float64(textLen(args[0]))*times), maxString, longText)
	}
}

func limitResult(v ref.Val) error {
	if textLen(v) > maxString {
		return longText()
	}
	if list, ok := v.(traits.Lister); ok {
		return atMost(listLen(list), maxString+1, longList)
	}
	return nil
}

func limitItems(v ref.Val) error { return atMost(listLen(v), maxList, longList) }

// limitReplace counts what is replaced.
func limitReplace(args []ref.Val) error {
	s, isText := args[0].(types.String)
	if !isText || len(args) < 3 {
		return nil
	}
	old, _ := args[1].(types.String)
	count := strings.Count(string(s), string(old))
	return atMost(len(s)+count*max(0, textLen(args[2])-len(old)), maxString, longText)
}

func limitJoin(args []ref.Val) error {
	list, ok := args[0].(traits.Lister)
	if !ok {
		return nil
	}
	separator := 0
	if len(args) > 1 {
		separator = textLen(args[1])
	}
	total := 0
	for it := list.Iterator(); it.HasNext() == types.True; {
		if total += textLen(it.Next()) + separator; total > maxString+separator {
			return longText()
		}
	}
	return nil
}

// limitFormat adds up the texts, and refuses widths and precisions of more than
// two digits.
func limitFormat(args []ref.Val) error {
	total := textLen(args[0])
	layout, _ := args[0].(types.String)
	for _, part := range strings.Split(string(layout), "%")[min(1, len(layout)):] {
		run := 0
		for _, r := range strings.TrimLeft(part, ".") {
			if r != '.' && (r < '0' || r > '9') {
				break
			}
			if run++; run > 2 {
				return costlyf("format takes widths and precisions of at most two digits")
			}
		}
	}
	if len(args) < 2 {
		return nil
	}
	return atMost(total+deepLen(args[1], 0), maxString, longText)
}

// deepLen adds up the texts inside a list or map, up to the limit.
func deepLen(v ref.Val, depth int) int {
	if depth > jsonDepth {
		return maxString + 1
	}
	total := textLen(v)
	switch x := v.(type) {
	case traits.Lister:
		for it := x.Iterator(); it.HasNext() == types.True && total <= maxString; {
			total += 2 + deepLen(it.Next(), depth+1)
		}
	case traits.Mapper:
		for it := x.Iterator(); it.HasNext() == types.True && total <= maxString; {
			key := it.Next()
			value, _ := x.Find(key)
			total += 4 + textLen(key) + deepLen(value, depth+1)
		}
	}
	return total
}

// limitRegexReplace assumes that every character is replaced.
func limitRegexReplace(args []ref.Val) error {
	if len(args) < 3 {
		return nil
	}
	text, with := textLen(args[0]), textLen(args[2])
	return atMost((text+1)*with+text*(1+with/2), maxRewrites, longText)
}

func limitRange(args []ref.Val) error {
	n, _ := args[0].(types.Int)
	return atMost(int(min(n, maxList+1)), maxList, longList)
}

func limitSelf(most int) func([]ref.Val) error {
	return func(args []ref.Val) error { return atMost(listLen(args[0]), most, longList) }
}

// limitPairs allows so many comparisons of items with each other.
func limitPairs(args []ref.Val) error {
	other := listLen(args[0])
	if len(args) > 1 {
		other = max(1, listLen(args[1]))
	}
	return atMost(min(listLen(args[0]), maxPairs)*min(other, maxPairs), maxPairs, longList)
}
