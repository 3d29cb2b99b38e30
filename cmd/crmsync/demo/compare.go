package demo

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// compare holds each account's objects against what the mappings mean.
func (j *judge) compare(orgs []Org) error {
	byType := map[string][]*story{}
	for _, s := range j.stories {
		at := s.key.Org + "/" + s.object
		byType[at] = append(byType[at], s)
	}
	for i := range orgs {
		o := &orgs[i]
		for _, kind := range o.types {
			stories := byType[o.Name+"/"+objects[kind]]
			slices.SortFunc(stories, func(a, b *story) int { return strings.Compare(a.key.ID, b.key.ID) })
			for _, a := range o.Accounts {
				if err := j.at(&a, objects[kind], stories); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// at compares the objects of one type of one account.
func (j *judge) at(a *Account, kind string, stories []*story) error {
	living := map[string][]Object{}
	for _, o := range j.Objects(a.Portal, kind) {
		if !o.Archived {
			living[o.Properties["crmsync_id"]] = append(living[o.Properties["crmsync_id"]], o)
		}
	}
	for _, s := range stories {
		found := living[s.key.ID]
		delete(living, s.key.ID)
		j.objects += len(found)
		for _, more := range found[min(1, len(found)):] {
			j.duplicates.add("%s has a second object at %s: %s", s.key, a.Connection, more.ID)
		}
		want, err := s.wanted(a.Connection)
		if err != nil {
			return err
		}
		j.record(a, s, want, found)
	}
	for _, id := range slices.Sorted(maps.Keys(living)) {
		j.wrong.add("account %d holds %d %s with the id %q that no event speaks of", a.Portal, len(living[id]), kind, id)
	}
	return nil
}

// record compares the object of one record, if it has one.
func (j *judge) record(a *Account, s *story, want []Properties, found []Object) {
	absent := slices.ContainsFunc(want, func(p Properties) bool { return p == nil })
	switch {
	case len(found) == 0 && !absent:
		j.lost.add("%s version %d is not at %s", s.key, s.newest.Version, a.Connection)
	case len(found) > 0 && absent && len(want) == 1:
		j.lost.add("%s version %d is to be gone from %s, and is still there as %s", s.key, s.newest.Version, a.Connection, found[0].ID)
	case len(found) > 0:
		j.object(a, s, want, found[0].Properties)
	}
}

// object compares an object with the states that it may be in.
func (j *judge) object(a *Account, s *story, want []Properties, got Properties) {
	worst := ""
	for _, p := range want {
		if p == nil || Marker(p) != Marker(got) {
			continue
		}
		if worst = difference(p, got); worst == "" {
			return
		}
	}
	if worst == "" {
		j.lost.add("%s version %d is not at %s, which holds %s instead of %s",
			s.key, s.newest.Version, a.Connection, Marker(got), Marker(want[len(want)-1]))
		return
	}
	j.wrong.add("%s version %d at %s: %s", s.key, s.newest.Version, a.Connection, worst)
}

// difference tells the first property in which two objects differ.
func difference(want, got Properties) string {
	names := slices.Collect(maps.Keys(want))
	for name := range got {
		if _, both := want[name]; !both && !ownProperty(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if want[name] != got[name] {
			return fmt.Sprintf("%s is %q and should be %q", name, got[name], want[name])
		}
	}
	return ""
}

// ownProperty tells those that the CRM writes by itself.
func ownProperty(name string) bool {
	return strings.HasPrefix(name, "hs_") && name != "hs_lead_status" && name != "hs_language" ||
		name == "createdate" || name == "lastmodifieddate"
}
