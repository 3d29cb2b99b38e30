package pipelinetest

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// CredentialStore runs the promises of crmsync.CredentialStore. open returns an empty store and
// closes it with the test's Cleanup. A store must keep times to the microsecond.
func CredentialStore(t *testing.T, open func(t testing.TB) crmsync.CredentialStore) {
	cases := []struct {
		name string
		run  func(t *testing.T, store crmsync.CredentialStore)
	}{
		{"an unknown id is answered without a secret", credentialUnknown},
		{"empty slices are answered with empty ones", credentialEmpty},
		{"what was put comes back, in the order asked", credentialOrder},
		{"put overwrites", credentialOverwrite},
		{"delete forgets, also what isn't there", credentialDelete},
		{"secrets of any size and text", credentialTexts},
		{"odd ids don't meet", credentialOddIDs},
		{"a full slice", credentialFullSlice},
		{"several callers", credentialConcurrent},
		{"no printed form holds the secret", credentialPrinted},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

func credentialID(name string) crmsync.CredentialID {
	return crmsync.CredentialID{Org: "acme", Name: name}
}

func credential(name, secret string) crmsync.Credential {
	return crmsync.Credential{ID: credentialID(name), Secret: crmsync.NewSecret(secret), UpdatedAt: aTime()}
}

func putCredentials(t testing.TB, store crmsync.CredentialStore, credentials ...crmsync.Credential) {
	t.Helper()
	require.NoError(t, store.Put(t.Context(), credentials))
}

// requireCredentials reads the ids of want and compares.
func requireCredentials(t testing.TB, store crmsync.CredentialStore, want ...crmsync.Credential) {
	t.Helper()
	ids := make([]crmsync.CredentialID, len(want))
	for i := range want {
		ids[i] = want[i].ID
	}
	got, err := store.Credentials(t.Context(), ids)
	require.NoError(t, err)
	require.Len(t, got, len(want))
	for i := range want {
		require.Equalf(t, want[i].ID, got[i].ID, "answer %d", i)
		same := want[i].Secret.Reveal() == got[i].Secret.Reveal() // compared here: a failed require.Equal would print them
		require.Truef(t, same, "answer %d holds another secret", i)
		require.Equalf(t, want[i].Secret.IsZero(), got[i].Secret.IsZero(), "answer %d", i)
		require.Truef(t, want[i].UpdatedAt.Equal(got[i].UpdatedAt), "answer %d: updated at %v, want %v", i, got[i].UpdatedAt, want[i].UpdatedAt)
	}
}

func credentialUnknown(t *testing.T, store crmsync.CredentialStore) {
	requireCredentials(t, store, crmsync.Credential{ID: credentialID("never-heard-of")})
}

func credentialEmpty(t *testing.T, store crmsync.CredentialStore) {
	putCredentials(t, store, credential("main", "s3cret"))
	for _, empty := range [][]crmsync.CredentialID{nil, {}} {
		got, err := store.Credentials(t.Context(), empty)
		require.NoError(t, err)
		require.Empty(t, got)
		require.NoError(t, store.Delete(t.Context(), empty))
	}
	putCredentials(t, store)
	requireCredentials(t, store, credential("main", "s3cret"))
}

func credentialOrder(t *testing.T, store crmsync.CredentialStore) {
	a, b, c := credential("a", "secret of a"), crmsync.Credential{ID: credentialID("b")}, credential("c", "secret of c")
	putCredentials(t, store, c, a)
	requireCredentials(t, store, a, b, c, a, b)
}

func credentialOverwrite(t *testing.T, store crmsync.CredentialStore) {
	putCredentials(t, store, credential("main", "old"), credential("other", "stays"))
	newer := credential("main", "new")
	newer.UpdatedAt = aTime().Add(time.Hour)
	putCredentials(t, store, newer)
	requireCredentials(t, store, newer, credential("other", "stays"))
}

func credentialDelete(t *testing.T, store crmsync.CredentialStore) {
	putCredentials(t, store, credential("a", "1"), credential("b", "2"))
	require.NoError(t, store.Delete(t.Context(), []crmsync.CredentialID{credentialID("a"), credentialID("nobody")}))
	requireCredentials(t, store, crmsync.Credential{ID: credentialID("a")}, credential("b", "2"))
	putCredentials(t, store, credential("a", "3"))
	requireCredentials(t, store, credential("a", "3"), credential("b", "2"))
}

func credentialTexts(t *testing.T, store crmsync.CredentialStore) {
	texts := []string{"x", " ", "\n", "line one\nline two\n", "\x00\xff\xfe", "пароль🙂", strings.Repeat("k", 64<<10), noise(4 << 10)}
	for i, text := range texts {
		c := credential(fmt.Sprint("text-", i), text)
		putCredentials(t, store, c)
		requireCredentials(t, store, c)
	}
}

func credentialOddIDs(t *testing.T, store crmsync.CredentialStore) {
	want := []crmsync.Credential{
		{ID: crmsync.CredentialID{Org: "a", Name: "b/c"}, Secret: crmsync.NewSecret("one")},
		{ID: crmsync.CredentialID{Org: "a/b", Name: "c"}, Secret: crmsync.NewSecret("two")},
		{ID: crmsync.CredentialID{Org: "a|b", Name: "c"}, Secret: crmsync.NewSecret("three")},
		{ID: crmsync.CredentialID{Org: "a", Name: "b|c"}, Secret: crmsync.NewSecret("four")},
		{ID: crmsync.CredentialID{Org: "A", Name: "b/c"}, Secret: crmsync.NewSecret("five")},
	}
	for i, text := range oddTexts() {
		want = append(want, crmsync.Credential{ID: crmsync.CredentialID{Org: "odd", Name: text}, Secret: crmsync.NewSecret(fmt.Sprint("odd ", i))})
	}
	putCredentials(t, store, want...)
	requireCredentials(t, store, want...)
}

func credentialFullSlice(t *testing.T, store crmsync.CredentialStore) {
	want := make([]crmsync.Credential, sliceMax)
	for i := range want {
		want[i] = credential(fmt.Sprintf("c-%04d", sliceMax-i), fmt.Sprint("secret ", i))
	}
	putCredentials(t, store, want...)
	requireCredentials(t, store, want...)
}

func credentialConcurrent(t *testing.T, store crmsync.CredentialStore) {
	const callers, each = 4, 5
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				one := credential(fmt.Sprintf("c-%d-%d", c, i), fmt.Sprintf("secret %d %d", c, i))
				if err := store.Put(t.Context(), []crmsync.Credential{one}); err != nil {
					errs[c] = err
				}
			}
		})
	}
	wg.Wait()
	for c := range callers {
		require.NoError(t, errs[c])
		for i := range each {
			requireCredentials(t, store, credential(fmt.Sprintf("c-%d-%d", c, i), fmt.Sprintf("secret %d %d", c, i)))
		}
	}
}

// canary is a secret that must not be found anywhere.
const canary = "canary-7f3a9b-do-not-print"

func credentialPrinted(t *testing.T, store crmsync.CredentialStore) {
	putCredentials(t, store, credential("main", canary))
	got, err := store.Credentials(t.Context(), []crmsync.CredentialID{credentialID("main")})
	require.NoError(t, err)
	require.Equal(t, canary, got[0].Secret.Reveal())
	encoded, err := json.Marshal(got)
	require.NoError(t, err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		printed := fmt.Sprintf(verb, got) + fmt.Sprintf(verb, store)
		require.NotContains(t, printed, canary)
		require.NotContains(t, printed, fmt.Sprintf("%x", canary))
	}
	require.NotContains(t, string(encoded), canary)
}
