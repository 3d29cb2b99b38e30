package pipelinetest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

func sourceAssigns(t *testing.T, h SourceHarness) {
	m := h.join(t, map[int64]bool{})
	until(t, "all partitions", h.assigned(m), m)
	for p := range h.Partitions {
		require.Zero(t, m.live[p].Offset)
		require.Empty(t, m.live[p].Note)
		require.Nil(t, m.live[p].Gap)
	}
}

func sourceMessages(t *testing.T, h SourceHarness) {
	at := aTime().Truncate(time.Millisecond)
	want := []crmsync.Message{
		{Key: []byte("a"), Value: []byte("plain"), Time: at},
		{Key: []byte("a"), Value: nil, Time: at},
		{Key: []byte("b"), Value: []byte{}, Time: at},
		{Key: []byte("\xff\x00/🙂"), Value: []byte("\x00\xff not UTF-8"), Time: at},
		{Key: []byte("c"), Value: []byte(noise(100_000)), Time: at.Add(time.Second), Headers: []crmsync.Header{{Key: "h", Value: []byte("1")}, {Key: "h", Value: []byte{0xff}}}},
	}
	h.Append(t, 1, want...)
	m := h.join(t, map[int64]bool{})
	until(t, "the messages", m.count(1, len(want)), m)
	require.Len(t, m.got[1], len(want))
	for i, got := range m.got[1] {
		require.Equal(t, int64(i), got.Offset)
		require.Equal(t, m.got[1][0].Topic, got.Topic)
		require.NotEmpty(t, got.Topic)
		require.Equal(t, string(want[i].Key), string(got.Key))
		require.Equal(t, string(want[i].Value), string(got.Value))
		require.Equalf(t, want[i].Value == nil, got.Value == nil, "message %d: a tombstone is not an empty value", i)
		require.Truef(t, want[i].Time.Equal(got.Time), "message %d: of %v, want %v", i, got.Time, want[i].Time)
		require.Len(t, got.Headers, len(want[i].Headers))
		for j, header := range want[i].Headers {
			require.Equal(t, header, got.Headers[j])
		}
	}
	require.Equal(t, int64(len(want)), m.ends[1])
	h.Append(t, 1, numbered(0, 3)...)
	until(t, "later messages", m.count(1, len(want)+3), m)
	requireNumbered(t, 0, 3, m.got[1][len(want):])
}

func sourceMessageRoom(t *testing.T, h SourceHarness) {
	h.Append(t, 0, numbered(0, 25)...)
	h.Append(t, 2, numbered(100, 10)...)
	m := h.join(t, map[int64]bool{})
	m.messages = 3 // absorb checks it at every poll
	until(t, "all messages of two partitions", func() bool { return m.count(0, 25)() && m.count(2, 10)() }, m)
	requireNumbered(t, 0, 25, m.got[0])
	requireNumbered(t, 100, 10, m.got[2])
	require.Equal(t, int64(25), m.ends[0])
}

func sourceByteRoom(t *testing.T, h SourceHarness) {
	messages := numbered(0, 20)
	h.Append(t, 0, messages...)
	m := h.join(t, map[int64]bool{})
	m.bytes = 2*messages[19].Size() + 10
	until(t, "all messages", m.count(0, 20), m)
	requireNumbered(t, 0, 20, m.got[0])
}

func sourcePauses(t *testing.T, h SourceHarness) {
	m := h.join(t, map[int64]bool{})
	m.closed[0] = true
	h.Append(t, 0, numbered(0, 5)...)
	for round := range 3 {
		h.Append(t, 1, numbered(10*round, 10)...)
		until(t, "the open partition", m.count(1, 10*(round+1)), m)
		require.Empty(t, m.got[0])
	}
	m.closed[0] = false
	until(t, "the opened partition", m.count(0, 5), m)
	requireNumbered(t, 0, 5, m.got[0])
	requireNumbered(t, 0, 30, m.got[1])
}

