package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"crmsync"
	"crmsync/dsl/document"
	"crmsync/pipeline/sealed"
)

func (p *program) credentialsCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "credentials", Short: "Keep the secrets that CRMs are entered with, encrypted", Args: noArgs,
		Long: `Keep the secrets that CRMs are entered with, encrypted.

An org's org.yaml names the credential of each connection. A secret is read from
a file, from standard input or, on a terminal, without echo; it is never shown.`,
		Example: `  crmsync credentials keygen                                # once
  crmsync credentials set acme hubspot-main                 # asks for the secret
  crmsync credentials set acme hubspot-main < token.txt`,
	}
	c.AddCommand(p.setCommand(), p.listCredentialsCommand(), p.deleteCommand(), p.keygenCommand(), p.rewrapCommand())
	return c
}

// vault is the credentials as the configuration names them.
type vault struct {
	config config
	rows   crmsync.SealedStore
	close  func() error
}

// openVault opens where the credentials lie. It needs no key.
func (p *program) openVault(ctx context.Context) (*vault, error) {
	c, _, err := readConfig(p.config, os.Environ())
	if err != nil {
		return nil, err
	}
	v := &vault{config: c, close: func() error { return nil }}
	if c.Credentials.URL != "state" {
		v.rows, err = sealed.OpenFile(c.Credentials.URL)
		return v, err
	}
	store, err := openStore(ctx, c.State)
	if err != nil {
		return nil, err
	}
	v.rows, v.close = store, store.Close
	return v, nil
}

// store returns the credentials with the key that opens them.
func (v *vault) store() (*sealed.Store, *sealed.Ring, error) {
	ring, err := sealed.LoadRing(v.config.Credentials.KeyFile)
	if err != nil {
		return nil, nil, err
	}
	return sealed.New(v.rows, ring), ring, nil
}

// inVault runs do on the open credentials and closes them.
func (p *program) inVault(ctx context.Context, do func(*vault) error) error {
	v, err := p.openVault(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(v), v.close())
}

func (p *program) setCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "set ORG NAME", Short: "Store a secret, over the one that was there", Args: exactArgs("ORG", "NAME"),
		Long: `Store a secret, over the one that was there. It is read from --from-file, else
from standard input; on a terminal it is asked for without echo. Blanks and line
ends around it are cut off. Processes that run notice it within a minute.`,
		Example: `  crmsync credentials set acme hubspot-main
  crmsync credentials set acme hubspot-main --from-file token.txt
  vault read -field=token secret/acme | crmsync credentials set acme hubspot-main`,
		RunE: func(c *cobra.Command, args []string) error {
			id, err := credentialID(args)
			if err != nil {
				return err
			}
			return p.inVault(c.Context(), func(v *vault) error { return p.setCredential(c.Context(), v, id, file) })
		},
	}
	c.Flags().StringVar(&file, "from-file", "", "read the secret from this `file`")
	return c
}

// credentialName is what org.yaml takes for the name of a credential.
var credentialName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func credentialID(args []string) (crmsync.CredentialID, error) {
	id := crmsync.CredentialID{Org: args[0], Name: args[1]}
	if id.Org == "" || len(id.Org) > 512 || strings.ContainsAny(id.Org, "/\\\x00") {
		return id, usage{fmt.Errorf("%q is no org: give the name of its folder below the mappings", id.Org)}
	}
	if !credentialName.MatchString(id.Name) {
		return id, usage{fmt.Errorf("%q is no name of a credential: give letters, digits, dots, hyphens and underscores, as in org.yaml", id.Name)}
	}
	return id, nil
}

func (p *program) setCredential(ctx context.Context, v *vault, id crmsync.CredentialID, file string) error {
	store, _, err := v.store()
	if err != nil {
		return err
	}
	secret, err := p.readSecret(id, file)
	if err != nil {
		return err
	}
	before, err := v.rows.Sealed(ctx, []crmsync.CredentialID{id})
	if err != nil {
		return err
	}
	if err := store.Put(ctx, []crmsync.Credential{{ID: id, Secret: secret, UpdatedAt: time.Now().UTC()}}); err != nil {
		return err
	}
	done := "stored"
	if before[0].Box != nil {
		done = "replaced"
	}
	fmt.Fprintf(p.out, "%s %s\n", done, id)
	p.hintUse(v.config.Mappings.Dir, id)
	return nil
}

// secretBytes is how long a secret may be, the blanks around it included.
const secretBytes = 256 << 10

