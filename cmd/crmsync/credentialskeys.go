package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"crmsync/pipeline/sealed"
)

func (p *program) keygenCommand() *cobra.Command {
	var add bool
	c := &cobra.Command{
		Use: "keygen", Short: "Make the key that credentials are encrypted with", Args: noArgs,
		Long: `Make the key that credentials are encrypted with, in the file that the
configuration names in credentials.key_file. Who has the file and the stored
credentials can read them: back it up apart from them.

With --add an existing file gets a new first key, which encrypts from then on;
the older ones still open. Give the file to every process, restart them, then
"crmsync credentials rewrap".`,
		RunE: func(*cobra.Command, []string) error { return p.keygen(add) },
	}
	c.Flags().BoolVar(&add, "add", false, "add a key to a file that is there")
	return c
}

func (p *program) keygen(add bool) error {
	c, _, err := readConfig(p.config, os.Environ())
	if err != nil {
		return err
	}
	file := c.Credentials.KeyFile
	switch _, err := os.Stat(file); {
	case err == nil && !add:
		return fmt.Errorf("make a key: %s is there already: add a second key with --add", file)
	case err != nil && add:
		return fmt.Errorf("add a key: %w: make the first one without --add", err)
	}
	id, err := sealed.AddKey(file)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "%s: new key %s\n", file, id)
	return nil
}

func (p *program) rewrapCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rewrap", Short: "Encrypt all credentials with the newest key", Args: noArgs,
		Long: `Encrypt all credentials with the newest key, so that the older ones can leave the
key file. Every process must know the newest key before.`,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.inVault(c.Context(), func(v *vault) error {
				store, ring, err := v.store()
				if err != nil {
					return err
				}
				n, err := store.Rewrap(c.Context())
				if err != nil {
					return fmt.Errorf("%d credentials are encrypted with key %s now, others are not: %w", n, ring.Primary(), err)
				}
				fmt.Fprintf(p.out, "%d credentials encrypted anew with key %s\n", n, ring.Primary())
				return nil
			})
		},
	}
}
