package main

import (
	"bufio"
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func mappingsFS() fstest.MapFS {
	return fstest.MapFS{
		"_global/hubspot/contact.yaml": {Data: []byte("fallback")},
		"acme/org.yaml":                {Data: []byte("org")},
		"acme/hubspot/contact.yaml":    {Data: []byte("old")},
		"birch/org.yaml":               {Data: []byte("org")},
	}
}

func TestLaidOver(t *testing.T) {
	const text = "new text"
	for _, name := range []string{"acme/hubspot/contact.yaml", "acme/hubspot/deal.yaml", "newcomer/hubspot/contact.yaml", "acme/org.yaml"} {
		t.Run(name, func(t *testing.T) {
			over := laidOver{mappingsFS(), name, []byte(text)}
			got, err := fs.ReadFile(over, name)
			require.NoError(t, err)
			require.Equal(t, text, string(got))
			st, err := fs.Stat(over, name)
			require.NoError(t, err)
			require.Equal(t, int64(len(text)), st.Size())
			require.False(t, st.IsDir())
			require.Equal(t, filepath.Base(name), st.Name())

			var found []string
			require.NoError(t, fs.WalkDir(over, ".", func(p string, d fs.DirEntry, err error) error {
				require.NoError(t, err)
				if !d.IsDir() {
					found = append(found, p)
				}
				return nil
			}))
			want := mappingsFS()
			want[name] = &fstest.MapFile{Data: []byte(text)}
			var files []string
			require.NoError(t, fs.WalkDir(want, ".", func(p string, d fs.DirEntry, err error) error {
				require.NoError(t, err)
				if !d.IsDir() {
					files = append(files, p)
				}
				return nil
			}))
			require.Equal(t, files, found)
			_, err = fs.Stat(over, "nobody")
			require.ErrorIs(t, err, fs.ErrNotExist)
			_, err = over.ReadDir("nobody")
			require.ErrorIs(t, err, fs.ErrNotExist)
		})
	}
}

func TestSomeOrgs(t *testing.T) {
	some := someOrgs{mappingsFS(), []string{"acme"}}
	found, err := fs.Glob(some, "*")
	require.NoError(t, err)
	require.Equal(t, []string{"_global", "acme"}, found)
	found, err = fs.Glob(some, "*/*")
	require.NoError(t, err)
	require.Equal(t, []string{"_global/hubspot", "acme/hubspot", "acme/org.yaml"}, found)
}

func TestLocate(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(root, "m"), mappingsFS()))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "bare", "acme", "hubspot"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "bare", "acme", "hubspot", "contact.yaml"), nil, 0o600))
	require.NoError(t, os.Symlink(filepath.Join(root, "m"), filepath.Join(root, "link")))
	require.NoError(t, os.Symlink(filepath.Join(root, "m", "acme", "hubspot", "contact.yaml"), filepath.Join(root, "contact.yaml")))
	cases := []struct{ name, from, path, dir, part string }{
		{"the folder", ".", "m", "m", ""},
		{"with a slash", ".", "m/", "m", ""},
		{"here", "m", ".", ".", ""},
		{"an org", ".", "m/acme", "m", "acme"},
		{"a file", ".", "m/acme/hubspot/contact.yaml", "m", "acme/hubspot/contact.yaml"},
		{"a file of an org", ".", "./m/acme/org.yaml", "m", "acme/org.yaml"},
		{"from within", "m/acme/hubspot", "contact.yaml", "../..", "acme/hubspot/contact.yaml"},
		{"beside", "m/acme", "../birch", "..", "birch"},
		{"absolute", ".", root + "/m/acme", root + "/m", "acme"},
		{"a link to the folder", ".", "link", "link", ""},
		{"an org behind a link", ".", "link/acme", "link", "acme"},
		{"a link to a file", ".", "contact.yaml", "m", "acme/hubspot/contact.yaml"},
		{"orgs without connections", ".", "bare", "bare", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(filepath.Join(root, c.from))
			dir, part, err := locate(c.path)
			require.NoError(t, err)
			require.Equal(t, c.dir, dir)
			require.Equal(t, c.part, part)
		})
	}
	t.Chdir(root)
	_, _, err := locate("nowhere")
	require.EqualError(t, err, "there is no file or folder nowhere")
	require.NoError(t, os.MkdirAll(filepath.Join(root, "m", "other", "things", "here"), 0o755))
	_, _, err = locate("m/other/things/here")
	require.EqualError(t, err, "m/other/things/here is no mappings folder and lies in none: "+layout)
	_, _, err = locate("bare/acme/hubspot")
	require.EqualError(t, err, "bare/acme/hubspot is no mappings folder and lies in none: "+layout)
}

// FuzzEachLine: lines come as they are, without the blanks around them.
func FuzzEachLine(f *testing.F) {
	for _, s := range []string{"", "\n", "a", "a\n", " a \r\n\nb", strings.Repeat("x", 70<<10) + "\ny"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var want, got []string
		number := 0
		for line := range bytes.Lines(text) {
			number++
			if line = bytes.TrimSpace(line); len(line) > 0 {
				want = append(want, string(line))
			}
		}
		last := 0
		require.NoError(t, eachLine(bytes.NewReader(text), func(at int, line []byte) bool {
			require.Greater(t, at, last)
			last = at
			got = append(got, string(line))
			return true
		}))
		require.Equal(t, want, got)
		require.LessOrEqual(t, last, number)
	})
}

func TestALongLineIsCut(t *testing.T) {
	r := bufio.NewReader(io.MultiReader(io.LimitReader(endless{}, maxEventLine+10), strings.NewReader("\nnext\n")))
	line, err := readLine(r)
	require.NoError(t, err)
	require.Len(t, line, maxEventLine)
	line, err = readLine(r)
	require.NoError(t, err)
	require.Equal(t, "next\n", string(line))
}

// endless is a text that doesn't end.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}
