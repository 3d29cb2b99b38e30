package providers

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/valyala/fastjson"

	"crmsync"
)

// alignment is how an entry of an answer names its call.
type alignment uint8

const (
	alignIndex alignment = iota
	alignID
	alignKey
	alignTrace
)

var alignments = map[string]alignment{"index": alignIndex, "id": alignID, "key": alignKey, "trace": alignTrace}

// answer is how one operation's answers are read.
type answer struct {
	done    []int // statuses: all was done
	items   []int // statuses: call by call
	results *resultList
	errors  *errorList
	absent  *rule
}

type resultList struct {
	in       *selector // nil: the answer is one result
	align    alignment
	name     selector
	foldCase bool
	ok       *selector
	id       selector
	created  *selector
}

type errorList struct {
	in    selector
	align alignment
	name  selector
}

// codeUnaccounted is the code of a call that the answer doesn't name.
const codeUnaccounted = "unaccounted"

// reading is one answer on its way to results.
type reading struct {
	p        *Provider
	op       *operation
	sc       *scratch
	calls    []crmsync.Call
	results  []crmsync.Result
	nameless *crmsync.Fault // of an error that names no call
	unread   bool           // entries were left unread
}

// read turns an answer into the results of the calls that were sent. body is
// nil when the answer is no JSON; empty tells that it has no body at all.
func (rd *reading) read(body *fastjson.Value, empty bool) {
	v := &rd.sc.view
	switch {
	case slices.Contains(rd.op.answer.done, v.status):
		for _, i := range rd.sc.sent {
			rd.results[i] = crmsync.Result{ExternalID: rd.calls[i].ExternalID}
		}
	case slices.Contains(rd.op.answer.items, v.status) && (body != nil || empty) && rd.items():
		rd.rest()
	case body == nil && (v.status < 300 || !empty && slices.Contains(rd.op.answer.items, v.status)):
		rd.fail(&crmsync.Fault{Kind: settled(crmsync.Ambiguous, v.operation), Code: "no_json"})
	default:
		rd.fail(rd.p.fault(v, false))
	}
}

// fail gives every call that was sent the request's fault; nil is success. What
// one call may be to blame for blames the request only if there are several.
func (rd *reading) fail(f *crmsync.Fault) {
	whole := f != nil && (len(rd.sc.sent) > 1 || !blames(f.Kind))
	for _, i := range rd.sc.sent {
		rd.set(i, f, whole)
	}
}

// set gives a call its own copy of a fault, or success for nil. whole tells that
// the fault is the request's, and not known to be this call's.
func (rd *reading) set(i int, f *crmsync.Fault, whole bool) {
	rd.sc.answered[i] = true
	if f == nil {
		rd.results[i] = crmsync.Result{ExternalID: rd.calls[i].ExternalID}
		return
	}
	own := *f
	if whole {
		own.Whole = true
		own.ExistingID = "" // of whichever call it is
	}
	rd.results[i] = crmsync.Result{Fault: &own}
}

// items reads the entries of an answer. It returns false when the answer has no
// list of them and its status doesn't say success either.
func (rd *reading) items() bool {
	errors := rd.errorItems()
	results := rd.resultItems()
	return errors || results || rd.sc.view.status < 300
}

// errorItems goes first: a call that is both among the errors and among the
// results has failed.
func (rd *reading) errorItems() bool {
	list := rd.op.answer.errors
	v := &rd.sc.view
	if list == nil {
		return false
	}
	items, ok := list.in.list(v)
	for _, item := range rd.bounded(items) {
		v.roots[rootError] = item
		f := rd.p.fault(v, true)
		named := false
		list.name.texts(v, func(name []byte) {
			if i, found := rd.find(list.align, name); found {
				rd.set(i, f, false)
				named = true
			}
		})
		if !named && rd.nameless == nil {
			rd.nameless = f
		}
	}
	v.roots[rootError] = v.roots[rootBody]
	return ok
}

// entriesPerCall is how many entries of an answer are looked at for each call.
// More only an answer has that is meant to keep us busy.
const entriesPerCall = 10

func (rd *reading) bounded(items []*fastjson.Value) []*fastjson.Value {
	most := entriesPerCall * (len(rd.sc.sent) + 1)
	rd.unread = rd.unread || len(items) > most
	return items[:min(len(items), most)]
}

