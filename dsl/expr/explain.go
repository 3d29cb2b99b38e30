package expr

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// explain turns a fault of cel-go's type checker into an issue in our words.
func (j *job) explain(err *cel.Error) Issue {
	node := j.tree.nodes[err.ExprID]
	switch m := err.Message; {
	case node == nil:
		return j.unknown(err)
	case strings.HasPrefix(m, "undefined field "):
		return j.explainField(node, between(m, "'", "'"))
	case strings.HasPrefix(m, "undeclared reference to "):
		return j.explainName(node, between(m, "'", "'"))
	case strings.HasPrefix(m, "found no matching overload for "):
		return j.explainTypes(node, m)
	case strings.HasPrefix(m, "expected type "):
		parts := strings.Split(m, "'")
		start, end := j.tree.span(node)
		return Issue{Code: "CM203", Start: start, End: end, Message: fmt.Sprintf("%s is wanted here, not %s", article(plainType(parts[1])), article(plainType(parts[3])))}
	case strings.HasSuffix(m, "does not support field selection"):
		start, end := j.tree.point(node)
		return Issue{Code: "CM203", Start: start, End: end, Message: fmt.Sprintf("%s has no fields", article(plainType(between(m, "'", "'"))))}
	case strings.Contains(m, "cannot be range of a comprehension"):
		start, end := j.tree.span(node)
		return Issue{Code: "CM203", Start: start, End: end, Message: fmt.Sprintf("%s has no items to go through, only a list or a map has", article(plainType(between(m, "'", "'"))))}
	}
	return j.unknown(err)
}

func (j *job) unknown(err *cel.Error) Issue {
	at := j.tree.find(j.tree.source.offset(err.Location.Line(), err.Location.Column()))
	t := j.tree.token(at)
	return Issue{Code: "CM203", Start: t.start, End: max(t.end, t.start), Message: "the types do not fit together here: " + strings.ReplaceAll(err.Message, "'", "\"")}
}

func between(s, open, end string) string {
	_, rest, _ := strings.Cut(s, open)
	inside, _, _ := strings.Cut(rest, end)
	return inside
}

// explainField says what a field could have been meant.
func (j *job) explainField(node ast.Expr, name string) Issue {
	start, end := j.tree.point(node)
	if node.Kind() == ast.CallKind { // a.?b
		at, _ := j.tree.offset(node.AsCall().Args()[1].ID())
		t := j.tree.token(j.tree.find(at))
		start, end = t.start, t.end
	}
	i := Issue{Code: "CM201", Start: start, End: end, Message: fmt.Sprintf("there is no field %q here", name)}
	o := j.objectOf(operand(node))
	if o == nil {
		return i
	}
	i.Message = fmt.Sprintf("%s has no field %q", o.title, name)
	near := suggest(name, o.names)
	i.Help = didYouMean(near, "fields", o.names)
	if near != "" {
		i.Fix = &Fix{Start: start, End: end, Text: near}
	}
	if o.title == "event" && near == "" {
		i.Help = "event is the envelope; the data is in record\n" + i.Help
	}
	return i
}

func operand(e ast.Expr) ast.Expr {
	switch e.Kind() {
	case ast.SelectKind:
		return e.AsSelect().Operand()
	case ast.CallKind:
		if args := e.AsCall().Args(); len(args) > 0 {
			return args[0]
		}
	}
	return e
}

// objectOf returns the object type of a node in an expression that failed its
// check; nil if it is none, or not known.
func (j *job) objectOf(e ast.Expr) *objectType {
	t := j.typeIn(e)
	if t == nil {
		return nil
	}
	return j.env.types.objects[t.TypeName()]
}

// typeIn works a type out from the variables, as far as names and items lead.
func (j *job) typeIn(e ast.Expr) *types.Type {
	switch e.Kind() {
	case ast.IdentKind:
		if t := j.env.variables[e.AsIdent()]; t != nil {
			return t
		}
		return j.itemType(e)
	case ast.SelectKind:
		if o := j.objectOf(e.AsSelect().Operand()); o != nil {
			if ft := o.fields[e.AsSelect().FieldName()]; ft != nil {
				return ft.Type
			}
		}
	case ast.CallKind:
		if call := e.AsCall(); call.FunctionName() == "_[_]" {
			if t := j.typeIn(call.Args()[0]); t != nil && t.Kind() == types.ListKind {
				return t.Parameters()[0]
			}
		}
	}
	return nil
}

// itemType returns the type of a loop's variable: that of the items of the list
// that the nearest macro around e is called on.
func (j *job) itemType(e ast.Expr) *types.Type {
	for id := j.tree.up[e.ID()]; id != 0; id = j.tree.up[id] {
		around := j.tree.nodes[id]
		if around == nil || around.Kind() != ast.ComprehensionKind || around.AsComprehension().IterVar() != e.AsIdent() {
			continue
		}
		if t := j.typeIn(around.AsComprehension().IterRange()); t != nil && t.Kind() == types.ListKind {
			return t.Parameters()[0]
		}
	}
	return nil
}

// namespaces are what library functions are called on: math.abs(x).
func namespaces() []string {
	return []string{"base64", "cel", "lists", "math", "optional", "regex", "sets", "strings"}
}

