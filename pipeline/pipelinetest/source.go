package pipelinetest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// SourceHarness is an empty log with one consumer group that nobody has joined yet.
type SourceHarness struct {
	// Partitions is the number of partitions, numbered from 0; at least 4.
	Partitions int32
	// Append writes messages at the end of a partition and returns once they can be read. Key,
	// Value, Headers and Time (whole milliseconds) are kept; the rest is the log's to fill in.
	Append func(t testing.TB, partition int32, messages ...crmsync.Message)
	// Skip leaves at least one offset without a message at the end of a partition, as compaction
	// and transactions do. Nil: the log can't, and the test is skipped.
	Skip func(t testing.TB, partition int32)
	// Truncate drops what lies before an offset, as retention does. Nil: the log can't.
	Truncate func(t testing.TB, partition int32, before int64)
	// Open joins a new member to the group. leave is called once; it hands back all the member has
	// and leaves the group in an orderly way.
	Open func(t testing.TB) (source crmsync.Source, leave func())
}

// Source runs the promises of crmsync.Source. open returns a log of its own for each test and
// removes it with the test's Cleanup.
func Source(t *testing.T, open func(t testing.TB) SourceHarness) {
	cases := []struct {
		name string
		run  func(t *testing.T, h SourceHarness)
	}{
		{"a lone member gets every partition from its start", sourceAssigns},
		{"messages come as they were written, in order", sourceMessages},
		{"no poll takes in more messages than there is room for", sourceMessageRoom},
		{"no poll takes in more bytes than there is room for", sourceByteRoom},
		{"an assignment without room waits while others go on", sourcePauses},
		{"reading resumes at the mark, with its note", sourceResumes},
		{"what was not marked comes again", sourceRepeats},
		{"a partition moves to a new member after its release", sourceMoves},
		{"a mark or release of a term that is over has no effect", sourceOldTerm},
		{"a given-up assignment brings no more messages", sourceGivesUp},
		{"holes in the offsets are passed", sourceHoles},
		{"a lost beginning is a gap and not skipped", sourceGap},
		{"a log without commits is read from where it starts", sourceLateStart},
		{"a poll ends with its context", sourceCancelled},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

// patience is how long a test waits for what must come; a rebalance can take seconds.
const patience = 60 * time.Second

// member drives one source and checks at every poll what must hold for all of them.
type member struct {
	t        testing.TB
	source   crmsync.Source
	leave    func()
	live     map[int32]crmsync.Assignment
	terms    map[int64]bool // all that the members of a test were given
	next     map[int32]int64
	messages int                // room for each assignment
	bytes    int                // room for each assignment
	closed   map[int32]bool     // partitions without room
	revoked  func(part []int32) // what to do about revoked partitions
	got      map[int32][]crmsync.Message
	ends     map[int32]int64
	gaps     map[int32]crmsync.Gap
	moved    []int32 // partitions that were revoked
}

// join opens a member; all members of a test share terms.
func (h SourceHarness) join(t testing.TB, terms map[int64]bool) *member {
	source, leave := h.Open(t)
	var once atomic.Bool
	m := &member{
		t: t, source: source, terms: terms, messages: 1000, bytes: 1 << 20,
		live: map[int32]crmsync.Assignment{}, next: map[int32]int64{}, closed: map[int32]bool{},
		got: map[int32][]crmsync.Message{}, ends: map[int32]int64{}, gaps: map[int32]crmsync.Gap{},
	}
	m.leave = func() {
		if once.CompareAndSwap(false, true) {
			leave()
		}
	}
	m.revoked = m.handBack
	t.Cleanup(m.leave)
	return m
}

// handBack marks what was read of revoked partitions and releases them.
func (m *member) handBack(partitions []int32) {
	var marks []crmsync.Mark
	var assignments []crmsync.Assignment
	for _, p := range partitions {
		marks = append(marks, m.mark(p, "handed back"))
		assignments = append(assignments, m.live[p])
		delete(m.live, p)
	}
	require.NoError(m.t, m.source.Commit(m.t.Context(), marks))
	require.NoError(m.t, m.source.Release(m.t.Context(), assignments))
}

// mark says that everything of a partition that came so far is finished.
func (m *member) mark(partition int32, note string) crmsync.Mark {
	return crmsync.Mark{Partition: partition, Term: m.live[partition].Term, Offset: m.next[partition], Note: note}
}

func (m *member) rooms() []crmsync.Room {
	var rooms []crmsync.Room
	for p, a := range m.live {
		if a.Gap == nil && !m.closed[p] {
			rooms = append(rooms, crmsync.Room{Partition: p, Term: a.Term, Messages: m.messages, Bytes: m.bytes})
		}
	}
	return rooms
}

// absorb checks what a poll brought and keeps it.
func (m *member) absorb(news crmsync.News, rooms []crmsync.Room) {
	for _, p := range news.Lost {
		delete(m.live, p)
	}
	for _, fetch := range news.Fetched {
		m.absorbFetch(fetch, rooms)
	}
	if len(news.Revoked) > 0 {
		for _, p := range news.Revoked {
			require.Contains(m.t, m.live, p, "revoked without having been assigned")
		}
		m.moved = append(m.moved, news.Revoked...)
		m.revoked(news.Revoked)
	}
	for _, a := range news.Assigned {
		require.NotContains(m.t, m.live, a.Partition, "assigned twice")
		require.Falsef(m.t, m.terms[a.Term], "term %d was given before", a.Term)
		m.terms[a.Term] = true
		m.live[a.Partition], m.next[a.Partition] = a, a.Offset
		if a.Gap != nil {
			m.gaps[a.Partition] = *a.Gap
		}
	}
}

func (m *member) absorbFetch(fetch crmsync.Fetch, rooms []crmsync.Room) {
	p := fetch.Partition
	require.Equal(m.t, m.live[p].Term, fetch.Term, "a fetch of a term that is over")
	messages, bytes := 0, 0
	for _, room := range rooms {
		if room.Partition == p {
			messages, bytes = room.Messages, room.Bytes
		}
	}
	for _, message := range fetch.Messages {
		messages--
		bytes -= message.Size()
		require.GreaterOrEqualf(m.t, messages, 0, "partition %d: more messages than there was room for", p)
		require.GreaterOrEqualf(m.t, bytes, 0, "partition %d: more bytes than there was room for", p)
		require.Equal(m.t, p, message.Partition)
		require.GreaterOrEqualf(m.t, message.Offset, m.next[p], "partition %d: offsets go back", p)
		m.next[p] = message.Offset + 1
	}
	m.got[p] = append(m.got[p], fetch.Messages...)
	require.GreaterOrEqualf(m.t, fetch.End, m.next[p], "partition %d: the log ends before its last message", p)
	m.ends[p] = fetch.End
}

// polled is what one poll of one member brought.
type polled struct {
	rooms []crmsync.Room
	news  crmsync.News
	err   error
}

// until polls the members side by side until done says so.
func until(t testing.TB, what string, done func() bool, members ...*member) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !done() {
		require.Truef(t, time.Now().Before(deadline), "waited %v for: %s", patience, what)
		answers := make([]chan polled, len(members))
		for i, m := range members {
			answers[i] = make(chan polled, 1)
			rooms := m.rooms()
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				news, err := m.source.Poll(ctx, rooms)
				answers[i] <- polled{rooms, news, err}
			}()
		}
		for i, m := range members {
			answer := <-answers[i]
			require.NoError(t, answer.err)
			m.absorb(answer.news, answer.rooms)
		}
	}
}

// assigned says whether the members have every partition between them.
func (h SourceHarness) assigned(members ...*member) func() bool {
	return func() bool {
		n := 0
		for _, m := range members {
			n += len(m.live)
		}
		return n == int(h.Partitions)
	}
}

// count says whether a member has so many messages of a partition.
func (m *member) count(partition int32, n int) func() bool {
	return func() bool { return len(m.got[partition]) >= n }
}

// numbered returns n messages that tell their number, from first on.
func numbered(first, n int) []crmsync.Message {
	messages := make([]crmsync.Message, n)
	for i := range messages {
		messages[i] = crmsync.Message{Key: fmt.Appendf(nil, "acme/contact/%d", first+i), Value: fmt.Appendf(nil, `{"n":%d}`, first+i)}
	}
	return messages
}

// requireNumbered checks that messages are those of numbered.
func requireNumbered(t testing.TB, first, n int, got []crmsync.Message) {
	t.Helper()
	require.Len(t, got, n)
	for i, want := range numbered(first, n) {
		require.Equal(t, string(want.Value), string(got[i].Value))
		require.Equal(t, string(want.Key), string(got[i].Key))
	}
}
