package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/IBM/sarama"

	"crmsync"
)

// maxNote is how many characters a mark's note may have; brokers refuse more
// than 4,096.
const maxNote = 4000

// Commit is crmsync.Source's. It sends the marks at once and waits for the
// answer, so that a failure is known; while the group rebalances it tries
// again. Marks of one term only move forward. On error some may be durable.
func (s *Source) Commit(ctx context.Context, marks []crmsync.Mark) error {
	for _, m := range marks {
		if n := utf8.RuneCountInString(m.Note); n > maxNote {
			return &crmsync.Fault{Kind: crmsync.Internal, Code: "note_too_long", Err: fmt.Errorf(
				"commit partition %d: its note has %d characters, %d may be", m.Partition, n, maxNote)}
		}
	}
	s.commit.Lock()
	defer s.commit.Unlock()
	const attempts = 20
	for attempt := 1; ; attempt++ {
		round := s.commitRound(marks)
		if round == nil {
			return nil
		}
		left, err := round.send(s.cfg)
		if err == nil {
			return nil
		}
		f := s.commitFault(round.member, err)
		if f.Kind != crmsync.Transient || len(left) < len(round.marks) || attempt == attempts {
			return f
		}
		marks = left
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), f)
		case <-time.After(s.cfg.Timings.Backoff):
		}
	}
}

// passing are the refusals that the next attempt may not meet: the group is
// sharing out partitions, or its coordinator moves.
var passing = []sarama.KError{
	sarama.ErrIllegalGeneration, sarama.ErrRebalanceInProgress, sarama.ErrOffsetsLoadInProgress, sarama.ErrRequestTimedOut,
	sarama.ErrNotCoordinatorForConsumer, sarama.ErrConsumerCoordinatorNotAvailable,
}

func (s *Source) commitFault(m *member, err error) *crmsync.Fault {
	f := fault("commit to group "+s.cfg.Group, err)
	switch {
	case errors.Is(err, sarama.ErrFencedInstancedId):
		s.mu.Lock()
		counts := s.member == m
		s.mu.Unlock()
		if counts {
			f = fenced(s.cfg)
			s.fail(f)
		}
	case errors.Is(err, sarama.ErrUnknownMemberId):
		now := time.Now()
		m.refused.CompareAndSwap(nil, &now)
		f.Code = "kafka_not_a_member"
	case errors.Is(err, sarama.ErrOffsetMetadataTooLarge):
		f.Kind, f.Code = crmsync.Internal, "note_too_long"
	}
	return f
}

// commitRound is one request: the marks that count, and as whom to send them.
type commitRound struct {
	source  *Source
	member  *member
	session sarama.ConsumerGroupSession
	claims  []*claim
	marks   []crmsync.Mark
}

// commitRound keeps what may still be committed; nil when that is nothing.
func (s *Source) commitRound(marks []crmsync.Mark) *commitRound {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := commitRound{source: s}
	for _, m := range marks {
		c := s.claims[m.Partition]
		if c == nil || c.assignment.Term != m.Term || m.Offset < c.committed && c.assignment.Gap == nil {
			continue
		}
		r.member, r.session = c.member, c.session // a member has one session at a time
		r.claims, r.marks = append(r.claims, c), append(r.marks, m)
	}
	if len(r.marks) == 0 {
		return nil
	}
	return &r
}

// send commits. Beside an error it returns the marks that may be tried again.
func (r *commitRound) send(cfg Config) ([]crmsync.Mark, error) {
	side := r.member.side.get()
	broker, err := side.client.Coordinator(cfg.Group)
	if err != nil {
		return r.marks, errors.Join(err, r.member.renewSide())
	}
	request := sarama.NewOffsetCommitRequest(side.client.Config(), cfg.Group)
	request.ConsumerID, request.ConsumerGroupGeneration = r.session.MemberID(), r.session.GenerationID()
	if cfg.InstanceID != "" {
		request.GroupInstanceId = &cfg.InstanceID
	}
	for _, mark := range r.marks {
		request.AddBlockWithLeaderEpoch(cfg.Topic, mark.Partition, mark.Offset, -1, 0, mark.Note)
	}
	answer, err := broker.CommitOffset(request)
	if err != nil {
		return r.marks, errors.Join(err, r.member.renewSide())
	}
	left, refused := r.read(cfg.Topic, answer)
	_, moved := refused[sarama.ErrNotCoordinatorForConsumer]
	if _, gone := refused[sarama.ErrConsumerCoordinatorNotAvailable]; moved || gone {
		return left, errors.Join(refused.err(), side.client.RefreshCoordinator(cfg.Group))
	}
	return left, refused.err()
}

// refusals are the partitions that a coordinator refused, by its reason.
type refusals map[sarama.KError][]int32

// err names each reason once; nil when there is none.
func (r refusals) err() error {
	var errs []error
	for _, code := range slices.Sorted(maps.Keys(r)) {
		slices.Sort(r[code])
		errs = append(errs, fmt.Errorf("partitions %v: %w", r[code], code))
	}
	return errors.Join(errs...)
}

func (r *commitRound) read(topic string, answer *sarama.OffsetCommitResponse) (left []crmsync.Mark, refused refusals) {
	r.source.mu.Lock()
	defer r.source.mu.Unlock()
	refused = refusals{}
	for i, mark := range r.marks {
		code, ok := answer.Errors[topic][mark.Partition]
		switch {
		case !ok:
			code = sarama.ErrUnknown
		case code == sarama.ErrNoError:
			r.claims[i].committed = mark.Offset
			r.member.refused.Store(nil)
			continue
		}
		refused[code] = append(refused[code], mark.Partition)
		if slices.Contains(passing, code) {
			left = append(left, mark)
		}
	}
	return left, refused
}
