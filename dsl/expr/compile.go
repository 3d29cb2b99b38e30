package expr

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
)

// The caps on an expression.
const (
	maxText        = 4096    // code points; bytes are counted before, against 4 times as many
	maxBrackets    = 32      // depth of brackets
	recursionLimit = 60      // of cel-go's parser
	maxNodes       = 5000    // after macros are expanded
	maxLoops       = 2       // comprehensions inside each other, and cel.bind inside each other
	maxRegexSize   = 2000    // instructions of a regular expression's program
	maxCost        = 100_000 // in CEL's units, static and at run time
	freeCost       = 20_000  // static cost up to which a straight expression runs unwatched
)

// CompileOptions say what the place of an expression asks of it.
type CompileOptions struct {
	// Want are the types that the result may have; empty: any. Null and missing
	// are always allowed, and so is a type known only at run time. Where Double
	// is wanted an Int is fine.
	Want []Type
	// Guard says that the expression is a condition: one that is always true or
	// always false is CM213.
	Guard bool
	// Constant allows an expression that reads nothing. Otherwise CM212 warns,
	// because a constant in YAML needs no CEL. A bare literal is never CM212.
	Constant bool
}

// optionKey is CompileOptions as part of a map's key.
type optionKey struct {
	want            uint32 // a bit per Type
	guard, constant bool
}

func (o CompileOptions) key() optionKey {
	k := optionKey{guard: o.Guard, constant: o.Constant}
	for _, t := range o.Want {
		k.want |= 1 << t
	}
	return k
}

// Compile checks the text and returns its program, or nil when an issue is not
// a warning. All faults are told in one run, sorted by Start, one issue for one
// mistake. The same text under the same Env is compiled once.
func (e *Env) Compile(text string, opt CompileOptions) (*Program, []Issue) {
	key := programKey{env: e, text: text, opts: opt.key()}
	c := e.compiler
	c.mu.Lock()
	done, known := c.programs[key]
	c.mu.Unlock()
	if !known {
		done = e.compile(text, opt)
		c.mu.Lock()
		if len(c.programs) >= programsKept {
			clear(c.programs)
		}
		c.programs[key] = done
		c.mu.Unlock()
	}
	return done.program, slices.Clone(done.issues)
}

// compile is Compile without the cache.
func (e *Env) compile(text string, opt CompileOptions) compiled {
	j := &job{env: e, opt: opt}
	if len(text) > 4*maxText || len([]rune(text)) > maxText {
		j.report(Issue{Code: "CM209", End: 1, Message: fmt.Sprintf("the expression is longer than %d characters", maxText), Help: "split it into several fields or vars"})
		return j.done(nil)
	}
	if !utf8.ValidString(text) {
		j.report(Issue{Code: "CM204", End: len([]rune(text)), Message: "the expression is not UTF-8", Help: "save the file as UTF-8"})
		return j.done(nil)
	}
	if strings.TrimSpace(text) == "" {
		j.report(emptyText(lex(text)))
		return j.done(nil)
	}
	s := lex(text)
	if s.depth > maxBrackets {
		j.report(Issue{Code: "CM209", End: len(s.runes), Message: fmt.Sprintf("the expression has more than %d brackets inside each other", maxBrackets), Help: "split it into several fields or vars"})
		return j.done(nil)
	}
	parsed := j.parse(s, text)
	if parsed == nil {
		return j.done(nil)
	}
	j.checkForm()
	checked := j.check(parsed)
	if checked == nil || j.failed() {
		return j.done(nil)
	}
	return j.done(j.finish(checked))
}

// job is one compilation.
type job struct {
	env    *Env
	opt    CompileOptions
	tree   *tree
	issues []Issue
}

func (j *job) report(i Issue) {
	for _, other := range j.issues {
		if other.Start == i.Start && other.End == i.End && other.Code == i.Code {
			return // a macro has its arguments in several places
		}
	}
	j.issues = append(j.issues, i)
}

func (j *job) failed() bool {
	return slices.ContainsFunc(j.issues, func(i Issue) bool { return !i.Warning })
}

// done sorts the issues; a program with a fault is none.
func (j *job) done(p *Program) compiled {
	slices.SortStableFunc(j.issues, func(a, b Issue) int { return a.Start - b.Start })
	if j.failed() {
		p = nil
	}
	return compiled{program: p, issues: j.issues}
}

// parse returns nil after reporting a fault of the syntax.
func (j *job) parse(s *source, text string) *cel.Ast {
	parsed, issues := j.env.cel.Parse(text)
	if issues.Err() != nil {
		j.report(explainSyntax(s, issues.Errors()))
		return nil
	}
	j.tree = newTree(s, parsed.NativeRep())
	return parsed
}

// check returns nil after reporting the faults of types.
func (j *job) check(parsed *cel.Ast) *cel.Ast {
	if j.failed() && hasStruct(j.tree) {
		return nil // cel-go would only repeat that there is no such type
	}
	checked, issues := j.env.cel.Check(parsed)
	if issues.Err() == nil {
		return checked
	}
	failed := map[int64]bool{}
	for _, err := range issues.Errors() {
		failed[err.ExprID] = true
	}
	for _, err := range issues.Errors() {
		if !j.follows(err.ExprID, failed) {
			j.report(j.explain(err))
		}
	}
	return nil
}

// follows tells a method whose target has a fault of its own: of an unknown x,
// x.f() is no second mistake.
func (j *job) follows(id int64, failed map[int64]bool) bool {
	e := j.tree.nodes[id]
	return e != nil && e.Kind() == ast.CallKind && e.AsCall().IsMemberFunction() && failed[e.AsCall().Target().ID()]
}

func hasStruct(t *tree) bool {
	for _, e := range t.nodes {
		if e.Kind() == ast.StructKind {
			return true
		}
	}
	return false
}

// finish runs the checks that need types, and plans the program.
func (j *job) finish(checked *cel.Ast) *Program {
	a := checked.NativeRep()
	j.tree.ast = a // with types
	p := &Program{env: j.env, tree: j.tree, ast: a}
	p.result, p.nullable = j.resultType(a.Expr())
	p.fields, p.names = reads(a)
	j.checkAlike()
	j.checkWant(p.result)
	j.checkNulls()
	j.checkConstant(p)
	j.checkGuards()
	p.cost = j.checkCost(checked)
	if j.failed() {
		return nil
	}
	if err := p.plan(); err != nil {
		j.report(Issue{Code: "CM203", End: len(j.tree.runes), Message: "the expression cannot be planned", Help: "write it in another way"})
		return nil
	}
	return p
}

// checkCost refuses what could cost too much, and returns the greatest cost.
func (j *job) checkCost(checked *cel.Ast) uint64 {
	estimate, err := j.env.cel.EstimateCost(checked, estimator{env: j.env})
	if err != nil {
		estimate.Max = math.MaxUint64
	}
	if estimate.Max > maxCost && !slices.ContainsFunc(j.issues, func(i Issue) bool { return i.Code == "CM208" || i.Code == "CM209" }) {
		start, end := j.tree.span(j.tree.ast.Expr())
		j.report(Issue{
			Code: "CM208", Start: start, End: end,
			Message: fmt.Sprintf("this can cost %s, more than the limit of %d", costText(estimate.Max), maxCost),
			Help:    "make loops over fewer items, or do without one; a maxItems or maxLength in the record's schema lowers the cost",
		})
	}
	return estimate.Max
}

func costText(cost uint64) string {
	if cost == math.MaxUint64 {
		return "without bound"
	}
	return fmt.Sprint(cost)
}
