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
	epochs map[lane]int64
}

// lane is a partition of a topic.
type lane struct {
	topic     string
	partition int32
}

// NewState returns an empty store. now tells when a wait is over.
func NewState(now func() time.Time) *State {
	return &State{now: now, links: map[crmsync.LinkKey]crmsync.Link{}, epochs: map[lane]int64{}}
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
		links[i] = s.links[key]
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

func (s *State) save(link crmsync.Link) crmsync.Saved {
	old := s.links[link.LinkKey]
	switch {
	case s.epochs[lane{link.Owner.Topic, link.Owner.Partition}] != link.Owner.Epoch:
		return crmsync.Fenced
	case link.Revision > 0 && old.Revision == link.Revision && old.Owner == link.Owner:
		return crmsync.Written
	case link.Revision < 1 || old.Revision != link.Revision-1:
		return crmsync.Moved
	}
	s.links[link.LinkKey] = link
	return crmsync.Written
}

// All returns a copy of all links, ordered by key and connection.
func (s *State) All() []crmsync.Link {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.links), func(a, b crmsync.Link) int { return compare(a.LinkKey, b.LinkKey) })
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
