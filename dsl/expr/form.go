package expr

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"strings"
	"time"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// checkForm reports what can be seen without types: struct literals, loops
// inside loops, and literals that cannot be read.
func (j *job) checkForm() {
	j.checkLoops(j.tree.ast.Expr(), 0, 0)
	seen := map[int64]bool{}
	walk(j.tree.ast.Expr(), func(e ast.Expr) {
		if seen[e.ID()] {
			return
		}
		seen[e.ID()] = true
		switch e.Kind() {
		case ast.StructKind:
			j.reportStruct(e)
		case ast.CallKind:
			j.checkLiterals(e)
		}
	})
}

// checkLoops bounds how deep comprehensions, and cel.bind, stand inside each
// other: their cost multiplies.
func (j *job) checkLoops(e ast.Expr, loops, binds int) {
	if e.Kind() == ast.ComprehensionKind {
		if c := e.AsComprehension(); c.IterRange().Kind() == ast.ListKind && c.IterRange().AsList().Size() == 0 {
			binds++
		} else {
			loops++
		}
		if loops > maxLoops || binds > maxLoops {
			start, end := j.tree.point(e)
			what := map[bool]string{true: "loops", false: "cel.bind"}[loops > maxLoops]
			j.report(Issue{
				Code: "CM209", Start: start, End: end,
				Message: fmt.Sprintf("more than %d %s inside each other", maxLoops, what),
				Help:    "split the expression into several fields or vars",
			})
			return
		}
	}
	walkParts(e, func(part ast.Expr) { j.checkLoops(part, loops, binds) })
}

// reportStruct refuses Contact{email: x}: it would compile and fail when it runs.
func (j *job) reportStruct(e ast.Expr) {
	name := e.AsStruct().TypeName()
	at, _ := j.tree.offset(e.ID())
	brace := j.tree.find(at)
	for k := brace; k < len(j.tree.tokens); k++ {
		if j.tree.token(k).text == "{" {
			brace = k
			break
		}
	}
	first := brace
	for j.tree.token(first-1).kind == tokenIdent && first > 0 || j.tree.token(first-1).text == "." {
		first--
	}
	start := j.tree.token(first).start
	var entries []string
	for _, f := range e.AsStruct().Fields() {
		entries = append(entries, quote(f.AsStructField().Name())+": "+j.tree.textOf(f.AsStructField().Value()))
	}
	text := "{" + strings.Join(entries, ", ") + "}"
	i := Issue{
		Code: "CM207", Start: start, End: max(start+1, j.tree.token(brace).start),
		Message: fmt.Sprintf("%s{…} makes an object of a type, which a mapping cannot", name), Help: "write a map: " + text,
	}
	if closing := j.tree.token(brace).partner; closing > 0 {
		i.Fix = &Fix{Start: start, End: j.tree.token(closing).end, Text: text}
	}
	j.report(i)
}

// checkLiterals looks at the arguments that a function reads as a small language
// of their own.
func (j *job) checkLiterals(e ast.Expr) {
	call := e.AsCall()
	name, args := call.FunctionName(), call.Args()
	if call.IsMemberFunction() && call.Target().Kind() == ast.IdentKind && call.Target().AsIdent() == "regex" {
		j.checkPattern(args, 1, "regex."+name)
		return
	}
	switch {
	case name == "matches" && call.IsMemberFunction():
		j.checkPattern(args, 0, name)
	case name == "matches":
		j.checkPattern(args, 1, name)
	case name == "timestamp" && len(args) == 1:
		j.checkTimestamp(args[0])
	case name == "duration" && len(args) == 1:
		if text, ok := literalText(args[0]); ok {
			if _, err := time.ParseDuration(text); err != nil {
				j.reportLiteral("CM206", args[0], "is no duration", `write one such as "36h" or "90s"`)
			}
		}
	default:
		j.checkOwn(name, args)
	}
}

func (j *job) checkOwn(name string, args []ast.Expr) {
	f := j.env.compiler.ours[name]
	if f == nil || f.literal == nil {
		return
	}
	code := "CM203"
	if f.group == "dates" {
		code = "CM206"
	}
	for k, arg := range args {
		if text, ok := literalText(arg); ok {
			if problem := f.literal(k, text); problem != "" {
				j.reportLiteral(code, arg, problem, "")
			}
		}
	}
}

func (j *job) reportLiteral(code string, arg ast.Expr, problem, help string) {
	start, end := j.tree.span(arg)
	j.report(Issue{Code: code, Start: start, End: end, Message: j.tree.text(start, end) + " " + problem, Help: help})
}

// checkPattern wants a regular expression that is a literal and compiles. One
// from the data could not be checked before it runs.
func (j *job) checkPattern(args []ast.Expr, at int, name string) {
	if at >= len(args) {
		return
	}
	text, ok := literalText(args[at])
	if !ok {
		if args[at].Kind() != ast.LiteralKind {
			start, end := j.tree.span(args[at])
			j.report(Issue{Code: "CM205", Start: start, End: end, Message: "the pattern of " + name + " must be a literal", Help: `write it in quotes, such as r"^\d+$"`})
		}
		return
	}
	_, err := syntax.Parse(text, syntax.Perl)
	if err == nil {
		if size, err := types.RegexProgramSize(text); err == nil && size > maxRegexSize {
			j.reportLiteral("CM205", args[at], "is too large a regular expression", "use smaller repeat counts")
		}
		return
	}
	problem := "is no regular expression"
	if e, ok := errors.AsType[*syntax.Error](err); ok {
		problem = fmt.Sprintf("is no regular expression: %s: %s", e.Code, e.Expr)
	}
	j.reportLiteral("CM205", args[at], problem, "the syntax is RE2: https://github.com/google/re2/wiki/Syntax")
}

// checkTimestamp wants RFC 3339, and proposes it for forms that are near.
func (j *job) checkTimestamp(arg ast.Expr) {
	text, ok := literalText(arg)
	if !ok {
		return
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil && inRange(t) {
		return
	}
	start, end := j.tree.span(arg)
	i := Issue{Code: "CM206", Start: start, End: end, Message: j.tree.text(start, end) + " is no timestamp", Help: `write one such as "2026-01-31T12:00:00Z"`}
	for _, layout := range [...]string{time.DateOnly, time.DateTime, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil && inRange(t) {
			i.Help = "write " + quote(t.Format(time.RFC3339))
			i.Fix = &Fix{Start: start, End: end, Text: quote(t.Format(time.RFC3339))}
			break
		}
	}
	j.report(i)
}
