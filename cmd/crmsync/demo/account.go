package demo

import (
	"hash/maphash"

	"crmsync"
)

// Letter is an entry of the dead-letter queue.
type Letter struct {
	Partition  int32 // where the message was read …
	Offset     int64 // …
	Connection string
	Key, Value []byte
	Reference  bool // the value is not there: it was too large
	Record     string
	Version    int64
	Kind, Code string
	Where      string // file:line:col in the mapping
	Field      string // of the CRM
	Message    string
}

// delivery is one event's way to one connection.
type delivery struct {
	record     uint64
	version    int64
	connection string
}

// version is one version of one record.
type version struct {
	record uint64
	no     int64
}

// known is what the stream tells of a version.
type known struct {
	fate     Fate
	unmapped bool
	times    int   // how often its event was sent
	mark     int64 // what the CRM's object shows after it; 0: nothing
}

// spot is where a dead letter came from.
type spot struct {
	partition  int32
	offset     int64
	connection string
}

// books are the two sides that must balance.
type books struct {
	seed     maphash.Seed
	open     map[delivery]int // sent and not ended
	waiting  map[delivery]int // ended as waiting, and not let out again
	versions map[version]known
	broken   int                 // messages that are no events, and not ended
	bytes    map[uint64][]string // of messages that belong to the dead letters: the reasons that they must have
	dead     map[spot]int        // deliveries that ended dead, and letters taken off
}

// account checks that every delivery of every message ended once, in a way
// that is possible, and that the dead letters are those that they should be.
func (j *judge) account() (*books, error) {
	b := &books{
		seed: maphash.MakeSeed(), open: map[delivery]int{}, waiting: map[delivery]int{}, versions: map[version]known{},
		bytes: map[uint64][]string{}, dead: map[spot]int{},
	}
	if err := j.replay(func(m *Message) error { return j.sent(b, m) }); err != nil {
		return nil, err
	}
	for _, e := range j.Ledger.snapshot() {
		j.ended(b, e)
	}
	j.balance(b)
	for i := range j.Letters {
		j.letter(b, &j.Letters[i])
	}
	for at, n := range b.dead {
		if n > 0 || n < 0 && !j.Restarts { // who wrote a letter may have been killed before it could tell
			j.unaccounted.add("partition %d, offset %d, %q: %+d dead deliveries are not among the dead letters", at.partition, at.offset, at.connection, n)
		}
	}
	return b, nil
}

// balance finds what was sent and has not ended, or ended more often.
func (j *judge) balance(b *books) {
	for d, n := range b.open {
		if n != 0 {
			j.unaccounted.add("%s version %d at %s: %+d deliveries have no end", j.name(d.record), d.version, d.connection, n)
		}
	}
	for d, n := range b.waiting {
		if n != 0 && !j.Restarts { // who let it out may have been killed before it could tell
			j.stuck.add("%s version %d at %s: %+d deliveries went to the waiting room and have no end", j.name(d.record), d.version, d.connection, n)
		}
	}
	if b.broken != 0 {
		j.unaccounted.add("%+d messages that are no events have no end", b.broken)
	}
}

// sent enters a message on the side of what must end.
func (j *judge) sent(b *books, m *Message) error {
	if m.Class == Broken {
		b.broken++
		b.mail(m, m.Reason)
		return nil
	}
	v := version{m.Event.Key.Hash(), m.Event.Version}
	k, again := b.versions[v]
	k.times++
	k.unmapped = m.Class == Unmapped
	if !again && !k.unmapped {
		meaning, err := Mean(j.orgs[m.Event.Key.Org].Like, &m.Event)
		if err != nil {
			return err
		}
		k.fate = meaning.Fate
		k.mark = ordinal(Marker(meaning.Properties))
		if k.fate == Write {
			j.stories[m.Event.Key].sign(k.mark, m.Event.Version)
		}
	}
	b.versions[v] = k
	if k.fate == Refused {
		b.mail(m, "")
	}
	for _, connection := range j.connections(m) {
		b.open[delivery{v.record, v.no, connection}]++
	}
	return nil
}

// connections are those that a message goes to; the empty one if there is none.
func (j *judge) connections(m *Message) (names []string) {
	o := j.orgs[m.Event.Key.Org]
	if o == nil {
		return []string{""}
	}
	for _, a := range o.Accounts {
		names = append(names, a.Connection)
	}
	return names
}

// mail notes a message that may come to the dead letters, with the reason that
// it must have there, if that is known.
func (b *books) mail(m *Message, reason string) {
	h := b.hash(m.Key, m.Value)
	b.bytes[h] = append(b.bytes[h], reason)
}

func (b *books) hash(key, value []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(b.seed)
	_, _ = h.Write(key) // a hash takes everything
	_ = h.WriteByte(0)
	_, _ = h.Write(value)
	return h.Sum64()
}

// ended enters an ending on the other side.
func (j *judge) ended(b *books, e entry) {
	if e.outcome == crmsync.Dead {
		b.dead[e.spot()]++
	}
	if e.record == 0 {
		b.broken--
		return
	}
	d := delivery{e.record, e.version, e.connection}
	switch {
	case e.released && !j.Restarts:
		b.waiting[d]--
	default:
		b.open[d]--
	}
	if e.outcome == crmsync.Waiting {
		b.waiting[d]++
		return
	}
	k, s := b.versions[version{e.record, e.version}], j.sources[e.record]
	if !j.possible(e, k, s) {
		j.unaccounted.add("%s version %d at %s can't have ended as %s", j.name(e.record), e.version, e.connection, e.outcome)
	}
	if s != nil && s.open() && (e.outcome == crmsync.Synced || e.outcome == crmsync.Unchanged) {
		s.done[e.connection] = append(s.done[e.connection], e.version)
	}
}

// possible says whether a version can have ended like that for good.
func (j *judge) possible(e entry, k known, s *story) bool {
	if k.unmapped || s == nil {
		return k.unmapped && e.outcome == crmsync.Unmapped
	}
	switch e.outcome {
	case crmsync.Synced, crmsync.Unchanged:
		return k.fate == Write || k.fate == Removed || k.fate == Marked
	case crmsync.Filtered:
		return k.fate != Write && k.fate != Refused
	case crmsync.Duplicate:
		return k.times > 1 || j.Restarts
	case crmsync.Stale, crmsync.Superseded:
		return e.version < s.newest.Version
	case crmsync.Dead:
		return k.fate == Refused
	case crmsync.Unmapped, crmsync.Waiting:
	}
	return false
}

// letter takes a dead letter off what should be among them.
func (j *judge) letter(b *books, l *Letter) {
	b.dead[spot{l.Partition, l.Offset, l.Connection}]--
	if l.Reference {
		return
	}
	reasons, sent := b.bytes[b.hash(l.Key, l.Value)]
	switch {
	case !sent:
		j.unaccounted.add("the dead letter of partition %d, offset %d (%s) has bytes that were not sent so, or should have been delivered", l.Partition, l.Offset, l.Code)
	case reasons[0] != "" && reasons[0] != l.Code:
		j.unaccounted.add("the dead letter of partition %d, offset %d says %s and should say %s", l.Partition, l.Offset, l.Code, reasons[0])
	case reasons[0] == "" && l.Where == "":
		j.unaccounted.add("the dead letter of partition %d, offset %d (%s) doesn't tell the line of the mapping", l.Partition, l.Offset, l.Code)
	}
}

// name returns a record's key by its hash.
func (j *judge) name(record uint64) string {
	if s := j.sources[record]; s != nil {
		return s.key.String()
	}
	return "an unmapped record"
}
