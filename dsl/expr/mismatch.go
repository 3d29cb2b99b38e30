package expr

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// explainTypes says why an operator or a function does not take what it gets.
func (j *job) explainTypes(node ast.Expr, message string) Issue {
	call := j.tree.written(node)
	start, end := j.tree.point(node)
	i := Issue{Code: "CM203", Start: start, End: end}
	got := argumentTypes(message)
	name := between(message, "'", "'")
	if call.Kind() != ast.CallKind {
		i.Message = "the types do not fit together here"
		return i
	}
	args := j.tree.parts(call)
	switch sign := operatorSign(name); {
	case name == "_?_:_" && len(got) == 3:
		j.explainBranches(&i, args, got)
	case name == "_[_]" && len(got) == 2:
		j.explainIndex(&i, args, got)
	case sign != "" && len(got) == 2 && len(args) == 2:
		j.explainBinary(&i, sign, args, got)
	case sign != "" && len(got) == 1:
		i.Message = fmt.Sprintf("%s does not take %s", sign, article(got[0]))
	default:
		j.explainCall(&i, node, name, got)
	}
	return i
}

// operatorSign returns how an operator is written, "" for a function.
func operatorSign(name string) string {
	switch name {
	case "_in_", "@in":
		return "in"
	case "!_":
		return "!"
	case "-_":
		return "-"
	}
	if strings.HasPrefix(name, "_") && strings.HasSuffix(name, "_") {
		return strings.Trim(name, "_")
	}
	return ""
}

func (j *job) explainBranches(i *Issue, args []ast.Expr, got []string) {
	if got[0] != "boolean" && got[0] != "any value" {
		i.Start, i.End = j.tree.span(args[0])
		i.Message = fmt.Sprintf("a condition must be a boolean, this is %s", article(got[0]))
		return
	}
	i.Message = fmt.Sprintf("the branches give %s and %s, they must be of one type", article(got[1]), article(got[2]))
	branch := 2
	if got[2] == "null" {
		branch = 1
	}
	start, end := j.tree.span(args[branch])
	i.Help = "make them one type, or allow any with dyn(…)"
	i.Fix = &Fix{Start: start, End: end, Text: "dyn(" + j.tree.text(start, end) + ")"}
}

func (j *job) explainIndex(i *Issue, args []ast.Expr, got []string) {
	switch got[0] {
	case "object":
		i.Message, i.Help = "an object has no index", "write the field after a dot: record.email"
		if key, ok := literalText(args[1]); ok && isIdent(key) {
			_, from := j.tree.span(args[0])
			at, _ := j.tree.offset(args[1].ID())
			closing := j.tree.token(j.tree.find(at) + 1)
			i.Fix = &Fix{Start: from, End: closing.end, Text: "." + key}
		}
	default:
		i.Message = fmt.Sprintf("%s has no index that is %s", article(got[0]), article(got[1]))
	}
}

func (j *job) explainBinary(i *Issue, sign string, args []ast.Expr, got []string) {
	i.Message = fmt.Sprintf("%s does not take %s and %s", sign, article(got[0]), article(got[1]))
	if sign == "==" || sign == "!=" {
		j.explainEquality(i, sign, args, got)
		return
	}
	texts := 0
	for k, other := range []int{1, 0} {
		start, end := j.tree.span(args[k])
		here := j.tree.text(start, end)
		switch {
		case sign == "+" && got[other] == "string" && convertible(got[k]):
			texts++
			i.Help = fmt.Sprintf("make text of the %s with text(…)", got[k])
			i.Fix = &Fix{Start: start, End: end, Text: "text(" + here + ")"}
		case got[k] == "integer" && got[other] == "number" && args[k].Kind() == ast.LiteralKind:
			i.Help = fmt.Sprintf("write %s.0", here)
			i.Fix = &Fix{Start: start, End: end, Text: here + ".0"}
		case got[k] == "integer" && got[other] == "number":
			i.Help = "make a number of the integer with number(…)"
			i.Fix = &Fix{Start: start, End: end, Text: "number(" + here + ")"}
		case got[k] == "string" && (got[other] == "number" || got[other] == "integer") && sign != "+" && sign != "in":
			i.Fix = j.readAs(args[k], got[other])
			i.Help = "write " + i.Fix.Text
		}
	}
}

// readAs turns a string into a value of another type: a literal into the literal
// of that type, anything else by a function.
func (j *job) readAs(e ast.Expr, kind string) *Fix {
	start, end := j.tree.span(e)
	f := &Fix{Start: start, End: end}
	text, literal := literalText(e)
	reader, read := numberReader(kind), func(v ref.Val) ref.Val { return number(v) }
	switch kind {
	case "integer":
		read = integer
	case "boolean":
		reader, read = "boolean", boolean
	case "timestamp":
		reader, read = "parseDate", nil
	}
	if literal && read != nil {
		if value, ok := literalOf(read(types.String(text))); ok {
			f.Text = value
			return f
		}
	}
	f.Text = reader + "(" + j.tree.text(start, end) + ")"
	return f
}

