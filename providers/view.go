package providers

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/valyala/fastjson"

	"crmsync"
	"crmsync/dsl/expr"
)

// view is what selectors and rules see of an answer: the whole body and one
// entry of it. It is scratch memory of one request.
type view struct {
	status     int
	header     http.Header
	operation  crmsync.Operation
	matchField string
	sent       []crmsync.Call
	roots      [3]*fastjson.Value // by root; nil: there is none
	code       string             // of the failure
	message    string

	scope   expr.Scope
	bound   bool // the scope holds what stays the same for an answer
	current [3]*fastjson.Value
	scratch []byte
}

// reset makes the view ready for an answer. body is nil when it is no JSON.
func (v *view) reset(status int, header http.Header, body *fastjson.Value) {
	v.status, v.header = status, header
	v.roots = [3]*fastjson.Value{rootBody: body, rootItem: body, rootError: body}
	v.bound, v.current = false, [3]*fastjson.Value{}
	v.code, v.message = "", ""
}

// forget lets go of the answer and of the batch.
func (v *view) forget() {
	v.reset(0, nil, nil)
	v.matchField, v.sent = "", nil
	v.scope.Clear()
}

// eval computes a program over the view. What fails gives a missing value.
func (v *view) eval(p *expr.Program) expr.Value {
	v.bind()
	value, err := p.Eval(&v.scope)
	if err != nil {
		return expr.Value{}
	}
	return value
}

// bind gives the scope what has changed since it was last used.
func (v *view) bind() {
	if !v.bound {
		v.bound = true
		v.scope.Set("status", v.status)
		v.scope.Set("headers", headersOf(v.header))
		v.scope.Set("op", v.operation.String())
		v.scope.Set("match_field", v.matchField)
		v.set("body", rootBody)
	}
	v.scope.Set("code", v.code)
	v.scope.Set("message", v.message)
	v.set("item", rootItem)
	v.set("error", rootError)
}

// set gives the scope a root, unless it has it.
func (v *view) set(name string, r root) {
	at := v.roots[r]
	if at != nil && at == v.current[r] {
		return
	}
	v.current[r] = at
	v.scratch = append(v.scratch[:0], noFields...)
	if at != nil {
		v.scratch = at.MarshalTo(v.scratch[:0])
	}
	if err := v.scope.SetJSON(name, v.scratch); err != nil {
		v.scope.Set(name, nil)
	}
}

// headersOf returns the headers as expressions know them: names in lower case,
// of several values the first.
func headersOf(header http.Header) map[string]any {
	headers := make(map[string]any, len(header))
	for name, values := range header {
		if len(values) > 0 && utf8.ValidString(values[0]) {
			headers[strings.ToLower(name)] = values[0]
		}
	}
	return headers
}
