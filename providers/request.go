package providers

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"crmsync"
)

// Codes of calls that did not go along with a request.
const (
	codeNoOperation = "no_such_operation"
	codeNoID        = "no_external_id"
	codeNoMatch     = "no_match"
	codeNoUpsertBy  = "no_upsert_by_field"
	codeFull        = "batch_full" // known to the engine: no attempt of the call
	codeTooLarge    = "call_too_large"
	codeSameObject  = "same_object"
	codeOtherField  = "other_match_field"
)

const (
	contentTypeJSON = "application/json"
	userAgent       = "crmsync"
)

// Request is what a batch sends, for people to look at.
type Request struct {
	Method string
	URL    string
	Header http.Header // the credential reads [redacted]
	Body   []byte      // nil: none
}

// Request returns the request that Apply would send for the batch, and one
// result per call: empty for a call that would go along, else with the fault
// that keeps it back. It does no I/O and looks at neither credential nor
// deadline. The request is nil when no call would go along.
func (p *Provider) Request(b crmsync.Batch) (*Request, []crmsync.Result) {
	results := make([]crmsync.Result, len(b.Calls))
	sc := p.borrow()
	defer p.giveBack(sc)
	w := p.prepare(sc, &b, results)
	if w == nil {
		return nil, results
	}
	w.f.credential = crmsync.Secret{}.String()
	return &Request{Method: w.op.method, URL: w.url(), Header: w.header(), Body: slices.Clone(sc.body)}, results
}

// writer writes the request of one batch.
type writer struct {
	p       *Provider
	sc      *scratch
	b       *crmsync.Batch
	op      *operation
	object  object
	results []crmsync.Result
	f       filling
	shared  string // match field of all calls, where the request has room for one
}

// prepare writes the batch's body into the scratch memory and faults into the
// results of the calls that don't go along. It returns nil when nothing is to be
// sent.
func (p *Provider) prepare(sc *scratch, b *crmsync.Batch, results []crmsync.Result) *writer {
	object, known := p.objects[b.Object]
	if !known || int(b.Operation) >= operationCount || p.operations[b.Operation] == nil {
		for i := range results {
			results[i].Fault = &crmsync.Fault{Kind: crmsync.Internal, Code: codeNoOperation}
		}
		return nil
	}
	w := &writer{p: p, sc: sc, b: b, op: p.operations[b.Operation], object: object, results: results}
	w.f.object = object.path
	if len(b.Calls) > 0 {
		w.shared = b.Calls[0].Match.Field
	}
	w.f.matchField = w.shared
	w.write()
	if len(sc.sent) == 0 {
		return nil
	}
	sc.view.operation, sc.view.matchField, sc.view.sent = b.Operation, w.shared, b.Calls
	w.f.ids = w.ids()
	return w
}

// write writes the body, of the calls that can go along.
func (w *writer) write() {
	if !w.op.batched {
		w.single()
		return
	}
	if w.op.body == nil {
		w.calls(nil)
		return
	}
	// Only the slot {fields} can fail, and it stands in a call.
	w.sc.body, _ = w.op.body.append(w.sc.body, &w.f, &w.p.values, w.calls)
}

// single writes the first call that can go along.
func (w *writer) single() {
	for i := range w.b.Calls {
		w.sc.body, w.results[i].Fault = w.add(w.sc.body, i, w.op.body)
	}
	if len(w.sc.sent) > 0 {
		w.fill(w.sc.sent[0])
	}
}

// calls writes the list of calls.
func (w *writer) calls(dst []byte) []byte {
	dst = append(dst, '[')
	for i := range w.b.Calls {
		dst, w.results[i].Fault = w.add(dst, i, w.op.call)
	}
	w.f.call = nil
	return append(dst, ']')
}

// fill makes the slots of a call stand for call i.
func (w *writer) fill(i int) { w.f.call, w.f.trace = &w.b.Calls[i], i }

// add takes call i into the request, or leaves dst as it is and says why not.
func (w *writer) add(dst []byte, i int, s shape) ([]byte, *crmsync.Fault) {
	w.fill(i)
	if fault := w.check(w.f.call); fault != nil {
		return dst, fault
	}
	mark := len(dst)
	if len(w.sc.sent) > 0 {
		dst = append(dst, ',')
	}
	dst, bad := s.append(dst, &w.f, &w.p.values, nil)
	if fault := w.outcome(bad, len(dst)); fault != nil {
		return dst[:mark], fault
	}
	w.sc.sent = append(w.sc.sent, i)
	w.sc.names[w.name(w.f.call)] = i
	return dst, nil
}

