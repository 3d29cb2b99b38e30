package pipelinetest

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// SealedStore runs the promises of crmsync.SealedStore. open returns an empty store and closes it
// with the test's Cleanup. A store must keep times to the microsecond.
func SealedStore(t *testing.T, open func(t testing.TB) crmsync.SealedStore) {
	cases := []struct {
		name string
		run  func(t *testing.T, store crmsync.SealedStore)
	}{
		{"an unknown id is answered without a box", sealedUnknown},
		{"empty slices touch nothing, nil ids answer all", sealedEmpty},
		{"what was put comes back, in the order asked", sealedOrder},
		{"put overwrites every field", sealedOverwrite},
		{"delete forgets, also what isn't there", sealedDelete},
		{"boxes of any size and bytes", sealedBoxes},
		{"odd ids don't meet, and all rows come ordered by id", sealedOddIDs},
		{"a full slice", sealedFullSlice},
		{"several callers", sealedConcurrent},
		{"rows are the caller's own", sealedAliasing},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

func sealedRow(name string, box []byte) crmsync.SealedCredential {
	return crmsync.SealedCredential{ID: credentialID(name), KeyID: "k1", Box: box, UpdatedAt: aTime()}
}

func putSealed(t testing.TB, store crmsync.SealedStore, rows ...crmsync.SealedCredential) {
	t.Helper()
	require.NoError(t, store.PutSealed(t.Context(), rows))
}

func requireSealed(t testing.TB, want, got []crmsync.SealedCredential) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		require.Truef(t, want[i].UpdatedAt.Equal(got[i].UpdatedAt), "row %d: updated at %v, want %v", i, got[i].UpdatedAt, want[i].UpdatedAt)
		same := got[i]
		same.UpdatedAt = want[i].UpdatedAt
		require.Equalf(t, want[i], same, "row %d", i)
	}
}

// requireRows reads the ids of want and compares.
func requireRows(t testing.TB, store crmsync.SealedStore, want ...crmsync.SealedCredential) {
	t.Helper()
	ids := make([]crmsync.CredentialID, len(want))
	for i := range want {
		ids[i] = want[i].ID
	}
	got, err := store.Sealed(t.Context(), ids)
	require.NoError(t, err)
	requireSealed(t, want, got)
}

// requireAllRows compares with all rows of the store.
func requireAllRows(t testing.TB, store crmsync.SealedStore, want ...crmsync.SealedCredential) {
	t.Helper()
	want = slices.SortedFunc(slices.Values(want), func(a, b crmsync.SealedCredential) int {
		return cmp.Or(cmp.Compare(a.ID.Org, b.ID.Org), cmp.Compare(a.ID.Name, b.ID.Name))
	})
	got, err := store.Sealed(t.Context(), nil)
	require.NoError(t, err)
	requireSealed(t, want, got)
}

func sealedUnknown(t *testing.T, store crmsync.SealedStore) {
	requireRows(t, store, crmsync.SealedCredential{ID: credentialID("never-heard-of")})
	requireAllRows(t, store)
}

func sealedEmpty(t *testing.T, store crmsync.SealedStore) {
	row := sealedRow("main", []byte("box"))
	putSealed(t, store, row)
	putSealed(t, store)
	got, err := store.Sealed(t.Context(), []crmsync.CredentialID{})
	require.NoError(t, err)
	require.Empty(t, got)
	require.NoError(t, store.DeleteSealed(t.Context(), nil))
	require.NoError(t, store.DeleteSealed(t.Context(), []crmsync.CredentialID{}))
	requireAllRows(t, store, row)
}

func sealedOrder(t *testing.T, store crmsync.SealedStore) {
	a, b, c := sealedRow("a", []byte{1}), crmsync.SealedCredential{ID: credentialID("b")}, sealedRow("c", []byte{3})
	putSealed(t, store, c, a)
	requireRows(t, store, a, b, c, a, b)
	requireAllRows(t, store, a, c)
}

