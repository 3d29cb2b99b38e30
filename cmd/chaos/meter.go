package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// meter follows how far the daemons are: the group's committed offsets beside
// the journal.
type meter struct {
	brokers []string
	topic   string
	group   string
	journal *journal

	admin sarama.ClusterAdmin // used by watch only

	mu      sync.Mutex // guards what follows
	samples []sample   // the newest last, of the last keptFor
	oldest  time.Duration
}

// sample is how far things were at a moment.
type sample struct {
	at        time.Time
	produced  int64
	committed []int64
	sum       int64
}

const (
	sampleEvery = 200 * time.Millisecond
	keptFor     = 30 * time.Second
	// rateOver is how long the rate must hold, and rateShare how much of what is
	// produced must be finished in it.
	rateOver  = 2 * time.Second
	rateShare = 0.9
)

func newMeter(brokers []string, topic, group string, j *journal) *meter {
	return &meter{brokers: brokers, topic: topic, group: group, journal: j}
}

// watch takes samples until ctx ends. A question that Kafka does not answer is
// asked again with a new connection.
func (m *meter) watch(ctx context.Context) {
	defer m.hangUp()
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		committed, err := m.ask()
		if err != nil {
			m.hangUp()
			continue
		}
		m.note(committed, time.Now())
	}
}

func (m *meter) hangUp() {
	if m.admin != nil {
		_ = m.admin.Close() // it answers no more, or need not
		m.admin = nil
	}
}

func (m *meter) ask() ([]int64, error) {
	if m.admin == nil {
		c := kafkaConfig()
		c.Net.ReadTimeout, c.Metadata.Retry.Max, c.Admin.Retry.Max = 2*time.Second, 1, 1
		admin, err := sarama.NewClusterAdmin(m.brokers, c)
		if err != nil {
			return nil, err
		}
		m.admin = admin
	}
	return committedOffsets(m.admin, m.topic, m.group, len(m.journal.partitions))
}

// committedOffsets returns a group's committed offsets, 0 where there is none.
func committedOffsets(admin sarama.ClusterAdmin, topic, group string, partitions int) ([]int64, error) {
	all := make([]int32, partitions)
	for p := range all {
		all[p] = int32(p)
	}
	answer, err := admin.ListConsumerGroupOffsets(group, map[string][]int32{topic: all})
	if err != nil {
		return nil, fmt.Errorf("ask for the committed offsets: %w", err)
	}
	if answer.Err != sarama.ErrNoError {
		return nil, fmt.Errorf("ask for the committed offsets: %w", answer.Err)
	}
	committed := make([]int64, partitions)
	for p := range committed {
		block := answer.GetBlock(topic, int32(p))
		if block == nil || block.Err != sarama.ErrNoError {
			return nil, errors.New("ask for the committed offsets: the answer leaves one out")
		}
		committed[p] = max(0, block.Offset)
	}
	return committed, nil
}

func (m *meter) note(committed []int64, now time.Time) {
	s := sample{at: now, produced: m.journal.total(), committed: committed}
	for _, n := range committed {
		s.sum += n
	}
	age := m.journal.oldest(committed, now)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.samples = append(m.samples, s)
	m.samples = slices.DeleteFunc(m.samples, func(s sample) bool { return now.Sub(s.at) > keptFor })
	m.oldest = max(m.oldest, age)
}

// restart forgets the oldest age, to measure it anew, and returns it.
func (m *meter) restart() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	age := m.oldest
	m.oldest = 0
	return age
}

// last returns the newest sample, and false if there is none since a moment.
func (m *meter) last(since time.Time) (sample, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.samples); n > 0 && m.samples[n-1].at.After(since) {
		return m.samples[n-1], true
	}
	return sample{}, false
}

// steadySince says whether, at the newest sample, all up to ends is finished
// and as much is finished as is produced; and when that sample was taken.
func (m *meter) steadySince(since time.Time, ends []int64) (time.Time, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.samples)
	if n == 0 {
		return time.Time{}, false
	}
	now := m.samples[n-1]
	if !now.at.After(since) || !reached(now.committed, ends) {
		return time.Time{}, false
	}
	i := slices.IndexFunc(m.samples, func(s sample) bool { return now.at.Sub(s.at) <= rateOver })
	then := m.samples[i]
	return now.at, float64(now.sum-then.sum) >= rateShare*float64(now.produced-then.produced)
}

func reached(committed, ends []int64) bool {
	for p := range ends {
		if committed[p] < ends[p] {
			return false
		}
	}
	return true
}

// errNotSteady says that the daemons did not recover in time.
var errNotSteady = errors.New("not steady")

// awaitSteady waits until all that was produced up to now is finished and the
// rate is that of producing, and returns how long after since that was.
func (m *meter) awaitSteady(ctx context.Context, since time.Time, patience time.Duration) (time.Duration, error) {
	ends := m.journal.ends()
	limit := time.After(patience)
	tick := time.NewTicker(sampleEvery / 2)
	defer tick.Stop()
	for {
		if at, ok := m.steadySince(since, ends); ok {
			return at.Sub(since), nil
		}
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-limit:
			return 0, fmt.Errorf("%w %s after the harm: %s", errNotSteady, time.Since(since).Round(time.Second), m.behind(ends))
		case <-tick.C:
		}
	}
}

// behind says which partitions are how far from ends.
func (m *meter) behind(ends []int64) string {
	s, ok := m.last(time.Time{})
	if !ok {
		return "no committed offset was ever read"
	}
	text := ""
	for p := range ends {
		if left := ends[p] - s.committed[p]; left > 0 {
			text += fmt.Sprintf(" partition %d at %d of %d", p, s.committed[p], ends[p])
		}
	}
	if text == "" {
		return "all is finished, but slower than produced"
	}
	return text[1:]
}
