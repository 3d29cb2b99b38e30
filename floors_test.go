package crmsync_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// anything is the floor of the program: the only place that knows all names.
const anything = "*"

// floors are the packages of this module that each package may import. A package that is not here
// fails: whoever adds one decides where it stands. Tests may import more (suites, siblings).
var floors = map[string]string{
	"crmsync":         "",
	"crmsync/schemas": "",

	"crmsync/dsl/document": "crmsync/schemas",
	"crmsync/dsl/expr":     "crmsync crmsync/schemas",
	"crmsync/dsl":          "crmsync crmsync/schemas crmsync/dsl/document crmsync/dsl/expr",

	"crmsync/providers":                  "crmsync crmsync/schemas crmsync/dsl/document crmsync/dsl/expr",
	"crmsync/providers/providertest":     "crmsync",
	"crmsync/providers/emulator":         "crmsync",
	"crmsync/providers/emulator/hubspot": "crmsync crmsync/providers/emulator",

	"crmsync/pipeline":                "crmsync crmsync/dsl",
	"crmsync/pipeline/pipelinetest":   "crmsync",
	"crmsync/pipeline/inmem":          "crmsync",
	"crmsync/pipeline/secure":         "",
	"crmsync/pipeline/kafka":          "crmsync crmsync/pipeline/secure",
	"crmsync/pipeline/kafka/embedded": "",
	"crmsync/pipeline/redis":          "crmsync crmsync/pipeline/secure",
	"crmsync/pipeline/postgres":       "crmsync crmsync/pipeline/secure",
	"crmsync/pipeline/sqlite":         "crmsync",
	"crmsync/pipeline/sim":            "crmsync crmsync/dsl crmsync/pipeline crmsync/pipeline/history",
	"crmsync/pipeline/sealed":         "crmsync",
	"crmsync/pipeline/history":        "crmsync",

	"crmsync/mappings":    "",
	"crmsync/deploy":      "",
	"crmsync/cmd/crmsync": anything,
	"crmsync/cmd/chaos":   anything,
	// It judges all the others, and so can't stand on them.
	"crmsync/cmd/crmsync/demo": "crmsync crmsync/pipeline/history",
}

// suites are packages that tests import, and therefore may import the test libraries themselves.
var suites = []string{"crmsync/pipeline/pipelinetest", "crmsync/providers/providertest"}

// testLibraries are what no part of the program may carry.
var testLibraries = append([]string{"testing", "github.com/stretchr/testify", "pgregory.net/rapid", "go.uber.org/goleak"}, suites...)

func TestFloors(t *testing.T) {
	for _, p := range packages(t) {
		allowed, known := floorOf(p.ImportPath)
		if !known {
			t.Errorf("%s has no floor: give it one in floors_test.go", p.ImportPath)
			continue
		}
		for _, path := range p.Imports {
			if ours(path) && allowed != anything && !slices.Contains(strings.Fields(allowed), path) {
				t.Errorf("%s must not import %s: its floor is %q", p.ImportPath, path, allowed)
			}
		}
	}
}

func TestRootImportsStandardLibraryOnly(t *testing.T) {
	for _, p := range packages(t) {
		for _, path := range p.Imports {
			first, _, _ := strings.Cut(path, "/")
			if p.ImportPath == "crmsync" && strings.Contains(first, ".") {
				t.Errorf("the root package must not import %s: it holds nouns and contracts, and needs the standard library only", path)
			}
		}
	}
}

func TestProgramCarriesNoTestLibrary(t *testing.T) {
	for _, p := range packages(t) {
		if slices.Contains(suites, p.ImportPath) {
			continue
		}
		for _, path := range p.Imports {
			if slices.ContainsFunc(testLibraries, func(library string) bool { return within(path, library) }) {
				t.Errorf("%s must not import %s outside of its tests", p.ImportPath, path)
			}
		}
	}
}

func TestPackagesHaveComments(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("%s has no package comment: say what it owns and what it does not", p.ImportPath)
		}
	}
}

func TestWithin(t *testing.T) {
	require.True(t, within("testing", "testing"))
	require.True(t, within("testing/synctest", "testing"))
	require.False(t, within("testingx", "testing"))
}

// floorOf returns what the package may import. The program's own packages share its floor, but for
// those that have one of their own.
func floorOf(path string) (allowed string, known bool) {
	allowed, known = floors[path]
	if !known && within(path, "crmsync/cmd/crmsync") {
		path = "crmsync/cmd/crmsync"
		allowed, known = floors[path]
	}
	return allowed, known
}

// ours tells whether a package belongs to this module.
func ours(path string) bool { return within(path, "crmsync") }

// within tells whether path is the package or stands below it.
func within(path, parent string) bool {
	return path == parent || strings.HasPrefix(path, parent+"/")
}

// goPackage is what the go command tells of a package.
type goPackage struct {
	ImportPath, Dir, Doc               string
	Imports                            []string
	GoFiles, TestGoFiles, XTestGoFiles []string
}

// packages returns all packages of the module.
func packages(t *testing.T) []goPackage {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,Doc,Imports,GoFiles,TestGoFiles,XTestGoFiles", "./...")
	var stderr strings.Builder
	list.Stderr = &stderr
	out, err := list.Output()
	require.NoError(t, err, stderr.String())
	var found []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		found = append(found, p)
	}
	require.NotEmpty(t, found)
	return found
}