func sealedOverwrite(t *testing.T, store crmsync.SealedStore) {
	putSealed(t, store, sealedRow("main", []byte("old")), sealedRow("other", []byte("stays")))
	newer := crmsync.SealedCredential{ID: credentialID("main"), KeyID: "k2", Box: []byte("new"), UpdatedAt: aTime().Add(time.Hour)}
	putSealed(t, store, newer)
	requireAllRows(t, store, newer, sealedRow("other", []byte("stays")))
}

func sealedDelete(t *testing.T, store crmsync.SealedStore) {
	a, b := sealedRow("a", []byte{1}), sealedRow("b", []byte{2})
	putSealed(t, store, a, b)
	require.NoError(t, store.DeleteSealed(t.Context(), []crmsync.CredentialID{a.ID, credentialID("nobody")}))
	requireRows(t, store, crmsync.SealedCredential{ID: a.ID}, b)
	requireAllRows(t, store, b)
	putSealed(t, store, a)
	requireAllRows(t, store, a, b)
}

func sealedBoxes(t *testing.T, store crmsync.SealedStore) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	var rows []crmsync.SealedCredential
	for i, box := range [][]byte{{0}, every, []byte("'\"\\x00"), bytes.Repeat(every, 1024)} {
		rows = append(rows, sealedRow(fmt.Sprint("box-", i), box))
	}
	rows[0].UpdatedAt = time.Time{}
	rows[1].KeyID = ""
	putSealed(t, store, rows...)
	requireRows(t, store, rows...)
}

func sealedOddIDs(t *testing.T, store crmsync.SealedStore) {
	var rows []crmsync.SealedCredential
	for i, text := range oddTexts() {
		for _, id := range []crmsync.CredentialID{{Org: "odd", Name: text}, {Org: text, Name: "odd"}, {Org: "o", Name: "dd" + text}} {
			rows = append(rows, crmsync.SealedCredential{ID: id, KeyID: "k1", Box: []byte(fmt.Sprint(i, id.Org)), UpdatedAt: aTime()})
		}
	}
	putSealed(t, store, rows...)
	requireRows(t, store, rows...)
	requireAllRows(t, store, rows...)
}

func sealedFullSlice(t *testing.T, store crmsync.SealedStore) {
	rows := make([]crmsync.SealedCredential, sliceMax)
	for i := range rows {
		rows[i] = sealedRow(fmt.Sprintf("c-%04d", sliceMax-i), []byte{byte(i), byte(i >> 8)})
	}
	putSealed(t, store, rows...)
	requireRows(t, store, rows...)
	requireAllRows(t, store, rows...)
}

func sealedConcurrent(t *testing.T, store crmsync.SealedStore) {
	const callers, each = 4, 5
	errs := make([]error, callers)
	rows := make([][]crmsync.SealedCredential, callers)
	var wg sync.WaitGroup
	for c := range callers {
		for i := range each {
			rows[c] = append(rows[c], sealedRow(fmt.Sprintf("c-%d-%d", c, i), []byte{byte(c), byte(i)}))
		}
		wg.Go(func() {
			for _, row := range rows[c] {
				if err := store.PutSealed(t.Context(), []crmsync.SealedCredential{row}); err != nil {
					errs[c] = err
				}
			}
		})
	}
	wg.Wait()
	for c := range callers {
		require.NoError(t, errs[c])
	}
	requireAllRows(t, store, slices.Concat(rows...)...)
}

func sealedAliasing(t *testing.T, store crmsync.SealedStore) {
	row := sealedRow("main", []byte("box"))
	putSealed(t, store, row)
	row.Box[0] = 'X'
	want := sealedRow("main", []byte("box"))
	got, err := store.Sealed(t.Context(), []crmsync.CredentialID{want.ID})
	require.NoError(t, err)
	requireSealed(t, []crmsync.SealedCredential{want}, got)
	got[0].Box[0] = 'Y'
	requireAllRows(t, store, want)
}
