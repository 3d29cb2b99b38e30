package crmsync_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The shape that keeps the code readable. Most files stay under 300 lines and most functions near
// 10; these are the ends, where a reader has lost the thread for certain.
const (
	fileLinesMax     = 500
	functionLinesMax = 70
)

func TestFilesAreShort(t *testing.T) {
	for _, f := range sources(t) {
		if n := f.lines(); n > fileLinesMax {
			t.Errorf("%s has %d lines, more than %d: split it by what its parts do", f.name, n, fileLinesMax)
		}
	}
}

func TestFunctionsAreShort(t *testing.T) {
	for _, f := range sources(t) {
		for _, function := range f.functions() {
			if n := f.functionLines(function); n > functionLinesMax {
				t.Errorf("%s: %s has %d lines, more than %d: give its steps names", f.position(function), function.Name, n, functionLinesMax)
			}
		}
	}
}

func TestNothingRunsOnImport(t *testing.T) {
	for _, f := range sources(t) {
		for _, function := range f.functions() {
			if function.Name.Name == "init" && function.Recv == nil {
				t.Errorf("%s: func init: name the thing in an explicit list instead", f.position(function))
			}
		}
	}
}

func TestFunctionLines(t *testing.T) {
	const table = "package p\nfunc F() {\n\tcases := []int{\n\t\t1,\n\t\t2,\n\t}\n\t_ = cases\n}\n"
	production := parse(t, "p.go", table)
	require.Equal(t, 7, production.functionLines(production.functions()[0]))
	test := parse(t, "p_test.go", table)
	require.Equal(t, 4, test.functionLines(test.functions()[0]), "the table of a test is data")
}

// source is one parsed Go file of the module.
type source struct {
	name, text string
	files      *token.FileSet
	tree       *ast.File
}

// sources parses every Go file of the module, tests included.
func sources(t *testing.T) []source {
	t.Helper()
	root, err := os.Getwd()
	require.NoError(t, err)
	var found []source
	for _, p := range packages(t) {
		for _, file := range slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles) {
			path := filepath.Join(p.Dir, file)
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			name, err := filepath.Rel(root, path)
			require.NoError(t, err)
			found = append(found, parse(t, name, string(text)))
		}
	}
	return found
}

func parse(t *testing.T, name, text string) source {
	t.Helper()
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, name, text, parser.SkipObjectResolution)
	require.NoError(t, err)
	return source{name, text, files, tree}
}

func (s source) lines() int { return strings.Count(s.text, "\n") }

func (s source) position(node ast.Node) token.Position { return s.files.Position(node.Pos()) }

func (s source) functions() []*ast.FuncDecl {
	var found []*ast.FuncDecl
	for _, declaration := range s.tree.Decls {
		if function, ok := declaration.(*ast.FuncDecl); ok {
			found = append(found, function)
		}
	}
	return found
}

// functionLines counts a function from its first word to its last brace. In tests the lines inside
// of composite literals don't count: the cases of a table are data, however many.
func (s source) functionLines(function *ast.FuncDecl) int {
	count := s.span(function)
	if !strings.HasSuffix(s.name, "_test.go") {
		return count
	}
	ast.Inspect(function, func(node ast.Node) bool {
		literal, isLiteral := node.(*ast.CompositeLit)
		if isLiteral {
			count -= s.span(literal) - 1
		}
		return !isLiteral // what is nested in it has been taken off with it
	})
	return count
}

func (s source) span(node ast.Node) int {
	return s.files.Position(node.End()).Line - s.files.Position(node.Pos()).Line + 1
}
