// Command licences lists the modules that the program is made of, with their licences, as
// docs/dependencies.md. Tests and tools are not part of the program and not in the list.
//
//	go run ./.ci/licences           # prints the page
//	go run ./.ci/licences FILE      # writes it there
//	go run ./.ci/licences -check FILE   # exit 1 if the file says something else
//
// A module whose licence it can't tell, or whose licence is not on the list of those allowed, is an
// error: a person has to look.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	check := flag.Bool("check", false, "compare with the file instead of writing it")
	flag.Parse()
	if err := run(*check, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func run(check bool, file string) error {
	modules, err := list()
	if err != nil {
		return err
	}
	text, err := page(modules)
	switch {
	case err != nil:
		return err
	case file == "":
		_, err := os.Stdout.WriteString(text)
		return err
	case !check:
		return os.WriteFile(file, []byte(text), 0o644) //nolint:gosec // a page for everybody
	}
	have, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if string(have) != text {
		return fmt.Errorf("%s is not what the program is made of: run \"go generate ./cmd/crmsync\"", file)
	}
	return nil
}

// module is what the go command tells of a module.
type module struct {
	Path, Version, Dir string
	Main, Indirect     bool
	Replace            *module
}

// list returns the modules of the program as it is built for the image, sorted.
func list() ([]module, error) {
	c := exec.Command("go", "list", "-deps", "-json=Module", "crmsync/cmd/crmsync") //nolint:noctx // ends with us
	c.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=-mod=readonly")
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("list the program's packages: %w", err)
	}
	found := map[string]module{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct{ Module *module }
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("read what go list says: %w", err)
		}
		if p.Module != nil && !p.Module.Main {
			found[p.Module.Path] = *p.Module
		}
	}
	modules := make([]module, 0, len(found))
	for _, m := range found {
		modules = append(modules, m)
	}
	slices.SortFunc(modules, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return modules, nil
}

// licence is one that can be told by what stands in its text and in no other's.
type licence struct {
	name    string // SPDX
	says    []string
	allowed string // why its text suits a program that customers get; empty: it doesn't
}

// licences are tried in this order; the first whose words all stand in a text is it.
var licences = []licence{
	{"MPL-2.0", []string{"mozilla public license, version 2.0"}, "used unchanged; changes to its own files would have to be published"}, // first: it speaks of the GPL
	{"AGPL-3.0", []string{"gnu affero general public license"}, ""},
	{"GPL", []string{"gnu general public license"}, ""},
	{"BUSL-1.1", []string{"business source license"}, ""},
	{"SSPL-1.0", []string{"server side public license"}, ""},
	{"Elastic-2.0", []string{"elastic license"}, ""},
	{"MIT and Apache-2.0", []string{"covered by two different licenses: mit and apache"}, "both ask for notices only"},
	{"Apache-2.0", []string{"apache license", "version 2.0, january 2004"}, "asks for notices only"},
	{"BSD-3-Clause", []string{"redistribution and use in source and binary forms", "name"}, "asks for notices only"},
	{"BSD-2-Clause", []string{"redistribution and use in source and binary forms"}, "asks for notices only"},
	{"ISC", []string{"permission to use, copy, modify, and"}, "asks for notices only"},
	{"MIT", []string{"permission is hereby granted, free of charge, to any person obtaining"}, "asks for notices only"},
	{"public domain", []string{"public domain"}, "asks for nothing"},
}

// tell returns the licence of a text.
func tell(text string) (licence, bool) {
	words := strings.ToLower(strings.Join(strings.Fields(text), " "))
	for _, l := range licences {
		if !slices.ContainsFunc(l.says, func(says string) bool { return !strings.Contains(words, says) }) {
			if l.name == "BSD-3-Clause" && !strings.Contains(words, "endorse or promote") {
				continue
			}
			return l, true
		}
	}
	return licence{}, false
}

// licencesOf returns the licences of a module: that of its own text, and what else it carries.
func licencesOf(m module) ([]string, error) {
	entries, err := os.ReadDir(m.Dir)
	if err != nil {
		return nil, fmt.Errorf("look for the licence of %s: %w", m.Path, err)
	}
	var names []string
	for _, e := range entries {
		name := strings.ToUpper(e.Name())
		if e.IsDir() || !strings.HasPrefix(name, "LICENSE") && !strings.HasPrefix(name, "LICENCE") && !strings.HasPrefix(name, "COPYING") {
			continue
		}
		if strings.Contains(name, "3RD-PARTY") || strings.Contains(name, "LOGO") {
			continue // lists what the other files say, or is about a picture
		}
		text, err := os.ReadFile(filepath.Join(m.Dir, e.Name()))
		if err != nil {
			return nil, err
		}
		l, ok := tell(string(text))
		if !ok {
			return nil, fmt.Errorf("%s: nobody can tell the licence in %s: look at it, and teach .ci/licences", m.Path, e.Name())
		}
		if l.allowed == "" {
			return nil, fmt.Errorf("%s: %s is no licence for a program that customers get: do without the module", m.Path, l.name)
		}
		names = append(names, l.name)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s has no licence: without one nobody may use it", m.Path)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// page returns docs/dependencies.md.
func page(modules []module) (string, error) {
	var b strings.Builder
	b.WriteString(`# What the program is made of

<!-- Written by .ci/licences; "go generate ./cmd/crmsync" writes it anew, and a test compares. -->

The modules whose code is in ` + "`crmsync`" + `, as built for the image (linux, amd64, without cgo), and their
licences. Modules that only tests and tools use are not in it. Beside them stands Go's own library
(BSD-3-Clause).

| module | version | licence | asked for by |
|---|---|---|---|
`)
	used := map[string]int{}
	var faults []error
	for _, m := range modules {
		names, err := licencesOf(m)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		for _, name := range names {
			used[name]++
		}
		by := "us"
		if m.Indirect {
			by = "others"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", m.Path, m.Version, strings.Join(names, ", "), by)
	}
	b.WriteString("\n## Licences that are allowed\n\n| licence | modules | why |\n|---|--:|---|\n")
	for _, l := range licences {
		if used[l.name] > 0 {
			fmt.Fprintf(&b, "| %s | %d | %s |\n", l.name, used[l.name], l.allowed)
		}
	}
	b.WriteString("\nAnother licence fails the build until a person has looked at it.\n")
	return b.String(), errors.Join(faults...)
}
