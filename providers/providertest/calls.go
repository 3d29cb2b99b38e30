package providertest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

var allOperations = []crmsync.Operation{crmsync.Upsert, crmsync.Create, crmsync.Update, crmsync.Archive, crmsync.Find}

func limits(t *testing.T, h Harness) {
	p, _ := openCRM(t, h, nil)
	require.NotEmpty(t, p.Name())
	costs := map[string]int64{}
	for _, op := range allOperations {
		for _, plan := range []string{"", "no such plan"} {
			l := p.Limits(plan, h.Object, op)
			if !h.has(op) {
				require.Zero(t, l.Items, op)
				continue
			}
			require.Positive(t, l.Items, op)
			require.Positive(t, l.Bytes, op)
			require.Positive(t, l.Parallel, op)
			require.Positive(t, l.MaxInflight, op)
			require.GreaterOrEqual(t, l.SearchLag, time.Duration(0), op)
			for _, b := range l.Budgets {
				costs[b.Name] = max(costs[b.Name], soundBudget(t, b, l.Items))
			}
		}
	}
	for name, most := range costs {
		require.Positive(t, most, "%s: requests cost nothing", name)
	}
	require.Zero(t, p.Limits("", "no such object", h.Operations[0]).Items)
	require.Zero(t, p.Limits("", h.Object, crmsync.Operation(200)).Items)
}

// soundBudget returns what a full request costs; 0 where the budget is that of
// other operations.
func soundBudget(t *testing.T, b crmsync.Budget, items int) int64 {
	t.Helper()
	require.NotEmpty(t, b.Name)
	require.Positive(t, b.Limit, b.Name)
	require.Positive(t, b.Window, b.Name)
	last := int64(0)
	for n := 1; n <= items; n++ {
		cost := b.Cost(n)
		require.GreaterOrEqual(t, cost, last, "%s: %d calls cost less than fewer", b.Name, n)
		require.LessOrEqual(t, cost, b.Limit, "%s: a request of %d calls can never leave", b.Name, n)
		last = cost
	}
	return last
}

func refused(t *testing.T, h Harness) {
	var seen counter
	p := open(t, h, seen.ServeHTTP)
	unknown := batch(h, h.Operations[0], 2)
	unknown.Object = "no such object"
	require.Equal(t, []crmsync.Kind{crmsync.Internal, crmsync.Internal}, kinds(t, apply(t, p, unknown)))
	for _, op := range allOperations {
		if !h.has(op) {
			require.Equal(t, []crmsync.Kind{crmsync.Internal}, kinds(t, apply(t, p, batch(h, op, 1))), op)
		}
		nameless := batch(h, op, 1)
		nameless.Calls[0].ExternalID, nameless.Calls[0].Match = "", crmsync.Match{}
		require.Equal(t, []crmsync.Kind{crmsync.Internal}, kinds(t, apply(t, p, nameless)), "%s of nothing", op)
	}
	require.Zero(t, seen.n.Load())
}

func empty(t *testing.T, h Harness) {
	var seen counter
	p := open(t, h, seen.ServeHTTP)
	for _, op := range h.Operations {
		a := apply(t, p, batch(h, op, 0))
		require.Zero(t, a.Status)
		require.Empty(t, a.Readings)
	}
	require.Zero(t, seen.n.Load())
}

// life takes an object from its creation to its end.
func life(t *testing.T, h Harness) {
	p, c := openCRM(t, h, nil)
	id := born(t, h, p, c)
	if h.has(crmsync.Upsert) {
		a := apply(t, p, batch(h, crmsync.Upsert, 1))
		require.Equal(t, []crmsync.Result{{ExternalID: id}}, a.Results, "a second upsert is of the same object, and creates none")
	}
	if h.has(crmsync.Find) {
		require.Equal(t, []crmsync.Result{{ExternalID: id}}, apply(t, p, batch(h, crmsync.Find, 1)).Results)
	}
	if h.has(crmsync.Update) {
		b := batch(h, crmsync.Update, 1)
		b.Calls[0].ExternalID = id
		require.Equal(t, []crmsync.Result{{ExternalID: id}}, apply(t, p, b).Results)
	}
	if h.has(crmsync.Archive) {
		ended(t, h, p, c, id)
	}
}

// born creates an object and returns its id.
func born(t *testing.T, h Harness, p crmsync.Provider, c *crm) string {
	t.Helper()
	op := crmsync.Create
	if !h.has(op) {
		op = crmsync.Upsert
	}
	a := apply(t, p, batch(h, op, 1))
	require.Nil(t, a.Results[0].Fault)
	require.True(t, a.Results[0].Created)
	item, there := c.object(a.Results[0].ExternalID)
	require.True(t, there)
	require.Equal(t, h.Object, c.asked[0].Object)
	require.Equal(t, secret, c.asked[0].Credential)
	require.Equal(t, "key-1", item.Match)
	var want map[string]any
	require.NoError(t, json.Unmarshal(h.Fields, &want))
	for name := range want {
		require.Contains(t, item.Fields, name)
	}
	return a.Results[0].ExternalID
}

