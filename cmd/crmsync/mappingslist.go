package main

import (
	"fmt"
	"path"
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
	Provider   string   `json:"provider"` // or _any
	RecordType string   `json:"record_type"`
	Object     string   `json:"object"`
	Fields     int      `json:"fields"`
	Orgs       []string `json:"orgs"`
}

func (p *program) list(asJSON bool) error {
	set, _, err := p.loaded(dsl.Options{})
	if err != nil {
		return err
	}
	all := listMappings(set)
	if asJSON {
		return p.printJSON(map[string][]listedMapping{"mappings": all})
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
	var types []string
	for _, m := range set.Programs() {
		types = append(types, m.RecordType())
	}
	slices.Sort(types)
	types = slices.Compact(types)
	for _, org := range set.Orgs() {
		for _, c := range set.Connections(org) {
			for _, recordType := range types {
				if m := set.Program(c, recordType); m != nil && !slices.Contains(serves[m], org) {
					serves[m] = append(serves[m], org)
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
		provider := path.Base(path.Dir(m.File()))
		all = append(all, listedMapping{m.File(), provider, m.RecordType(), m.Object(), len(m.Fields()), orgs})
	}
	return all
}
