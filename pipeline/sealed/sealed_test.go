package sealed_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/inmem"
	"crmsync/pipeline/pipelinetest"
	"crmsync/pipeline/sealed"
)

const canary = "canary-7f3a9b-do-not-print"

// ring returns a ring with a key for each id, the primary first. A key depends on its seed alone.
func ring(t testing.TB, seed byte, ids ...string) *sealed.Ring {
	t.Helper()
	var text strings.Builder
	for i, id := range ids {
		secret := make([]byte, 32)
		secret[0], secret[1] = seed, id[len(id)-1]
		fmt.Fprintf(&text, "# key %d\ncrmsync-key-1:%s:%s\n", i, id, base64.StdEncoding.EncodeToString(secret))
	}
	r, err := sealed.ParseRing("test.key", []byte(text.String()))
	require.NoError(t, err)
	return r
}

func TestCredentialStoreInMemory(t *testing.T) {
	pipelinetest.CredentialStore(t, func(t testing.TB) crmsync.CredentialStore {
		return sealed.New(inmem.NewSealed(), ring(t, 1, "k1"))
	})
}

func TestCredentialStoreInFile(t *testing.T) {
	pipelinetest.CredentialStore(t, func(t testing.TB) crmsync.CredentialStore {
		return sealed.New(openFile(t, path(t)), ring(t, 1, "k1"))
	})
}

func id(org, name string) crmsync.CredentialID { return crmsync.CredentialID{Org: org, Name: name} }

func credential(org, name, secret string) crmsync.Credential {
	return crmsync.Credential{ID: id(org, name), Secret: crmsync.NewSecret(secret), UpdatedAt: time.Unix(1, 0).UTC()}
}

func TestRefused(t *testing.T) {
	const swapped = "open credential acme/main: key k1 does not open it: it was sealed for another org or name, by another key, or changed: set the credential again"
	tests := []struct {
		name   string
		change func(*crmsync.SealedCredential)
		keys   *sealed.Ring
		want   string
	}{
		{"a row of another org", func(r *crmsync.SealedCredential) { r.ID.Org = "acme" }, ring(t, 1, "k1"), "denied not_openable: " + swapped},
		{"a row of another name", func(r *crmsync.SealedCredential) { r.ID = id("acme", "main") }, ring(t, 1, "k1"), "denied not_openable: " + swapped},
		{"a changed box", func(r *crmsync.SealedCredential) { r.ID = id("acme", "main"); r.Box[20] ^= 1 }, ring(t, 1, "k1"), "denied not_openable: " + swapped},
		{"a short box", func(r *crmsync.SealedCredential) { r.ID = id("acme", "main"); r.Box = []byte{1} }, ring(t, 1, "k1"), "denied not_openable: " + swapped},
		{"another master key of the same id", func(r *crmsync.SealedCredential) { r.ID = id("acme", "main") }, ring(t, 2, "k1"), "denied not_openable: " + swapped},
		{"another key id", func(r *crmsync.SealedCredential) { r.ID = id("acme", "main"); r.KeyID = "k2" }, ring(t, 1, "k1", "k2"),
			"denied not_openable: " + strings.ReplaceAll(swapped, "k1", "k2")},
		{"a key that is gone", func(r *crmsync.SealedCredential) { r.ID = id("acme", "main") }, ring(t, 1, "k2"),
			"denied unknown_key: open credential acme/main: the key ring lacks key k1 that it is sealed with: add that key to the key file, or set the credential again"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rows := inmem.NewSealed()
			require.NoError(t, sealed.New(rows, ring(t, 1, "k1")).Put(t.Context(), []crmsync.Credential{credential("beta", "main", canary), credential("acme", "fine", "other")}))
			taken, err := rows.Sealed(t.Context(), []crmsync.CredentialID{id("beta", "main")})
			require.NoError(t, err)
			test.change(&taken[0])
			require.NoError(t, rows.PutSealed(t.Context(), taken))

			got, err := sealed.New(rows, test.keys).Credentials(t.Context(), []crmsync.CredentialID{id("acme", "main"), id("acme", "fine")})
			require.Nil(t, got, "nothing of a slice with a refused row is answered")
			require.Equal(t, crmsync.Denied, crmsync.KindOf(err))
			require.EqualError(t, err, test.want)
			requireClean(t, err)
		})
	}
}

// A store that answers rows in another order than asked must not hand a secret to another org.
func TestRowsInAnotherOrder(t *testing.T) {
	rows := inmem.NewSealed()
	store := sealed.New(reversed{rows}, ring(t, 1, "k1"))
	require.NoError(t, store.Put(t.Context(), []crmsync.Credential{credential("acme", "main", "a"), credential("beta", "main", canary)}))
	got, err := store.Credentials(t.Context(), []crmsync.CredentialID{id("acme", "main"), id("beta", "main")})
	require.Nil(t, got)
	require.Equal(t, crmsync.Denied, crmsync.KindOf(err))
}

type reversed struct{ crmsync.SealedStore }

func (r reversed) Sealed(ctx context.Context, ids []crmsync.CredentialID) ([]crmsync.SealedCredential, error) {
	rows, err := r.SealedStore.Sealed(ctx, ids)
	rows[0], rows[1] = rows[1], rows[0]
	return rows, err
}