func numberReader(kind string) string {
	if kind == "integer" {
		return "integer"
	}
	return "number"
}

func convertible(kind string) bool {
	return slices.Contains([]string{"integer", "number", "boolean", "timestamp"}, kind)
}

// explainEquality is about == and !=: null that never comes, and types that are
// never equal.
func (j *job) explainEquality(i *Issue, sign string, args []ast.Expr, got []string) {
	for k, other := range []int{1, 0} {
		start, end := j.tree.span(args[k])
		here := j.tree.text(start, end)
		whole, wholeEnd := min(start, spanStart(j.tree, args[other])), max(end, spanEnd(j.tree, args[other]))
		switch {
		case got[other] == "null" && (got[k] == "list" || got[k] == "map"):
			i.Message = fmt.Sprintf("%s cannot be compared with null", article(got[k]))
			text := map[string]string{"==": "blank(", "!=": "!blank("}[sign] + here + ")"
			i.Help, i.Fix = "write "+text, &Fix{Start: whole, End: wholeEnd, Text: text}
			return
		case got[other] == "null":
			i.Message = fmt.Sprintf("%s is never null, its type says so", here)
			i.Help = "drop the comparison"
			return
		case got[k] == "string" && (got[other] == "number" || got[other] == "integer") && args[other].Kind() == ast.LiteralKind:
			from, to := j.tree.span(args[other])
			i.Fix = &Fix{Start: from, End: to, Text: quote(j.tree.text(from, to))}
			i.Help = "write " + i.Fix.Text
		case got[k] == "string" && convertible(got[other]):
			i.Fix = j.readAs(args[k], got[other])
			i.Help = "write " + i.Fix.Text
		}
	}
}

func spanStart(t *tree, e ast.Expr) int { start, _ := t.span(e); return start }
func spanEnd(t *tree, e ast.Expr) int   { _, end := t.span(e); return end }

// explainCall is about functions: called the wrong way round, with too few or
// too many arguments, or with wrong types.
func (j *job) explainCall(i *Issue, node ast.Expr, name string, got []string) {
	call := j.tree.written(node).AsCall()
	if fix := j.globalCall(node, name); fix != nil {
		i.Message = fmt.Sprintf("%s is called with its argument inside: %s(…)", name, name)
		i.Help, i.Fix = "write "+fix.Text, fix
		return
	}
	forms, counts, members := j.signatures(name)
	n := len(call.Args())
	i.Help = "it is " + strings.Join(forms, " or ")
	if !call.IsMemberFunction() && members && len(call.Args()) > 0 && !slices.Contains(counts, -1) {
		i.Message = fmt.Sprintf("%s is called after a dot", name)
		i.Help = fmt.Sprintf("write %s.%s(…)", j.tree.textOf(call.Args()[0]), name)
		start, end := j.tree.span(node)
		var rest []string
		for _, arg := range call.Args()[1:] {
			rest = append(rest, j.tree.textOf(arg))
		}
		i.Fix = &Fix{Start: start, End: end, Text: j.tree.textOf(call.Args()[0]) + "." + name + "(" + strings.Join(rest, ", ") + ")"}
		return
	}
	if !slices.Contains(counts, n) {
		i.Message = fmt.Sprintf("%s does not take %d %s", name, n, plural(n, "argument"))
		return
	}
	kinds := make([]string, 0, len(got))
	for _, kind := range got {
		kinds = append(kinds, article(kind))
	}
	i.Message = fmt.Sprintf("%s does not take %s", name, strings.Join(kinds, " and "))
	if len(got) == 1 && call.Args() != nil && slices.Contains([]string{"lower", "upper", "trim", "digits", "titleCase", "truncate"}, name) && convertible(got[0]) {
		start, end := j.tree.span(call.Args()[0])
		i.Help += "\nmake text of it with text(…)"
		i.Fix = &Fix{Start: start, End: end, Text: "text(" + j.tree.text(start, end) + ")"}
	}
}

func plural(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}

// signatures returns how a function may be called, with how many arguments in
// its parentheses, and whether it is called after a dot.
func (j *job) signatures(name string) (forms []string, counts []int, members bool) {
	if f := j.env.compiler.ours[name]; f != nil {
		for _, o := range f.overloads {
			counts = append(counts, len(o.args))
		}
		return f.signatures(), counts, false
	}
	declared := j.env.cel.Functions()[name]
	if declared == nil {
		return nil, nil, false
	}
	for _, o := range declared.OverloadDecls() {
		var kinds []string
		for _, t := range o.ArgTypes() {
			kinds = append(kinds, typeText(t))
		}
		form := name + "(" + strings.Join(kinds, ", ") + ")"
		n := len(kinds)
		if o.IsMemberFunction() {
			members = true
			n--
			form = kinds[0] + "." + name + "(" + strings.Join(kinds[1:], ", ") + ")"
		}
		if counts = append(counts, n); !slices.Contains(forms, form) && len(forms) < 4 {
			forms = append(forms, form)
		}
	}
	return forms, counts, members
}
