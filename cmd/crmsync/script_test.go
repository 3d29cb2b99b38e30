package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets scripts run this program as the command crmsync, and as
// crmsync-frozen with a state store that never answers.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"crmsync":        func() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
		"crmsync-frozen": func() { os.Exit(runFrozen()) },
	})
}

// TestScripts runs the sessions in testdata. Their environment has none of the
// caller's variables. UPDATE=1 writes what the program prints into the files
// that cmp compares with; look at the difference before you keep it.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                "testdata",
		UpdateScripts:      os.Getenv("UPDATE") == "1",
		RequireUniqueNames: true,
		Setup:              repository,
		Condition:          condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "untimed": untimed, "steady": steady, "parts": startParts, "produce": produce, "deny": deny, "sql": sqlStatement,
		},
	})
}

// repository tells scripts where our own mappings and examples are: $REPO.
func repository(env *testscript.Env) error {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	env.Setenv("REPO", root)
	env.Values[scriptPartsKey{}] = &scriptParts{}
	return err
}

// untimed writes what the last command told on standard error into a file, with
// times made zero, so that cmp can compare all of it:
//
//	untimed FILE
func untimed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: untimed FILE")
	}
	text := regexp.MustCompile(`\(\d+\.\ds\)`).ReplaceAllString(ts.ReadFile("stderr"), "(0.0s)")
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// exits runs a command and fails unless it ends with just that code:
//
//	exits CODE COMMAND [ARGUMENT…]
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGUMENT…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		got = ended.ExitCode()
	} else if err != nil {
		ts.Fatalf("run %s: %v", args[1], err)
	}
	if got != want {
		ts.Fatalf("%v exited with %d, want %d", args[1:], got, want)
	}
}
