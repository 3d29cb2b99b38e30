package pipelinetest

import (
	"math"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// OwnershipHarness is what the suite of crmsync.Ownership works on.
type OwnershipHarness struct {
	State
	// Lose takes the epochs of all partitions away and leaves the links, as a database does that was
	// restored in part.
	Lose func(t testing.TB)
}

// Ownership runs the promises of crmsync.Ownership, and those of crmsync.StateStore that tell one
// owner from another. open returns an empty store and closes it with the test's Cleanup.
func Ownership(t *testing.T, open func(t testing.TB) OwnershipHarness) {
	cases := []struct {
		name string
		run  func(t *testing.T, store OwnershipHarness)
	}{
		{"each claim raises the epoch by one", ownerClaims},
		{"empty slices are answered with empty ones", ownerEmpty},
		{"only the newest epoch writes", ownerFenced},
		{"each link of a slice is judged by its own owner", ownerSlice},
		{"a repeat counts as written", ownerRepeat},
		{"a record may come to another partition", ownerMoves},
		{"a claim tells who waits", ownerWards},
		{"concurrent claims get an epoch each", ownerConcurrent},
		{"when a claim has answered, older epochs write no more", ownerRace},
		{"claims and saves in opposite orders don't block each other", ownerDeadlock},
		{"lost epochs overwrite nothing and are found again", ownerLost},
		{"a cancelled context is an error", ownerCancelled},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

func epochsOf(t testing.TB, store crmsync.Ownership, topic string, partitions ...int32) []int64 {
	t.Helper()
	epochs, err := store.Epochs(t.Context(), topic, partitions)
	require.NoError(t, err)
	return epochs
}

func ownerClaims(t *testing.T, store OwnershipHarness) {
	require.Equal(t, []int64{0, 0}, epochsOf(t, store, "a", 1, 0))
	for _, step := range []struct {
		topic      string
		partitions []int32
		want       []int64
	}{
		{"a", []int32{7, 0}, []int64{1, 1}},
		{"a", []int32{0, math.MaxInt32, 7}, []int64{2, 1, 2}},
		{"A", []int32{7}, []int64{1}},
		{"a", []int32{7}, []int64{3}},
	} {
		claims, err := store.Claim(t.Context(), step.topic, step.partitions)
		require.NoError(t, err)
		var got []int64
		for _, c := range claims {
			require.Empty(t, c.Waiting)
			got = append(got, c.Epoch)
		}
		require.Equal(t, step.want, got)
		require.Equal(t, step.want, epochsOf(t, store, step.topic, step.partitions...))
	}
	require.Equal(t, []int64{3, 0, 1, 2}, epochsOf(t, store, "a", 7, 1, math.MaxInt32, 0), "in the order asked")
	require.Equal(t, []int64{1, 0}, epochsOf(t, store, "A", 7, 0), "of its own topic")
}

func ownerEmpty(t *testing.T, store OwnershipHarness) {
	for _, empty := range [][]int32{nil, {}} {
		claims, err := store.Claim(t.Context(), "a", empty)
		require.NoError(t, err)
		require.Empty(t, claims)
		require.Empty(t, epochsOf(t, store, "a", empty...))
	}
}

func ownerFenced(t *testing.T, store OwnershipHarness) {
	claim(t, store, crmsync.Owner{Topic: "a", Partition: 1, Epoch: 1}, crmsync.Owner{Topic: "a", Partition: 1, Epoch: 2})
	tests := []struct {
		name  string
		owner crmsync.Owner
		want  crmsync.Saved
	}{
		{"the newest", crmsync.Owner{Topic: "a", Partition: 1, Epoch: 2}, crmsync.Written},
		{"the one before", crmsync.Owner{Topic: "a", Partition: 1, Epoch: 1}, crmsync.Fenced},
		{"one that is still to come", crmsync.Owner{Topic: "a", Partition: 1, Epoch: 3}, crmsync.Fenced},
		{"never claimed", crmsync.Owner{Topic: "a", Partition: 1}, crmsync.Fenced},
		{"of another partition, which was never claimed", crmsync.Owner{Topic: "a", Partition: 2, Epoch: 2}, crmsync.Fenced},
		{"of another topic, which was never claimed", crmsync.Owner{Topic: "b", Partition: 1, Epoch: 2}, crmsync.Fenced},
		{"nobody, where nobody has claimed", crmsync.Owner{Topic: "b", Partition: 1}, crmsync.Written},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for revision, stored := range []crmsync.Link{{}, {Owner: crmsync.Owner{Topic: "a", Partition: 1, Epoch: 2}, Revision: 1}} {
				key := linkKey(test.name + strconv.Itoa(revision))
				if stored.LinkKey = key; stored.Revision > 0 {
					require.Equal(t, []crmsync.Saved{crmsync.Written}, saveLinks(t, store, stored))
				}
				tried := crmsync.Link{LinkKey: key, Owner: test.owner, Revision: stored.Revision + 1, ExternalID: "after"}
				require.Equal(t, []crmsync.Saved{test.want}, saveLinks(t, store, tried))
				if test.want == crmsync.Written {
					stored = tried
				}
				requireLinks(t, []crmsync.Link{stored}, readLinks(t, store, key))
			}
		})
	}
}

func ownerSlice(t *testing.T, store OwnershipHarness) {
	owners := []crmsync.Owner{{Topic: "b", Partition: 1, Epoch: 1}, {Topic: "a", Partition: 9, Epoch: 1}, {Topic: "a", Partition: 2, Epoch: 1}}
	claim(t, store, owners...)
	claim(t, store, crmsync.Owner{Topic: "a", Partition: 9, Epoch: 2})
	var links, kept []crmsync.Link
	var want []crmsync.Saved
	for i, key := range recordKeys(sliceMax) {
		link := crmsync.Link{LinkKey: crmsync.LinkKey{Key: key, Connection: "hubspot"}, Owner: owners[i%3], Revision: 1, Applied: int64(i)}
		fate := crmsync.Written
		switch {
		case i%3 == 1:
			fate = crmsync.Fenced
		case i%5 == 0:
			link.Revision, fate = 2, crmsync.Moved
		}
		links, want = append(links, link), append(want, fate)
		if fate != crmsync.Written {
			link = crmsync.Link{LinkKey: link.LinkKey}
		}
		kept = append(kept, link)
	}
	require.Equal(t, want, saveLinks(t, store, links...))
	requireLinks(t, kept, readLinks(t, store, keysOf(links)...))
}

func ownerRepeat(t *testing.T, store OwnershipHarness) {
	first := fullLink(linkKey("c-1"), 1)
	claim(t, store, first.Owner)
	for range 3 {
		require.Equal(t, []crmsync.Saved{crmsync.Written}, saveLinks(t, store, first))
	}
	other := first
	other.ExternalID, other.Wait = "other", nil
	require.Equal(t, []crmsync.Saved{crmsync.Written}, saveLinks(t, store, other), "it is there, whatever it says")
	requireLinks(t, []crmsync.Link{first}, readLinks(t, store, first.LinkKey))

	next := first
	next.Revision = 2
	require.Equal(t, []crmsync.Saved{crmsync.Written}, saveLinks(t, store, next))
	require.Equal(t, []crmsync.Saved{crmsync.Moved}, saveLinks(t, store, first), "it is not there any more")

	later := next
	later.Owner.Epoch++
	claim(t, store, later.Owner)
	require.Equal(t, []crmsync.Saved{crmsync.Moved}, saveLinks(t, store, later), "another owner has written this revision")
	require.Equal(t, []crmsync.Saved{crmsync.Fenced}, saveLinks(t, store, next), "an earlier owner learns that it is one")
	requireLinks(t, []crmsync.Link{next}, readLinks(t, store, first.LinkKey))
}

func ownerMoves(t *testing.T, store OwnershipHarness) {
	owners := []crmsync.Owner{{Topic: "a", Partition: 1, Epoch: 1}, {Topic: "a", Partition: 1, Epoch: 2}, {Topic: "a", Partition: 5, Epoch: 1}, {Topic: "b", Partition: 1, Epoch: 1}}
	claim(t, store, owners...)
	for i, owner := range owners[1:] {
		link := crmsync.Link{LinkKey: linkKey("c-1"), Owner: owner, Revision: int64(i + 1)}
		require.Equal(t, []crmsync.Saved{crmsync.Written}, saveLinks(t, store, link), "the other partition's epoch is no earlier one")
		requireLinks(t, []crmsync.Link{link}, readLinks(t, store, link.LinkKey))
	}
}

func ownerWards(t *testing.T, store OwnershipHarness) {
	soon, late := time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
	waits := func(n int, partition int32, org, connection string, until time.Time) crmsync.Link {
		return crmsync.Link{
			LinkKey:  crmsync.LinkKey{Key: crmsync.RecordKey{Org: org, Type: "contact", ID: strconv.Itoa(n)}, Connection: connection},
			Owner:    crmsync.Owner{Topic: "a", Partition: partition, Epoch: 1},
			Revision: 1, Wait: &crmsync.Wait{Version: 1, Until: until},
		}
	}
	claim(t, store, crmsync.Owner{Topic: "a", Partition: 1, Epoch: 1}, crmsync.Owner{Topic: "a", Partition: 2, Epoch: 1}, crmsync.Owner{Topic: "a", Partition: 3, Epoch: 1})
	none := waits(9, 1, "acme", "hubspot", soon)
	none.Wait = nil
	requireWritten(t, saveLinks(t, store, none,
		waits(1, 1, "beta", "hubspot", late), waits(2, 1, "acme", "salesforce", late), waits(3, 1, "acme", "hubspot", late),
		waits(4, 1, "acme", "hubspot", soon), waits(5, 1, "acme", "hubspot", late), waits(6, 2, "acme", "hubspot", late)))
	claims, err := store.Claim(t.Context(), "a", []int32{2, 3, 1})
	require.NoError(t, err)
	want := []crmsync.Claim{
		{Epoch: 2, Waiting: []crmsync.Ward{{Connection: crmsync.ConnectionID{Org: "acme", Name: "hubspot"}, Entries: 1, Next: late}}},
		{Epoch: 2},
		{Epoch: 2, Waiting: []crmsync.Ward{
			{Connection: crmsync.ConnectionID{Org: "acme", Name: "hubspot"}, Entries: 3, Next: soon},
			{Connection: crmsync.ConnectionID{Org: "acme", Name: "salesforce"}, Entries: 1, Next: late},
			{Connection: crmsync.ConnectionID{Org: "beta", Name: "hubspot"}, Entries: 1, Next: late},
		}},
	}
	require.Len(t, claims, len(want))
	for i := range want {
		require.Len(t, claims[i].Waiting, len(want[i].Waiting))
		for k := range want[i].Waiting {
			requireMoment(t, want[i].Waiting[k].Next, claims[i].Waiting[k].Next, "ward %d of claim %d", k, i)
			claims[i].Waiting[k].Next = want[i].Waiting[k].Next
		}
	}
	require.Equal(t, want, claims)
	claims, err = store.Claim(t.Context(), "b", []int32{1})
	require.NoError(t, err)
	require.Equal(t, []crmsync.Claim{{Epoch: 1}}, claims, "those of another topic are not its own")
}

func ownerConcurrent(t *testing.T, store OwnershipHarness) {
	const callers, rounds = 5, 8
	got := make([][]int64, callers)
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for range rounds {
				claims, err := store.Claim(t.Context(), "a", []int32{3})
				if err != nil {
					errs[c] = err
					return
				}
				got[c] = append(got[c], claims[0].Epoch)
			}
		})
	}
	wg.Wait()
	require.Equal(t, make([]error, callers), errs)
	var want []int64
	for i := range int64(callers * rounds) {
		want = append(want, i+1)
	}
	all := slices.Concat(got...)
	slices.Sort(all)
	require.Equal(t, want, all)
	for c := range callers {
		require.True(t, slices.IsSorted(got[c]))
	}
}

