package history_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"crmsync"
	"crmsync/pipeline/history"
)

func TestCorrectRunsAreSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		report := history.Check(history.Options{}, draw(t).Evidence)
		require.True(t, report.Sound(), report.String())
	})
}

// corruption spoils a run in one way; ok is false where the run has nothing
// to spoil so.
type corruption struct {
	class history.Class
	final bool
	spoil func(m *model) (ok bool)
}

// corruptions are single mistakes of a sync, and what each must be found as.
var corruptions = map[string]corruption{
	"the last call is not made": {class: history.Lost, spoil: func(m *model) bool {
		i := m.last(func(r *modelled, c *history.Call) bool {
			return c.Effect == history.Changed && c.Version == r.row.Applied && m.times(c) == 1
		})
		if i < 0 {
			return false
		}
		m.Calls = slices.Delete(m.Calls, i, i+1)
		return true
	}},
	"the last call has no effect": {class: history.Lost, spoil: func(m *model) bool {
		i := m.last(func(r *modelled, c *history.Call) bool {
			return c.Effect == history.Removed && r.row.Deleted
		})
		if i < 0 {
			return false
		}
		m.Calls[i].Effect = history.Nothing
		return true
	}},
	"a change makes a second object": {class: history.Duplicate, spoil: func(m *model) bool {
		i := m.last(func(_ *modelled, c *history.Call) bool { return c.Effect == history.Changed })
		if i < 0 {
			return false
		}
		m.Calls[i].Effect, m.Calls[i].Object = history.Created, "other"
		return true
	}},
	"an older version lands at the end": {class: history.Regression, spoil: func(m *model) bool {
		i := m.last(func(_ *modelled, c *history.Call) bool { return c.Version > 1 && c.Effect != history.Nothing })
		if i < 0 {
			return false
		}
		older := m.Calls[i]
		older.Version, older.Effect = older.Version-1, history.Changed
		older.Began, older.Ended = older.Began.Add(time.Hour), older.Ended.Add(time.Hour)
		m.Calls = append(m.Calls, older)
		return true
	}},
	"a row is gone": {class: history.Unaccounted, spoil: func(m *model) bool {
		for i := range m.Links {
			l := &m.Links[i]
			if m.landed(l.Applied, l.LinkKey) && m.onlyDone(l) {
				m.Links = slices.Delete(m.Links, i, i+1)
				return true
			}
		}
		return false
	}},
	"a dead letter is gone": {class: history.Unaccounted, spoil: func(m *model) bool {
		i := slices.IndexFunc(m.Letters, func(l history.Letter) bool {
			return l.Connection == "" && l.Offset < m.Committed[l.Partition]
		})
		if i < 0 {
			return false
		}
		m.Letters = slices.Delete(m.Letters, i, i+1)
		return true
	}},
	"a call of no event": {class: history.Unaccounted, spoil: func(m *model) bool {
		if len(m.Calls) == 0 {
			return false
		}
		m.Calls[len(m.Calls)-1].Version = 99
		return true
	}},
	"the row is ahead of the log": {class: history.Unaccounted, spoil: func(m *model) bool {
		if len(m.Links) == 0 || m.Links[0].Revision == 0 {
			return false
		}
		m.Links[0].Applied = 99
		return true
	}},
	"two versions are under way together": {class: history.IllegalSequence, spoil: func(m *model) bool {
		for i := range m.Calls {
			for _, next := range m.Calls[i+1:] {
				if c := &m.Calls[i]; next.Key == c.Key && next.Version != c.Version {
					c.Ended = next.Began.Add(time.Millisecond)
					return true
				}
			}
		}
		return false
	}},
	"an event is left behind": {class: history.Stuck, final: true, spoil: func(m *model) bool {
		for partition := range int32(2) {
			if m.Committed[partition] > 0 {
				m.Committed[partition]--
				return true
			}
		}
		return false
	}},
	"a record waits for ever": {class: history.Stuck, final: true, spoil: func(m *model) bool {
		return slices.ContainsFunc(m.Links, func(l crmsync.Link) bool { return l.Wait != nil })
	}},
}

// last returns the index of the last call of a record that is its record's last
// and that want accepts; -1 if there is none.
func (m *model) last(want func(*modelled, *history.Call) bool) int {
	seen := map[crmsync.RecordKey]bool{}
	for i := range slices.Backward(m.Calls) {
		c := &m.Calls[i]
		if !seen[c.Key] && want(m.records[c.Key], c) {
			return i
		}
		seen[c.Key] = true
	}
	return -1
}

// times returns how often a version had an effect.
func (m *model) times(c *history.Call) (n int) {
	for _, o := range m.Calls {
		if o.Key == c.Key && o.Version == c.Version && o.Effect != history.Nothing {
			n++
		}
	}
	return n
}

// landed says whether a call of that version had an effect.
func (m *model) landed(version int64, key crmsync.LinkKey) bool {
	return version > 0 && slices.ContainsFunc(m.Calls, func(c history.Call) bool {
		return c.Key == key.Key && c.Version == version && c.Effect != history.Nothing
	})
}

// onlyDone says whether the row is all that answers for its newest version: no
// dead letter does, and the log doesn't bring it or a newer one again.
func (m *model) onlyDone(l *crmsync.Link) bool {
	answers := func(e history.Event) bool {
		return e.Key == l.Key && (e.Version > l.Applied || e.Version == l.Applied && e.Offset >= m.Committed[e.Partition])
	}
	return l.Wait == nil && l.Dead == 0 && !slices.ContainsFunc(m.Events, answers)
}

// TestCorruptRunsAreFound spoils correct runs: each mistake must be found, and
// must have been tried often enough.
func TestCorruptRunsAreFound(t *testing.T) {
	for name, c := range corruptions {
		t.Run(name, func(t *testing.T) {
			tried := 0
			for i := 0; i < 200 && tried < 50; i++ {
				rapid.Check(t, func(t *rapid.T) {
					m := draw(t)
					if !c.spoil(m) {
						return
					}
					tried++
					report := history.Check(history.Options{Final: c.final}, m.Evidence)
					require.Positive(t, report.Counts[c.class], "%s\n%s", report, m)
				})
			}
			require.GreaterOrEqual(t, tried, 50, "the mistake was hardly ever possible")
		})
	}
}
