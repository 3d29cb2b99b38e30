package expr

import (
	"math"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// numberFunctions read and round numbers and booleans.
func numberFunctions() []*function {
	num := maybe(types.DoubleType)
	return []*function{
		{
			name: "number", group: "numbers", params: []string{"x", "decimal"}, nulls: nullBlank, weight: 10, variadic: number, literal: badDecimal,
			doc:       "A number from text such as \"1,234.50\" or \"€ 12\"; decimal is the decimal mark, \".\" or \",\" (\".\" if left out), the other one and blanks may group digits. Null for blank text, a fault for anything else.",
			overloads: []overload{on(num, types.DynType), on(num, types.DynType, types.StringType)},
			examples: []Example{
				{`number("1,234.50")`, `1234.5`}, {`number("1.234,50", ",")`, `1234.5`}, {`number("€ -12")`, `-12`}, {`number(3)`, `3`}, {`number("")`, `null`}, {`number(null)`, `null`},
				{`number("12 apples")`, `fault: number: this text is no number`},
			},
		},
		{
			name: "integer", group: "numbers", params: []string{"x"}, nulls: nullBlank, weight: 10, unary: integer,
			doc:       "A whole number from a number or from text that number() takes; a fault if it is not whole.",
			overloads: []overload{on(maybe(types.IntType), types.DynType)},
			examples:  []Example{{`integer("1,234")`, `1234`}, {`integer(3.0)`, `3`}, {`integer("9007199254740993")`, `9007199254740993`}, {`integer(null)`, `null`}, {`integer(2.5)`, `fault: integer: the number is not whole`}},
		},
		{
			name: "round", group: "numbers", params: []string{"x", "digits"}, nulls: nullFirst, variadic: round, weight: 5,
			doc:       "x rounded to so many digits after the point, half away from zero; without digits to a whole number.",
			overloads: []overload{on(num, num, types.IntType), on(num, num), on(maybe(types.IntType), maybe(types.IntType), types.IntType), on(maybe(types.IntType), maybe(types.IntType))},
			examples:  []Example{{`round(1.005, 2)`, `1.01`}, {`round(-2.5)`, `-3`}, {`round(1234.5, -2)`, `1200`}, {`round(7)`, `7`}, {`round(null, 2)`, `null`}},
		},
		{
			name: "boolean", group: "numbers", params: []string{"x"}, nulls: nullBlank, unary: boolean,
			doc:       "True for yes, y, true, t, on, 1; false for no, n, false, f, off, 0; in any case. Null for blank text, a fault for anything else.",
			overloads: []overload{on(maybe(types.BoolType), types.DynType)},
			examples:  []Example{{`boolean("Yes")`, `true`}, {`boolean(0)`, `false`}, {`boolean(true)`, `true`}, {`boolean("")`, `null`}, {`boolean(null)`, `null`}, {`boolean("maybe")`, `fault: boolean: this is neither yes nor no`}},
		},
	}
}

func number(args ...ref.Val) ref.Val {
	decimal := "."
	if len(args) == 2 {
		d, ok := args[1].(types.String)
		if !ok || badDecimal(1, string(d)) != "" {
			return refuse("number: the decimal mark must be \".\" or \",\"")
		}
		decimal = string(d)
	}
	switch x := args[0].(type) {
	case types.Double:
		return x
	case types.Int:
		return types.Double(x)
	case types.String:
		text, ok := plainNumber(string(x), decimal)
		if !ok {
			return refuse("number: this text is no number")
		}
		if text == "" {
			return types.NullValue
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return refuse("number: this text is no number")
		}
		return types.Double(f)
	}
	if isNothing(args[0]) {
		return args[0]
	}
	return wrongType("number", "a string or a number", args[0])
}

func badDecimal(arg int, text string) string {
	if arg == 1 && text != "." && text != "," {
		return "is no decimal mark: \".\" or \",\""
	}
	return ""
}

// plainNumber returns the text of a number with neither grouping nor currency
// sign; "" for blank text.
func plainNumber(s, decimal string) (text string, ok bool) {
	s = strings.TrimSpace(s)
	if len(s) > 64 {
		return "", false
	}
	var b strings.Builder
	marks, count := 0, 0
	for _, r := range s {
		switch {
		case '0' <= r && r <= '9':
			count++
			b.WriteRune(r)
		case string(r) == decimal:
			marks++
			b.WriteByte('.')
		case r == '-' || r == '+' || r == '−':
			if b.Len() > 0 {
				return "", false
			}
			b.WriteString(map[bool]string{true: "+", false: "-"}[r == '+'])
		case strings.ContainsRune(",. '’_\u00a0\u202f", r):
			if marks > 0 && r != ' ' {
				return "", false // grouping after the decimal mark
			}
		case strings.ContainsRune("€$£¥₹", r):
		default:
			return "", false
		}
	}
	if marks > 1 || count == 0 && s != "" {
		return "", false
	}
	return b.String(), true
}

func integer(v ref.Val) ref.Val {
	switch x := v.(type) {
	case types.Int:
		return x
	case types.String:
		if text, ok := plainNumber(string(x), "."); ok {
			if n, err := strconv.ParseInt(text, 10, 64); err == nil {
				return types.Int(n)
			}
		}
	}
	n := number(v)
	x, ok := n.(types.Double)
	if !ok {
		return renamed(n, "number", "integer")
	}
	if f := float64(x); f != math.Trunc(f) || math.Abs(f) >= exactFloat {
		return refuse("integer: the number is not whole")
	}
	return types.Int(int64(x))
}

// renamed gives a fault of one function the name of the one that called it.
func renamed(v ref.Val, from, to string) ref.Val {
	if e, ok := v.(*types.Err); ok {
		return refuse("%s", strings.Replace(e.String(), from, to, 1))
	}
	return v
}

func round(args ...ref.Val) ref.Val {
	places := 0
	if len(args) == 2 {
		n, ok := args[1].(types.Int)
		if !ok || n < -15 || n > 15 {
			return refuse("round takes -15 to 15 digits")
		}
		places = int(n)
	}
	switch x := args[0].(type) {
	case types.Double:
		return types.Double(roundTo(float64(x), places))
	case types.Int:
		if places >= 0 {
			return x
		}
		return types.Int(int64(roundTo(float64(x), places)))
	}
	if isNothing(args[0]) {
		return args[0]
	}
	return wrongType("round", "a number", args[0])
}

// roundTo rounds the shortest decimal form of f, so that 1.005 becomes 1.01
// although its binary form is a little less.
func roundTo(f float64, places int) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return f
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	e, _ := strconv.Atoi(exponent)
	shifted, err := strconv.ParseFloat(mantissa+"e"+strconv.Itoa(e+places), 64)
	if err != nil || math.Abs(shifted) >= exactFloat {
		return f
	}
	back, err := strconv.ParseFloat(strconv.FormatFloat(math.Round(shifted), 'f', 0, 64)+"e"+strconv.Itoa(-places), 64)
	if err != nil {
		return f
	}
	return back
}

func boolean(v ref.Val) ref.Val {
	switch x := v.(type) {
	case types.Bool:
		return x
	case types.Int:
		if x == 0 || x == 1 {
			return types.Bool(x == 1)
		}
	case types.Double:
		if x == 0 || x == 1 {
			return types.Bool(x == 1)
		}
	case types.String:
		switch strings.ToLower(strings.TrimSpace(string(x))) {
		case "yes", "y", "true", "t", "on", "1":
			return types.True
		case "no", "n", "false", "f", "off", "0":
			return types.False
		case "":
			return types.NullValue
		}
	}
	if isNothing(v) {
		return v
	}
	return refuse("boolean: this is neither yes nor no")
}
