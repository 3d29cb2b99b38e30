package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"crmsync/dsl/document"
)

func (p *program) configCommand() *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "Check or show the configuration", Args: noArgs}
	c.AddCommand(
		&cobra.Command{
			Use: "lint", Short: "Check the configuration file and the CRMSYNC_ variables", Args: noArgs,
			Long: "Check the configuration file and the CRMSYNC_ variables. Nothing is connected to.",
			RunE: func(*cobra.Command, []string) error { return p.configLint() },
		},
		p.configPrintCommand(),
	)
	return c
}

// configLint tells all faults of the configuration, those in the file with the
// line they stand in.
func (p *program) configLint() error {
	name := cmp.Or(p.config, configName)
	_, _, err := readConfig(p.config, os.Environ())
	if found, ok := errors.AsType[document.Diagnostics](err); ok {
		// No snippets: the line of a fault may hold a password.
		if err := document.Text(p.out, found, nil, p.color(p.out)); err != nil {
			return err
		}
		fmt.Fprintln(p.err, found.Summary())
		return problems{err}
	}
	if unread, ok := errors.AsType[*os.PathError](err); ok && unread.Path == name {
		return err
	}
	if err != nil {
		fmt.Fprintln(p.out, err)
		return problems{err}
	}
	fmt.Fprintf(p.err, "%s: no faults\n", name)
	return nil
}

func (p *program) configPrintCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "print", Short: "Show the configuration in force, and where each value comes from", Args: noArgs,
		Long: "Show the configuration in force, and where each value comes from. Secrets are masked.",
		RunE: func(*cobra.Command, []string) error {
			c, from, err := readConfig(p.config, os.Environ())
			if err != nil {
				return err
			}
			if asJSON {
				return p.printConfigJSON(&c, from)
			}
			return p.printConfig(&c, from)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// shown is a setting as it may be shown.
type shown struct {
	Key    string `json:"key"`
	Value  any    `json:"value"`
	Origin string `json:"origin"`
}

// show lists the settings of c, secrets masked.
func (c *config) show(from origin) (all []shown) {
	list := settings(reflect.ValueOf(c).Elem(), "")
	for _, name := range slices.Sorted(maps.Keys(c.Providers)) {
		p := c.Providers[name]
		list = append(list, settings(reflect.ValueOf(&p).Elem(), "providers."+name)...)
	}
	for _, s := range list {
		all = append(all, shown{s.path, plainValue(s.value.Interface()), cmp.Or(from[s.path], "default")})
	}
	return all
}

// plainValue returns a value as a person reads it.
func plainValue(v any) any {
	switch v := v.(type) {
	case secret:
		if v.IsZero() {
			return ""
		}
		return masked(v.Reveal())
	case time.Duration:
		return v.String()
	}
	return v
}

// masked leaves of a URL what says where it leads, and nothing else of a secret.
func masked(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		if strings.HasPrefix(text, "sqlite:") {
			return text
		}
		return "[redacted]"
	}
	rest, _, _ = strings.Cut(rest, "?")
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		user, _, has := strings.Cut(rest[:i], ":")
		if rest = user + rest[i:]; has {
			rest = user + ":[redacted]" + rest[len(user):]
		}
	}
	return scheme + "://" + rest
}

// text returns the value as a person writes it.
func (s shown) text() string {
	if list, ok := s.Value.([]string); ok {
		return strings.Join(list, ", ")
	}
	return fmt.Sprint(s.Value)
}

func (p *program) printConfig(c *config, from origin) error {
	all := c.show(from)
	wide, long := 0, 0
	for _, s := range all {
		wide, long = max(wide, len(s.Key)), max(long, len(s.text()))
	}
	for _, s := range all {
		if _, err := fmt.Fprintf(p.out, "%-*s  %-*s  # %s\n", wide, s.Key, min(long, 50), s.text(), s.Origin); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) printConfigJSON(c *config, from origin) error {
	e := json.NewEncoder(p.out)
	e.SetIndent("", "  ")
	return e.Encode(c.show(from))
}
