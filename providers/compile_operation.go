package providers

import (
	"crmsync"
	"crmsync/dsl/document"
	"crmsync/dsl/expr"
)

// Slots by where a template stands.
const (
	slotsShared slots = 1<<slotObject | 1<<slotMatchField
	slotsSingle slots = slotsShared | 1<<slotMatchValue | 1<<slotID
	slotsCall   slots = slotsSingle | 1<<slotTrace | 1<<slotFields
)

func (c *compiler) operations(p *Provider, root *document.Node) {
	list := root.Get("operations")
	for _, name := range list.Keys() {
		op, _ := crmsync.ParseOperation(name)
		p.operations[op] = c.operation(op, list.Get(name), root.Get("headers"))
	}
}

func (c *compiler) operation(op crmsync.Operation, n, common *document.Node) *operation {
	batch := n.Get("batch")
	o := &operation{op: op, method: textOf(n.Get("method")), items: 1, bytes: answerMax, batched: batch != nil}
	line, body := slotsSingle, slotsCall
	if o.batched {
		o.items, o.bytes = intOf(batch.Get("items")), intOf(batch.Get("bytes"))
		o.separate = textOf(batch.Get("duplicates")) == "separate"
		line, body = slotsShared, slotsShared|setOf(slotCalls)
	}
	o.path = c.text(n.Get("path"), line)
	o.query = c.params(n.Get("query"), line|setOf(slotIDs))
	o.headers = append(c.headers(common, setOf(slotObject)), c.headers(n.Get("headers"), line)...)
	o.body = c.shape(n.Get("body"), body)
	o.call = c.shape(n.Get("call"), slotsCall)
	o.answer = c.answer(op, n.Get("answer"), o.batched)
	c.derive(o)
	c.checkRequest(o, n)
	c.checkAnswer(o, n.Get("answer"))
	return o
}

// derive notes what follows from the templates.
func (c *compiler) derive(o *operation) {
	line := o.path.uses()
	for _, q := range o.query {
		line |= q.value.uses()
	}
	for _, h := range o.headers {
		line |= h.value.uses()
	}
	all := line | o.body.uses() | o.call.uses()
	results := o.answer.results
	byKey := results != nil && results.in != nil && results.align == alignKey
	o.usesIDs = line.has(slotIDs)
	o.needsID = o.op == crmsync.Update || o.op == crmsync.Archive || all.has(slotID)
	o.needsMatch = o.op == crmsync.Upsert || o.op == crmsync.Find || byKey || all.has(slotMatchField) || all.has(slotMatchValue)
	o.sharesField = byKey || o.batched && (line|o.body.uses()).has(slotMatchField)
	o.tail = o.body.tail()
}

// slotRoom is kept free for each slot that follows the calls.
const slotRoom = 1024

// tail returns how many bytes the body may have after its calls.
func (s shape) tail() int {
	size, after := 0, false
	for _, p := range s {
		if after {
			size += len(p.raw) + slotRoom*len(p.value)
		}
		after = after || p.slot == slotCalls
	}
	return size + len("]")
}

// checkRequest reports parts of a request that don't fit together.
func (c *compiler) checkRequest(o *operation, n *document.Node) {
	hasCalls := o.body.uses().has(slotCalls)
	body, call := n.Get("body"), n.Get("call")
	switch {
	case o.batched && body != nil && !hasCalls:
		c.report(body, body.KeyRange(), "body of a batch has no place for its calls", "write {calls} where their list goes")
	case hasCalls && call == nil:
		c.report(body, body.KeyRange(), "{calls} has no form", "add call beside body: the JSON of one call")
	case call != nil && !hasCalls:
		c.report(call, call.KeyRange(), "call has no effect: body has no {calls}", "take it out, or write {calls} in body")
	case o.batched && !hasCalls && !o.usesIDs:
		c.report(n, n.KeyRange(), "request doesn't name its calls", "write {calls} in body or {ids} in query")
	}
}

func (c *compiler) answer(op crmsync.Operation, n *document.Node, batched bool) answer {
	a := answer{done: statusesOf(n.Get("done")), items: statusesOf(n.Get("items"))}
	if r := n.Get("results"); r != nil {
		a.results = &resultList{
			in: c.path(r.Get("in")), align: alignments[textOf(r.Get("align"))], foldCase: r.Get("fold_case").Value() == true,
			name: c.selector(r.Get("name"), envAnswer), ok: c.optional(r.Get("ok"), expr.Bool),
			id: c.selector(r.Get("id"), envAnswer), created: c.optional(r.Get("created"), expr.Bool),
		}
	}
	if e := n.Get("errors"); e != nil {
		a.errors = &errorList{align: alignments[textOf(e.Get("align"))], name: c.selector(e.Get("name"), envAnswer)}
		if in := c.path(e.Get("in")); in != nil {
			a.errors.in = *in
		}
	}
	if absent := n.Get("absent"); absent != nil {
		r := c.rule(absent)
		a.absent = &r
	}
	return a
}

// checkAnswer reports parts of an answer that would have no effect, or that
// leave an operation without what its results must hold.
func (c *compiler) checkAnswer(o *operation, n *document.Node) {
	a := o.answer
	r := n.Get("results")
	switch {
	case len(a.done) == 0 && len(a.items) == 0:
		c.report(n, n.KeyRange(), "no status says that a call was done", "add done or items")
	case len(a.done) > 0 && o.op != crmsync.Update && o.op != crmsync.Archive:
		done := n.Get("done")
		c.report(done, done.KeyRange(), "done brings no id, which "+o.op.String()+" must answer with", "use items and results")
	case len(a.items) > 0 && a.results == nil && a.errors == nil:
		c.report(n, n.Get("items").KeyRange(), "nothing says how items are read", "add results or errors")
	case len(a.items) == 0 && (a.results != nil || a.errors != nil || a.absent != nil):
		c.report(n, n.KeyRange(), "no status brings items", "add items: the statuses whose answer tells of the calls one by one")
	case r != nil && o.batched && r.Get("in") == nil:
		c.report(r, r.KeyRange(), "results of a batch have no list", "add in, such as body.results")
	case r != nil && a.results.in != nil && a.results.align != alignIndex && r.Get("name") == nil:
		c.report(r, r.KeyRange(), "results don't name their calls", "add name, or align: index")
	case r != nil && (r.Get("in") == nil || a.results.align == alignIndex) && (r.Get("name") != nil || r.Get("fold_case") != nil):
		c.report(r, r.KeyRange(), "name and fold_case have no effect on results that go by their place", "take them out, or align by id, key or trace")
	}
	if a.absent != nil && a.absent.gone {
		absent := n.Get("absent")
		c.report(absent, absent.KeyRange(), "a call that the answer doesn't name has not succeeded", "give a kind in place of already_gone")
	}
	c.checkAlign(o, r)
	c.checkAlign(o, n.Get("errors"))
}

// checkAlign reports an alignment by something that the request doesn't send.
func (c *compiler) checkAlign(o *operation, list *document.Node) {
	at := list.Get("align")
	byID := o.op == crmsync.Update || o.op == crmsync.Archive
	switch by := textOf(at); {
	case by == "id" && !byID:
		c.report(at, at.Range(), o.op.String()+" sends no ids to align by", "use key, trace or index")
	case by == "key" && byID:
		c.report(at, at.Range(), o.op.String()+" sends no match values to align by", "use id, trace or index")
	case by == "trace" && !o.call.uses().has(slotTrace):
		c.report(at, at.Range(), "call carries no trace to align by", "write {trace} in call")
	}
}
