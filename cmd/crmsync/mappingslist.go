package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"crmsync/dsl"
)

func (p *program) listCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "List the mappings, and which orgs each serves", Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return p.list(asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// listed is one mapping of a list.
type listedMapping struct {
	File       string   `json:"file"`
	Provider   string   `json:"provider"`
	RecordType string   `json:"record_type"`
	Object     string   `json:"object"`
	Fields     int      `json:"fields"`
	Orgs       []string `json:"orgs"`
}

func (p *program) list(asJSON bool) error {
	set, err := p.loaded(dsl.Options{})
	if err != nil {
		return err
	}
	all := listMappings(set)
	if asJSON {
		return p.printJSON(map[string]any{"mappings": all})
	}
	t := p.table("MAPPING", "OBJECT", "FIELDS", "SERVES")
	for _, m := range all {
		serves := strings.Join(m.Orgs, ", ")
		if len(m.Orgs) > 5 {
			serves = fmt.Sprintf("%s, … (%d orgs)", strings.Join(m.Orgs[:5], ", "), len(m.Orgs))
		}
		if serves == "" {
			serves = "nobody"
		}
		t.row(m.File, m.Object, fmt.Sprint(m.Fields), serves)
	}
	return t.flush()
}

func listMappings(set *dsl.Set) []listedMapping {
	serves := map[*dsl.Program][]string{}
	providerOf := map[*dsl.Program]string{}
	for _, org := range set.Orgs() {
		for _, c := range set.Connections(org) {
			for _, m := range set.Programs() {
				used := set.Program(c, m.RecordType())
				if used == m && !slices.Contains(serves[m], org) {
					serves[m] = append(serves[m], org)
					providerOf[m] = c.Provider
				}
			}
		}
	}
	all := make([]listedMapping, 0, len(set.Programs()))
	for _, m := range set.Programs() {
		orgs := serves[m]
		if orgs == nil {
			orgs = []string{}
		}
		all = append(all, listedMapping{m.File(), providerOf[m], m.RecordType(), m.Object(), len(m.Fields()), orgs})
	}
	return all
}

// loaded reads the configured mappings folder, which must be sound.
func (p *program) loaded(opt dsl.Options) (*dsl.Set, error) {
	folders, err := p.folders(nil)
	if err != nil {
		return nil, err
	}
	set, found := folders[0].load(opt)
	return set, p.broken(&folders[0], found)
}
