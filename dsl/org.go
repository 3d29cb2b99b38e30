package dsl

import (
	"cmp"
	"fmt"
	"slices"

	"crmsync"
	"crmsync/dsl/document"
)

// readOrgs reads the connections of all orgs.
func (l *loader) readOrgs() {
	for org, s := range l.orgs {
		s.secrets()
		conns := []crmsync.Connection{}
		for _, n := range s.root.Get("connections").Items() {
			if n.Kind() == document.Mapping {
				conns = append(conns, connection(org, n))
				l.checkProvider(s, n.Get("provider"))
			}
		}
		slices.SortFunc(conns, func(a, b crmsync.Connection) int { return cmp.Compare(a.ID.Name, b.ID.Name) })
		l.accounts[org] = conns
	}
}

// connection returns the connection at a node of org.yaml.
func connection(org string, n *document.Node) crmsync.Connection {
	paused, _ := n.Get("paused").Value().(bool)
	return crmsync.Connection{
		ID:       crmsync.ConnectionID{Org: org, Name: n.Key()},
		Provider: text(n, "provider"), Credential: text(n, "credential"), Plan: text(n, "plan"), Paused: paused,
	}
}

// checkProvider reports a provider that nobody has described, named by a
// connection or by a fallback mapping.
func (l *loader) checkProvider(s *source, n *document.Node) {
	name, ok := n.Text()
	if !ok || name == AnyProvider || len(l.Providers) == 0 || slices.Contains(l.Providers, name) {
		return
	}
	d := diagnose(n, "CM408", n.Range(), fmt.Sprintf("there is no provider %q", name), "providers: "+list(l.Providers))
	if near := document.Suggest(name, l.Providers); near != "" {
		d.Help = fmt.Sprintf("did you mean %q?  %s", near, d.Help)
		if s.kind == orgFile { // a mapping's folder would have to be renamed too
			d.Fix = &document.Fix{Range: n.Range(), Text: near}
		}
	}
	s.wrong = append(s.wrong, d)
}

// list returns at most ten of the names, sorted, and how many there are.
func list(names []string) string {
	const most = 10
	names = slices.Sorted(slices.Values(names))
	out := ""
	for i, n := range names[:min(most, len(names))] {
		if i > 0 {
			out += ", "
		}
		out += n
	}
	if len(names) > most {
		return fmt.Sprintf("%s, … (%d)", out, len(names))
	}
	return out
}
