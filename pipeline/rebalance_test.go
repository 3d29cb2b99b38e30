package pipeline_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline"
	"crmsync/pipeline/inmem"
)

// member is one engine of a group.
type member struct {
	engine *pipeline.Engine
	source *inmem.Source
	stop   chan struct{}
	ended  chan error
}

// join starts a further engine on the world's parts.
func (w *world) join(seed uint64) *member {
	m := &member{source: w.log.Open(), stop: make(chan struct{}), ended: make(chan error, 1)}
	parts := w.parts
	parts.Source, parts.Horizon = m.source, m.source
	m.engine = pipeline.New(w.cfg, w.limits, w.seen, rand.New(rand.NewPCG(seed, 1)))
	go func() { m.ended <- m.engine.Run(w.t.Context(), m.stop, &parts) }()
	return m
}

func (m *member) leave(t *testing.T) pipeline.Counts {
	close(m.stop)
	require.NoError(t, <-m.ended)
	m.source.Leave()
	return m.engine.Counts()
}

// TestRebalance: partitions move between members under load. What was drained is
// not read again, nothing is lost, and no record goes back.
func TestRebalance(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		a := w.join(1)
		version := int64(0)
		load := func(rounds int) {
			for range rounds {
				version++
				for i := range 6 {
					w.write(update(fmt.Sprint("r", i), version))
				}
				w.pass(30 * time.Millisecond)
			}
		}
		load(20)
		b := w.join(2)
		load(40)
		first := a.leave(t)
		load(20)
		w.pass(5 * time.Second)
		synctest.Wait()
		second := b.leave(t)
		require.Equal(t, 6*version, first.Messages+second.Messages, "each event was handled by one member, once")
		require.NotZero(t, second.Messages)
		for i := range 6 {
			require.Equal(t, version, w.crm.holds("acme", fmt.Sprint("r", i)))
		}
		require.False(t, w.crm.backwards())
		require.Equal(t, 6, w.crm.made)
		for p := range int32(2) {
			offset, _, _ := w.log.Committed(p)
			require.Equal(t, w.log.End(p), offset)
		}
	})
}

// TestLostPartition: a partition that is taken away without a word is forgotten;
// its next owner does the work again, with no second effect.
func TestLostPartition(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		w.crm.limits.Items = 100 // so that the batch leaves after the linger of 50 ms, and is answered after 70
		a := w.join(1)
		for i := range 20 {
			w.write(update(fmt.Sprint("r", i), 1))
		}
		w.pass(65 * time.Millisecond) // requests are under way
		a.source.Evict()
		require.Error(t, <-a.ended)
		w.cfg.Once = true
		sum := w.once()
		require.NotZero(t, sum.Deliveries)
		for i := range 20 {
			require.Equal(t, int64(1), w.crm.holds("acme", fmt.Sprint("r", i)))
		}
		require.Equal(t, 20, w.crm.made)
	})
}

// TestOnceWaitsForAllPartitions: a group's partitions are told one by one. That
// the first is empty says nothing about the others.
func TestOnceWaitsForAllPartitions(t *testing.T) {
	inWorld(t, mappings(), func(t *testing.T, w *world) {
		w.log.Append(1, update("a", 1))
		source := w.log.Open()
		defer source.Leave()
		w.cfg.Once = true
		w.parts.Source = &hesitant{Source: source, told: time.Now().Add(300 * time.Millisecond)}
		engine := pipeline.New(w.cfg, w.limits, w.seen, rand.New(rand.NewPCG(1, 2)))
		require.NoError(t, engine.Run(t.Context(), nil, &w.parts))
		require.Equal(t, map[string]int64{"synced": 1}, outcomes(engine.Counts()))
	})
}

// hesitant tells of all assignments but the first at a time of its own.
type hesitant struct {
	crmsync.Source
	told time.Time
	held []crmsync.Assignment
}

func (h *hesitant) Poll(ctx context.Context, rooms []crmsync.Room) (crmsync.News, error) {
	news, err := h.Source.Poll(ctx, rooms)
	h.held = append(h.held, news.Assigned...)
	news.Assigned = nil
	for len(h.held) > 0 && (h.held[0].Partition == 0 || !time.Now().Before(h.told)) {
		news.Assigned, h.held = append(news.Assigned, h.held[0]), h.held[1:]
	}
	return news, err
}
