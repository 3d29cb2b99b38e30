package sealed_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/pipelinetest"
	"crmsync/pipeline/sealed"
)

func path(t testing.TB) string { return filepath.Join(t.TempDir(), "credentials.json") }

func openFile(t testing.TB, path string) *sealed.File {
	file, err := sealed.OpenFile("file:" + path)
	require.NoError(t, err)
	return file
}

func TestFile(t *testing.T) {
	pipelinetest.SealedStore(t, func(t testing.TB) crmsync.SealedStore { return openFile(t, path(t)) })
}

func row(name string) crmsync.SealedCredential {
	return crmsync.SealedCredential{ID: id("acme", name), KeyID: "k1", Box: []byte("box of " + name), UpdatedAt: time.Unix(1, 2000).UTC()}
}

func TestFileText(t *testing.T) {
	at := path(t)
	require.NoError(t, openFile(t, at).PutSealed(t.Context(), []crmsync.SealedCredential{row("b"), {ID: id("acme", "a"), KeyID: "k2", Box: []byte{1}}}))
	text, err := os.ReadFile(at)
	require.NoError(t, err)
	want, err := os.ReadFile("testdata/credentials.json")
	require.NoError(t, err)
	require.Equal(t, string(want), string(text), "the file is for reading and comparing too: its layout and order count")
	info, err := os.Stat(at)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
}

func TestFileSharedByProcesses(t *testing.T) {
	at := path(t)
	const processes, each = 4, 10
	errs := make([]error, processes)
	var wg sync.WaitGroup
	for p := range processes {
		file := openFile(t, at)
		wg.Go(func() {
			for i := range each {
				if err := file.PutSealed(t.Context(), []crmsync.SealedCredential{row(fmt.Sprint(p, "-", i))}); err != nil {
					errs[p] = err
				}
				if _, err := file.Sealed(t.Context(), nil); err != nil {
					errs[p] = err
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, make([]error, processes), errs)
	all, err := openFile(t, at).Sealed(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, all, processes*each, "a writer has undone another's change")
}

func TestFileIsReadAnewWhenItChanges(t *testing.T) {
	at := path(t)
	reader, writer := openFile(t, at), openFile(t, at)
	for i := range 3 {
		want := row("main")
		want.Box = []byte{byte(i + 1)} // of the same size
		require.NoError(t, writer.PutSealed(t.Context(), []crmsync.SealedCredential{want}))
		got, err := reader.Sealed(t.Context(), []crmsync.CredentialID{want.ID})
		require.NoError(t, err)
		require.Equal(t, []crmsync.SealedCredential{want}, got)
	}
	require.NoError(t, os.Remove(at))
	got, err := reader.Sealed(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, got)
}

func TestFileLockedByAnotherProcess(t *testing.T) {
	at := path(t)
	file := openFile(t, at)
	require.NoError(t, file.PutSealed(t.Context(), []crmsync.SealedCredential{row("a")}))
	holder, err := os.Open(at + ".lock")
	require.NoError(t, err)
	require.NoError(t, syscall.Flock(int(holder.Fd()), syscall.LOCK_EX))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	err = file.PutSealed(ctx, []crmsync.SealedCredential{row("b")})
	require.EqualError(t, err, "transient cancelled: write credentials: lock "+at+".lock: context deadline exceeded")
	require.NoError(t, holder.Close())
	require.NoError(t, file.PutSealed(t.Context(), []crmsync.SealedCredential{row("b")}))
}

func TestFileRefuses(t *testing.T) {
	at := path(t)
	const box = `"key": "k", "box": "AQ=="`
	tests := []struct{ name, text, want string }{
		{"empty", "", "not a credentials file, at byte 0"},
		{"text", "hello", "not a credentials file, at byte 0"},
		{"cut off", `{"version": 1, "credentials": [`, "not a credentials file, at byte 31"},
		{"unknown key", `{"version": 1, "secrets": []}`, "not a credentials file, at byte 24"},
		{"another version", `{"version": 2, "credentials": []}`, "version 2, this program reads 1"},
		{"two values", `{"version": 1} {}`, "more than one value, at byte 15"},
		{"rows before the version", `{"credentials": [], "version": 1}`, "not a credentials file, at byte 14"},
		{"version twice", `{"version": 1, "version": 1}`, "not a credentials file, at byte 24"},
		{"credentials twice", `{"version": 1, "credentials": [], "credentials": []}`, "not a credentials file, at byte 47"},
		{"no version", `{}`, "version 0, this program reads 1"},
		{"no box", `{"version": 1, "credentials": [{"org": "a", "name": "b", "key": "k"}]}`, "credential 1, a/b, is there twice or has no box"},
		{"twice", `{"version": 1, "credentials": [{"org": "a", "name": "b", ` + box + `}, {"org": "a", "name": "b", ` + box + `}]}`, "credential 2, a/b, is there twice or has no box"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(at, []byte(test.text), 0o600))
			_, err := sealed.OpenFile("file:" + at)
			require.EqualError(t, err, "denied bad_credentials_file: read credentials: "+at+": "+test.want)
			require.Equal(t, crmsync.Denied, crmsync.KindOf(err))
			text, err := os.ReadFile(at)
			require.NoError(t, err)
			require.Equal(t, test.text, string(text), "a file of another kind is left alone")
		})
	}
	_, err := sealed.OpenFile(at)
	require.EqualError(t, err, `denied bad_url: open credentials: a file's URL reads "file:PATH", for example "file:credentials.json"`)
	none := filepath.Join(filepath.Dir(at), "none", "credentials.json")
	err = openFile(t, none).PutSealed(t.Context(), []crmsync.SealedCredential{row("a")})
	require.EqualError(t, err, "denied cannot_open: write credentials: open "+none+".lock: no such file or directory")
	bad := row("\xff")
	err = openFile(t, path(t)).PutSealed(t.Context(), []crmsync.SealedCredential{bad})
	require.Equal(t, crmsync.Rejected, crmsync.KindOf(err))
}

func FuzzFile(f *testing.F) {
	f.Add([]byte(`{"version": 1, "credentials": [{"org": "a", "name": "b", "key": "k", "box": "AQ=="}]}`))
	f.Add([]byte(`{"version": 1, "credentials": []}`))
	at := filepath.Join(f.TempDir(), "credentials.json")
	f.Fuzz(func(t *testing.T, text []byte) {
		require.NoError(t, os.WriteFile(at, text, 0o600))
		file, err := sealed.OpenFile("file:" + at)
		if err != nil {
			require.Equal(t, crmsync.Denied, crmsync.KindOf(err))
			return
		}
		before, err := file.Sealed(t.Context(), nil)
		require.NoError(t, err)
		require.NoError(t, file.PutSealed(t.Context(), []crmsync.SealedCredential{row("added")}))
		require.NoError(t, file.DeleteSealed(t.Context(), []crmsync.CredentialID{row("added").ID}))
		after, err := openFile(t, at).Sealed(t.Context(), nil)
		require.NoError(t, err)
		for i := range before {
			if before[i].ID != row("added").ID {
				require.Contains(t, after, before[i])
			}
		}
	})
}
