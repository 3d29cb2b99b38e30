package demo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"crmsync"
	"crmsync/pipeline/history"
)

// Aftermath is what a run leaves in its log and its database. Without a log the
// checker of histories is not asked.
type Aftermath struct {
	Log       iter.Seq2[crmsync.Message, error] // the topic of the events, read back
	Committed map[int32]int64                   // by partition, the offset after the last that is finished
	Links     func([]crmsync.LinkKey) ([]crmsync.Link, error)
}

// mark is a version, and what the CRM can tell it by: a number or a time that
// versions with the same data share.
type mark struct{ mark, version int64 }

// sign notes what a version can be told by. The oldest of those that look the
// same counts.
func (s *story) sign(m, version int64) {
	for i := range s.marks {
		if s.marks[i].mark == m {
			s.marks[i].version = min(s.marks[i].version, version)
			return
		}
	}
	s.marks = append(s.marks, mark{m, version})
}

// weigh hands all that is known to the checker of histories.
func (j *judge) weigh(b *books) (*history.Report, error) {
	c := history.New(history.Options{Final: true, Findings: 3})
	if err := j.giveEvents(b, c); err != nil {
		return nil, err
	}
	j.giveCalls(c)
	for i := range j.Letters {
		l := &j.Letters[i]
		key, _ := crmsync.ParseRecordKey(l.Record) // without one the envelope could not be read
		c.Letter(history.Letter{Partition: l.Partition, Offset: l.Offset, Connection: l.Connection, Key: key, Version: l.Version, Code: l.Code})
	}
	for partition, offset := range j.Committed {
		c.Committed(partition, offset)
	}
	if err := j.giveLinks(c); err != nil {
		return nil, err
	}
	return c.Report(), nil
}

// ways are the ways that the events of one org go with one fate.
type ways struct {
	org  string
	fate Fate
}

// fates tells the checker what the oracle's fates mean.
var fates = map[Fate]history.Fate{
	Write: history.Lands, Refused: history.Dies, Skipped: history.Skipped,
	Removed: history.Removes, Marked: history.Marks, Kept: history.Skipped,
}

// giveEvents reads the log. What a message is the stream knows by its bytes.
func (j *judge) giveEvents(b *books, c *history.Checker) error {
	shared := map[ways][]history.Way{}
	for m, err := range j.Log {
		if err != nil {
			return fmt.Errorf("read the topic of the events back: %w", err)
		}
		e := history.Event{Partition: m.Partition, Offset: m.Offset, At: m.Time}
		reasons := b.bytes[b.hash(m.Key, m.Value)]
		if e.Broken = len(reasons) > 0 && reasons[0] != ""; e.Broken {
			e.Code = reasons[0]
			c.Event(e)
			continue
		}
		if err := read(&m, &e); err != nil {
			return err
		}
		k := b.versions[version{e.Key.Hash(), e.Version}]
		e.Hash, e.Content = b.hash(m.Key, m.Value), uint64(k.mark)
		if k.fate == Marked {
			e.Content = marked
		}
		if o := j.orgs[e.Key.Org]; o != nil && !k.unmapped {
			w := ways{o.Name, k.fate}
			if shared[w] == nil {
				for _, a := range o.Accounts {
					shared[w] = append(shared[w], history.Way{Connection: a.Connection, Fate: fates[k.fate]})
				}
			}
			e.Ways = shared[w]
		}
		c.Event(e)
	}
	return nil
}

// read takes from a message what it says in its envelope.
func read(m *crmsync.Message, e *history.Event) (err error) {
	if m.Value == nil {
		e.Op = crmsync.Deleted
		header, _ := m.Header(crmsync.HeaderVersion)
		if e.Version, err = strconv.ParseInt(string(header), 10, 64); err == nil {
			e.Key, err = crmsync.ParseRecordKey(string(m.Key))
		}
	} else {
		var v struct {
			Org     string `json:"org_id"`
			Type    string `json:"record_type"`
			Record  string `json:"record_id"`
			Version int64  `json:"version"`
			Op      string `json:"op"`
		}
		err = json.NewDecoder(bytes.NewReader(m.Value)).Decode(&v)
		e.Key, e.Version = crmsync.RecordKey{Org: v.Org, Type: v.Type, ID: v.Record}, v.Version
		e.Op, _ = crmsync.ParseOp(v.Op) // the stream wrote it
	}
	if err != nil {
		return fmt.Errorf("partition %d, offset %d of the events holds what the demo didn't send: %w", m.Partition, m.Offset, err)
	}
	return nil
}

// giveCalls translates what the CRM has seen: its accounts and markers into
// connections and versions.
func (j *judge) giveCalls(c *history.Checker) {
	at := map[int64]crmsync.ConnectionID{}
	for _, o := range j.orgs {
		for _, a := range o.Accounts {
			at[a.Portal] = crmsync.ConnectionID{Org: o.Name, Name: a.Connection}
		}
	}
	types := map[string]string{}
	for kind, object := range objects {
		types[object] = kind
	}
	for i := range j.History.edits {
		k := &j.History.edits[i]
		id, call := at[k.of.portal], k.call()
		call.Key, call.Connection = crmsync.RecordKey{Org: id.Org, Type: types[k.of.kind], ID: k.of.record}, id.Name
		if s := j.stories[call.Key]; s != nil && k.marker != 0 {
			call.Version = s.version(k.marker)
		} else if k.effect == Changed {
			call.Content = marked
		}
		c.Call(call)
	}
}

// version returns the oldest version that shows a marker; a marker of none is
// a version that nobody sent.
func (s *story) version(m int64) int64 {
	if i := slices.IndexFunc(s.marks, func(k mark) bool { return k.mark == m }); i >= 0 {
		return s.marks[i].version
	}
	return unknownVersion
}

// unknownVersion is greater than any that the stream makes.
const unknownVersion = 1 << 50

// marked stands for what a deletion leaves that only marks: all of them write
// the same, so a second one needs no request.
const marked = 1 << 60

// maxLinks is how many state rows are asked for at a time.
const maxLinks = 1000

func (j *judge) giveLinks(c *history.Checker) error {
	var keys []crmsync.LinkKey
	for key, s := range j.stories {
		for _, a := range s.org.Accounts {
			keys = append(keys, crmsync.LinkKey{Key: key, Connection: a.Connection})
		}
	}
	for some := range slices.Chunk(keys, maxLinks) {
		links, err := j.Links(some)
		if err != nil {
			return fmt.Errorf("read the state rows: %w", err)
		}
		for _, l := range links {
			c.Link(l)
		}
	}
	return nil
}

// add takes in what the checker of histories found. It sees the same faults as
// the oracle, and others: the greater number counts.
func (v *Verdict) add(r *history.Report) {
	for class, n := range map[history.Class]*int{
		history.Lost: &v.Lost, history.Duplicate: &v.Duplicates, history.Regression: &v.Regressions,
		history.Stuck: &v.Stuck, history.Unaccounted: &v.Unaccounted, history.IllegalSequence: &v.Illegal,
	} {
		*n = max(*n, int(r.Counts[class]))
	}
	for _, f := range r.Findings {
		v.Examples = append(v.Examples, f.String())
	}
}
