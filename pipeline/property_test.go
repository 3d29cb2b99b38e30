package pipeline_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// TestConverges runs random histories over a CRM that fails in every way it
// can. Whatever happens: each record ends at its highest version, has one
// object at most, never goes back, and every delivery has one outcome.
func TestConverges(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { converges(t, rand.New(rand.NewPCG(seed, 7))) })
		})
	}
}

func converges(t *testing.T, r *rand.Rand) {
	w := newWorld(t, mappings("birch", "cedar"))
	w.cfg.Window, w.cfg.InFlight, w.cfg.Rows = 5+r.IntN(50), 20+r.IntN(100), 1+r.IntN(20)
	w.cfg.Cache, w.cfg.Sends, w.cfg.Attempts = r.IntN(20), 1+r.IntN(8), 1000
	w.crm.limits.Items = 1 + r.IntN(10)
	w.crm.script = func(int, crmsync.Batch) *crmsync.Fault { return misfortune(r) }
	newest := map[crmsync.RecordKey]crmsync.Message{}
	top := map[crmsync.RecordKey]int64{}
	events := int64(0)
	for range 2 + r.IntN(3) {
		for range r.IntN(80) {
			org, id, version := []string{"acme", "birch", "cedar"}[r.IntN(3)], fmt.Sprint("r", r.IntN(12)), int64(1+r.IntN(30))
			key := crmsync.RecordKey{Org: org, Type: "contact", ID: id}
			m := event(org, id, version, "update", map[string]any{"email": fmt.Sprint(version), "status": "active"})
			if deleted(id, version) {
				m = event(org, id, version, "delete", nil)
			}
			if version > top[key] {
				top[key], newest[key] = version, m
			}
			w.write(m)
			events++
		}
		if r.IntN(3) == 0 {
			w.parts.Idempotency = forgetful{}
		}
		sum := w.once()
		events -= sum.Messages
	}
	require.Zero(t, events, "each event was taken in once")
	w.crm.script = nil // those who wait for a denied account are let out
	w.once()
	require.Empty(t, w.dead.all())
	require.False(t, w.crm.clash, "a record was in two requests at once")
	require.False(t, w.crm.backwards(), "an older version was written over a newer one")
	for key, version := range top {
		want := version
		if deleted(key.ID, version) {
			want = 0
		}
		require.Equal(t, want, w.crm.holds(key.Org, key.ID), "%s", key)
		require.LessOrEqual(t, w.crm.alive(key.Org, key.ID), 1, "%s has several objects", key)
	}
}

// deleted says which versions of a record are deletes, the same in every event.
func deleted(id string, version int64) bool { return (int64(id[1])+version)%5 == 0 }

// misfortune strikes one request in three.
func misfortune(r *rand.Rand) *crmsync.Fault {
	faults := []crmsync.Fault{
		{Kind: crmsync.Transient, Code: "502", Whole: true},
		{Kind: crmsync.Throttled, Code: "429", After: time.Duration(r.IntN(5)) * time.Second, Whole: true},
		{Kind: crmsync.Ambiguous, Code: "timeout", Whole: true},
		{Kind: crmsync.Denied, Code: "401", Whole: true},
		{Kind: crmsync.Transient, Code: "unaccounted"},
	}
	if r.IntN(3) > 0 {
		return nil
	}
	return &faults[r.IntN(len(faults))]
}
