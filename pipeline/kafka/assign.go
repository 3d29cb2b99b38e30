package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"crmsync"
)

// lookUp completes the assignment, trying again until the term is over.
func (c *claim) lookUp() {
	for {
		a, committed, err := c.lookUpOnce()
		if err == nil {
			c.ready(a, committed)
			return
		}
		c.source.report(fmt.Errorf("look up where partition %d of %s stands: %w", c.partition, c.log.Topic(), err))
		select {
		case <-c.over:
			return
		case <-time.After(c.source.cfg.Timings.Backoff):
		}
	}
}

// lookUpOnce compares the committed offset with where sarama starts to read.
// sarama resets an offset that the log doesn't hold and tells nobody: what it
// reports as the initial offset is then negative, as if there were no commit.
func (c *claim) lookUpOnce() (a crmsync.Assignment, committed int64, err error) {
	a, topic := c.assignment, c.log.Topic()
	committed, note, err := c.member.side.get().committed(c.source.cfg.Group, topic, c.partition)
	if err != nil {
		return a, 0, err
	}
	start, end, err := c.member.side.get().bounds(topic, c.partition)
	if err != nil {
		return a, 0, err
	}
	a.Offset, a.End = c.log.InitialOffset(), end
	if a.Offset >= 0 {
		if committed == a.Offset {
			a.Note = note
		}
		return a, committed, nil
	}
	a.Offset = start
	if committed >= 0 {
		a.Offset, a.Note = committed, note
		a.Gap = &crmsync.Gap{Committed: committed, Start: start, End: end}
	}
	return a, committed, nil
}

// ready lets Poll tell of the assignment.
func (c *claim) ready(a crmsync.Assignment, committed int64) {
	s := c.source
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.state != starting {
		return
	}
	c.assignment, c.committed, c.position = a, committed, a.Offset
	c.state, c.end = ready, max(c.log.HighWaterMarkOffset(), 0)
	if a.Gap != nil {
		c.buffer, c.bytes = nil, 0
		c.pause(true)
	}
	s.wake()
}

// leave holds the claim until it is released, or its term is over otherwise.
// sarama takes its return as the hand-over.
func (c *claim) leave() {
	s, sessionOver := c.source, c.session.Context()
	if !s.revoke(c) {
		return
	}
	ended := sessionOver.Done()
	if sessionOver.Err() != nil {
		ended = nil // it ended for a reason that leaves the partition ours
	}
	timer := time.NewTimer(s.cfg.Timings.Hold)
	defer timer.Stop()
	for {
		select {
		case <-c.over:
			return
		case <-timer.C:
			s.report(fmt.Errorf("partition %d of %s was not released within %s of being revoked", c.partition, c.log.Topic(), s.cfg.Timings.Hold))
			s.giveUp(c)
		case <-ended:
			ended = nil
			if !stillOurs(sessionOver) {
				s.giveUp(c)
			}
		}
	}
}

// revoke takes a claim that has ended back. It returns whether the claim must
// wait to be released.
func (s *Source) revoke(c *claim) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.state == over {
		return false
	}
	if c.state != open || c.session.Context().Err() != nil && !stillOurs(c.session.Context()) {
		s.lose(c)
		return false
	}
	c.state, c.buffer, c.bytes = revoked, nil, 0
	s.revoked = append(s.revoked, c.partition)
	s.wake()
	return true
}

func (s *Source) giveUp(c *claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.state != over {
		s.lose(c)
	}
}

// stillOurs says whether a session that is over ended here and not at the
// broker: a claim of this member returned, so the group still counts on it.
func stillOurs(session context.Context) bool {
	return errors.Is(context.Cause(session), sarama.ErrSessionConsumeClaimExited)
}
