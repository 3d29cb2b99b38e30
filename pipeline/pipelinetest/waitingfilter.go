package pipelinetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

func list(t testing.TB, store crmsync.WaitingRoom, filter crmsync.WaitFilter, limit int) []crmsync.Link {
	t.Helper()
	links, err := store.Waiting(t.Context(), filter, limit)
	require.NoError(t, err)
	require.LessOrEqual(t, len(links), limit)
	return links
}

// roomOfMany fills the store with links of all combinations of two values each, which wait for an
// hour, and one that doesn't wait. It returns those that wait, in the order of a listing.
func roomOfMany(t testing.TB, store State) []crmsync.Link {
	until := time.Now().Add(time.Hour)
	var links []crmsync.Link
	for _, org := range []string{"Zeta", "acme"} { // bytes decide the order, not a language
		for _, kind := range []string{"company", "contact"} {
			for _, id := range []string{"c-1", "c-10", "c-2", "é"} {
				for _, connection := range []string{"hubspot", "salesforce"} {
					link := waiting(id, until)
					link.LinkKey = crmsync.LinkKey{Key: crmsync.RecordKey{Org: org, Type: kind, ID: id}, Connection: connection}
					if id == "c-2" {
						link.Wait.Reason = "quota"
					}
					links = append(links, link)
				}
			}
		}
	}
	backwards := slices.Clone(links)
	slices.Reverse(backwards)
	requireWritten(t, saveLinks(t, store, backwards...))
	requireWritten(t, saveLinks(t, store, crmsync.Link{LinkKey: linkKey("c-0"), Owner: roomOwner(), Revision: 1}))
	return links
}

// filterTest is a filter and what it picks of roomOfMany's links.
type filterTest struct {
	name   string
	filter crmsync.WaitFilter
	want   func(crmsync.Link) bool
}

func roomFilterTests() []filterTest {
	acme := crmsync.RecordKey{Org: "acme"}
	return []filterTest{
		{"all", crmsync.WaitFilter{}, func(crmsync.Link) bool { return true }},
		{"org", crmsync.WaitFilter{Key: acme}, func(l crmsync.Link) bool { return l.Key.Org == "acme" }},
		{"type", crmsync.WaitFilter{Key: crmsync.RecordKey{Type: "contact"}}, func(l crmsync.Link) bool { return l.Key.Type == "contact" }},
		{"id", crmsync.WaitFilter{Key: crmsync.RecordKey{ID: "c-1"}}, func(l crmsync.Link) bool { return l.Key.ID == "c-1" }},
		{"connection", crmsync.WaitFilter{Connection: "salesforce"}, func(l crmsync.Link) bool { return l.Connection == "salesforce" }},
		{"reason", crmsync.WaitFilter{Reason: "quota"}, func(l crmsync.Link) bool { return l.Wait.Reason == "quota" }},
		{"reason and org", crmsync.WaitFilter{Key: acme, Reason: "quota"}, func(l crmsync.Link) bool { return l.Key.Org == "acme" && l.Wait.Reason == "quota" }},
		{"record", crmsync.WaitFilter{Key: crmsync.RecordKey{Org: "acme", Type: "contact", ID: "c-1"}}, func(l crmsync.Link) bool { return l.Key == linkKey("c-1").Key }},
		{"link", crmsync.WaitFilter{Key: linkKey("c-1").Key, Connection: "hubspot", Reason: "paused"}, func(l crmsync.Link) bool { return l.LinkKey == linkKey("c-1") }},
		{"behind one", crmsync.WaitFilter{After: linkKey("c-1")}, func(l crmsync.Link) bool {
			return l.Key.Org == "acme" && l.Key.Type == "contact" && l.LinkKey != linkKey("c-1")
		}},
		{"behind one that isn't there, of a connection", crmsync.WaitFilter{After: crmsync.LinkKey{Key: crmsync.RecordKey{Org: "b"}}, Connection: "hubspot"}, func(crmsync.Link) bool { return false }},
		{"nothing", crmsync.WaitFilter{Reason: "Quota"}, func(crmsync.Link) bool { return false }},
		{"a name that is none", crmsync.WaitFilter{Key: crmsync.RecordKey{ID: "' OR 1=1 --"}}, func(crmsync.Link) bool { return false }},
	}
}