func ended(t *testing.T, h Harness, p crmsync.Provider, c *crm, id string) {
	t.Helper()
	b := batch(h, crmsync.Archive, 1)
	b.Calls[0].ExternalID = id
	require.Nil(t, apply(t, p, b).Results[0].Fault)
	_, there := c.object(id)
	require.False(t, there)
	require.Nil(t, apply(t, p, b).Results[0].Fault, "what is gone already is archived")
	if h.has(crmsync.Find) {
		require.Equal(t, []crmsync.Kind{crmsync.Missing}, kinds(t, apply(t, p, batch(h, crmsync.Find, 1))))
	}
	if h.has(crmsync.Update) {
		b.Operation = crmsync.Update
		require.Equal(t, []crmsync.Kind{crmsync.Missing}, kinds(t, apply(t, p, b)))
	}
}

// shuffle is the same in every run.
func shuffle(replies []Reply) []Reply {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // repeatable on purpose
	random.Shuffle(len(replies), func(i, j int) { replies[i], replies[j] = replies[j], replies[i] })
	return replies
}

func shuffled(t *testing.T, h Harness) {
	for _, op := range h.Operations {
		p, c := openCRM(t, h, shuffle)
		n := p.Limits("", h.Object, op).Items
		fill(t, h, c, op, n)
		b := batch(h, op, n)
		a := apply(t, p, b)
		for i, r := range a.Results {
			require.Nil(t, r.Fault, "%s: call %d", op, i)
			if op == crmsync.Archive {
				continue
			}
			item, there := c.object(r.ExternalID)
			require.True(t, there, "%s: call %d has the id %s of nothing", op, i, r.ExternalID)
			if b.Calls[i].ExternalID != "" {
				require.Equal(t, b.Calls[i].ExternalID, r.ExternalID, "%s: call %d", op, i)
			} else {
				require.Equal(t, b.Calls[i].Match.Value, item.Match, "%s: call %d", op, i)
			}
		}
		require.Equal(t, 1, c.requests(), "one request per batch")
	}
}

// fill puts the objects of a batch of n calls into the CRM, if op needs them.
func fill(t *testing.T, h Harness, c *crm, op crmsync.Operation, n int) {
	t.Helper()
	if op == crmsync.Upsert || op == crmsync.Create {
		return
	}
	for i := range n {
		id := strconv.Itoa(i + 1)
		c.objects[id] = Item{ID: id, MatchField: h.MatchField, Match: "key-" + id}
	}
}

func leftOut(t *testing.T, h Harness) {
	for _, op := range h.Operations {
		if op == crmsync.Archive { // many CRMs answer it without a body
			continue
		}
		p, c := openCRM(t, h, func(replies []Reply) []Reply { return slices.Delete(shuffle(replies), 0, len(replies)/2) })
		n := min(10, p.Limits("", h.Object, op).Items)
		if n < 2 {
			continue
		}
		fill(t, h, c, op, n)
		a := apply(t, p, batch(h, op, n))
		failed := 0
		for _, r := range a.Results {
			if r.Fault != nil {
				failed++
				require.Equal(t, h.unaccounted(op), r.Fault.Kind, op)
			}
		}
		require.Equal(t, n/2, failed, op)
	}
}

// unaccounted is what becomes of a call that the answer doesn't name. It may be
// sent again at once, unless that could make a second object.
func (h Harness) unaccounted(op crmsync.Operation) crmsync.Kind {
	switch {
	case op == crmsync.Create:
		return crmsync.Ambiguous
	case op == crmsync.Find && h.Silence:
		return crmsync.Missing
	}
	return crmsync.Transient
}

func nobodyNamed(t *testing.T, h Harness) {
	for _, op := range h.Operations {
		if op == crmsync.Archive {
			continue
		}
		p, _ := openCRM(t, h, func([]Reply) []Reply { return nil })
		for _, k := range kinds(t, apply(t, p, batch(h, op, min(3, p.Limits("", h.Object, op).Items)))) {
			require.Equal(t, h.unaccounted(op), k, op)
		}
	}
}

func concurrent(t *testing.T, h Harness) {
	p, c := openCRM(t, h, shuffle)
	op := h.writes(t)
	n := p.Limits("", h.Object, op).Items
	fill(t, h, c, op, 1000*n)
	var running sync.WaitGroup
	for org := range 8 {
		b := batch(h, op, n)
		for i := range b.Calls {
			own := strconv.Itoa(org*n + i + 1)
			if b.Calls[i].ExternalID != "" {
				b.Calls[i].ExternalID = own
			} else {
				b.Calls[i].Match.Value = "key-" + own
			}
		}
		running.Go(func() {
			for range 5 {
				if err := same(c, b, p.Apply(t.Context(), b)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
}

// same returns an error if a result is not that of its call.
func same(c *crm, b crmsync.Batch, a crmsync.Answer) error {
	for i, r := range a.Results {
		call := b.Calls[i]
		item, there := c.object(r.ExternalID)
		switch {
		case r.Fault != nil:
			return fmt.Errorf("call %d: %w", i, r.Fault)
		case !there || call.ExternalID != "" && call.ExternalID != r.ExternalID || call.ExternalID == "" && call.Match.Value != item.Match:
			return fmt.Errorf("call %d got the object %s of another", i, r.ExternalID)
		}
	}
	return nil
}

func tooMany(t *testing.T, h Harness) {
	p, c := openCRM(t, h, nil)
	op := h.writes(t)
	n := p.Limits("", h.Object, op).Items
	fill(t, h, c, op, n+2)
	a := apply(t, p, batch(h, op, n+2))
	for _, r := range a.Results[:n] {
		require.Nil(t, r.Fault)
	}
	for _, r := range a.Results[n:] {
		require.NotNil(t, r.Fault)
		require.Equal(t, crmsync.Transient, r.Fault.Kind)
	}
	require.Equal(t, 1, c.requests())
}
