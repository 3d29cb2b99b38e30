package providers

import (
	"strings"

	"crmsync"
	"crmsync/dsl/document"
	"crmsync/dsl/expr"
)

// environment is what an expression may read, by where it stands.
type environment uint8

const (
	envAnswer environment = iota
	envRule
	envCost
)

// variables of the environments.
var variables = [...][]expr.Variable{
	envAnswer: answerVariables,
	envRule:   append(answerVariables[:len(answerVariables):len(answerVariables)], expr.Variable{Name: "code", Type: expr.String}, expr.Variable{Name: "message", Type: expr.String}),
	envCost:   {{Name: "n", Type: expr.Int}, {Name: "op", Type: expr.String}},
}

var answerVariables = []expr.Variable{
	{Name: "status", Type: expr.Int}, {Name: "headers", Type: expr.Map}, {Name: "body", Type: expr.Dyn},
	{Name: "item", Type: expr.Dyn}, {Name: "error", Type: expr.Dyn}, {Name: "op", Type: expr.String},
	{Name: "match_field", Type: expr.String},
}

// program compiles an expression. It returns nil when that failed, and has
// reported why.
func (c *compiler) program(n *document.Node, where environment, want ...expr.Type) *expr.Program {
	env, err := c.cel.Env(variables[where]...)
	if err != nil {
		c.report(n, n.Range(), err.Error(), "")
		return nil
	}
	p, issues := env.Compile(textOf(n), expr.CompileOptions{Want: want, Constant: true})
	for _, issue := range issues {
		c.issue(n, issue)
	}
	return p
}

// issue places what is wrong with an expression in the file.
func (c *compiler) issue(n *document.Node, issue expr.Issue) {
	severity := document.Error
	if issue.Warning {
		severity = document.Warning
	}
	d := n.Report(severity, issue.Code, "", n.Sub(issue.Start, issue.End), issue.Message, issue.Help)
	if issue.Fix != nil {
		d.Fix = &document.Fix{Range: n.Sub(issue.Fix.Start, issue.Fix.End), Text: issue.Fix.Text}
	}
	c.found = append(c.found, d)
}

// selector compiles what takes a value out of an answer. A plain path is
// compiled too, so that its mistakes are told, but it runs without CEL.
func (c *compiler) selector(n *document.Node, where environment, want ...expr.Type) selector {
	if n == nil {
		return selector{}
	}
	p := c.program(n, where, want...)
	if s, ok := parsePath(textOf(n)); ok {
		return s
	}
	return selector{program: p}
}

func (c *compiler) selectors(n *document.Node, where environment) []selector {
	var list []selector
	for _, item := range n.Items() {
		list = append(list, c.selector(item, where))
	}
	return list
}

func (c *compiler) optional(n *document.Node, want ...expr.Type) *selector {
	if n == nil {
		return nil
	}
	s := c.selector(n, envAnswer, want...)
	return &s
}

// path compiles a selector that must be a plain path from the answer's body.
func (c *compiler) path(n *document.Node) *selector {
	if n == nil {
		return nil
	}
	s, ok := parsePath(textOf(n))
	if !ok || s.root != rootBody {
		c.report(n, n.Range(), "not a path from body", "write a path such as body.results")
		return nil
	}
	return &s
}

// budgets compiles the budgets, in the order of the file.
func (c *compiler) budgets(p *Provider, root *document.Node) {
	list := root.Get("budgets")
	for _, name := range list.Keys() {
		n := list.Get(name)
		read := n.Get("read")
		b := budget{
			name: name, window: c.duration(n.Get("window")), limitHeader: textOf(read.Get("limit")),
			remainingHeader: textOf(read.Get("remaining")), windowHeader: textOf(read.Get("window_ms")),
		}
		if b.window <= 0 {
			c.report(n, n.Get("window").Range(), "window is empty", "give the time that a plan's limit lasts")
		}
		c.costs(p, &b, n.Get("cost"))
		p.budgets = append(p.budgets, b)
	}
}

// costs computes a budget's cost for every size that a request can have, so
// that none is computed later. No calls are no request.
func (c *compiler) costs(p *Provider, b *budget, n *document.Node) {
	cost := c.cost(n)
	for _, o := range p.operations {
		if o == nil {
			continue
		}
		b.costs[o.op] = make([]int64, o.items+1)
		for calls := 1; calls <= o.items; calls++ {
			units, ok := cost(o.op, calls)
			if !ok {
				c.report(n, n.Range(), "cost is no count for "+o.op.String(), "an expression must give a whole number, 0 or more, for every n")
				return
			}
			b.costs[o.op][calls] = units
		}
	}
}

// cost returns what a request costs, by the calls in it; ok is false where the
// expression gives no count.
func (c *compiler) cost(n *document.Node) func(op crmsync.Operation, calls int) (cost int64, ok bool) {
	constant := int64(1)
	if n != nil {
		constant = int64(intOf(n))
	}
	if n.Kind() != document.String {
		return func(crmsync.Operation, int) (int64, bool) { return constant, true }
	}
	p := c.program(n, envCost, expr.Int)
	if p == nil { // reported
		return func(crmsync.Operation, int) (int64, bool) { return 1, true }
	}
	scope := &expr.Scope{}
	return func(op crmsync.Operation, calls int) (int64, bool) {
		scope.Set("n", calls)
		scope.Set("op", op.String())
		value, err := p.Eval(scope)
		units, ok := value.Int()
		return units, err == nil && ok && units >= 0
	}
}

func (c *compiler) plans(p *Provider, root *document.Node) {
	list, known := root.Get("plans"), root.Get("budgets").Keys()
	p.plans = map[string]map[string]int64{}
	for _, plan := range list.Keys() {
		limits := list.Get(plan)
		p.plans[plan] = map[string]int64{}
		for _, name := range limits.Keys() {
			at := limits.Get(name)
			if root.Get("budgets").Get(name) == nil {
				c.unknown(at, at.KeyRange(), "budget", name, known)
			}
			p.plans[plan][name] = int64(intOf(at))
		}
	}
	at := root.Get("default_plan")
	p.defaultPlan = textOf(at)
	if list.Get(p.defaultPlan) == nil {
		c.unknown(at, at.Range(), "plan", p.defaultPlan, list.Keys())
	}
}

// unknown reports a name that stands for nothing.
func (c *compiler) unknown(n *document.Node, r document.Range, what, name string, known []string) {
	help := "known: " + strings.Join(known, ", ")
	if near := document.Suggest(name, known); near != "" {
		help = "did you mean \"" + near + "\"?"
	}
	c.report(n, r, "unknown "+what+" \""+name+"\"", help)
}
