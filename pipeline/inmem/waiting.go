package inmem

import (
	"context"
	"slices"

	"crmsync"
)

// Claim raises the epoch of each partition. It fails only with the context, and then raises none.
func (s *State) Claim(ctx context.Context, topic string, partitions []int32) ([]crmsync.Claim, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	claims := make([]crmsync.Claim, len(partitions))
	for i, p := range partitions {
		at := lane{topic, p}
		s.epochs[at]++
		claims[i] = crmsync.Claim{Epoch: s.epochs[at], Waiting: s.wards(at)}
	}
	return claims, nil
}

// Epochs answers the newest epoch of each partition. It fails only with the context.
func (s *State) Epochs(ctx context.Context, topic string, partitions []int32) ([]int64, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	epochs := make([]int64, len(partitions))
	for i, p := range partitions {
		epochs[i] = s.epochs[lane{topic, p}]
	}
	return epochs, nil
}

// wards sums up who waits in a partition, by connection. The lock is held.
func (s *State) wards(at lane) (wards []crmsync.Ward) {
	for _, l := range s.waiting(func(l *crmsync.Link) bool { return within(l, at) }) {
		id := connectionOf(&l)
		i := slices.IndexFunc(wards, func(w crmsync.Ward) bool { return w.Connection == id })
		if i < 0 {
			i = len(wards)
			wards = append(wards, crmsync.Ward{Connection: id, Next: l.Wait.Until})
		}
		wards[i].Entries++
		if l.Wait.Until.Before(wards[i].Next) {
			wards[i].Next = l.Wait.Until
		}
	}
	return wards
}

func within(l *crmsync.Link, at lane) bool {
	return l.Owner.Topic == at.topic && l.Owner.Partition == at.partition
}

func connectionOf(l *crmsync.Link) crmsync.ConnectionID {
	return crmsync.ConnectionID{Org: l.Key.Org, Name: l.Connection}
}

// waiting returns the links that wait and that pick accepts, by key. The lock is held.
func (s *State) waiting(pick func(*crmsync.Link) bool) (links []crmsync.Link) {
	for _, l := range s.links {
		if l.Wait != nil && pick(&l) {
			links = append(links, l)
		}
	}
	slices.SortFunc(links, func(a, b crmsync.Link) int { return compare(a.LinkKey, b.LinkKey) })
	return links
}

// Due answers per ask the links whose wait is over. It fails only with the context.
func (s *State) Due(ctx context.Context, topic string, asks []crmsync.WaitAsk) ([]crmsync.Due, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	answers := make([]crmsync.Due, len(asks))
	for i, ask := range asks {
		links := s.waiting(func(l *crmsync.Link) bool {
			return within(l, lane{topic, ask.Partition}) && connectionOf(l) == ask.Connection
		})
		slices.SortStableFunc(links, func(a, b crmsync.Link) int { return a.Wait.Until.Compare(b.Wait.Until) })
		n := 0
		for n < min(len(links), ask.Limit) && !links[n].Wait.Until.After(now) {
			n++
		}
		answers[i].Links = links[:n:n]
		if n < len(links) {
			answers[i].Next = links[n].Wait.Until
		}
	}
	return answers, nil
}

// Waiting lists links that wait, without their bodies. It fails only with the context.
func (s *State) Waiting(ctx context.Context, f crmsync.WaitFilter, limit int) ([]crmsync.Link, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	links := s.waiting(func(l *crmsync.Link) bool { return picks(&f, l) && compare(l.LinkKey, f.After) > 0 })
	links = links[:min(limit, len(links))]
	for i := range links {
		w := *links[i].Wait
		w.Body = nil
		links[i].Wait = &w
	}
	return links, nil
}

// Release ends the waits that the filter picks. It fails only with the context.
func (s *State) Release(ctx context.Context, f crmsync.WaitFilter) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	links := s.waiting(func(l *crmsync.Link) bool { return picks(&f, l) && compare(l.LinkKey, f.After) > 0 })
	for _, l := range links {
		w := *l.Wait
		w.Until = s.now()
		l.Wait = &w
		s.links[l.LinkKey] = l
	}
	return int64(len(links)), nil
}

func picks(f *crmsync.WaitFilter, l *crmsync.Link) bool {
	same := func(want, got string) bool { return want == "" || want == got }
	return same(f.Key.Org, l.Key.Org) && same(f.Key.Type, l.Key.Type) && same(f.Key.ID, l.Key.ID) &&
		same(f.Connection, l.Connection) && same(f.Reason, l.Wait.Reason)
}
