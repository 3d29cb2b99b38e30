package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"crmsync"
)

// crm is a fake CRM with one kind of object, found by its unique key. It takes
// 20 ms per request. Faults come from script, which sees each request first.
type crm struct {
	mu       sync.Mutex
	objects  map[string]*object // by id
	made     int
	requests []request
	script   func(n int, b crmsync.Batch) *crmsync.Fault // nil: it works
	item     func(c crmsync.Call) *crmsync.Fault
	limits   crmsync.Limits
	flying   map[crmsync.RecordKey]bool
	clash    bool // two requests had one record at the same time
}

type object struct {
	id, org, key string
	fields       map[string]any
	versions     []int64
	archived     bool
}

type request struct {
	at        time.Time
	org       string
	operation crmsync.Operation
	ids       []string
}

func newCRM() *crm {
	return &crm{
		objects: map[string]*object{}, flying: map[crmsync.RecordKey]bool{},
		limits: crmsync.Limits{Items: 10, Bytes: 1 << 20, MaxInflight: 30 * time.Second},
	}
}

func (c *crm) Name() string { return "fake" }

func (c *crm) Limits(string, string, crmsync.Operation) crmsync.Limits {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.limits
}

func (c *crm) Apply(ctx context.Context, b crmsync.Batch) crmsync.Answer {
	c.begin(b)
	select {
	case <-time.After(20 * time.Millisecond):
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, call := range b.Calls {
		delete(c.flying, call.Key)
	}
	answer := crmsync.Answer{Status: 200, Results: make([]crmsync.Result, len(b.Calls))}
	var whole *crmsync.Fault
	if c.script != nil {
		whole = c.script(len(c.requests), b)
	}
	for i, call := range b.Calls {
		switch {
		case whole != nil && whole.Kind != crmsync.Ambiguous:
			answer.Results[i].Fault = whole
			continue
		case c.item != nil:
			if f := c.item(call); f != nil {
				answer.Results[i].Fault = f
				continue
			}
		}
		answer.Results[i] = c.do(b, call)
		if whole != nil { // it happened, but the answer was lost
			answer.Results[i] = crmsync.Result{Fault: whole}
		}
	}
	return answer
}

func (c *crm) begin(b crmsync.Batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := request{at: time.Now(), org: b.Connection.ID.Org, operation: b.Operation}
	for _, call := range b.Calls {
		c.clash = c.clash || c.flying[call.Key]
		c.flying[call.Key] = true
		r.ids = append(r.ids, call.Key.ID)
	}
	c.requests = append(c.requests, r)
}

func (c *crm) do(b crmsync.Batch, call crmsync.Call) crmsync.Result {
	o := c.objects[call.ExternalID]
	if b.Operation == crmsync.Upsert || b.Operation == crmsync.Find || b.Operation == crmsync.Create {
		o = c.find(b.Connection.ID.Org, call.Match.Value)
	}
	switch b.Operation {
	case crmsync.Archive:
		if o != nil {
			o.archived = true
		}
		return crmsync.Result{ExternalID: call.ExternalID}
	case crmsync.Upsert, crmsync.Create:
		if o == nil {
			c.made++
			o = &object{id: fmt.Sprint(c.made), org: b.Connection.ID.Org, key: call.Match.Value, fields: map[string]any{}}
			c.objects[o.id] = o
		}
	}
	if o == nil || o.archived {
		return crmsync.Result{Fault: &crmsync.Fault{Kind: crmsync.Missing, Code: "OBJECT_NOT_FOUND"}}
	}
	if b.Operation != crmsync.Find {
		var fields map[string]any
		if err := json.Unmarshal(call.Fields, &fields); err != nil {
			return crmsync.Result{Fault: &crmsync.Fault{Kind: crmsync.Rejected, Code: "INVALID_JSON"}}
		}
		for k, v := range fields {
			o.fields[k] = v
		}
		o.versions = append(o.versions, call.Version)
	}
	return crmsync.Result{ExternalID: o.id}
}

func (c *crm) find(org, key string) *object {
	for _, o := range c.objects {
		if o.org == org && o.key == key && !o.archived {
			return o
		}
	}
	return nil
}

// holds returns the version that the CRM shows of a record, 0 if it has none.
func (c *crm) holds(org, id string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o := c.find(org, id); o != nil {
		return int64(o.fields["version"].(float64))
	}
	return 0
}

// asked returns the operations of the requests so far, as text.
func (c *crm) asked() (ops []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.requests {
		ops = append(ops, fmt.Sprintf("%s%v", r.operation, r.ids))
	}
	return ops
}

// backwards says whether any object ever went from a version to an older one.
func (c *crm) backwards() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.objects {
		if !slices.IsSorted(o.versions) {
			return true
		}
	}
	return false
}

// alive counts the objects of a record that are not archived.
func (c *crm) alive(org, key string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.objects {
		if o.org == org && o.key == key && !o.archived {
			n++
		}
	}
	return n
}
