package sealed_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/sealed"
)

const goodKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

func TestParseRing(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"empty", "", `denied bad_key_file: my.key: no key in it: make one with "crmsync credentials keygen"`},
		{"only remarks", "# a\n\n  # b\n", `denied bad_key_file: my.key: no key in it: make one with "crmsync credentials keygen"`},
		{"a bare key", "\n" + goodKey, "denied bad_key_file: my.key:2:1: a key reads crmsync-key-1:ID:BASE64"},
		{"another label", "crmsync-key-2:a:" + goodKey, "denied bad_key_file: my.key:1:1: a key reads crmsync-key-1:ID:BASE64"},
		{"no id", "crmsync-key-1:" + goodKey, "denied bad_key_file: my.key:1:1: a key reads crmsync-key-1:ID:BASE64"},
		{"empty id", "crmsync-key-1::" + goodKey, "denied bad_key_file: my.key:1:1: a key's id has 1 to 64 letters a-z, digits and hyphens"},
		{"bad id", "crmsync-key-1:A|b:" + goodKey, "denied bad_key_file: my.key:1:1: a key's id has 1 to 64 letters a-z, digits and hyphens"},
		{"long id", "crmsync-key-1:" + strings.Repeat("a", 65) + ":" + goodKey, "denied bad_key_file: my.key:1:1: a key's id has 1 to 64 letters a-z, digits and hyphens"},
		{"short key", "crmsync-key-1:a:AAAA", "denied bad_key_file: my.key:1:1: a key has 32 bytes in base64, which are 44 characters"},
		{"no base64", "crmsync-key-1:a:" + strings.Repeat("!", 44), "denied bad_key_file: my.key:1:1: a key has 32 bytes in base64, which are 44 characters"},
		{"loose base64", "crmsync-key-1:a:" + strings.Replace(goodKey, "h8=", "h9=", 1), "denied bad_key_file: my.key:1:1: a key has 32 bytes in base64, which are 44 characters"},
		{"same id twice", "crmsync-key-1:a:" + goodKey + "\ncrmsync-key-1:a:" + goodKey, "denied bad_key_file: my.key:2:1: an earlier line has the same id"},
		{"too large", strings.Repeat("#\n", 33<<10), "denied bad_key_file: my.key: a key file has at most 65536 bytes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := sealed.ParseRing("my.key", []byte(test.text))
			require.EqualError(t, err, test.want)
			require.Equal(t, crmsync.Denied, crmsync.KindOf(err))
		})
	}
	good, err := sealed.ParseRing("my.key", []byte("# new\r\n crmsync-key-1:k-2:"+goodKey+" \r\n\ncrmsync-key-1:k-1:"+goodKey))
	require.NoError(t, err)
	require.Equal(t, "k-2", good.Primary())
	require.Equal(t, []string{"k-2", "k-1"}, good.IDs())
	require.Equal(t, "ring of 2 keys", good.String())
}

func TestKeyFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials.key")
	_, err := sealed.LoadRing(file)
	require.EqualError(t, err, "denied no_key_file: read key file: open "+file+`: no such file or directory: make one with "crmsync credentials keygen"`)
	first, err := sealed.AddKey(file)
	require.NoError(t, err)
	require.Regexp(t, `^k-[0-9a-f]{8}$`, first)
	second, err := sealed.AddKey(file)
	require.NoError(t, err)
	ring, err := sealed.LoadRing(file)
	require.NoError(t, err)
	require.Equal(t, []string{second, first}, ring.IDs())
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())

	for mode, refused := range map[os.FileMode]bool{0o600: false, 0o400: false, 0o440: false, 0o640: false, 0o644: true, 0o660: true, 0o604: true} {
		require.NoError(t, os.Chmod(file, mode))
		_, err := sealed.LoadRing(file)
		require.Equalf(t, refused, err != nil, "mode %04o: %v", mode, err)
		if mode == 0o644 {
			require.EqualError(t, err, "denied key_file_open: read key file: "+file+" has mode 0644 and is open to others: chmod 600 it")
		}
	}
	require.NoError(t, os.Chmod(file, 0o600))
	require.NoError(t, os.WriteFile(file, []byte("something else"), 0o600))
	_, err = sealed.AddKey(file)
	require.EqualError(t, err, "denied bad_key_file: "+file+":1:1: a key reads crmsync-key-1:ID:BASE64", "a file of another kind is not overwritten")
	_, err = sealed.AddKey(filepath.Join(file, "below-a-file"))
	require.Equal(t, crmsync.Denied, crmsync.KindOf(err))
}

func TestGenerateKey(t *testing.T) {
	id, line := sealed.GenerateKey()
	other, second := sealed.GenerateKey()
	require.NotEqual(t, id, other)
	require.NotEqual(t, line.Reveal(), second.Reveal())
	ring, err := sealed.ParseRing("generated", []byte(line.Reveal()))
	require.NoError(t, err)
	require.Equal(t, id, ring.Primary())
}

func FuzzParseRing(f *testing.F) {
	f.Add("crmsync-key-1:a:" + goodKey)
	f.Add("# x\ncrmsync-key-1:a:" + goodKey + "\ncrmsync-key-1:b:" + goodKey)
	f.Add("crmsync-key-1:a")
	f.Fuzz(func(t *testing.T, text string) {
		ring, err := sealed.ParseRing("f", []byte(text))
		if err != nil {
			require.Equal(t, crmsync.Denied, crmsync.KindOf(err))
			for line := range strings.Lines(text) {
				if line = strings.TrimSpace(line); len(line) > 30 {
					require.NotContains(t, err.Error(), line, "an error quotes a line")
				}
			}
			return
		}
		require.NotEmpty(t, ring.IDs())
		rows, err := ring.Seal(t.Context(), []crmsync.Credential{credential("acme", "main", text)})
		require.NoError(t, err)
		opened, err := ring.Open(t.Context(), rows)
		require.NoError(t, err)
		require.Equal(t, text, opened[0].Secret.Reveal())
	})
}
