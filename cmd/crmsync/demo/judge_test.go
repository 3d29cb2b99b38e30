package demo_test

import (
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/cmd/crmsync/demo"
)

// world is a service that does all right, one event after the other, and the
// CRM behind it. Tests then spoil what it left behind.
type world struct {
	demo.Evidence
	orgs    map[string]demo.Org
	applied map[string]int64
	objects map[int64]map[string][]demo.Object // by portal and type
	ids     int
	edits   []demo.Edit
	endings []demo.Ending
}

func newWorld(t *testing.T, events int) *world {
	w := &world{
		Evidence: demo.Evidence{Setting: demo.Setting{Seed: 5, Orgs: demo.Archetypes, Events: events}, Produced: events},
		orgs:     map[string]demo.Org{}, applied: map[string]int64{}, objects: map[int64]map[string][]demo.Object{},
	}
	for _, o := range demo.Orgs(demo.Archetypes) {
		w.orgs[o.Name] = o
		for _, a := range o.Accounts {
			w.objects[a.Portal] = map[string][]demo.Object{}
		}
	}
	stream := demo.NewStream(w.Setting)
	for n := range events {
		m := stream.Next()
		w.take(t, int64(n), &m)
	}
	return w
}

func (w *world) take(t *testing.T, offset int64, m *demo.Message) {
	end := demo.Ending{Key: m.Event.Key, Version: m.Event.Version, Offset: offset}
	if m.Class == demo.Broken {
		end.Outcome = crmsync.Dead
		w.bury(m, end, m.Reason, "")
		return
	}
	o, known := w.orgs[m.Event.Key.Org]
	if !known {
		end.Outcome = crmsync.Unmapped
		w.endings = append(w.endings, end)
		return
	}
	for _, a := range o.Accounts {
		end.Connection, end.Outcome = a.Connection, crmsync.Unmapped
		if m.Class == demo.Good {
			meaning, err := demo.Mean(o.Like, &m.Event)
			require.NoError(t, err)
			if end.Outcome = w.apply(a, &m.Event, meaning); end.Outcome == crmsync.Dead {
				w.bury(m, end, "some_reason", "mappings/x.yaml:1:1")
				continue
			}
		}
		w.endings = append(w.endings, end)
	}
}

func (w *world) bury(m *demo.Message, end demo.Ending, code, where string) {
	w.endings = append(w.endings, end)
	w.Letters = append(w.Letters, demo.Letter{
		Offset: end.Offset, Connection: end.Connection, Key: m.Key, Value: m.Value, Code: code, Where: where,
	})
}

func (w *world) apply(a demo.Account, e *crmsync.Event, m demo.Meaning) crmsync.Outcome {
	at := a.Connection + "/" + e.Key.String()
	switch {
	case e.Version == w.applied[at]:
		return crmsync.Duplicate
	case e.Version < w.applied[at]:
		return crmsync.Stale
	}
	w.applied[at] = e.Version
	all := w.objects[a.Portal][m.Object]
	var o *demo.Object
	for i := range all {
		if !all[i].Archived && all[i].Properties["crmsync_id"] == e.Key.ID {
			o = &all[i]
		}
	}
	edit := demo.Edit{Portal: a.Portal, Type: m.Object, Effect: demo.Changed, Record: e.Key.ID, Marker: demo.Marker(m.Properties)}
	switch {
	case m.Fate == demo.Refused:
		return crmsync.Dead
	case m.Fate == demo.Skipped, m.Fate == demo.Kept:
		return crmsync.Filtered
	case o == nil && m.Fate != demo.Write:
		return crmsync.Unchanged
	case o == nil:
		w.ids++
		edit.ID, edit.Effect = strconv.Itoa(w.ids), demo.Created
		w.objects[a.Portal][m.Object] = append(all, demo.Object{ID: edit.ID, Properties: maps.Clone(m.Properties)})
	case m.Fate == demo.Removed:
		edit.ID, edit.Effect, o.Archived = o.ID, demo.Archived, true
	case m.Fate == demo.Marked:
		edit.ID = o.ID
		maps.Copy(o.Properties, m.Properties)
	default:
		edit.ID, o.Properties = o.ID, maps.Clone(m.Properties)
	}
	w.edits = append(w.edits, edit)
	return crmsync.Synced
}

// verdict judges what the world holds now.
func (w *world) verdict(t *testing.T) demo.Verdict {
	e := w.Evidence
	e.Ledger, e.History = demo.NewLedger(false), demo.NewHistory()
	for _, end := range w.endings {
		e.Ledger.Ended(end)
	}
	for _, edit := range w.edits {
		e.History.Add(edit)
	}
	e.Objects = func(portal int64, kind string) []demo.Object { return w.objects[portal][kind] }
	v, err := demo.Judge(e)
	require.NoError(t, err)
	return v
}

// first returns the first living object of acme's contacts.
func (w *world) first() *demo.Object {
	all := w.objects[w.orgs["acme"].Accounts[0].Portal]["contacts"]
	for i := range all {
		if !all[i].Archived && all[i].Properties["jobtitle"] != "" {
			return &all[i]
		}
	}
	return nil
}

func TestJudgeFindsNothingWhereAllIsWell(t *testing.T) {
	v := newWorld(t, 4000).verdict(t)
	require.Empty(t, v.Examples)
	require.True(t, v.Sound())
	require.Greater(t, v.Objects, 1000)
}