func ownerLost(t *testing.T, store OwnershipHarness) {
	old := crmsync.Owner{Topic: "a", Partition: 1, Epoch: 1}
	for ; old.Epoch <= 5; old.Epoch++ {
		claim(t, store, old)
	}
	old.Epoch = 5
	stored := crmsync.Link{LinkKey: linkKey("c-1"), Owner: old, Revision: 1, ExternalID: "kept"}
	requireWritten(t, saveLinks(t, store, stored))
	store.Lose(t)
	fresh := crmsync.Owner{Topic: "a", Partition: 1, Epoch: 1}
	claim(t, store, fresh)
	for _, revision := range []int64{2, 1} {
		tried := crmsync.Link{LinkKey: stored.LinkKey, Owner: fresh, Revision: revision, ExternalID: "after"}
		other := crmsync.Link{LinkKey: linkKey("other" + strconv.Itoa(int(revision))), Owner: crmsync.Owner{Topic: "b"}, Revision: 1}
		require.Equal(t, []crmsync.Saved{crmsync.Written, crmsync.Fenced}, saveLinks(t, store, other, tried))
		requireLinks(t, []crmsync.Link{stored}, readLinks(t, store, stored.LinkKey))
		require.Equal(t, []int64{5}, epochsOf(t, store, "a", 1), "the epoch of the row that was found")
	}
	fresh.Epoch = 6
	claim(t, store, fresh)
	next := crmsync.Link{LinkKey: stored.LinkKey, Owner: fresh, Revision: 2, ExternalID: "after"}
	require.Equal(t, []crmsync.Saved{crmsync.Written}, saveLinks(t, store, next))
	requireLinks(t, []crmsync.Link{next}, readLinks(t, store, stored.LinkKey))
}

func ownerCancelled(t *testing.T, store OwnershipHarness) {
	_, err := store.Claim(cancelled(t), "a", []int32{1})
	require.ErrorIs(t, err, cancelled(t).Err())
	_, err = store.Epochs(cancelled(t), "a", []int32{1})
	require.ErrorIs(t, err, cancelled(t).Err())
}
