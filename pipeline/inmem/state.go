package inmem

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"

	"crmsync"
)

// State is a crmsync.StateStore. It holds one link per record and connection and forgets none.
type State struct {
	mu    sync.Mutex // guards links
	links map[crmsync.LinkKey]crmsync.Link
}

// NewState returns an empty store.
func NewState() *State { return &State{links: map[crmsync.LinkKey]crmsync.Link{}} }

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

// Save writes each link whose stored revision is one below its own. It fails only with the
// context, and then writes nothing.
func (s *State) Save(ctx context.Context, links []crmsync.Link) ([]bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	written := make([]bool, len(links))
	for i, link := range links {
		if link.Revision > 0 && s.links[link.LinkKey].Revision == link.Revision-1 {
			s.links[link.LinkKey] = link
			written[i] = true
		}
	}
	return written, nil
}

// All returns a copy of all links, ordered by key and connection.
func (s *State) All() []crmsync.Link {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.links), func(a, b crmsync.Link) int {
		return cmp.Or(cmp.Compare(a.Key.Org, b.Key.Org), cmp.Compare(a.Key.Type, b.Key.Type),
			cmp.Compare(a.Key.ID, b.Key.ID), cmp.Compare(a.Connection, b.Connection))
	})
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