// readSecret reads a secret from the file, from the terminal without echo, or
// from standard input.
func (p *program) readSecret(id crmsync.CredentialID, file string) (crmsync.Secret, error) {
	var text []byte
	var err error
	if in, ok := p.in.(*os.File); file != "" {
		text, err = readBounded(file)
	} else if ok && term.IsTerminal(int(in.Fd())) {
		fmt.Fprintf(p.err, "Secret for %s (not shown): ", id)
		text, err = term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(p.err)
	} else {
		text, err = io.ReadAll(io.LimitReader(p.in, secretBytes+1))
	}
	if err != nil {
		return crmsync.Secret{}, fmt.Errorf("read the secret: %w", err)
	}
	if len(text) > secretBytes {
		return crmsync.Secret{}, fmt.Errorf("read the secret: it has more than %d bytes", secretBytes)
	}
	secret := crmsync.NewSecret(strings.TrimSpace(string(text)))
	if secret.IsZero() {
		return secret, usage{errors.New("the secret is empty: give it in --from-file or on standard input")}
	}
	return secret, nil
}

func readBounded(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	return io.ReadAll(io.LimitReader(f, secretBytes+1))
}

// hintUse tells when no connection of the org uses the credential: a name that
// is misspelt would otherwise be found out by the CRM's refusal.
func (p *program) hintUse(dir string, id crmsync.CredentialID) {
	file := filepath.Join(dir, id.Org, "org.yaml")
	src, err := readUpTo(file, document.DefaultLimits().Bytes)
	if err != nil {
		p.hint("Note: there is no %s yet, so nothing uses it.", file)
		return
	}
	doc, found := document.Parse(file, src, document.DefaultLimits())
	if found.HasErrors() {
		return // lint is who tells
	}
	connections := doc.Root().Get("connections")
	var used []string
	for _, name := range connections.Keys() {
		credential, ok := connections.Get(name).Get("credential").Text()
		if credential == id.Name {
			return
		}
		if ok {
			used = append(used, credential)
		}
	}
	p.hint("Note: no connection in %s uses it; they use %s.", file, strings.Join(used, ", "))
}

func (p *program) listCredentialsCommand() *cobra.Command {
	var asJSON bool
	var org string
	c := &cobra.Command{
		Use: "list", Short: "List what is stored, without the secrets", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.inVault(c.Context(), func(v *vault) error {
				rows, err := v.rows.Sealed(c.Context(), nil)
				if err != nil {
					return err
				}
				rows = slices.DeleteFunc(rows, func(r crmsync.SealedCredential) bool { return org != "" && r.ID.Org != org })
				if asJSON {
					return p.printJSON(credentialsShown(rows))
				}
				return p.printCredentials(rows)
			})
		},
	}
	c.Flags().StringVar(&org, "org", "", "only those of this `org`")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// credentialShown is what may be told of a credential.
type credentialShown struct {
	Org       string    `json:"org"`
	Name      string    `json:"name"`
	Key       string    `json:"key"`
	UpdatedAt time.Time `json:"updated_at"`
}

func credentialsShown(rows []crmsync.SealedCredential) []credentialShown {
	all := make([]credentialShown, len(rows))
	for i, r := range rows {
		all[i] = credentialShown{r.ID.Org, r.ID.Name, r.KeyID, r.UpdatedAt}
	}
	return all
}

func (p *program) printCredentials(rows []crmsync.SealedCredential) error {
	if len(rows) == 0 {
		p.hint("No credential is stored. Store one with: crmsync credentials set ORG NAME")
		return nil
	}
	t := p.table("ORG", "NAME", "KEY", "UPDATED")
	for _, r := range credentialsShown(rows) {
		t.row(r.Org, r.Name, r.Key, moment(r.UpdatedAt))
	}
	return t.flush()
}

func (p *program) deleteCommand() *cobra.Command {
	return &cobra.Command{
		Use: "delete ORG NAME", Short: "Forget a secret; exit 1 if there was none", Args: exactArgs("ORG", "NAME"),
		Long: `Forget a secret; exit 1 if there was none. Events for connections that use it
wait until it is set again.`,
		RunE: func(c *cobra.Command, args []string) error {
			id, err := credentialID(args)
			if err != nil {
				return err
			}
			return p.inVault(c.Context(), func(v *vault) error { return p.deleteCredential(c.Context(), v, id) })
		},
	}
}

func (p *program) deleteCredential(ctx context.Context, v *vault, id crmsync.CredentialID) error {
	ids := []crmsync.CredentialID{id}
	before, err := v.rows.Sealed(ctx, ids)
	if err != nil {
		return err
	}
	if before[0].Box == nil {
		fmt.Fprintf(p.err, "there is no credential %s; see: crmsync credentials list\n", id)
		return problems{fmt.Errorf("no credential %s", id)}
	}
	if err := v.rows.DeleteSealed(ctx, ids); err != nil {
		return err
	}
	fmt.Fprintf(p.out, "deleted %s\n", id)
	return nil
}
