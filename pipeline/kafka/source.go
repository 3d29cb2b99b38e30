package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"crmsync"
)

// ErrClosed is what a method of a closed Source, Producer or DeadLetters answers.
var ErrClosed = errors.New("closed")

// Hooks tell what a Source does besides answering. They may be called from
// several goroutines at once, must return soon, and may be nil.
type Hooks struct {
	// Report is told of each trouble that passes or is tried again.
	Report func(err error)
	// Rebalanced is told of each partition that came or went.
	Rebalanced func(change Change, partition int32)
}

// Change is what a rebalance did to a partition.
type Change string

// The changes.
const (
	Assigned Change = "assigned"
	Revoked  Change = "revoked" // handed back after it was released
	Lost     Change = "lost"    // gone before it was released
)

// Source is one member of a consumer group, and implements crmsync.Source.
//
// Partitions are shared out cooperative-sticky: a rebalance touches only those
// that move. One that is revoked stays with this member until it is released,
// or Timings.Hold has passed.
type Source struct {
	cfg    Config
	hooks  Hooks
	news   chan struct{}  // holds one: there may be news
	stop   chan struct{}  // closed by Close
	work   sync.WaitGroup // all goroutines
	commit sync.Mutex     // a term doesn't end by Release while marks of it travel

	mu      sync.Mutex
	closed  bool
	terms   int64
	member  *member          // the one that counts; others are on their way out
	claims  map[int32]*claim // by partition
	revoked []int32          // not yet told by Poll
	lost    []int32          // not yet told by Poll
	fatal   *crmsync.Fault   // why the process must end
	trouble *crmsync.Fault   // why nothing can come; not yet told by Poll
}

// NewSource returns a member that joins the group in the background: it needs
// no broker yet. It fails when cfg is wrong or names files that can't be read.
func NewSource(cfg Config, hooks Hooks) (*Source, error) {
	cfg = cfg.withDefaults()
	if _, err := cfg.consumer(); err != nil {
		return nil, err
	}
	s := &Source{
		cfg: cfg, hooks: hooks,
		news: make(chan struct{}, 1), stop: make(chan struct{}),
		claims: map[int32]*claim{},
		// Terms are unique in the process, also among several sources.
		terms: rand.Int64N(1<<42) << 20,
	}
	s.member = newMember(s)
	s.work.Go(s.member.run)
	s.work.Go(s.watch)
	return s, nil
}

// Poll is crmsync.Source's. When there is no news for Timings.Poll it tells of
// each assignment that has been read to its end, by a fetch without messages. A
// fault of kind Denied means that brokers refuse the login, or that
// another process uses the same group instance id (code fenced_instance).
func (s *Source) Poll(ctx context.Context, rooms []crmsync.Room) (crmsync.News, error) {
	timer := time.NewTimer(s.cfg.Timings.Poll)
	defer timer.Stop()
	for {
		news, some, err := s.gather(rooms)
		if some || err != nil {
			return news, err
		}
		select {
		case <-s.news:
		case <-timer.C:
			return s.quiet(rooms)
		case <-ctx.Done():
			return crmsync.News{}, ctx.Err()
		}
	}
}

// gather collects what there is, and pauses and resumes by the rooms.
func (s *Source) gather(rooms []crmsync.Room) (news crmsync.News, some bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.fatal != nil:
		return news, false, s.fatal
	case s.closed:
		return news, false, fmt.Errorf("poll kafka: %w", ErrClosed)
	}
	news.Revoked, news.Lost = s.revoked, s.lost
	s.revoked, s.lost = nil, nil
	for _, p := range slices.Sorted(maps.Keys(s.claims)) {
		c := s.claims[p]
		if c.state == ready {
			// A term's end and the next term's begin in one answer would have no order.
			if slices.Contains(news.Lost, p) || slices.Contains(news.Revoked, p) {
				s.wake()
				continue
			}
			c.state = open
			s.tell(Assigned, p)
			news.Assigned = append(news.Assigned, c.assignment)
			continue
		}
		if fetch, ok := c.take(roomOf(rooms, c)); ok {
			news.Fetched = append(news.Fetched, fetch)
		}
	}
	some = len(news.Assigned)+len(news.Revoked)+len(news.Lost)+len(news.Fetched) > 0
	return news, some, nil
}

// quiet tells why nothing comes: no broker, or assignments without more messages.
func (s *Source) quiet(rooms []crmsync.Room) (news crmsync.News, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trouble != nil {
		err, s.trouble = s.trouble, nil
		return news, err
	}
	for _, p := range slices.Sorted(maps.Keys(s.claims)) {
		if c := s.claims[p]; c.atEnd(roomOf(rooms, c)) {
			news.Fetched = append(news.Fetched, crmsync.Fetch{Partition: p, Term: c.assignment.Term, End: c.end})
		}
	}
	return news, nil
}

func roomOf(rooms []crmsync.Room, c *claim) crmsync.Room {
	for _, room := range rooms {
		if room.Partition == c.partition && room.Term == c.assignment.Term {
			return room
		}
	}
	return crmsync.Room{}
}

// Release is crmsync.Source's. To give up an assignment that isn't revoked ends
// the group session of this member: the others are revoked too, and the group
// shares all out again.
func (s *Source) Release(_ context.Context, assignments []crmsync.Assignment) error {
	s.commit.Lock()
	defer s.commit.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range assignments {
		if c := s.claims[a.Partition]; c != nil && c.assignment.Term == a.Term {
			if c.state == revoked {
				s.tell(Revoked, c.partition)
			}
			s.drop(c)
		}
	}
	return nil
}

// Rebuild joins the group with new connections, as the same static member, and
// closes the old ones in the background. It is the cure for connections that
// hang: sarama would wait for them. All partitions count as lost.
func (s *Source) Rebuild() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.fatal != nil {
		return
	}
	for _, c := range s.claims {
		s.lose(c)
	}
	s.member.end()
	s.member = newMember(s)
	s.work.Go(s.member.run)
}

// Close leaves the group and waits for all goroutines. Static members keep
// their partitions for Timings.Session, so that a restart finds them.
func (s *Source) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.member.end()
	for _, c := range s.claims {
		s.drop(c)
	}
	close(s.stop)
	s.mu.Unlock()
	s.work.Wait()
	return nil
}

// drop ends a claim's term. The caller holds mu.
func (s *Source) drop(c *claim) {
	c.state, c.buffer, c.bytes = over, nil, 0
	close(c.over)
	delete(s.claims, c.partition)
	s.revoked = slices.DeleteFunc(s.revoked, func(p int32) bool { return p == c.partition })
}

// lose ends a claim's term without a release. The caller holds mu.
func (s *Source) lose(c *claim) {
	if c.state == open || c.state == revoked { // else nobody knows of it
		s.lost = append(s.lost, c.partition)
		s.tell(Lost, c.partition)
		s.wake()
	}
	s.drop(c)
}

// fail makes every further Poll answer f.
func (s *Source) fail(f *crmsync.Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fatal == nil {
		s.fatal = f
		s.wake()
	}
}

func (s *Source) wake() {
	select {
	case s.news <- struct{}{}:
	default:
	}
}

func (s *Source) report(err error) {
	if s.hooks.Report != nil {
		s.hooks.Report(err)
	}
}

func (s *Source) tell(change Change, partition int32) {
	if s.hooks.Rebalanced != nil {
		s.hooks.Rebalanced(change, partition)
	}
}
