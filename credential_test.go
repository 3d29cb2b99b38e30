package crmsync_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"text/template"

	goccy "github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"crmsync"
)

const canary = "canary-7f3a9b"

// requireRedacted requires that no usual spelling of the canary is in a text.
func requireRedacted(t *testing.T, form, text string) {
	t.Helper()
	spellings := []string{
		canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), fmt.Sprintf("% x", canary),
		base64.StdEncoding.EncodeToString([]byte(canary))[:16], hex.Dump([]byte(canary))[10:34],
		fmt.Sprintf("%d", []byte(canary))[1:20], fmt.Sprintf("%d", []rune(canary))[1:20],
	}
	for _, spelling := range spellings {
		require.NotContainsf(t, text, spelling, "%s shows the secret", form)
	}
}

// keeper holds a secret as another package's types would, exported or not, by value or by pointer.
type keeper struct {
	Open    crmsync.Secret
	hidden  crmsync.Secret
	pointer *crmsync.Secret
	deep    struct{ credentials []crmsync.Credential }
	byName  map[string]crmsync.Secret
	any     any
}

func newKeeper() keeper {
	secret := crmsync.NewSecret(canary)
	k := keeper{Open: secret, hidden: secret, pointer: &secret, byName: map[string]crmsync.Secret{"a": secret}, any: secret}
	k.deep.credentials = []crmsync.Credential{{ID: crmsync.CredentialID{Org: "acme", Name: "main"}, Secret: secret}}
	return k
}

func TestSecretInEveryVerb(t *testing.T) {
	secret, k := crmsync.NewSecret(canary), newKeeper()
	values := map[string]any{
		"a secret": secret, "a pointer": &secret, "a slice": []crmsync.Secret{secret}, "a map": map[string]crmsync.Secret{"a": secret},
		"a credential": k.deep.credentials[0], "a struct": k, "a pointer to a struct": &k,
		"a batch": crmsync.Batch{Credential: secret}, "a fault": &crmsync.Fault{Err: fmt.Errorf("with %v", secret)},
	}
	for name, value := range values {
		for verb := 'A'; verb <= 'z'; verb++ {
			for _, flags := range []string{"", "+", "#", "-60", "060", " ", "#+", "200.200"} {
				format := "%" + flags + string(verb)
				requireRedacted(t, name+" by "+format, fmt.Sprintf(format, value))
			}
		}
		requireRedacted(t, name+" by Sprint", fmt.Sprint(value)+fmt.Sprintln(value))
	}
	require.Equal(t, "[redacted] [redacted] [redacted]", fmt.Sprintf("%v %s %#v", secret, secret, secret))
}

func TestSecretInEveryEncoding(t *testing.T) {
	k := newKeeper()
	encoders := map[string]func(any) ([]byte, error){
		"JSON": json.Marshal, "indented JSON": func(v any) ([]byte, error) { return json.MarshalIndent(v, "", " ") },
		"YAML": func(v any) ([]byte, error) { return yaml.Marshal(v) }, "goccy YAML": func(v any) ([]byte, error) { return goccy.Marshal(v) },
	}
	for name, encode := range encoders {
		for _, value := range []any{k.Open, k.pointer, k, &k, k.deep.credentials, k.byName} {
			text, err := encode(value)
			require.NoError(t, err)
			requireRedacted(t, name, string(text))
		}
		text, err := encode(k.deep.credentials)
		require.NoError(t, err)
		require.Contains(t, string(text), "[redacted]", name)
	}
	text, err := xml.Marshal(k.deep.credentials)
	require.NoError(t, err)
	require.Contains(t, string(text), "<Secret>[redacted]</Secret>")
	requireRedacted(t, "XML", string(text))
	var out bytes.Buffer
	require.NoError(t, template.Must(template.New("").Parse("{{.Open}} {{printf \"%s\" .Open}}")).Execute(&out, k))
	require.Equal(t, "[redacted] [redacted]", out.String())
}

func TestSecretInLogs(t *testing.T) {
	k := newKeeper()
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		log := slog.New(handler)
		log.Info("m", "secret", k.Open, "pointer", k.pointer, "struct", k, "pointed", &k, "credentials", k.deep.credentials)
		log.With("secret", k.Open).WithGroup("g").Info("m", slog.Any("map", k.byName))
		log.Info("m", "error", errors.Join(fmt.Errorf("with %v", k), &crmsync.Fault{Err: fmt.Errorf("%+v", k.deep.credentials)}))
	}
	requireRedacted(t, "a log", out.String())
	require.Contains(t, out.String(), `"secret":"[redacted]"`)
	require.Contains(t, out.String(), "secret=[redacted]")
}

func TestSecretReveals(t *testing.T) {
	secret := crmsync.NewSecret(canary)
	require.Equal(t, canary, secret.Reveal())
	require.False(t, secret.IsZero())
	for name, none := range map[string]crmsync.Secret{"zero": {}, "of the empty text": crmsync.NewSecret("")} {
		require.Empty(t, none.Reveal(), name)
		require.True(t, none.IsZero(), name)
		require.Equal(t, "[redacted]", none.String(), "whether there is a secret does not show either")
	}
}

func TestCredentialOfAConnection(t *testing.T) {
	connection := crmsync.Connection{ID: crmsync.ConnectionID{Org: "acme", Name: "hubspot"}, Credential: "hubspot-main"}
	require.Equal(t, crmsync.CredentialID{Org: "acme", Name: "hubspot-main"}, connection.CredentialID())
	require.Equal(t, "acme/hubspot-main", connection.CredentialID().String())
	require.Equal(t, "acme/hubspot", connection.ID.String())
}

func TestLinkSettled(t *testing.T) {
	require.Equal(t, int64(5), crmsync.Link{Applied: 5, Dead: 3}.Settled())
	require.Equal(t, int64(7), crmsync.Link{Applied: 5, Dead: 7}.Settled())
	key := crmsync.RecordKey{Org: "acme", Type: "contact", ID: "1"}
	delivery := crmsync.Delivery{Key: key, Connection: "hubspot", Version: 3}
	require.Equal(t, crmsync.LinkKey{Key: key, Connection: "hubspot"}, delivery.LinkKey())
}