func sourceResumes(t *testing.T, h SourceHarness) {
	terms := map[int64]bool{}
	h.Append(t, 0, numbered(0, 5)...)
	h.Append(t, 1, numbered(0, 2)...)
	first := h.join(t, terms)
	until(t, "the messages", func() bool { return first.count(0, 5)() && first.count(1, 2)() && h.assigned(first)() }, first)
	require.NoError(t, first.source.Commit(t.Context(), nil))
	require.NoError(t, first.source.Commit(t.Context(), []crmsync.Mark{
		{Partition: 0, Term: first.live[0].Term, Offset: 2, Note: "clean:7"},
		first.mark(1, noise(4000)),
	}))
	require.NoError(t, first.source.Commit(t.Context(), []crmsync.Mark{{Partition: 0, Term: first.live[0].Term, Offset: 3, Note: "clean:8"}}))
	first.leave()

	second := h.join(t, terms)
	until(t, "the rest", func() bool { return second.count(0, 2)() && h.assigned(second)() }, second)
	require.Equal(t, int64(3), second.live[0].Offset)
	require.Equal(t, "clean:8", second.live[0].Note)
	require.Equal(t, int64(2), second.live[1].Offset)
	require.Equal(t, noise(4000), second.live[1].Note)
	requireNumbered(t, 3, 2, second.got[0])
	require.Empty(t, second.got[1])
}

func sourceRepeats(t *testing.T, h SourceHarness) {
	terms := map[int64]bool{}
	h.Append(t, 0, numbered(0, 5)...)
	first := h.join(t, terms)
	until(t, "the messages", first.count(0, 5), first)
	first.leave()
	second := h.join(t, terms)
	until(t, "the same messages", second.count(0, 5), second)
	requireNumbered(t, 0, 5, second.got[0])
}

func sourceMoves(t *testing.T, h SourceHarness) {
	terms := map[int64]bool{}
	a := h.join(t, terms)
	until(t, "all partitions", h.assigned(a), a)
	for p := range h.Partitions {
		h.Append(t, p, numbered(0, 10)...)
	}
	a.messages = 3
	until(t, "a part of the messages", a.count(0, 3), a)
	b := h.join(t, terms)
	until(t, "a fair share for both", func() bool { return len(b.live) >= 2 && h.assigned(a, b)() }, a, b)
	require.NotEmpty(t, a.live)
	require.GreaterOrEqual(t, len(a.moved), len(b.live))
	for p := range h.Partitions {
		h.Append(t, p, numbered(10, 2)...)
		until(t, "every message", func() bool { return len(a.got[p])+len(b.got[p]) >= 12 }, a, b)
		requireNumbered(t, 0, 12, append(a.got[p][:len(a.got[p]):len(a.got[p])], b.got[p]...))
	}
}

func sourceOldTerm(t *testing.T, h SourceHarness) {
	terms := map[int64]bool{}
	h.Append(t, 0, numbered(0, 5)...)
	a := h.join(t, terms)
	until(t, "the messages", a.count(0, 5), a)
	old := a.live[0]
	require.NoError(t, a.source.Commit(t.Context(), []crmsync.Mark{{Partition: 0, Term: old.Term, Offset: 2}}))
	require.NoError(t, a.source.Release(t.Context(), []crmsync.Assignment{old}))
	delete(a.live, 0)
	require.NoError(t, a.source.Commit(t.Context(), []crmsync.Mark{{Partition: 0, Term: old.Term, Offset: 5, Note: "late"}}))
	require.NoError(t, a.source.Release(t.Context(), []crmsync.Assignment{old}))
	a.leave()

	b := h.join(t, terms)
	until(t, "the rest", b.count(0, 3), b)
	require.Equal(t, int64(2), b.live[0].Offset)
	require.Empty(t, b.live[0].Note)
	requireNumbered(t, 2, 3, b.got[0])
	require.NoError(t, b.source.Release(t.Context(), []crmsync.Assignment{old}))
	h.Append(t, 0, numbered(5, 1)...)
	until(t, "a message after the old term's release", b.count(0, 4), b)
	require.Contains(t, b.live, int32(0))
}

