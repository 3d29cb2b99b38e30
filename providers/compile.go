package providers

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"crmsync"
	"crmsync/dsl/document"
	"crmsync/dsl/expr"
)

// The code of mistakes that only provider files can have.
const (
	codeProvider = "CM501"
	ruleProvider = "provider-file"
)

// compiler turns a description that has passed the schema into a Provider, and
// collects what is wrong with it.
type compiler struct {
	cel   *expr.Compiler
	found document.Diagnostics
}

func (c *compiler) provider(root *document.Node) *Provider {
	p := &Provider{name: textOf(root.Get("provider")), root: textOf(root.Get("root"))}
	p.base = textOf(root.Get("base_url")) + p.root
	p.auth = c.auth(root.Get("auth"))
	p.objects = objectsOf(root.Get("objects"))
	p.values = valuesOf(root.Get("values"))
	p.errors = errorPaths{
		code:    c.selectors(root.Get("error").Get("code"), envAnswer),
		message: c.selectors(root.Get("error").Get("message"), envAnswer),
		field:   c.selectors(root.Get("error").Get("field"), envAnswer),
	}
	for _, n := range root.Get("classify").Items() {
		p.rules = append(p.rules, c.rule(n))
	}
	c.waits(p, root.Get("waits"))
	facts := root.Get("facts")
	p.maxInflight, p.searchLag = c.duration(facts.Get("max_inflight")), c.duration(facts.Get("search_lag"))
	p.parallel = intOf(facts.Get("parallel"))
	c.operations(p, root)
	c.budgets(p, root)
	c.plans(p, root)
	return p
}

// auth returns the headers that carry the credential.
func (c *compiler) auth(n *document.Node) []header {
	given := n.Get("headers")
	if given == nil {
		return []header{{"Authorization", text{{text: "Bearer "}, {slot: slotCredential}}}}
	}
	headers := c.headers(given, setOf(slotCredential))
	if !slices.ContainsFunc(headers, func(h header) bool { return h.value.uses().has(slotCredential) }) {
		c.report(given, given.KeyRange(), "no header carries the credential", "write {credential} where the token goes")
	}
	return headers
}

func (c *compiler) headers(n *document.Node, allowed slots) []header {
	var headers []header
	for _, name := range n.Keys() {
		headers = append(headers, header{name, c.text(n.Get(name), allowed)})
	}
	return headers
}

func (c *compiler) params(n *document.Node, allowed slots) []param {
	var params []param
	for _, name := range n.Keys() {
		params = append(params, param{url.QueryEscape(name), c.text(n.Get(name), allowed)})
	}
	return params
}

func objectsOf(n *document.Node) map[string]object {
	objects := map[string]object{}
	for _, name := range n.Keys() {
		o := object{path: textOf(n.Get(name).Get("path"))}
		for _, field := range n.Get(name).Get("no_upsert_by").Items() {
			o.noUpsertBy = append(o.noUpsertBy, textOf(field))
		}
		objects[name] = o
	}
	return objects
}

func valuesOf(n *document.Node) values {
	return values{
		null:        jsonOf(n.Get("null"), "null"),
		booleanText: textOf(n.Get("boolean")) == "text",
		numberText:  textOf(n.Get("number")) == "text",
		list:        string(appendEscaped(nil, textOf(n.Get("list")))),
		flat:        textOf(n.Get("object")) == "refuse",
	}
}

func (c *compiler) waits(p *Provider, n *document.Node) {
	p.maxWait = waitCap
	if n == nil {
		return
	}
	p.maxWait = c.duration(n.Get("max"))
	for _, item := range n.Get("hints").Items() {
		p.hints = append(p.hints, hint{c.selector(item.Get("value"), envAnswer), textOf(item.Get("format"))})
	}
}

// rule compiles a rule of classify, or what stands for a call that is absent.
func (c *compiler) rule(n *document.Node) rule {
	kind, _ := crmsync.ParseKind(textOf(n.Get("kind")))
	r := rule{
		when: c.program(n.Get("when"), envRule, expr.Bool),
		kind: kind, gone: n.Get("already_gone") != nil, code: textOf(n.Get("code")),
		existingID: c.selectors(n.Get("existing_id"), envRule),
		after:      c.duration(n.Get("after")), midnight: n.Get("until") != nil, atMost: c.duration(n.Get("at_most")),
	}
	c.contradictions(n, r)
	return r
}

// contradictions reports words of a rule that would have no effect.
func (c *compiler) contradictions(n *document.Node, r rule) {
	waits := r.kind == crmsync.Throttled || r.kind == crmsync.Quota || r.kind == crmsync.Transient
	for key, reason := range map[string]string{
		"existing_id": when(r.gone || r.kind != crmsync.Conflict, "only a conflict has an existing object"),
		"after":       when(r.gone || !waits, "only what is throttled, over quota or transient waits"),
		"until":       when(r.gone || !waits, "only what is throttled, over quota or transient waits"),
		"code":        when(r.gone, "success has no code"),
		"kind":        when(r.gone, "already_gone stands beside it, which is success"),
		"at_most":     when(!r.midnight, "it shortens until, which is not there"),
	} {
		if at := n.Get(key); at != nil && reason != "" {
			c.report(at, at.KeyRange(), key+" has no effect: "+reason, "take it out")
		}
	}
	if at := n.Get("after"); at != nil && r.midnight {
		c.report(at, at.KeyRange(), "after has no effect: until stands beside it", "keep one of them")
	}
}

func when(holds bool, reason string) string {
	if !holds {
		return ""
	}
	return reason
}

// report adds an error at a place.
func (c *compiler) report(n *document.Node, r document.Range, message, help string) {
	c.found = append(c.found, n.Report(document.Error, codeProvider, ruleProvider, r, message, help))
}

func (c *compiler) templateFault(n *document.Node, f *templateFault) {
	switch {
	case f.key:
		c.report(n, n.KeyRange(), f.message, "")
	case f.end == 0:
		c.report(n, n.Range(), f.message, "")
	default:
		c.report(n, n.Sub(f.start, f.end), f.message, "")
	}
}

// text compiles a template of plain text.
func (c *compiler) text(n *document.Node, allowed slots) text {
	t, fault := parseText(textOf(n), allowed)
	if fault == nil {
		return t
	}
	help := "slots here: " + strings.Join(allowed.names(), ", ")
	c.report(n, n.Sub(fault.start, fault.end), fault.message, help)
	return nil
}

func (c *compiler) duration(n *document.Node) time.Duration {
	if n == nil {
		return 0
	}
	d, err := time.ParseDuration(textOf(n))
	if err != nil || d > waitCap {
		c.report(n, n.Range(), "duration is out of range", "give a year at most, such as 10s or 24h")
	}
	return d
}

func textOf(n *document.Node) string {
	s, _ := n.Text()
	return s
}

func intOf(n *document.Node) int {
	i, _ := n.Value().(int64)
	return int(i)
}

func statusesOf(n *document.Node) []int {
	var statuses []int
	for _, item := range n.Items() {
		statuses = append(statuses, intOf(item))
	}
	return statuses
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
