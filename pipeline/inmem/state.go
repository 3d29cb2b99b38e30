package inmem

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"crmsync"
)

// State is a crmsync.StateStore with its ownership and its waiting room. It holds one link per
// record and connection and forgets none.
type State struct {
	now func() time.Time

	mu     sync.Mutex // guards what follows
	links  map[crmsync.LinkKey]crmsync.Link
	room   map[crmsync.LinkKey]struct{} // of the links that wait
	epochs map[lane]int64
}

// lane is a partition of a topic.
type lane struct {
	topic     string
	partition int32
}

// NewState returns an empty store. now tells when a wait is over.
func NewState(now func() time.Time) *State {
	return &State{
		now: now, links: map[crmsync.LinkKey]crmsync.Link{}, room: map[crmsync.LinkKey]struct{}{}, epochs: map[lane]int64{},
	}
}

// Links answers one link per key, in the keys' order. It fails only with the context.
func (s *State) Links(ctx context.Context, keys []crmsync.LinkKey) ([]crmsync.Link, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	links := make([]crmsync.Link, len(keys))
	for i, key := range keys {
		links[i] = copyOf(s.links[key])
		links[i].LinkKey = key
	}
	return links, nil
}

// Save writes each link whose stored revision is one below its own, if its owner's epoch is the
// newest. It fails only with the context, and then writes nothing.
func (s *State) Save(ctx context.Context, links []crmsync.Link) ([]crmsync.Saved, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	saved := make([]crmsync.Saved, len(links))
	for i, link := range links {
		saved[i] = s.save(link)
	}
	return saved, nil
}

// save decides like a database that may have lost its epochs: a row of a later epoch than its
// partition's is never overwritten, and raises the partition's, so that the next claim is later.
func (s *State) save(link crmsync.Link) crmsync.Saved {
	old, at := s.links[link.LinkKey], laneOf(&link)
	switch {
	case s.epochs[at] != link.Owner.Epoch:
		return crmsync.Fenced
	case laneOf(&old) == at && old.Owner.Epoch > link.Owner.Epoch:
		s.epochs[at] = old.Owner.Epoch
		return crmsync.Fenced
	case link.Revision > 0 && old.Revision == link.Revision && old.Owner == link.Owner:
		return crmsync.Written
	case link.Revision < 1 || old.Revision != link.Revision-1:
		return crmsync.Moved
	}
	s.put(copyOf(link))
	return crmsync.Written
}

// put stores a link as it is. The lock is held.
func (s *State) put(link crmsync.Link) {
	s.links[link.LinkKey] = link
	if link.Wait != nil {
		s.room[link.LinkKey] = struct{}{}
	} else {
		delete(s.room, link.LinkKey)
	}
}

// copyOf returns a link that shares no memory with the given one.
func copyOf(link crmsync.Link) crmsync.Link {
	if link.Wait != nil {
		w := *link.Wait
		w.Body = slices.Clone(w.Body)
		link.Wait = &w
	}
	return link
}

// All returns a copy of all links, ordered by key and connection.
func (s *State) All() []crmsync.Link {
	s.mu.Lock()
	defer s.mu.Unlock()
	links := slices.SortedFunc(maps.Values(s.links), func(a, b crmsync.Link) int { return compare(a.LinkKey, b.LinkKey) })
	for i := range links {
		links[i] = copyOf(links[i])
	}
	return links
}

func compare(a, b crmsync.LinkKey) int {
	return cmp.Or(cmp.Compare(a.Key.Org, b.Key.Org), cmp.Compare(a.Key.Type, b.Key.Type),
		cmp.Compare(a.Key.ID, b.Key.ID), cmp.Compare(a.Connection, b.Connection))
}

// Count returns how many links each org has. It never fails.
func (s *State) Count(context.Context) (map[string]int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	orgs := map[string]int64{}
	for key := range s.links {
		orgs[key.Key.Org]++
	}
	return orgs, nil
}
