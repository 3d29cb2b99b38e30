package providers

import (
	"sync"
	"time"

	"crmsync"
)

// Provider speaks one CRM's API as its file describes it. It fulfils
// [crmsync.Provider] and may be used concurrently.
type Provider struct {
	name        string
	root        string // what every path begins with; may be empty
	base        string // scheme, host and root, without a slash at the end
	auth        []header
	objects     map[string]object
	values      values
	operations  [operationCount]*operation // nil: the CRM has no such operation
	errors      errorPaths
	rules       []rule
	hints       []hint
	maxWait     time.Duration
	maxInflight time.Duration
	searchLag   time.Duration
	parallel    int
	budgets     []budget
	plans       map[string]map[string]int64 // plan, budget, units
	defaultPlan string
	limits      map[limitKey]crmsync.Limits

	now          func() time.Time
	clients      *clients
	ownTransport bool
	scratch      sync.Pool
}

const operationCount = int(crmsync.Find) + 1

// object is one of the CRM's kinds of objects.
type object struct {
	path       string
	noUpsertBy []string
}

// operation is how one operation is asked for.
type operation struct {
	op          crmsync.Operation
	method      string
	path        text
	query       []param
	headers     []header
	items       int
	bytes       int
	tail        int  // bytes that the body may have after its last call
	separate    bool // two calls of one name never travel together
	batched     bool
	body, call  shape
	needsID     bool
	needsMatch  bool
	sharesField bool // all calls of a request must have one match field
	usesIDs     bool
	answer      answer
}

type header struct {
	name  string
	value text
}

type param struct {
	name  string // escaped
	value text
}

// Name returns the provider's name.
func (p *Provider) Name() string { return p.name }

// Plans returns the plans that the provider knows, sorted. Limits takes any
// other for the default one.
func (p *Provider) Plans() []string { return sortedKeys(p.plans) }

// Objects returns the objects that calls may name, sorted.
func (p *Provider) Objects() []string { return sortedKeys(p.objects) }

// Limits returns the bounds of one request. They have no items for an object
// or an operation that the CRM doesn't have. The caller must not change the
// budgets.
func (p *Provider) Limits(plan, object string, op crmsync.Operation) crmsync.Limits {
	if _, known := p.objects[object]; !known || int(op) >= operationCount {
		return crmsync.Limits{}
	}
	if _, known := p.plans[plan]; !known {
		plan = p.defaultPlan
	}
	return p.limits[limitKey{plan, op}]
}
