package hubspot

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"crmsync/providers/emulator"
)

// object is one record. Its values are replaced as a whole and never changed
// in place, so that answers and the search index can share them.
type object struct {
	id       string
	number   int64
	values   []string // by slot; shorter than the schema when properties came later
	created  time.Time
	updated  time.Time
	archived time.Time // zero while it lives
	indexed  *snapshot // what search knows of it; nil for nothing yet
}

// snapshot is one state of an object. Of the object itself it may read what
// never changes: the id, the number and the time of creation.
type snapshot struct {
	object   *object
	values   []string
	updated  time.Time
	archived time.Time
}

func (o *object) snapshot() snapshot { return snapshot{o, o.values, o.updated, o.archived} }

// at returns the value in a slot as HubSpot shows it; empty means unset.
func (v snapshot) at(s *schema, slot int) string {
	switch slot {
	case s.id:
		return v.object.id
	case s.created:
		return v.object.created.Format(wireTime)
	case s.modified:
		return v.updated.Format(wireTime)
	}
	return valueAt(v.values, slot)
}

func valueAt(values []string, slot int) string {
	if slot < 0 || slot >= len(values) {
		return ""
	}
	return values[slot]
}

// indexing is a state that search will know of later.
type indexing struct {
	at    time.Time
	state snapshot
}

// table is all objects of one type in one portal. The portal's lock guards it.
type table struct {
	schema  *schema
	byID    map[string]*object
	order   []*object // by number, archived ones too
	holders map[int]map[string]*object
	pending []indexing // the states that search does not know yet, oldest first
}

func newTable(s *schema) *table {
	return &table{schema: s, byID: map[string]*object{}, holders: map[int]map[string]*object{}}
}

// clear drops all objects. Properties stay.
func (t *table) clear() { *t = *newTable(t.schema) }

// living finds an object that is not archived by its id, or by a unique value
// when slot names one.
func (t *table) living(slot int, value string) *object {
	if slot >= 0 {
		if slot == t.schema.email {
			value = lowerEmail(value)
		}
		return t.holders[slot][value]
	}
	if o := t.byID[value]; o != nil && o.archived.IsZero() {
		return o
	}
	return nil
}

// clash finds a unique value that another living object holds already.
func (t *table) clash(o *object, values []string) (slot int, holder *object) {
	for _, slot := range t.schema.unique {
		value := valueAt(values, slot)
		if value == "" || value == valueAt(o.values, slot) {
			continue
		}
		if holder := t.holders[slot][value]; holder != nil && holder != o {
			return slot, holder
		}
	}
	return -1, nil
}

// put gives o new values and keeps track of who holds which unique value.
func (t *table) put(o *object, values []string) {
	for _, slot := range t.schema.unique {
		old, value := valueAt(o.values, slot), valueAt(values, slot)
		if old == value {
			continue
		}
		if old != "" {
			delete(t.holders[slot], old)
		}
		if value != "" {
			t.hold(slot, value, o)
		}
	}
	o.values = values
}

func (t *table) hold(slot int, value string, o *object) {
	if t.holders[slot] == nil {
		t.holders[slot] = map[string]*object{}
	}
	t.holders[slot][value] = o
}

// add makes o known. Its number is higher than all before.
func (t *table) add(o *object) {
	t.byID[o.id] = o
	t.order = append(t.order, o)
}

// undoAdd takes back the newest add.
func (t *table) undoAdd(o *object) {
	delete(t.byID, o.id)
	t.order = t.order[:len(t.order)-1]
}

// archive hides o. Not documented: whether an archived record keeps its
// unique values. Here it gives them up, so that the same record can be
// created again through an upsert.
func (t *table) archive(o *object, now time.Time) {
	for _, slot := range t.schema.unique {
		if value := valueAt(o.values, slot); value != "" {
			delete(t.holders[slot], value)
		}
	}
	o.archived, o.updated = now, now
}

// changed lets search know of o's state from visible on.
func (t *table) changed(o *object, visible time.Time) {
	t.pending = append(t.pending, indexing{visible, o.snapshot()})
}

// index brings what search knows up to now.
func (t *table) index(now time.Time) {
	done := 0
	for done < len(t.pending) && !t.pending[done].at.After(now) {
		state := t.pending[done].state
		state.object.indexed = &state
		done++
	}
	if done > 0 {
		t.pending = slices.Delete(t.pending, 0, done)
	}
}

// after returns up to limit objects with numbers above the id, in order, and
// whether there are more.
func (t *table) after(id string, limit int, archived bool) (page []*object, more bool) {
	number, _ := strconv.ParseInt(id, 10, 64) // no id: from the start
	start, _ := slices.BinarySearchFunc(t.order, number+1, func(o *object, n int64) int {
		return int(min(max(o.number-n, -1), 1))
	})
	for _, o := range t.order[start:] {
		if o.archived.IsZero() == archived {
			continue
		}
		if len(page) == limit {
			return page, true
		}
		page = append(page, o)
	}
	return page, false
}

// archiveByID archives a living record, and says so to the log.
func (t *table) archiveByID(id string, now time.Time) emulator.Record {
	r := emulator.Record{ID: strings.Clone(id), Outcome: emulator.Absent}
	o := t.living(-1, id)
	if o == nil {
		return r
	}
	r.UniqueProperty, r.UniqueValue = t.schema.ownName(o.values)
	r.ID, r.Outcome = o.id, emulator.Archived
	t.archive(o, now)
	return r
}