// TestJudgeKnowsWhatIsOpen takes a company of grove whose deletion is ignored.
// The version before it may be in the CRM even if the deletion took its place:
// it may have been sent, and nobody known what became of it. An older one may
// not.
func TestJudgeKnowsWhatIsOpen(t *testing.T) {
	w := newWorld(t, 3000)
	portal := w.orgs["grove"].Accounts[0].Portal
	at := slices.IndexFunc(w.endings, func(e demo.Ending) bool {
		return e.Key.Org == "grove" && e.Outcome == crmsync.Filtered && e.Version > 2 && e.Version == w.applied["hubspot/"+e.Key.String()]
	})
	require.GreaterOrEqual(t, at, 0)
	key, version := w.endings[at].Key, w.endings[at].Version
	before := slices.IndexFunc(w.endings, func(e demo.Ending) bool {
		return e.Key == key && e.Version == version-1 && e.Outcome == crmsync.Synced
	})
	require.GreaterOrEqual(t, before, 0)
	w.endings[before].Outcome = crmsync.Superseded
	v := w.verdict(t)
	require.True(t, v.Sound(), v.Examples)

	all := w.objects[portal]["companies"]
	o := &all[slices.IndexFunc(all, func(o demo.Object) bool { return o.Properties["crmsync_id"] == key.ID })]
	o.Properties["crmsync_updated_at"] = "2026-01-01T00:00:00Z"
	v = w.verdict(t)
	require.Equal(t, 1, v.Lost)
}

func TestJudgeFindsWhatIsWrong(t *testing.T) {
	for _, tc := range []struct {
		name  string
		spoil func(*world)
		want  demo.Verdict
	}{
		{"an object is gone", func(w *world) { w.first().Archived = true }, demo.Verdict{Lost: 1}},
		{"an object is as it was before", func(w *world) { w.first().Properties["crmsync_version"] = "0" }, demo.Verdict{Lost: 1}},
		{"a property is another", func(w *world) { w.first().Properties["lastname"] = "X" }, demo.Verdict{Wrong: 1}},
		{"a property is missing", func(w *world) { delete(w.first().Properties, "jobtitle") }, demo.Verdict{Wrong: 1}},
		{"a property too many", func(w *world) { w.first().Properties["website"] = "x" }, demo.Verdict{Wrong: 1}},
		{"a record has two objects", func(w *world) {
			portal := w.orgs["acme"].Accounts[0].Portal
			second := *w.first()
			second.ID = "second"
			w.objects[portal]["contacts"] = append(w.objects[portal]["contacts"], second)
		}, demo.Verdict{Duplicates: 1}},
		{"a record had two objects for a while", func(w *world) {
			o := w.first()
			e := demo.Edit{Portal: w.orgs["acme"].Accounts[0].Portal, Type: "contacts", ID: "second", Record: o.Properties["crmsync_id"]}
			w.edits = append(w.edits, e, demo.Edit{Portal: e.Portal, Type: e.Type, ID: e.ID, Effect: demo.Archived})
		}, demo.Verdict{Duplicates: 1}},
		{"an object nobody asked for", func(w *world) {
			w.objects[w.orgs["elm"].Accounts[0].Portal]["contacts"] = append(w.objects[w.orgs["elm"].Accounts[0].Portal]["contacts"],
				demo.Object{ID: "x", Properties: demo.Properties{"crmsync_id": "c-999999"}})
		}, demo.Verdict{Wrong: 1}},
		{"an older version was written in between", func(w *world) {
			o := w.first()
			w.edits = append(w.edits, demo.Edit{
				Portal: w.orgs["acme"].Accounts[0].Portal, Type: "contacts", ID: o.ID, Effect: demo.Changed,
				Marker: demo.Marker(demo.Properties{"crmsync_version": "0"}),
			})
		}, demo.Verdict{Regressions: 1}},
		{"a delivery has no end", func(w *world) { w.endings = w.endings[1:] }, demo.Verdict{Unaccounted: 1}},
		{"a delivery ended twice", func(w *world) { w.endings = append(w.endings, w.endings[0]) }, demo.Verdict{Unaccounted: 1}},
		{"a good event is said to be filtered", func(w *world) {
			for i := range w.endings {
				if w.endings[i].Key.Org == "cedar" && w.endings[i].Outcome == crmsync.Synced {
					w.endings[i].Outcome = crmsync.Superseded
					w.endings[i].Version = 1 << 40 // nobody sent it
					return
				}
			}
		}, demo.Verdict{Unaccounted: 3}}, // the one is missing, the other too many and impossible
		{"a dead letter is missing", func(w *world) { w.Letters = w.Letters[1:] }, demo.Verdict{Unaccounted: 1}},
		{"a dead letter is there twice", func(w *world) { w.Letters = append(w.Letters, w.Letters[0]) }, demo.Verdict{Unaccounted: 1}},
		{"a dead letter's bytes were touched", func(w *world) { w.Letters[0].Value = []byte("{}") }, demo.Verdict{Unaccounted: 1}},
		{"a dead letter has another reason", func(w *world) {
			for i := range w.Letters {
				if w.Letters[i].Connection == "" {
					w.Letters[i].Code = "bad_luck"
					return
				}
			}
		}, demo.Verdict{Unaccounted: 1}},
		{"a dead letter doesn't name its line", func(w *world) {
			for i := range w.Letters {
				if w.Letters[i].Connection != "" {
					w.Letters[i].Where = ""
					return
				}
			}
		}, demo.Verdict{Unaccounted: 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t, 800)
			tc.spoil(w)
			v := w.verdict(t)
			require.NotEmpty(t, v.Examples)
			v.Examples, v.Objects = nil, 0
			require.Equal(t, tc.want, v)
		})
	}
}
