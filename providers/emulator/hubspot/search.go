package hubspot

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The limits of a search, as HubSpot documents them.
const (
	searchBody     = 3_000 // characters
	searchLimit    = 10
	searchLimitMax = 200
	searchTotal    = 10_000
	maxGroups      = 5
	maxPerGroup    = 6
	maxFilters     = 18
)

// searchRequest is the body of a search.
type searchRequest struct {
	FilterGroups []struct {
		Filters []filter `json:"filters"`
	} `json:"filterGroups"`
	Sorts      []sorting `json:"sorts"`
	Query      string    `json:"query"`
	Properties []string  `json:"properties"`
	Limit      *int      `json:"limit"`
	After      looseText `json:"after"`
}

// looseText is a text that may also come as a number.
type looseText string

// UnmarshalJSON reads both forms.
func (l *looseText) UnmarshalJSON(data []byte) error {
	text := ""
	if json.Unmarshal(data, &text) != nil {
		text = string(data)
	}
	*l = looseText(text)
	return nil
}

// sorting is one sort: an object, or just the property's name.
type sorting struct {
	PropertyName string `json:"propertyName"`
	Direction    string `json:"direction"`
}

// UnmarshalJSON reads both forms.
func (o *sorting) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, &o.PropertyName); err == nil {
		return nil
	}
	type plain sorting
	return json.Unmarshal(data, (*plain)(o))
}

// hunt is a search that has been checked.
type hunt struct {
	groups     [][]condition
	words      []string
	searched   []int
	sortSlot   int // -1: by id
	descending bool
	limit      int
	after      int
}

// search answers from what the index knows, which lags behind. Archived
// records never appear.
func (x *exchange) search() *answer {
	if utf8.RuneCount(x.body) > searchBody {
		return refused(fmt.Sprintf("The request body is over %d characters", searchBody)).answer() // Not documented: the words.
	}
	if r := invalidSyntax(x.body); r != nil {
		return r.answer()
	}
	var request searchRequest
	if err := json.Unmarshal(x.body, &request); err != nil {
		return invalidJSON(string(x.body), err).answer()
	}
	schema, states := x.indexed()
	h, r := request.compile(schema)
	if r != nil {
		return r.answer()
	}
	return h.run(schema, states, schema.read(request.Properties))
}

// indexed returns all that search knows of. The states are never changed, so
// they can be looked at without the lock.
func (x *exchange) indexed() (*schema, []snapshot) {
	p := x.token.portal
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.tables[x.route.kind]
	t.index(x.server.now())
	out := make([]snapshot, 0, len(t.order))
	for _, o := range t.order {
		if o.indexed != nil && o.archived.IsZero() {
			out = append(out, *o.indexed)
		}
	}
	x.record(nil)
	return t.schema, out
}

// compile checks the limits and the filters.
func (q searchRequest) compile(s *schema) (hunt, *refusal) {
	h := hunt{limit: searchLimit, sortSlot: -1, words: strings.Fields(strings.ToLower(q.Query))}
	for _, name := range s.kind.searched {
		h.searched = append(h.searched, s.slot(name))
	}
	if q.Limit != nil {
		h.limit = *q.Limit
	}
	if q.After != "" && q.After != "null" {
		after, err := strconv.Atoi(string(q.After))
		if err != nil || after < 0 {
			return h, refused(fmt.Sprintf("after must be an integer: %q", q.After))
		}
		h.after = after
	}
	switch {
	case h.limit < 0 || h.limit > searchLimitMax:
		return h, refused(fmt.Sprintf("limit must be a number from 0 to %d", searchLimitMax))
	case h.after >= searchTotal || h.after+h.limit > searchTotal:
		return h, refused(fmt.Sprintf("Paging past %d results is not supported", searchTotal))
	case len(q.Sorts) > 1:
		return h, refused("Only one sort is supported")
	}
	if len(q.Sorts) == 1 {
		if h.sortSlot = s.slot(q.Sorts[0].PropertyName); h.sortSlot < 0 {
			return h, refused(fmt.Sprintf("There was a problem with the request: property %q does not exist", q.Sorts[0].PropertyName))
		}
		h.descending = q.Sorts[0].Direction == "DESCENDING"
	}
	return h, h.conditions(q, s)
}

func (h *hunt) conditions(q searchRequest, s *schema) *refusal {
	if len(q.FilterGroups) > maxGroups {
		return refused(fmt.Sprintf("At most %d filter groups are supported", maxGroups))
	}
	all := 0
	for _, group := range q.FilterGroups {
		if all += len(group.Filters); len(group.Filters) > maxPerGroup || all > maxFilters {
			return refused(fmt.Sprintf("At most %d filters in a group and %d in all are supported", maxPerGroup, maxFilters))
		}
		conditions := make([]condition, 0, len(group.Filters))
		for _, f := range group.Filters {
			c, r := f.compile(s)
			if r != nil {
				return r
			}
			conditions = append(conditions, c)
		}
		h.groups = append(h.groups, conditions)
	}
	return nil
}

// finds says whether a record fits any group and has all words of the query.
func (h *hunt) finds(s *schema, v snapshot) bool {
	holds := func(c condition) bool { return c.holds(v.at(s, c.slot)) }
	fits := len(h.groups) == 0
	for _, group := range h.groups {
		if !slices.ContainsFunc(group, func(c condition) bool { return !holds(c) }) {
			fits = true
			break
		}
	}
	if !fits {
		return false
	}
	for _, word := range h.words {
		has := func(slot int) bool { return strings.Contains(strings.ToLower(v.at(s, slot)), word) }
		if !slices.ContainsFunc(h.searched, has) {
			return false
		}
	}
	return true
}

// less orders the results; records without the property come last.
func (h *hunt) less(s *schema, a, b snapshot) int {
	if h.sortSlot < 0 {
		return cmp.Compare(a.object.number, b.object.number)
	}
	x, y := a.at(s, h.sortSlot), b.at(s, h.sortSlot)
	order := s.props[h.sortSlot].compare(x, y)
	if h.descending {
		order = -order
	}
	if (x == "") != (y == "") {
		order = strings.Compare(y, x)
	}
	return cmp.Or(order, cmp.Compare(a.object.number, b.object.number))
}

func (h *hunt) run(s *schema, states []snapshot, slots []int) *answer {
	found := states[:0]
	for _, v := range states {
		if h.finds(s, v) {
			found = append(found, v)
		}
	}
	slices.SortFunc(found, func(a, b snapshot) int { return h.less(s, a, b) })
	from := min(h.after, len(found))
	page := found[from:min(from+h.limit, len(found))]
	e := newEncoder(s, len(page))
	e.raw(`{"total":` + strconv.Itoa(len(found)) + `,"results":[`)
	for i, v := range page {
		if i > 0 {
			e.raw(",")
		}
		e.object(shown{state: v, slots: slots, named: -1})
	}
	e.raw("]")
	if next := from + len(page); next < len(found) && len(page) > 0 {
		e.paging(strconv.Itoa(next))
	}
	e.raw("}")
	return &answer{status: http.StatusOK, body: e.out}
}
