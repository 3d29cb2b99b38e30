package demo

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"crmsync"
)

// Setting says which events a demo has. Equal settings give equal events.
type Setting struct {
	Seed   uint64
	Orgs   int
	Events int // about how many are planned: the special orgs' come early among them
}

// Class is what a message is to a reader who knows the mappings.
type Class uint8

// The classes of messages.
const (
	Good     Class = iota // an event of a mapped record
	Unmapped              // an event of an org or a record type that nobody knows
	Broken                // no event at all
)

// Message is one message for the topic of the events, and what it is.
type Message struct {
	Key, Value []byte // a nil value deletes
	Headers    []crmsync.Header
	Class      Class
	Event      crmsync.Event // zero of broken ones
	Reason     string        // of broken ones: the code of the dead letter
}

// How often what happens, in a thousand.
const (
	brokenShare   = 4
	unmappedShare = 5
	repeatShare   = 50
)

// recentKept is how many messages may be repeated.
const recentKept = 512

// Stream makes the events of a demo, without end.
type Stream struct {
	setting Setting
	rng     *rand.Rand
	orgs    []Org
	pools   map[string]*pool // by org and type
	weights []int            // of the orgs, added up
	late    []int            // the same without the early orgs
	made    int              // messages handed out
	ticks   int64            // things that have happened
	ids     int64
	queue   []delayed // messages that are on their way, and late
	recent  []Message
}

// delayed is a message that comes after others that were made later.
type delayed struct {
	at int // the number of the message it becomes
	m  Message
}

// pool is all records of one type of one org.
type pool struct {
	org     *Org
	kind    string
	records []*record
}

// NewStream returns the stream of the setting, at its start.
func NewStream(s Setting) *Stream {
	st := &Stream{setting: s, rng: rand.New(rand.NewPCG(s.Seed, 2)), orgs: Orgs(s.Orgs), pools: map[string]*pool{}}
	all, late := 0, 0
	for i := range st.orgs {
		o := &st.orgs[i]
		for _, kind := range o.types {
			st.pools[o.Name+"/"+kind] = &pool{org: o, kind: kind}
		}
		all += o.weight
		if !o.early {
			late += o.weight
		}
		st.weights, st.late = append(st.weights, all), append(st.late, late)
	}
	return st
}

// Next returns the next message.
func (s *Stream) Next() Message {
	m := s.next()
	s.made++
	return m
}

// Now returns the time of the last event that was made.
func (s *Stream) Now() time.Time { return moment(s.ticks) }

func (s *Stream) next() Message {
	for i := range s.queue {
		if s.queue[i].at <= s.made {
			m := s.queue[i].m
			s.queue = append(s.queue[:i], s.queue[i+1:]...)
			return s.remember(m)
		}
	}
	switch n := s.rng.IntN(1000); {
	case s.made == s.setting.Events/2:
		return s.tooLarge()
	case n < brokenShare:
		return s.broken()
	case n < brokenShare+unmappedShare:
		return s.unmapped()
	case n < brokenShare+unmappedShare+repeatShare && len(s.recent) > 0:
		return pick(s.rng, s.recent)
	}
	return s.remember(s.happen(s.place()))
}

// remember keeps the last messages, to be repeated.
func (s *Stream) remember(m Message) Message {
	if len(s.recent) < recentKept {
		s.recent = append(s.recent, m)
	} else {
		s.recent[s.made%recentKept] = m
	}
	return m
}

// place picks an org by its weight, and one of its types.
func (s *Stream) place() *pool {
	weights := s.weights
	if last := s.late[len(s.late)-1]; s.made >= s.setting.Events*6/10 && last > 0 {
		weights = s.late
	}
	n := s.rng.IntN(weights[len(weights)-1])
	i := 0
	for weights[i] <= n {
		i++
	}
	o := &s.orgs[i]
	return s.pools[o.Name+"/"+pick(s.rng, o.types)]
}

// happen lets something happen to a record of the pool.
func (s *Stream) happen(p *pool) Message {
	r := s.choose(p)
	switch n := s.rng.IntN(1000); {
	case r == nil:
		return s.create(p)
	case r.deleted, r.flaw != sound, n < 680:
		return s.update(r)
	case n < 780:
		return s.touch(r)
	case n < 860:
		return s.remove(r)
	case n < 995:
		return s.overtake(r)
	}
	return s.stumble(r)
}

