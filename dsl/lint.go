package dsl

import (
	"fmt"
	"maps"
	"slices"

	"crmsync/dsl/document"
)

// lint runs the checks that look at more than one expression.
func (l *loader) lint() {
	var all []*build
	for _, at := range slices.SortedFunc(maps.Keys(l.builds), compareSlots) {
		if b := l.builds[at]; b.program != nil {
			all = append(all, b)
		}
	}
	parallel(len(all), func(i int) { all[i].lintOne() })
	l.lintFallbacks()
	l.wrong = append(l.wrong, l.catalogs.wrong...)
	l.lintPlaces()
	l.lintConnections()
}

// lintOverridden finds an `extends` that brings nothing.
func (b *build) lintOverridden() {
	if b.base == nil {
		return
	}
	for _, n := range b.fields {
		if b.inherited(n) {
			return
		}
	}
	n := b.own.root.Get("extends")
	b.wrong = append(b.wrong, diagnose(n, "CM402", key(n), "no field of "+b.base.name+" is left", "take extends out: what the fallback gains later should not come here unseen"))
}

// lintPlaces finds mappings that nothing uses.
func (l *loader) lintPlaces() {
	for at, s := range l.maps {
		if at.org == Global {
			continue
		}
		n := s.root.Get("provider")
		if _, ok := n.Text(); !ok || l.orgs[at.org] != nil && l.orgs[at.org].wrong.HasErrors() {
			continue
		}
		switch providers := l.providersOf(at.org); {
		case l.orgs[at.org] == nil:
			s.wrong = append(s.wrong, diagnose(n, "CM406", n.Range(), fmt.Sprintf("%s has no connections: there is no org.yaml", at.org), "write "+l.Dir+"/"+at.org+"/org.yaml"))
		case at.provider == AnyProvider:
			l.lintShadowed(s, n, providers)
		case !slices.Contains(providers, at.provider):
			s.wrong = append(s.wrong, diagnose(n, "CM406", n.Range(), fmt.Sprintf("%s has no connection to %s", at.org, at.provider), fmt.Sprintf("add one to %s/%s/org.yaml, which has: %s", l.Dir, at.org, list(providers))))
		}
	}
}

// lintShadowed finds an _any mapping of which every connection finds a better
// one first.
func (l *loader) lintShadowed(s *source, n *document.Node, providers []string) {
	for _, p := range providers {
		if l.maps[slot{s.slot.org, p, s.slot.record}] == nil {
			return
		}
	}
	s.wrong = append(s.wrong, diagnose(n, "CM401", n.Range(), "every connection of "+s.slot.org+" has a mapping of its own for these records, so this one is never used", "take it out, or take out those that should use it"))
}

// providersOf returns the providers that the org has connections to, sorted.
func (l *loader) providersOf(org string) []string {
	var out []string
	for _, c := range l.accounts[org] {
		out = append(out, c.Provider)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// lintConnections finds connections that no mapping is for.
func (l *loader) lintConnections() {
	for org, s := range l.orgs {
		for _, n := range s.root.Get("connections").Items() {
			provider := text(n, "provider")
			if provider == "" || l.isMapped(org, provider) || hasErrorAt(s.wrong, n.Pointer()) {
				continue
			}
			at := n.Get("provider")
			s.wrong = append(s.wrong, diagnose(at, "CM407", at.Range(), fmt.Sprintf("no mapping serves this connection: there is none of %s for %s, and no fallback", org, provider), fmt.Sprintf("write one at %s/%s/%s/<record_type>.yaml", l.Dir, org, provider)))
		}
	}
}

// isMapped tells whether any mapping serves the org's connections to the provider.
func (l *loader) isMapped(org, provider string) bool {
	for at := range l.maps {
		if (at.org == org || at.org == Global) && (at.provider == provider || at.provider == AnyProvider) {
			return true
		}
	}
	return false
}

// hasErrorAt tells whether an error was reported at the node of that pointer or
// below it.
func hasErrorAt(ds document.Diagnostics, pointer string) bool {
	return slices.ContainsFunc(ds, func(d document.Diagnostic) bool {
		return d.Severity == document.Error && (d.Pointer == pointer || len(d.Pointer) > len(pointer) && d.Pointer[:len(pointer)+1] == pointer+"/")
	})
}
