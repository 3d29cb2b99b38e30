package inmem

import (
	"cmp"
	"context"
	"maps"
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

// wards sums up who waits in a partition, ordered by connection. The lock is held.
func (s *State) wards(at lane) []crmsync.Ward {
	sums := map[crmsync.ConnectionID]crmsync.Ward{}
	for key := range s.room {
		l := s.links[key]
		if laneOf(&l) != at {
			continue
		}
		w, ok := sums[connectionOf(&l)]
		if !ok || l.Wait.Until.Before(w.Next) {
			w.Next = l.Wait.Until
		}
		w.Entries++
		w.Connection = connectionOf(&l)
		sums[w.Connection] = w
	}
	return slices.SortedFunc(maps.Values(sums), func(a, b crmsync.Ward) int {
		return cmp.Or(cmp.Compare(a.Connection.Org, b.Connection.Org), cmp.Compare(a.Connection.Name, b.Connection.Name))
	})
}

func laneOf(l *crmsync.Link) lane { return lane{l.Owner.Topic, l.Owner.Partition} }

func connectionOf(l *crmsync.Link) crmsync.ConnectionID {
	return crmsync.ConnectionID{Org: l.Key.Org, Name: l.Connection}
}

// Due answers per ask the links whose wait is over. It fails only with the context.
func (s *State) Due(ctx context.Context, topic string, asks []crmsync.WaitAsk) ([]crmsync.Due, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now, room := s.now(), s.byAsk(topic)
	answers := make([]crmsync.Due, len(asks))
	for i, ask := range asks {
		ask.Limit = 0
		links := room[ask]
		n := 0
		for n < min(len(links), asks[i].Limit) && !links[n].Wait.Until.After(now) {
			answers[i].Links = append(answers[i].Links, copyOf(links[n]))
			n++
		}
		if n < len(links) {
			answers[i].Next = links[n].Wait.Until
		}
	}
	return answers, nil
}

// byAsk returns the links that wait in a topic, by who asks for them without a limit: the soonest
// first, and by key where they are equal. The lock is held.
func (s *State) byAsk(topic string) map[crmsync.WaitAsk][]crmsync.Link {
	room := map[crmsync.WaitAsk][]crmsync.Link{}
	for key := range s.room {
		if l := s.links[key]; l.Owner.Topic == topic {
			ask := crmsync.WaitAsk{Partition: l.Owner.Partition, Connection: connectionOf(&l)}
			room[ask] = append(room[ask], l)
		}
	}
	for _, links := range room {
		slices.SortFunc(links, func(a, b crmsync.Link) int {
			return cmp.Or(a.Wait.Until.Compare(b.Wait.Until), compare(a.LinkKey, b.LinkKey))
		})
	}
	return room
}

// Waiting lists links that wait, without their bodies. It fails only with the context.
func (s *State) Waiting(ctx context.Context, f crmsync.WaitFilter, limit int) ([]crmsync.Link, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	links := s.picked(&f)
	links = links[:min(max(0, limit), len(links))]
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
	links, now := s.picked(&f), s.now()
	for _, l := range links {
		l = copyOf(l)
		l.Wait.Until = now
		s.put(l)
	}
	return int64(len(links)), nil
}

// picked returns the links that wait and that the filter picks, by key. The lock is held.
func (s *State) picked(f *crmsync.WaitFilter) (links []crmsync.Link) {
	for key := range s.room {
		l := s.links[key]
		if picks(f, &l) && (f.After == crmsync.LinkKey{} || compare(key, f.After) > 0) {
			links = append(links, l)
		}
	}
	slices.SortFunc(links, func(a, b crmsync.Link) int { return compare(a.LinkKey, b.LinkKey) })
	return links
}

func picks(f *crmsync.WaitFilter, l *crmsync.Link) bool {
	same := func(want, got string) bool { return want == "" || want == got }
	return same(f.Key.Org, l.Key.Org) && same(f.Key.Type, l.Key.Type) && same(f.Key.ID, l.Key.ID) &&
		same(f.Connection, l.Connection) && same(f.Reason, l.Wait.Reason)
}
