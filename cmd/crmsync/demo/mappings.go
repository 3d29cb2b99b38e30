package demo

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// all: also the folders whose names begin with an underscore.
//
//go:embed all:mappings
var mappings embed.FS

// WriteMappings writes the folder of mappings that the orgs need into dir,
// which must not be there yet.
func WriteMappings(dir string, orgs []Org) error {
	tree, err := fs.Sub(mappings, "mappings")
	if err != nil {
		return fmt.Errorf("open the demo's mappings: %w", err)
	}
	if err := copyTree(tree, "_global", filepath.Join(dir, "_global")); err != nil {
		return err
	}
	for _, o := range orgs {
		if err := copyTree(tree, o.Like, filepath.Join(dir, o.Name)); err != nil {
			return err
		}
	}
	return nil
}

func copyTree(tree fs.FS, from, to string) error {
	sub, err := fs.Sub(tree, from)
	if err == nil {
		err = os.CopyFS(to, sub)
	}
	if err != nil {
		return fmt.Errorf("write the demo's mappings: %w", err)
	}
	return nil
}

// MappingFile returns the text of one of the demo's mappings, by its name as
// the program tells it ("mappings/acme/hubspot/contact.yaml", of any org), and
// false if there is none.
func MappingFile(name string) (text string, ok bool) {
	rest := strings.TrimPrefix(name, "mappings/")
	org, file, _ := strings.Cut(rest, "/")
	b, err := mappings.ReadFile(path.Join("mappings", archetype(org), file))
	return string(b), err == nil
}
