package hubspot

import (
	"net/http"
	"regexp"
	"strings"
)

// route is what a path and method ask for.
type route struct {
	op   operation
	kind *kind
	// typeName is the object type as the path has it, when it is not known.
	typeName string
	id       string // the record or property of a single call
	status   int    // 404 or 405 when there is nothing to do
}

// dated are the versions beside v3. Their answers are the same here. Not
// documented: whether 2026-09 still answers 207, which its specification
// leaves out and its guide describes; here it does.
var dated = regexp.MustCompile(`^20\d\d-(03|09)(-beta)?$`)

// find reads the path: /crm/v3/objects/{type}/…, /crm/objects/{date}/{type}/…
// and the same for properties.
func find(all []*kind, method, path string) route {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	nothing := route{op: opUnknown, status: http.StatusNotFound}
	if len(parts) < 4 || parts[0] != "crm" {
		return nothing
	}
	area := parts[2]
	if parts[1] != "v3" {
		area = parts[1]
		if !dated.MatchString(parts[2]) {
			return nothing
		}
	}
	r := route{kind: kindOf(all, parts[3]), typeName: parts[3]}
	switch area {
	case "objects":
		r.object(method, parts[4:])
	case "properties":
		r.property(method, parts[4:])
	default:
		return nothing
	}
	return r
}

// choose sets the operation by the method.
func (r *route) choose(method string, operations map[string]operation) {
	op, ok := operations[method]
	if !ok {
		r.op, r.status = opUnknown, http.StatusMethodNotAllowed
		return
	}
	r.op = op
}

func (r *route) object(method string, rest []string) {
	switch {
	case len(rest) == 0:
		r.choose(method, map[string]operation{http.MethodGet: opList, http.MethodPost: opCreate})
	case len(rest) == 1 && rest[0] == "search":
		r.choose(method, map[string]operation{http.MethodPost: opSearch})
	case len(rest) == 1 && (rest[0] == "merge" || rest[0] == "gdpr-delete" || rest[0] == "batch"):
		r.op, r.status = opUnknown, http.StatusNotFound
	case len(rest) == 1:
		r.id = rest[0]
		r.choose(method, map[string]operation{
			http.MethodGet: opRead, http.MethodPatch: opUpdate, http.MethodDelete: opArchive,
		})
	case len(rest) == 2 && rest[0] == "batch":
		r.batch(method, rest[1])
	default:
		r.op, r.status = opUnknown, http.StatusNotFound
	}
}

func (r *route) batch(method, name string) {
	switch op := operation("batch_" + name); op {
	case opBatchCreate, opBatchRead, opBatchUpdate, opBatchUpsert, opBatchArchive:
		r.choose(method, map[string]operation{http.MethodPost: op})
	default:
		r.op, r.status = opUnknown, http.StatusNotFound
	}
}

func (r *route) property(method string, rest []string) {
	switch {
	case len(rest) == 0:
		r.choose(method, map[string]operation{http.MethodGet: opProperties, http.MethodPost: opNewProperty})
	case len(rest) == 1 && rest[0] != "batch":
		r.id = rest[0]
		r.choose(method, map[string]operation{http.MethodGet: opProperty})
	default:
		r.op, r.status = opUnknown, http.StatusNotFound
	}
}

// scopes returns the scopes of which the token needs one.
func (r route) scopes() []string {
	object := "crm.objects." + r.kind.name
	schemas := "crm.schemas." + r.kind.name
	switch {
	case r.op == opNewProperty:
		return []string{schemas + ".write"}
	case r.op.property():
		return []string{schemas + ".read", object + ".read"}
	case r.op.writes():
		return []string{object + ".write"}
	}
	return []string{object + ".read"}
}
