package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"
)

// PartitionLag says how far an assigned partition is. End minus Committed is
// the lag in offsets, which on a compacted topic is more than in messages.
type PartitionLag struct {
	Partition int32
	Committed int64 // -1: nothing was ever committed
	Position  int64 // the next offset that Poll brings
	End       int64 // the offset after the log's last entry, at most Timings.Watch old
	Paused    bool
}

// Lag returns one entry per assigned partition, ordered. It asks no broker.
func (s *Source) Lag() []PartitionLag {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lags []PartitionLag
	for _, c := range s.claims {
		if c.state == open || c.state == revoked {
			lags = append(lags, PartitionLag{
				Partition: c.partition, Committed: c.committed, Position: c.position,
				End: max(c.end, c.position), Paused: c.paused,
			})
		}
	}
	slices.SortFunc(lags, func(a, b PartitionLag) int { return cmp.Compare(a.Partition, b.Partition) })
	return lags
}

// Ends is crmsync.Horizon's: it asks the brokers.
func (s *Source) Ends(_ context.Context, partitions []int32) ([]int64, error) {
	s.mu.Lock()
	m := s.member
	s.mu.Unlock()
	ends := make([]int64, len(partitions))
	for i, p := range partitions {
		var err error
		if _, ends[i], err = m.side.get().bounds(s.cfg.Topic, p); err != nil {
			return nil, fmt.Errorf("read the end of partition %d of %s: %w", p, s.cfg.Topic, err)
		}
	}
	return ends, nil
}

// watch reads the ends of the log, because sarama learns of an end only with a
// message, and joins the group anew when its connections seem to hang.
func (s *Source) watch() {
	ticker := time.NewTicker(s.cfg.Timings.Watch)
	defer ticker.Stop()
	var d watchdog
	for {
		select {
		case <-s.stop:
			return
		case now := <-ticker.C:
			if why := d.look(s, now); why != "" {
				s.report(fmt.Errorf("%s: joining group %s with new connections", why, s.cfg.Group))
				s.Rebuild()
				d = watchdog{}
			}
		}
	}
}

// watchdog finds out connections that accept requests and don't answer them.
// sarama waits for those, minutes if need be.
type watchdog struct {
	member   *member
	sessions int64     // the member's, when it was last seen without one
	idle     time.Time // since when it has none
}

// look returns why to connect anew; "" when all is well.
func (d *watchdog) look(s *Source, now time.Time) string {
	s.mu.Lock()
	m, stall := s.member, s.cfg.Timings.Stall
	s.mu.Unlock()
	sessions, active := m.sessions.Load(), m.active.Load()
	if d.member != m || active || d.sessions != sessions || !m.connected.Load() {
		d.member, d.sessions, d.idle = m, sessions, now
	}
	switch since := m.refused.Load(); {
	case !active && now.Sub(d.idle) >= stall:
		return fmt.Sprintf("no membership for %s", stall)
	case active && since != nil && now.Sub(*since) >= 3*s.cfg.Timings.Heartbeat:
		return "the group has dropped this member, and it was not told"
	}
	for _, c := range s.open() {
		_, end, err := c.member.side.get().bounds(s.cfg.Topic, c.partition)
		switch {
		case errors.Is(err, sarama.ErrClosedClient): // it was just made anew
			return ""
		case err != nil:
			s.report(fmt.Errorf("read the end of partition %d of %s: %w", c.partition, s.cfg.Topic, err))
			return "" // that connection fails too: new ones would not do better
		case c.overdue(end, now):
			return fmt.Sprintf("nothing came from partition %d of %s for %s, though the log holds more", c.partition, s.cfg.Topic, stall)
		}
	}
	return ""
}

func (s *Source) open() []*claim {
	s.mu.Lock()
	defer s.mu.Unlock()
	var claims []*claim
	for _, c := range s.claims {
		if c.state == open {
			claims = append(claims, c)
		}
	}
	return claims
}

// overdue notes the log's end. It returns whether sarama should have learned of
// it long ago. That there is no message proves nothing: holes may be all there is.
func (c *claim) overdue(end int64, now time.Time) bool {
	c.source.mu.Lock()
	defer c.source.mu.Unlock()
	c.end = max(c.end, end)
	seen := c.log.HighWaterMarkOffset()
	if c.state != open || c.paused || seen >= end || seen != c.seen || c.since.IsZero() {
		c.seen, c.since = seen, now
		return false
	}
	return now.Sub(c.since) >= c.source.cfg.Timings.Stall
}