func sourceGivesUp(t *testing.T, h SourceHarness) {
	a := h.join(t, map[int64]bool{})
	until(t, "all partitions", h.assigned(a), a)
	given := a.live[0]
	require.NoError(t, a.source.Release(t.Context(), []crmsync.Assignment{given}))
	delete(a.live, 0) // absorb refuses a fetch of its term from now on
	h.Append(t, 0, numbered(0, 3)...)
	h.Append(t, 1, numbered(0, 3)...)
	until(t, "another partition's messages", a.count(1, 3), a)
	requireNumbered(t, 0, 3, a.got[1])
}

func sourceHoles(t *testing.T, h SourceHarness) {
	if h.Skip == nil {
		t.Skip("this log has no way to leave holes")
	}
	terms := map[int64]bool{}
	h.Append(t, 0, numbered(0, 2)...)
	h.Skip(t, 0)
	h.Append(t, 0, numbered(2, 2)...)
	a := h.join(t, terms)
	until(t, "the messages around the hole", a.count(0, 4), a)
	requireNumbered(t, 0, 4, a.got[0])
	require.Greater(t, a.got[0][2].Offset, a.got[0][1].Offset+1)
	require.NoError(t, a.source.Commit(t.Context(), []crmsync.Mark{{Partition: 0, Term: a.live[0].Term, Offset: 2}}))
	a.leave()
	b := h.join(t, terms) // the mark points into the hole
	until(t, "the messages after the hole", b.count(0, 2), b)
	require.Nil(t, b.live[0].Gap)
	requireNumbered(t, 2, 2, b.got[0])
	require.Equal(t, a.got[0][2].Offset, b.got[0][0].Offset)
}

func sourceGap(t *testing.T, h SourceHarness) {
	if h.Truncate == nil {
		t.Skip("this log has no way to lose its beginning")
	}
	terms := map[int64]bool{}
	h.Append(t, 0, numbered(0, 6)...)
	h.Append(t, 1, numbered(0, 6)...)
	a := h.join(t, terms)
	until(t, "the messages", func() bool { return a.count(0, 6)() && a.count(1, 6)() }, a)
	require.NoError(t, a.source.Commit(t.Context(), []crmsync.Mark{
		{Partition: 0, Term: a.live[0].Term, Offset: 2}, {Partition: 1, Term: a.live[1].Term, Offset: 4},
	}))
	a.leave()
	h.Truncate(t, 0, 4)
	h.Truncate(t, 1, 4)
	b := h.join(t, terms)
	until(t, "the other partition", func() bool { return b.count(1, 2)() && h.assigned(b)() }, b)
	requireNumbered(t, 4, 2, b.got[1])
	require.Equal(t, map[int32]crmsync.Gap{0: {Committed: 2, Start: 4, End: 6}}, b.gaps)
	require.Empty(t, b.got[0])
}

func sourceLateStart(t *testing.T, h SourceHarness) {
	if h.Truncate == nil {
		t.Skip("this log has no way to lose its beginning")
	}
	h.Append(t, 0, numbered(0, 6)...)
	h.Truncate(t, 0, 4)
	m := h.join(t, map[int64]bool{})
	until(t, "what is left", m.count(0, 2), m)
	require.Equal(t, int64(4), m.live[0].Offset)
	require.Nil(t, m.live[0].Gap)
	requireNumbered(t, 4, 2, m.got[0])
}

func sourceCancelled(t *testing.T, h SourceHarness) {
	m := h.join(t, map[int64]bool{})
	until(t, "all partitions", h.assigned(m), m)
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan error, 1)
	go func() {
		for ctx.Err() == nil {
			if _, err := m.source.Poll(ctx, m.rooms()); err != nil {
				break
			}
		}
		answered <- ctx.Err()
	}()
	cancel()
	select {
	case err := <-answered:
		require.ErrorIs(t, err, context.Canceled)
	case <-time.After(patience):
		t.Fatal("the poll outlives its context")
	}
}