// choose picks a record: nil for a new one, mostly one of the newest.
func (s *Stream) choose(p *pool) *record {
	const newest = 400
	n := len(p.records)
	if n == 0 || s.rng.IntN(100) < 36 {
		return nil
	}
	if s.rng.IntN(10) < 7 && n > newest {
		return p.records[n-1-s.rng.IntN(newest)]
	}
	return pick(s.rng, p.records)
}

func (s *Stream) create(p *pool) Message {
	n := len(p.records) + 1
	r := &record{org: p.org, number: n, key: crmsync.RecordKey{Org: p.org.Name, Type: p.kind, ID: fmt.Sprintf("%s-%d", p.kind[:1], n)}}
	if p.kind == "company" {
		r.key.ID = fmt.Sprintf("co-%d", n)
	}
	r.fill(s.rng)
	if s.rng.IntN(200) == 0 {
		r.flaw = pick(s.rng, r.flaws())
	}
	p.records = append(p.records, r)
	s.changed(r)
	return s.message(r, crmsync.Created, r.flaw)
}

func (s *Stream) update(r *record) Message {
	op := crmsync.Updated
	if r.deleted {
		op, r.deleted = crmsync.Upserted, false // it is back
	}
	r.change(s.rng)
	s.changed(r)
	return s.message(r, op, r.flaw)
}

// touch changes what no mapping reads.
func (s *Stream) touch(r *record) Message {
	r.data.Notes = text(pick(s.rng, remarks[:]))
	return s.message(r, crmsync.Updated, sound)
}

func (s *Stream) remove(r *record) Message {
	r.deleted = true
	return s.message(r, crmsync.Deleted, sound)
}

// overtake makes two versions, and hands out the newer one first.
func (s *Stream) overtake(r *record) Message {
	older := s.update(r)
	s.delay(older, 10, 300)
	return s.update(r)
}

// stumble makes a version that can't be delivered, and its correction.
func (s *Stream) stumble(r *record) Message {
	r.change(s.rng)
	s.changed(r)
	bad := s.message(r, crmsync.Updated, pick(s.rng, r.flaws()))
	s.delay(s.update(r), 200, 600)
	return bad
}

// delay hands out a message after so many others.
func (s *Stream) delay(m Message, least, most int) {
	s.queue = append(s.queue, delayed{s.made + least + s.rng.IntN(most-least), m})
}

func (s *Stream) changed(r *record) { r.data.UpdatedAt = text(stamp(moment(s.ticks + 1))) }

// message makes the event of the record's next version.
func (s *Stream) message(r *record, op crmsync.Op, f flaw) Message {
	s.ticks++
	s.ids++
	r.version++
	e := crmsync.Event{ID: fmt.Sprintf("e-%08d", s.ids), Key: r.key, Version: r.version, Op: op, OccurredAt: moment(s.ticks)}
	form := 2
	if op == crmsync.Deleted {
		form = s.rng.IntN(3)
	}
	if form == 0 {
		return tombstone(e)
	}
	if form == 2 {
		e.Data = encode(f.spoil(r.data))
	}
	return Message{Key: []byte(r.key.String()), Value: encode(envelopeOf(e)), Event: e}
}

// tombstone is a delete without an envelope.
func tombstone(e crmsync.Event) Message {
	version := crmsync.Header{Key: "crmsync-version", Value: strconv.AppendInt(nil, e.Version, 10)}
	return Message{Key: []byte(e.Key.String()), Headers: []crmsync.Header{version}, Event: e}
}

// envelope is an event as it stands in the topic.
type envelope struct {
	ID         string          `json:"event_id"`
	Org        string          `json:"org_id"`
	Type       string          `json:"record_type"`
	Record     string          `json:"record_id"`
	Version    int64           `json:"version"`
	Op         string          `json:"op"`
	OccurredAt string          `json:"occurred_at"`
	Data       json.RawMessage `json:"data,omitempty"`
}

func envelopeOf(e crmsync.Event) envelope {
	return envelope{e.ID, e.Key.Org, e.Key.Type, e.Key.ID, e.Version, e.Op.String(), stamp(e.OccurredAt), e.Data}
}

// encode returns v, one of our own plain structs, as JSON.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte("null")
	}
	return b
}