func pick(links []crmsync.Link, want func(crmsync.Link) bool) []crmsync.Link {
	return slices.DeleteFunc(slices.Clone(links), func(l crmsync.Link) bool { return !want(l) })
}

func roomFilters(t *testing.T, store State) {
	links := roomOfMany(t, store)
	for _, test := range roomFilterTests() {
		got := list(t, store, test.filter, sliceMax)
		require.Equal(t, keysOf(pick(links, test.want)), keysOf(got), test.name)
	}
}

func roomPages(t *testing.T, store State) {
	links := roomOfMany(t, store)
	var got []crmsync.Link
	var filter crmsync.WaitFilter
	for page := list(t, store, filter, 5); len(page) > 0; page = list(t, store, filter, 5) {
		got = append(got, page...)
		filter.After = page[len(page)-1].LinkKey
	}
	for i := range links {
		w := *links[i].Wait
		w.Body = nil
		links[i].Wait = &w
	}
	requireLinks(t, links, got)
	require.Empty(t, list(t, store, crmsync.WaitFilter{}, 0))
}

func roomRelease(t *testing.T, store State) {
	links := roomOfMany(t, store)
	for round, test := range roomFilterTests() {
		picked := pick(links, test.want)
		n, err := store.Release(t.Context(), test.filter)
		require.NoError(t, err)
		require.Equal(t, int64(len(picked)), n, test.name)
		got := readLinks(t, store, keysOf(links)...)
		for i := range got {
			over := !got[i].Wait.Until.After(time.Now())
			require.Equalf(t, test.want(links[i]), over, "%s: %v", test.name, got[i].LinkKey)
			got[i].Revision, got[i].Wait.Until = int64(round+2), time.Now().Add(time.Hour)
		}
		requireWritten(t, saveLinks(t, store, got...))
	}
}

func roomReleaseKeeps(t *testing.T, store State) {
	link := fullLink(linkKey("c-1"), 1)
	link.Owner = roomOwner()
	requireWritten(t, saveLinks(t, store, link))
	n, err := store.Release(t.Context(), crmsync.WaitFilter{Connection: "hubspot"})
	require.NoError(t, err)
	require.Equal(t, int64(1), n)
	w := *link.Wait
	w.Until = time.Now().Add(-momentLate / 2)
	released := link
	released.Wait = &w
	requireLinks(t, []crmsync.Link{released}, readLinks(t, store, link.LinkKey))
	requireLinks(t, []crmsync.Link{released}, due(t, store, roomAsk(1))[0].Links)

	link.Revision = 2 // of an owner that has not heard of it
	require.Equal(t, []crmsync.Saved{crmsync.Written}, saveLinks(t, store, link))
	requireLinks(t, []crmsync.Link{link}, readLinks(t, store, link.LinkKey))
}

func roomReleaseMany(t *testing.T, store State) {
	const total = 2500 // more than stores release at once
	until := time.Now().Add(time.Hour)
	links := make([]crmsync.Link, total)
	for i := range links {
		links[i] = waiting(fmt.Sprint(i), until)
	}
	for slice := range slices.Chunk(links, sliceMax) {
		requireWritten(t, saveLinks(t, store, slice...))
	}
	require.Empty(t, due(t, store, roomAsk(sliceMax))[0].Links)
	n, err := store.Release(t.Context(), crmsync.WaitFilter{Key: crmsync.RecordKey{Org: "acme"}})
	require.NoError(t, err)
	require.Equal(t, int64(total), n)
	answer := due(t, store, roomAsk(total+1))[0]
	require.Len(t, answer.Links, total)
	require.Zero(t, answer.Next)
}
