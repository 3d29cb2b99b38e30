package inmem_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/inmem"
	"crmsync/pipeline/pipelinetest"
)

func TestSource(t *testing.T) {
	pipelinetest.Source(t, func(testing.TB) pipelinetest.SourceHarness {
		log := inmem.NewLog("crmsync.events", 5, time.Now)
		return pipelinetest.SourceHarness{
			Partitions: 5,
			Append:     func(_ testing.TB, p int32, messages ...crmsync.Message) { log.Append(p, messages...) },
			Skip:       func(_ testing.TB, p int32) { log.Skip(p, 3) },
			Truncate:   func(_ testing.TB, p int32, before int64) { log.Truncate(p, before) },
			Open: func(testing.TB) (crmsync.Source, func()) {
				source := log.Open()
				return source, source.Leave
			},
		}
	})
}

// poll polls once, with a wide room for each assignment.
func poll(t *testing.T, source crmsync.Source, assignments ...crmsync.Assignment) crmsync.News {
	t.Helper()
	var rooms []crmsync.Room
	for _, a := range assignments {
		rooms = append(rooms, crmsync.Room{Partition: a.Partition, Term: a.Term, Messages: 100, Bytes: 1 << 20})
	}
	news, err := source.Poll(t.Context(), rooms)
	require.NoError(t, err)
	return news
}

func TestPollWithoutNewsAnswersAfterAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := inmem.NewLog("topic", 1, time.Now).Open()
		require.Len(t, poll(t, source).Assigned, 1)
		before := time.Now()
		require.Equal(t, crmsync.News{}, poll(t, source))
		require.Equal(t, 100*time.Millisecond, time.Since(before))
	})
}

func TestPollIsWokenByAMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := inmem.NewLog("topic", 1, time.Now)
		source := log.Open()
		a := poll(t, source).Assigned[0]
		before := time.Now()
		go func() {
			synctest.Wait() // until the poll waits
			log.Append(0, crmsync.Message{Key: []byte("k")})
		}()
		require.Len(t, poll(t, source, a).Fetched, 1)
		require.Zero(t, time.Since(before))
	})
}

func TestEvictedMember(t *testing.T) {
	log := inmem.NewLog("topic", 2, time.Now)
	first, second := log.Open(), log.Open()
	require.Len(t, poll(t, first).Assigned, 1)
	require.Len(t, poll(t, second).Assigned, 1)
	first.Evict()
	first.Leave()
	require.Equal(t, crmsync.News{Lost: []int32{0}}, poll(t, first))
	_, err := first.Poll(t.Context(), nil)
	require.EqualError(t, err, "denied not_a_member: poll: this member has left its group")
	require.Equal(t, crmsync.Denied, crmsync.KindOf(err))
	taken := poll(t, second).Assigned
	require.Len(t, taken, 1)
	require.NoError(t, first.Commit(t.Context(), []crmsync.Mark{{Partition: 0, Term: 1, Offset: 9}}))
	_, _, committed := log.Committed(0)
	require.False(t, committed, "an evicted member has committed")
	require.NoError(t, second.Commit(t.Context(), []crmsync.Mark{{Partition: 0, Term: taken[0].Term, Offset: 4, Note: "n"}}))
	offset, note, committed := log.Committed(0)
	require.Equal(t, int64(4), offset)
	require.Equal(t, "n", note)
	require.True(t, committed)
}

func TestTruncateBelowTheReader(t *testing.T) {
	log := inmem.NewLog("topic", 1, time.Now)
	log.Append(0, make([]crmsync.Message, 5)...)
	require.Equal(t, int64(5), log.End(0))
	source := log.Open()
	a := poll(t, source).Assigned[0]
	log.Truncate(0, 3)
	require.Equal(t, crmsync.News{Lost: []int32{0}}, poll(t, source, a))
	again := poll(t, source, a).Assigned
	require.Len(t, again, 1)
	require.Equal(t, &crmsync.Gap{Committed: 0, Start: 3, End: 5}, again[0].Gap)
	require.Equal(t, crmsync.News{}, poll(t, source, again[0]))
}
