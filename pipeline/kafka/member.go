package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"crmsync"
)

// member is one life in the group: a consumer group of sarama, and an own
// connection for commits and questions, which mustn't wait behind fetches.
type member struct {
	source    *Source
	ctx       context.Context
	cancel    context.CancelFunc
	ending    atomic.Bool
	connected atomic.Bool
	sessions  atomic.Int64              // so many began
	active    atomic.Bool               // there is one
	refused   atomic.Pointer[time.Time] // since when the group has not known this member at commits

	// made by connect, before any claim is
	group sarama.ConsumerGroup
	own   sarama.Client // the group's
	side  sideDoor
}

func newMember(s *Source) *member {
	m := &member{source: s}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	return m
}

// end makes run return. sarama's waits between retries get short.
func (m *member) end() {
	m.ending.Store(true)
	m.cancel()
}

// run connects and consumes until the member's end.
func (m *member) run() {
	if !m.repeat(m.connect, func() bool { return m.group != nil }) {
		return
	}
	reported := make(chan struct{})
	go func() {
		defer close(reported)
		for err := range m.group.Errors() {
			m.hear(err)
		}
	}()
	m.repeat(m.consume, func() bool { return false })
	m.close()
	<-reported
}

// repeat calls do until it is done (true) or the member ends (false), backing
// off while it fails.
func (m *member) repeat(do func() error, done func() bool) bool {
	const longest = 5 * time.Second
	wait := m.source.cfg.Timings.Backoff
	for m.ctx.Err() == nil {
		sessions := m.sessions.Load()
		err := do()
		if done() {
			return true
		}
		if m.sessions.Load() > sessions {
			wait = m.source.cfg.Timings.Backoff
		}
		if err != nil && m.ctx.Err() == nil {
			m.stumble(err)
		}
		select {
		case <-m.ctx.Done():
		case <-time.After(wait):
			wait = min(2*wait, longest)
		}
	}
	return false
}

// connect makes the connections.
func (m *member) connect() error {
	cfg, addresses, err := m.reach()
	if err != nil {
		return err
	}
	side, err := newSide(addresses, cfg)
	if err != nil {
		return err
	}
	own, err := sarama.NewClient(addresses, cfg)
	if err != nil {
		return errors.Join(err, side.close())
	}
	group, err := sarama.NewConsumerGroupFromClient(m.source.cfg.Group, patientClient{Client: own, member: m})
	if err != nil {
		return errors.Join(err, own.Close(), side.close())
	}
	m.side.put(side)
	m.group, m.own = group, own
	m.connected.Store(true)
	return nil
}

// reach returns which brokers answer, and how to speak to them.
func (m *member) reach() (*sarama.Config, []string, error) {
	addresses, err := answering(m.ctx, m.source.cfg)
	if err != nil {
		// A process that runs takes a hang-up for a broker that restarts.
		if f, ok := errors.AsType[*crmsync.Fault](err); ok && f.Code == hungUp {
			f.Kind = crmsync.Transient
		}
		return nil, nil, err
	}
	cfg, err := m.source.cfg.consumer()
	if err != nil {
		return nil, nil, err
	}
	cfg.Metadata.Retry.BackoffFunc = m.backoff
	return cfg, addresses, nil
}

// renewSide replaces the own connection by one that doesn't hang.
func (m *member) renewSide() error {
	cfg, addresses, err := m.reach()
	if err != nil {
		return err
	}
	side, err := newSide(addresses, cfg)
	if err != nil {
		return err
	}
	m.side.put(side)
	return nil
}

// patientClient is the client of the group. After a leader has changed, the new
// one refuses for a while to say where the log ends. sarama would end the
// session over it, and so stop all partitions for the sake of one.
type patientClient struct {
	sarama.Client
	member *member
}

func (c patientClient) GetOffset(topic string, partition int32, at int64) (int64, error) {
	t := c.member.source.cfg.Timings
	for until := time.Now().Add(t.Rebalance / 2); ; {
		offset, err := c.Client.GetOffset(topic, partition, at)
		if !errors.Is(err, sarama.ErrOffsetNotAvailable) || time.Now().After(until) {
			return offset, err
		}
		select {
		case <-c.member.ctx.Done():
			return 0, err
		case <-time.After(t.Backoff):
		}
	}
}

func (m *member) backoff(int, int) time.Duration {
	if m.ending.Load() {
		return 0
	}
	return m.source.cfg.Timings.Backoff
}

func (m *member) consume() error {
	return m.group.Consume(m.ctx, []string{m.source.cfg.Topic}, m)
}

func (m *member) close() {
	if err := errors.Join(m.group.Close(), m.own.Close(), m.side.close()); err != nil {
		m.source.report(fmt.Errorf("leave group %s: %w", m.source.cfg.Group, err))
	}
}

// Setup is called at the begin of a session.
func (m *member) Setup(sarama.ConsumerGroupSession) error {
	m.sessions.Add(1)
	m.active.Store(true)
	m.refused.Store(nil)
	m.source.mu.Lock()
	defer m.source.mu.Unlock()
	m.source.trouble = nil
	return nil
}

// Cleanup is called at the end of a session.
func (m *member) Cleanup(sarama.ConsumerGroupSession) error {
	m.active.Store(false)
	return nil
}

// stumble notes why there is no session.
func (m *member) stumble(err error) { m.trouble(m.notice("join group "+m.source.cfg.Group, err)) }

// hear notes what goes wrong within a session. sarama tries all of it again.
func (m *member) hear(err error) {
	if f := m.notice("read "+m.source.cfg.Topic, err); errors.Is(err, sarama.ErrOutOfBrokers) {
		m.trouble(f)
	}
}

// trouble lets Poll answer f once.
func (m *member) trouble(f *crmsync.Fault) {
	s := m.source
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.member == m {
		s.trouble = f
	}
}

// notice reports err, and ends the source if that is what it asks for.
func (m *member) notice(doing string, err error) *crmsync.Fault {
	s := m.source
	s.mu.Lock()
	counts := s.member == m && !s.closed
	s.mu.Unlock()
	f := fault(doing, err)
	switch {
	case !counts: // an old life that the new one has pushed out
		return f
	case errors.Is(err, sarama.ErrFencedInstancedId):
		f = fenced(s.cfg)
		s.fail(f)
		m.end()
	case f.Kind == crmsync.Denied:
		s.fail(f)
		m.end()
	default:
		s.report(f)
	}
	return f
}

func fenced(cfg Config) *crmsync.Fault {
	return &crmsync.Fault{Kind: crmsync.Denied, Code: "fenced_instance", Err: fmt.Errorf(
		"another process has joined group %s with the instance id %q of this one: give each process its own", cfg.Group, cfg.InstanceID)}
}