// explainName says what an unknown name could have been meant.
func (j *job) explainName(node ast.Expr, name string) Issue {
	start, end := j.tree.point(node)
	i := Issue{Code: "CM202", Start: start, End: end}
	if node.Kind() == ast.CallKind {
		return j.explainFunction(node, name, i)
	}
	if parent := j.tree.nodes[j.tree.up[node.ID()]]; parent != nil && parent.Kind() == ast.CallKind && parent.AsCall().IsMemberFunction() &&
		parent.AsCall().Target().ID() == node.ID() && slices.Contains(namespaces(), name) {
		i.Start, _ = j.tree.point(node)
		_, i.End = j.tree.point(parent)
		return j.explainFunction(parent, name+"."+parent.AsCall().FunctionName(), i)
	}
	i.Message = fmt.Sprintf("there is no variable %q", name)
	if j.isKey(node) {
		i.Message, i.Help = fmt.Sprintf("the key %s of a map must be in quotes", name), "write "+quote(name)
		i.Fix = &Fix{Start: start, End: end, Text: quote(name)}
		return i
	}
	if j.env.record != nil {
		if near := suggest(name, j.env.record.names()); near != "" && (strings.EqualFold(near, name) || suggest(name, j.env.names) == "") {
			i.Help = fmt.Sprintf("did you mean record.%s?", near)
			i.Fix = &Fix{Start: start, End: end, Text: "record." + near}
			return i
		}
	}
	near := suggest(name, j.env.names)
	i.Help = didYouMean(near, "in scope", j.env.names)
	switch {
	case near != "":
		i.Fix = &Fix{Start: start, End: end, Text: near}
	case slices.Contains(j.functionNames(), name):
		i.Message = fmt.Sprintf("%s is a function, it needs parentheses", name)
		i.Help = fmt.Sprintf("write %s(…)", name)
	default:
		i.Help = "a text goes in quotes\n" + i.Help
	}
	return i
}

// isKey tells whether a name stands as a key of a map that is written out.
func (j *job) isKey(node ast.Expr) bool {
	parent := j.tree.nodes[j.tree.up[node.ID()]]
	return parent != nil && parent.Kind() == ast.MapKind && slices.ContainsFunc(parent.AsMap().Entries(), func(e ast.EntryExpr) bool {
		return e.AsMapEntry().Key().ID() == node.ID()
	})
}

func (j *job) explainFunction(node ast.Expr, name string, i Issue) Issue {
	i.Message = fmt.Sprintf("there is no function %q", name)
	near := suggest(name, j.functionNames())
	i.Help = "list them with: crmsync mappings functions"
	if near != "" {
		i.Help = fmt.Sprintf("did you mean %q?", near)
		i.Fix = &Fix{Start: i.Start, End: i.End, Text: near}
		if fix := j.globalCall(node, near); fix != nil {
			i.Fix = fix
		}
	}
	return i
}

// globalCall rewrites x.f(…) as f(x, …) where f is one of our functions.
func (j *job) globalCall(node ast.Expr, name string) *Fix {
	if call := j.tree.written(node).AsCall(); j.env.compiler.ours[name] != nil && call.IsMemberFunction() {
		parts := []string{j.tree.textOf(call.Target())}
		for _, arg := range call.Args() {
			parts = append(parts, j.tree.textOf(arg))
		}
		start, end := j.tree.span(node)
		return &Fix{Start: start, End: end, Text: name + "(" + strings.Join(parts, ", ") + ")"}
	}
	return nil
}

// functionNames returns what can be called by name, ours and the libraries'.
func (j *job) functionNames() []string {
	var names []string
	for name := range maps.Keys(j.env.cel.Functions()) {
		if !strings.ContainsAny(name, "@_!-") || isIdent(name) && name[0] != '_' {
			names = append(names, name)
		}
	}
	names = append(names, "has", "all", "exists", "map", "filter", "math.greatest", "math.least", "cel.bind")
	slices.Sort(names)
	return names
}

// plainType translates a type as cel-go writes it.
func plainType(t string) string {
	t = strings.TrimSpace(t)
	if inside, ok := strings.CutPrefix(t, "wrapper("); ok {
		return plainType(strings.TrimSuffix(inside, ")"))
	}
	switch {
	case strings.HasPrefix(t, "list("):
		return "list"
	case strings.HasPrefix(t, "map("):
		return "map"
	case strings.HasPrefix(t, "@"):
		return "object"
	case strings.HasPrefix(t, "optional_type("):
		return "optional"
	}
	known := map[string]string{
		"bool": "boolean", "int": "integer", "uint": "integer", "double": "number", "null": "null", "dyn": "any value",
		"google.protobuf.Timestamp": "timestamp", "google.protobuf.Duration": "duration", "null_type": "null",
	}
	if name := known[t]; name != "" {
		return name
	}
	return t
}

var signaturePattern = regexp.MustCompile(`applied to '(.*)'$`)

// argumentTypes reads the types that cel-go says a call has, the target's first.
func argumentTypes(message string) []string {
	m := signaturePattern.FindStringSubmatch(message)
	if m == nil {
		return nil
	}
	signature := m[1]
	var all []string
	if target, rest, member := cutTarget(signature); member {
		all, signature = append(all, plainType(target)), rest
	}
	depth, from := 0, 1
	for k, r := range signature {
		switch r {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		}
		if (r == ',' && depth == 1) || (k == len(signature)-1 && k > 1) {
			all = append(all, plainType(signature[from:k]))
			from = k + 1
		}
	}
	return all
}

// cutTarget splits "string.(int)".
func cutTarget(signature string) (target, rest string, member bool) {
	at := strings.LastIndex(signature, ".(")
	if at < 0 {
		return "", signature, false
	}
	return signature[:at], signature[at+1:], true
}