func TestPutRefuses(t *testing.T) {
	rows := inmem.NewSealed()
	store := sealed.New(rows, ring(t, 1, "k1"))
	err := store.Put(t.Context(), []crmsync.Credential{credential("acme", "a", canary), {ID: id("acme", "b")}})
	require.EqualError(t, err, "rejected no_secret: put credential acme/b: it has no secret: delete it instead")
	err = store.Put(t.Context(), []crmsync.Credential{credential("acme", "a", canary), credential("acme", "c", strings.Repeat("x", 256<<10+1))})
	require.EqualError(t, err, "rejected too_large: put credential acme/c: its secret has 262145 bytes, at most 262144 are taken")
	requireClean(t, err)
	all, err := rows.Sealed(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, all)
}

func TestRewrap(t *testing.T) {
	rows := inmem.NewSealed()
	old, both, fresh := ring(t, 1, "k1"), ring(t, 1, "k2", "k1"), ring(t, 1, "k2")
	want := []crmsync.Credential{credential("acme", "main", "one"), credential("beta", "main", canary), credential("gamma", "main", "three")}
	require.NoError(t, sealed.New(rows, old).Put(t.Context(), want[:2]))
	rotating := sealed.New(rows, both)
	require.NoError(t, rotating.Put(t.Context(), want[2:]))
	keys, err := rotating.Keys(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]int{"k1": 2, "k2": 1}, keys)
	requireSecrets(t, rotating, want)

	stray := crmsync.SealedCredential{ID: id("stray", "main"), KeyID: "k0", Box: []byte("box")}
	require.NoError(t, rows.PutSealed(t.Context(), []crmsync.SealedCredential{stray}))
	done, err := rotating.Rewrap(t.Context())
	require.Equal(t, 2, done)
	require.EqualError(t, err, "denied unknown_key: open credential stray/main: the key ring lacks key k0 that it is sealed with: add that key to the key file, or set the credential again")
	require.NoError(t, rotating.Delete(t.Context(), []crmsync.CredentialID{stray.ID}))

	done, err = rotating.Rewrap(t.Context())
	require.NoError(t, err)
	require.Zero(t, done, "nothing is left to do")
	requireSecrets(t, sealed.New(rows, fresh), want)
}

func requireSecrets(t *testing.T, store *sealed.Store, want []crmsync.Credential) {
	t.Helper()
	var ids []crmsync.CredentialID
	for _, c := range want {
		ids = append(ids, c.ID)
	}
	got, err := store.Credentials(t.Context(), ids)
	require.NoError(t, err)
	for i := range want {
		require.Equal(t, want[i].ID, got[i].ID)
		require.Equal(t, want[i].Secret.Reveal(), got[i].Secret.Reveal())
		require.Equal(t, want[i].UpdatedAt, got[i].UpdatedAt)
	}
}

// Sealing the same secret twice must not give the same box: equal secrets would show.
func TestBoxesDiffer(t *testing.T) {
	rows, err := ring(t, 1, "k1").Seal(t.Context(), []crmsync.Credential{credential("acme", "main", canary), credential("acme", "main", canary)})
	require.NoError(t, err)
	require.NotEqual(t, rows[0].Box, rows[1].Box)
	require.Len(t, rows[0].Box, len(canary)+28)
}

// requireClean requires that neither the secret nor a usual spelling of it is in an error.
func requireClean(t testing.TB, err error) {
	t.Helper()
	printed := fmt.Sprintf("%v %+v %#v %s %q", err, err, err, err, err)
	for unwrapped := err; unwrapped != nil; unwrapped = errors.Unwrap(unwrapped) {
		printed += unwrapped.Error()
	}
	requireNoCanary(t, printed)
}

func requireNoCanary(t testing.TB, text string) {
	t.Helper()
	for _, spelling := range []string{canary, hex.EncodeToString([]byte(canary)), base64.StdEncoding.EncodeToString([]byte(canary))[:len(canary)]} {
		require.NotContains(t, text, spelling)
	}
}

func TestSecretIsNowhere(t *testing.T) {
	file, keyFile := path(t), filepath.Join(t.TempDir(), "credentials.key")
	_, err := sealed.AddKey(keyFile)
	require.NoError(t, err)
	keys, err := sealed.LoadRing(keyFile)
	require.NoError(t, err)
	rows := openFile(t, file)
	store := sealed.New(rows, keys)
	require.NoError(t, store.Put(t.Context(), []crmsync.Credential{credential("acme", "main", canary)}))
	text, err := os.ReadFile(keyFile)
	require.NoError(t, err)
	_, encoded, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(string(text), "crmsync-key-1:")), ":")
	key, err := base64.StdEncoding.DecodeString(encoded)
	require.NoError(t, err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed := fmt.Sprintf(verb, store) + fmt.Sprintf(verb, keys) + fmt.Sprintf(verb, rows) + fmt.Sprintf(verb, struct{ a, b any }{store, keys})
		requireNoCanary(t, printed)
		require.NotContains(t, printed, encoded)
		require.NotContains(t, printed, hex.EncodeToString(key))
		require.NotContains(t, printed, strings.Trim(fmt.Sprintf("%d", key[:8]), "[]"))
	}
	files, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, files, 2, "the file and its lock")
	for _, entry := range files {
		content, err := os.ReadFile(filepath.Join(filepath.Dir(file), entry.Name()))
		require.NoError(t, err)
		requireNoCanary(t, string(content))
		require.NotContains(t, string(content), encoded)
	}
}

func BenchmarkOpen(b *testing.B) {
	keys := ring(b, 1, "k1")
	rows, err := keys.Seal(b.Context(), []crmsync.Credential{credential("acme", "main", canary)})
	require.NoError(b, err)
	for b.Loop() {
		if _, err := keys.Open(b.Context(), rows); err != nil {
			b.Fatal(err)
		}
	}
}
