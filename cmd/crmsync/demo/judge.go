package demo

import (
	"errors"
	"maps"
	"slices"

	"crmsync"
)

// Object is an object as the CRM holds it.
type Object struct {
	ID         string
	Archived   bool
	Properties Properties
}

// Evidence is what a demo has left behind.
type Evidence struct {
	Setting  Setting
	Produced int // messages of the setting's stream
	Ledger   *Ledger
	Letters  []Letter
	History  *History
	// Restarts says that processes were stopped and killed on the way: then a
	// delivery may have ended several times, and not every end was told.
	Restarts bool
	Aftermath
	// Objects returns all objects of one type that an account holds.
	Objects func(portal int64, kind string) []Object
}

// Verdict is what the oracle and the checker of histories found. All counts
// should be 0.
type Verdict struct {
	Lost        int // changes that the CRM doesn't hold
	Wrong       int // objects with properties that no mapping means
	Duplicates  int // objects beyond one per record
	Regressions int // older versions that were written over newer ones
	Stuck       int // deliveries that have not come to an end
	Unaccounted int // deliveries without an end, or with an end that can't be
	Illegal     int // requests for two versions of a record at the same time
	Objects     int // that were compared
	Examples    []string
}

// Sound says that nothing was found.
func (v *Verdict) Sound() bool {
	return v.Lost+v.Wrong+v.Duplicates+v.Regressions+v.Stuck+v.Unaccounted+v.Illegal == 0
}

// judge weighs evidence against the stream, which it makes once more.
type judge struct {
	Evidence
	orgs    map[string]*Org
	stories map[crmsync.RecordKey]*story
	sources map[uint64]*story // by hash of the key

	lost, wrong, duplicates, stuck, unaccounted findings
	objects                                     int
}

// story is one record as the stream tells it.
type story struct {
	org    *Org
	key    crmsync.RecordKey
	newest crmsync.Event
	fate   Fate   // of the newest event
	object string // the CRM's kind of object
	marks  []mark // what the CRM can tell its versions by
	// Of a record whose newest event doesn't say by itself what the CRM holds:
	meanings map[int64]Meaning  // by version
	done     map[string][]int64 // by connection: the versions that the CRM took
}

// Judge compares what a demo left behind with what the mappings mean.
func Judge(e Evidence) (Verdict, error) {
	j := &judge{Evidence: e, orgs: map[string]*Org{}, stories: map[crmsync.RecordKey]*story{}, sources: map[uint64]*story{}}
	orgs := Orgs(e.Setting.Orgs)
	for i := range orgs {
		j.orgs[orgs[i].Name] = &orgs[i]
	}
	if err := j.read(); err != nil {
		return Verdict{}, err
	}
	b, err := j.account()
	if err != nil {
		return Verdict{}, err
	}
	if err := j.compare(orgs); err != nil {
		return Verdict{}, err
	}
	h := e.History
	v := Verdict{
		Lost: j.lost.count, Wrong: j.wrong.count, Duplicates: j.duplicates.count + h.duplicates.count,
		Regressions: h.regressions.count, Stuck: j.stuck.count, Unaccounted: j.unaccounted.count, Objects: j.objects,
	}
	for _, f := range []findings{j.lost, j.wrong, j.duplicates, h.duplicates, h.regressions, j.stuck, j.unaccounted} {
		v.Examples = append(v.Examples, f.examples...)
	}
	if j.Log != nil {
		report, err := j.weigh(b)
		if err != nil {
			return Verdict{}, err
		}
		v.add(report)
	}
	return v, nil
}

// replay makes the messages of the demo once more.
func (j *judge) replay(visit func(*Message) error) error {
	stream := NewStream(j.Setting)
	for range j.Produced {
		m := stream.Next()
		if err := visit(&m); err != nil {
			return err
		}
	}
	return nil
}

// read learns the newest version of each record, and all versions of those
// whose newest one leaves open what the CRM holds.
func (j *judge) read() error {
	err := j.replay(func(m *Message) error {
		if m.Class == Good {
			j.note(&m.Event)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range j.stories {
		m, err := Mean(s.org.Like, &s.newest)
		if err != nil {
			return err
		}
		s.fate, s.object = m.Fate, m.Object
		j.sources[s.key.Hash()] = s
		if s.open() {
			s.meanings, s.done = map[int64]Meaning{}, map[string][]int64{}
		}
	}
	if len(j.sources) != len(j.stories) {
		return errors.New("two records of the demo have one hash: choose another --seed")
	}
	return j.replay(func(m *Message) (err error) {
		if s := j.stories[m.Event.Key]; m.Class == Good && s.open() {
			s.meanings[m.Event.Version], err = Mean(s.org.Like, &m.Event)
		}
		return err
	})
}

func (j *judge) note(e *crmsync.Event) {
	s := j.stories[e.Key]
	if s == nil {
		s = &story{org: j.orgs[e.Key.Org], key: e.Key}
		j.stories[e.Key] = s
	}
	if e.Version > s.newest.Version {
		s.newest = *e
	}
}

// open says that what the CRM holds depends on which earlier versions got
// there before the newest one came.
func (s *story) open() bool {
	return s.fate == Refused || s.fate == Marked || s.fate == Kept
}

// wanted returns what the account may hold of the record; nil: no object. It is
// one state, unless the record is open: then a version that a newer one took
// the place of may be there too, because its request was sent and nobody knew
// what became of it.
func (s *story) wanted(connection string) ([]Properties, error) {
	if !s.open() {
		m, err := Mean(s.org.Like, &s.newest)
		return []Properties{m.Properties}, err
	}
	held := []Properties{nil}
	for _, v := range slices.Sorted(maps.Keys(s.meanings)) {
		next := s.meanings[v].after(held)
		if next == nil {
			continue // nothing is sent for it
		}
		if !slices.Contains(s.done[connection], v) {
			next = slices.Concat(held, next)
		}
		held = different(next)
	}
	return held, nil
}

// after returns what an account holds that held one of these states before.
func (m Meaning) after(held []Properties) (next []Properties) {
	switch m.Fate {
	case Write:
		return []Properties{m.Properties}
	case Removed:
		return []Properties{nil}
	case Marked:
		for _, h := range held {
			if h != nil {
				h = maps.Clone(h)
				maps.Copy(h, m.Properties)
			}
			next = append(next, h)
		}
		return next
	case Refused, Skipped, Kept:
	}
	return nil
}

// different returns the states without those that are there twice.
func different(all []Properties) (out []Properties) {
	for _, p := range all {
		same := func(q Properties) bool { return (p == nil) == (q == nil) && maps.Equal(p, q) }
		if !slices.ContainsFunc(out, same) {
			out = append(out, p)
		}
	}
	return out
}
