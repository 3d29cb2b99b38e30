package dsl

import (
	"io/fs"
	"maps"
	"slices"

	"crmsync"
)

// The scopes that stand in for any org and any provider.
const (
	Global      = "_global"
	AnyProvider = "_any"
)

// slot names the place of one mapping: its org (or Global), its provider (or
// AnyProvider) and its record type.
type slot struct{ org, provider, record string }

// file returns the path of the slot's mapping, below the mappings folder.
func (s slot) file() string { return s.org + "/" + s.provider + "/" + s.record + ".yaml" }

// candidates returns the slots that can serve the slot's org and provider, the
// first to be looked at first.
func (s slot) candidates() [4]slot {
	return [4]slot{
		s,
		{s.org, AnyProvider, s.record},
		{Global, s.provider, s.record},
		{Global, AnyProvider, s.record},
	}
}

// Set is all orgs, their connections and their programs. It is immutable and
// may be used concurrently.
type Set struct {
	dir      string
	hash     string
	orgs     map[string][]crmsync.Connection
	programs map[slot]*Program
	schemas  fs.FS     // see Options.Schemas
	tests    []*source // see Options.Tests
	only     func(test string) bool
}

// Connections returns the org's connections, sorted by name; nil for an org
// that has no org.yaml. The slice must not be changed.
func (s *Set) Connections(org string) []crmsync.Connection { return s.orgs[org] }

// Program returns what renders records of that type for the connection, nil
// when no mapping is for it.
func (s *Set) Program(c crmsync.Connection, recordType string) *Program {
	for _, at := range (slot{c.ID.Org, c.Provider, recordType}).candidates() {
		if p := s.programs[at]; p != nil {
			return p
		}
	}
	return nil
}

// Orgs returns the names of the orgs that have an org.yaml, sorted.
func (s *Set) Orgs() []string { return slices.Sorted(maps.Keys(s.orgs)) }

// Programs returns every program once, sorted by file.
func (s *Set) Programs() []*Program {
	all := slices.Collect(maps.Values(s.programs))
	slices.SortFunc(all, func(a, b *Program) int { return compareSlots(a.slot, b.slot) })
	return all
}

// Resumed returns the set with no connection paused: what would happen if all
// were in use.
func (s *Set) Resumed() *Set {
	out := *s
	out.orgs = make(map[string][]crmsync.Connection, len(s.orgs))
	for org, all := range s.orgs {
		all = slices.Clone(all)
		for i := range all {
			all[i].Paused = false
		}
		out.orgs[org] = all
	}
	return &out
}

// Hash returns a digest of the files the set was made of, 32 hexadecimal
// digits. Equal files give an equal hash, on every machine.
func (s *Set) Hash() string { return s.hash }
