package postgres_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/pipelinetest"
	"crmsync/pipeline/postgres"
)

const canary = "canary-7f3a9b"

func TestPasswordBesideTheURL(t *testing.T) {
	server := pipelinetest.Server(t, serverEnv)
	u, err := url.Parse(server)
	require.NoError(t, err)
	password, _ := u.User.Password()
	bare := edit(t, server, func(u *url.URL) { u.User = url.User(u.User.Username()) })
	store, err := postgres.Open(t.Context(), bare, postgres.Options{Password: crmsync.NewSecret(password), AnyVersion: true})
	require.NoError(t, err)
	require.NoError(t, store.Close())
}

func TestBrokenURLNeverShowsThePassword(t *testing.T) {
	for _, text := range []string{
		"mysql://u:" + canary + "@h/db", "", canary,
		"postgres://u:" + canary + "@h:notaport/db",
		"postgres://u:x/" + canary + "@h/db",
		"postgres://u:1/" + canary + "@h/db", "postgres://u:1?" + canary + "@h/db", "postgres://u:1#" + canary + "@h/db",
		"postgres://u:" + canary + "%zz@h/db",
		"postgres://u:" + canary + "@h/db?sslmode=sometimes",
		"postgres://u:" + canary + "\x7f@h/db",
	} {
		_, err := postgres.Open(t.Context(), text, postgres.Options{})
		require.Error(t, err)
		for _, printed := range []string{err.Error(), fmt.Sprintf("%+v %#v", err, err)} {
			require.NotContains(t, printed, canary)
			require.NotContains(t, printed, "\n")
		}
	}
}

// FuzzURL puts any password into a URL, unescaped as people do. Whatever that reads as, what is
// printed about it must not hold the password.
func FuzzURL(f *testing.F) {
	for _, password := range []string{"plain-text", "with/slash", "with?mark", "with#hash", "with@sign", "12/34@56", " @@@@@", "%41bcdefgh", "a:b:c:d:e"} {
		f.Add(password)
	}
	f.Fuzz(func(t *testing.T, password string) {
		if len(password) < 6 || strings.Contains("postgres at host.example:5432, database crmsync, open state: the URL can't be read", password) {
			t.Skip("too short to tell")
		}
		name, err := postgres.NameOf("postgres://user:" + password + "@host.example/crmsync")
		if err != nil {
			require.NotContains(t, err.Error(), password)
			return
		}
		require.NotContains(t, name, password)
	})
}
