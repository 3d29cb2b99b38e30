package inmem

import (
	"slices"
	"sync"
	"time"

	"crmsync"
)

// Log is a topic and its consumer group. It keeps every message it is given. Members join with
// Open; the partitions are shared out evenly among them, and one that moves is first handed back
// by its owner.
type Log struct {
	topic string
	now   func() time.Time

	mu         sync.Mutex // guards what follows, and the members' fields
	partitions []partition
	members    []*Source // in the order they joined
	terms      int64
	changed    chan struct{} // closed at the next change
}

type partition struct {
	messages   []crmsync.Message
	start, end int64
	committed  int64 // -1: never
	note       string

	owner   *Source
	term    int64
	revoked bool  // the owner has been, or will be, told
	gap     bool  // the owner must not read
	next    int64 // where the owner reads on
}

// NewLog returns an empty topic with that many partitions. now gives messages without a time theirs.
func NewLog(topic string, partitions int32, now func() time.Time) *Log {
	l := &Log{topic: topic, now: now, partitions: make([]partition, partitions), changed: make(chan struct{})}
	for i := range l.partitions {
		l.partitions[i].committed = -1
	}
	return l
}

// Append writes messages at the end of a partition. Key, value, headers and a time that is set are
// kept as they are; their bytes must not change afterwards.
func (l *Log) Append(partition int32, messages ...crmsync.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &l.partitions[partition]
	for _, m := range messages {
		m.Topic, m.Partition, m.Offset = l.topic, partition, p.end
		if m.Time.IsZero() {
			m.Time = l.now()
		}
		p.messages = append(p.messages, m)
		p.end++
	}
	l.change()
}

// Skip leaves a hole of n offsets at the end of a partition, as compaction does.
func (l *Log) Skip(partition int32, n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partitions[partition].end += n
	l.change()
}

// Truncate drops what lies before an offset, as retention does. An owner that has not read that far
// loses the partition, and gets it again with a gap.
func (l *Log) Truncate(partition int32, before int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &l.partitions[partition]
	began := p.start
	p.start = min(max(p.start, before), p.end)
	p.messages = slices.DeleteFunc(p.messages, func(m crmsync.Message) bool { return m.Offset < p.start })
	if p.owner == nil || p.next >= p.start {
		return
	}
	if p.committed < 0 {
		p.committed = began
	}
	p.owner.lost = append(p.owner.lost, partition)
	l.free(partition)
	l.balance()
}

// End returns the offset after the last entry of a partition.
func (l *Log) End(partition int32) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.partitions[partition].end
}

// Committed returns the offset that a partition was committed to and the note beside it; ok is
// false if it never was.
func (l *Log) Committed(partition int32) (offset int64, note string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &l.partitions[partition]
	if p.committed < 0 {
		return 0, "", false
	}
	return p.committed, p.note, true
}

// Open returns a new member of the group.
func (l *Log) Open() *Source {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &Source{log: l}
	l.members = append(l.members, s)
	l.balance()
	return s
}

// change wakes the members that wait for news. The lock is held.
func (l *Log) change() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// balance takes partitions from members that have more than their share and gives the free ones to
// those that have less. The lock is held.
func (l *Log) balance() {
	shares := map[*Source]int{}
	for i, s := range l.members {
		shares[s] = len(l.partitions) / len(l.members)
		if i < len(l.partitions)%len(l.members) {
			shares[s]++
		}
	}
	for i := range l.partitions {
		if p := &l.partitions[i]; p.owner != nil && !p.revoked {
			if shares[p.owner]--; shares[p.owner] < 0 {
				l.revoke(int32(i))
			}
		}
	}
	for i := range l.partitions {
		for _, s := range l.members {
			if l.partitions[i].owner == nil && shares[s] > 0 {
				shares[s]--
				l.assign(int32(i), s)
			}
		}
	}
	l.change()
}

// revoke asks the owner for a partition; one that doesn't know yet that it has it loses it at once.
func (l *Log) revoke(number int32) {
	p := &l.partitions[number]
	untold := func(a crmsync.Assignment) bool { return a.Partition == number }
	if slices.ContainsFunc(p.owner.assigned, untold) {
		l.free(number)
		return
	}
	p.revoked = true
	p.owner.revoked = append(p.owner.revoked, number)
}

func (l *Log) assign(number int32, s *Source) {
	p := &l.partitions[number]
	l.terms++
	p.owner, p.term, p.revoked, p.next = s, l.terms, false, p.start
	a := crmsync.Assignment{Partition: number, Term: p.term, Note: p.note, End: p.end}
	if p.committed >= 0 {
		p.next = p.committed
	}
	a.Offset = p.next
	if p.gap = p.next < p.start || p.next > p.end; p.gap {
		a.Gap = &crmsync.Gap{Committed: p.committed, Start: p.start, End: p.end}
	}
	s.assigned = append(s.assigned, a)
}

// free takes a partition from its owner. The lock is held, and balance follows.
func (l *Log) free(number int32) {
	p := &l.partitions[number]
	same := func(n int32) bool { return n == number }
	p.owner.revoked = slices.DeleteFunc(p.owner.revoked, same)
	p.owner.assigned = slices.DeleteFunc(p.owner.assigned, func(a crmsync.Assignment) bool { return same(a.Partition) })
	p.owner, p.revoked, p.gap = nil, false, false
}