func (rd *reading) resultItems() bool {
	list := rd.op.answer.results
	v := &rd.sc.view
	if list == nil {
		return false
	}
	if list.in == nil {
		rd.result(list, rd.sc.sent[0])
		return true
	}
	items, ok := list.in.list(v)
	if list.align == alignIndex && len(items) != len(rd.sc.sent) {
		return ok // nobody knows which is missing
	}
	items = rd.bounded(items)
	for place, item := range items {
		v.roots[rootItem], v.roots[rootError] = item, item
		if list.align == alignIndex {
			rd.result(list, rd.sc.sent[place])
			continue
		}
		if i, found := rd.find(list.align, list.name.text(v)); found {
			rd.result(list, i)
		}
	}
	if list.foldCase {
		rd.folded(list, items)
	}
	v.roots[rootItem], v.roots[rootError] = v.roots[rootBody], v.roots[rootBody]
	return ok
}

// result reads one result, which is that of call i. What was said of a call
// first stands, but a find may meet several objects of one key: then the oldest
// is the one, in whatever order they come, so that all who ask adopt the same.
func (rd *reading) result(list *resultList, i int) {
	v := &rd.sc.view
	if rd.sc.answered[i] && (rd.op.op != crmsync.Find || rd.results[i].Fault != nil) {
		return
	}
	if list.ok != nil && !list.ok.truth(v) {
		rd.set(i, rd.p.fault(v, true), false)
		return
	}
	id := list.id.text(v)
	if len(id) == 0 || len(id) > idMax || rd.sc.answered[i] && !older(string(id), rd.results[i].ExternalID) {
		return
	}
	rd.sc.answered[i] = true
	created := rd.op.op == crmsync.Create
	if list.created != nil {
		created = list.created.truth(v)
	}
	rd.results[i] = crmsync.Result{ExternalID: string(id), Created: created}
}

// older tells whether the object a was made before b, as far as ids can say: the
// numbers that most CRMs count up are compared as such.
func older(a, b string) bool {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) < 0
}

// find returns the call that an entry names by trace, id or key.
func (rd *reading) find(by alignment, name []byte) (i int, ok bool) {
	if by == alignTrace {
		n, err := strconv.Atoi(string(name))
		_, ok = slices.BinarySearch(rd.sc.sent, n)
		return n, ok && err == nil
	}
	i, ok = rd.sc.names[string(name)]
	return i, ok
}

// folded gives calls that no entry names the entries whose key differs in case
// only. No entry is that of two calls.
func (rd *reading) folded(list *resultList, items []*fastjson.Value) {
	v := &rd.sc.view
	var given map[int]bool
	for _, i := range rd.sc.sent {
		if rd.sc.answered[i] {
			continue
		}
		for place, item := range items {
			v.roots[rootItem], v.roots[rootError] = item, item
			name := list.name.text(v)
			if _, exact := rd.sc.names[string(name)]; exact || given[place] || !strings.EqualFold(rd.calls[i].Match.Value, string(name)) {
				continue
			}
			if given == nil {
				given = map[int]bool{}
			}
			given[place] = true
			rd.result(list, i)
		}
	}
}

// rest gives the calls that no entry names their faults.
func (rd *reading) rest() {
	open := 0
	for _, i := range rd.sc.sent {
		if !rd.sc.answered[i] {
			open++
		}
	}
	if open == 0 {
		return
	}
	f := rd.unnamed()
	for _, i := range rd.sc.sent {
		if !rd.sc.answered[i] {
			rd.set(i, f, open > 1 && f == rd.nameless && blames(f.Kind))
		}
	}
}

// unnamed returns the fault of calls that no entry names.
func (rd *reading) unnamed() *crmsync.Fault {
	v, absent := &rd.sc.view, rd.op.answer.absent
	if absent != nil && !rd.unread && (rd.nameless == nil || rd.nameless.Kind == absent.kind) && absent.holds(v) {
		f := &crmsync.Fault{}
		rd.p.follow(absent, v, f)
		return f
	}
	if rd.nameless != nil {
		return rd.nameless
	}
	if rd.op.op == crmsync.Create {
		return &crmsync.Fault{Kind: crmsync.Ambiguous, Code: codeUnaccounted}
	}
	return &crmsync.Fault{Kind: crmsync.Transient, Code: codeUnaccounted}
}
