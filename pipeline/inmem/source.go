package inmem

import (
	"context"
	"errors"
	"slices"
	"time"

	"crmsync"
)

// pollWait is how long a poll waits for news.
const pollWait = 100 * time.Millisecond

// Source is a crmsync.Source: one member of a Log's group. Its log's lock guards its fields.
type Source struct {
	log      *Log
	over     bool // it has left or was evicted
	assigned []crmsync.Assignment
	revoked  []int32
	lost     []int32
}

// Poll answers as soon as there is news, and with none after 100 ms. Once the member has left or
// was evicted, and was told what it lost, it answers a fault of kind Denied.
func (s *Source) Poll(ctx context.Context, rooms []crmsync.Room) (crmsync.News, error) {
	timer := time.NewTimer(pollWait)
	defer timer.Stop()
	for {
		news, changed, err := s.news(rooms)
		if err != nil || len(news.Assigned)+len(news.Revoked)+len(news.Lost)+len(news.Fetched) > 0 {
			return news, err
		}
		select {
		case <-ctx.Done():
			return crmsync.News{}, ctx.Err()
		case <-timer.C:
			return s.quiet(rooms), nil
		case <-changed:
		}
	}
}

// news returns what there is to tell, and a channel that is closed when that may change.
func (s *Source) news(rooms []crmsync.Room) (crmsync.News, <-chan struct{}, error) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	if len(s.lost) > 0 { // told alone: a lost partition may be assigned anew already
		news := crmsync.News{Lost: s.lost}
		s.lost = nil
		return news, s.log.changed, nil
	}
	news := crmsync.News{Assigned: s.assigned, Revoked: s.revoked}
	s.assigned, s.revoked = nil, nil
	if s.over {
		return crmsync.News{}, nil, &crmsync.Fault{Kind: crmsync.Denied, Code: "not_a_member", Err: errors.New("poll: this member has left its group")}
	}
	for _, room := range rooms {
		if fetch := s.fetch(room); len(fetch.Messages) > 0 {
			news.Fetched = append(news.Fetched, fetch)
		}
	}
	return news, s.log.changed, nil
}

// quiet tells where the log ends of what was read to its end.
func (s *Source) quiet(rooms []crmsync.Room) (news crmsync.News) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	for _, room := range rooms {
		if room.Messages <= 0 || !s.owns(room.Partition, room.Term) {
			continue
		}
		if p := &s.log.partitions[room.Partition]; !p.gap && !p.revoked && p.read() {
			news.Fetched = append(news.Fetched, crmsync.Fetch{Partition: room.Partition, Term: room.Term, End: p.end})
		}
	}
	return news
}

// read says whether the owner has been given every message that the partition holds.
func (p *partition) read() bool {
	return len(p.messages) == 0 || p.messages[len(p.messages)-1].Offset < p.next
}

func (s *Source) fetch(room crmsync.Room) crmsync.Fetch {
	fetch := crmsync.Fetch{Partition: room.Partition, Term: room.Term}
	if !s.owns(room.Partition, room.Term) {
		return fetch
	}
	p := &s.log.partitions[room.Partition]
	if p.gap || p.revoked {
		return fetch
	}
	fetch.End = p.end
	first, _ := slices.BinarySearchFunc(p.messages, p.next, func(m crmsync.Message, offset int64) int { return int(m.Offset - offset) })
	for _, m := range p.messages[first:] {
		room.Messages--
		room.Bytes -= m.Size()
		if room.Messages < 0 || room.Bytes < 0 {
			break
		}
		fetch.Messages = append(fetch.Messages, m)
		p.next = m.Offset + 1
	}
	return fetch
}

// owns says whether the member has the partition in that term. The lock is held.
func (s *Source) owns(number int32, term int64) bool {
	if number < 0 || int(number) >= len(s.log.partitions) {
		return false
	}
	p := &s.log.partitions[number]
	return p.owner == s && p.term == term
}

// Commit makes marks durable for as long as the log lives. Those of a term that is over have no
// effect.
func (s *Source) Commit(ctx context.Context, marks []crmsync.Mark) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	for _, mark := range marks {
		if s.owns(mark.Partition, mark.Term) {
			s.log.partitions[mark.Partition].committed = mark.Offset
			s.log.partitions[mark.Partition].note = mark.Note
		}
	}
	return nil
}

// Release hands assignments back; the group shares them out again, possibly to the same member.
func (s *Source) Release(_ context.Context, assignments []crmsync.Assignment) error {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	for _, a := range assignments {
		if s.owns(a.Partition, a.Term) {
			s.log.free(a.Partition)
		}
	}
	s.log.balance()
	return nil
}

// Ends answers where each partition ends now. It never fails.
func (s *Source) Ends(_ context.Context, partitions []int32) ([]int64, error) {
	ends := make([]int64, len(partitions))
	for i, p := range partitions {
		ends[i] = s.log.End(p)
	}
	return ends, nil
}

// Leave hands everything back and leaves the group.
func (s *Source) Leave() { s.depart(false) }

// Evict ends the member as a group does that has not heard of it for too long: its partitions go
// to others at once, and it learns at its next poll that they are lost.
func (s *Source) Evict() { s.depart(true) }

func (s *Source) depart(tell bool) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	if s.over {
		return
	}
	s.over = true
	s.log.members = slices.DeleteFunc(s.log.members, func(m *Source) bool { return m == s })
	for i := range s.log.partitions {
		if s.log.partitions[i].owner == s {
			s.log.free(int32(i))
			if tell {
				s.lost = append(s.lost, int32(i))
			}
		}
	}
	s.assigned, s.revoked = nil, nil
	s.log.balance()
}