// check says whether a call may be written.
func (w *writer) check(call *crmsync.Call) *crmsync.Fault {
	switch {
	case w.op.needsID && call.ExternalID == "":
		return &crmsync.Fault{Kind: crmsync.Internal, Code: codeNoID}
	case w.op.needsMatch && (call.Match.Field == "" || call.Match.Value == ""):
		return &crmsync.Fault{Kind: crmsync.Internal, Code: codeNoMatch}
	case w.op.op == crmsync.Upsert && slices.Contains(w.object.noUpsertBy, call.Match.Field):
		return &crmsync.Fault{Kind: crmsync.Rejected, Code: codeNoUpsertBy, Field: call.Match.Field,
			Message: "the CRM can't upsert this object by " + call.Match.Field + ": match by a unique field of your own"}
	case len(w.sc.sent) >= w.op.items:
		return keptBack(codeFull)
	case w.op.sharesField && call.Match.Field != w.shared:
		return keptBack(codeOtherField)
	}
	if _, there := w.sc.names[w.name(call)]; there && w.op.separate {
		return keptBack(codeSameObject)
	}
	return nil
}

// keptBack is the fault of a call that has to go without its companions.
func keptBack(code string) *crmsync.Fault {
	return &crmsync.Fault{Kind: crmsync.Transient, Code: code}
}

// outcome says whether a call that was written may stay. size is that of the
// body up to its end.
func (w *writer) outcome(bad *badField, size int) *crmsync.Fault {
	switch {
	case bad != nil && bad.code == codeInvalidFields:
		return &crmsync.Fault{Kind: crmsync.Internal, Code: bad.code, Field: bad.field}
	case bad != nil:
		return &crmsync.Fault{Kind: crmsync.Rejected, Code: bad.code, Field: bad.field, Message: "the CRM takes no nested value in a field"}
	case size+w.op.tail <= w.op.bytes:
		return nil
	case len(w.sc.sent) == 0:
		return &crmsync.Fault{Kind: crmsync.Rejected, Code: codeTooLarge, Message: "the call alone is larger than a request may be"}
	}
	return keptBack(codeFull)
}

// name is what an entry of the answer calls the call, unless by trace or index.
func (w *writer) name(call *crmsync.Call) string {
	if w.op.op == crmsync.Update || w.op.op == crmsync.Archive {
		return call.ExternalID
	}
	return call.Match.Value
}

// ids returns the ids of the calls that go along.
func (w *writer) ids() string {
	if !w.op.usesIDs {
		return ""
	}
	ids := make([]string, len(w.sc.sent))
	for at, i := range w.sc.sent {
		ids[at] = w.b.Calls[i].ExternalID
	}
	return strings.Join(ids, ",")
}

// url returns the request's URL.
func (w *writer) url() string {
	u := append([]byte(nil), w.p.base...)
	u = w.op.path.append(u, &w.f, appendPathEscaped)
	for i, q := range w.op.query {
		u = append(u, "?&"[min(i, 1)])
		u = append(append(u, q.name...), '=')
		u = q.value.append(u, &w.f, appendQueryEscaped)
	}
	return string(u)
}

func appendPathEscaped(dst []byte, s string) []byte  { return append(dst, url.PathEscape(s)...) }
func appendQueryEscaped(dst []byte, s string) []byte { return append(dst, url.QueryEscape(s)...) }

// header returns the request's headers, with what credential the filling holds.
func (w *writer) header() http.Header {
	h := http.Header{"Accept": {contentTypeJSON}, "Accept-Encoding": {"identity"}, "User-Agent": {userAgent}}
	if len(w.sc.body) > 0 {
		h["Content-Type"] = []string{contentTypeJSON}
	}
	for _, list := range [][]header{w.p.auth, w.op.headers} {
		for _, one := range list {
			h.Set(one.name, string(one.value.append(nil, &w.f, nil)))
		}
	}
	return h
}
