package sim

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// mutant takes one rule out of the engine, by changes to copies of its files
// that the compiler is shown instead (-overlay). The engine knows nothing of
// it, and a mutant whose text is gone fails.
type mutant struct {
	name, file string
	edits      []string // old text, new text, …
}

// verdict is how a mutant fared.
type verdict struct {
	mutant
	seed, breach string // empty: it lives
	err          error  // it could not be tried
}

// found reads what a run of histories says that was cut short.
var found = regexp.MustCompile(`(?m)seed (\d+): (.*)$`)

// outOf is within how many histories every mutant must be caught.
const outOf = 10_000

// TestMutants shows that each rule is needed, and that its loss is noticed.
// MUTANT=text tries those only whose name holds the text; UPDATE=1 writes the
// table into docs/reliability.md. It compiles the engine for each of them, so a
// run of all tests tries a few only; asked for by its name, it tries all.
func TestMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles the engine for each mutant")
	}
	some := wanted(os.Getenv("MUTANT"))
	if !strings.Contains(flag.Lookup("test.run").Value.String(), "Mutants") {
		some = some[:min(3, len(some))]
	}
	verdicts := tryAll(t.Context(), t.TempDir(), some)
	verdicts = append(verdicts, withBroken(t, "the store's fence: every epoch may write", func(s *Setup) { s.NoFence = true }),
		withBroken(t, "the store's compare-and-set: an old revision may write", func(s *Setup) { s.NoRevisions = true }))
	var b strings.Builder
	b.WriteString("| taken out | in | caught at seed | as |\n|---|---|---|---|\n")
	for _, v := range verdicts {
		seed, breach := v.seed, v.breach
		if v.err != nil {
			seed, breach = "**not tried**", ""
			t.Errorf("%q: %v", v.name, v.err)
		} else if seed == "" {
			seed, breach = "**lives**", ""
			t.Errorf("%q lives through %d histories", v.name, outOf)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", v.name, v.file, seed, breach)
	}
	t.Logf("%d mutants\n%s", len(verdicts), b.String())
	if os.Getenv("UPDATE") != "" && !t.Failed() {
		require.NoError(t, publish(filepath.Join("..", "..", "docs", "reliability.md"), b.String()))
	}
}

func wanted(text string) (some []mutant) {
	for _, m := range mutants {
		if strings.Contains(m.name, text) {
			some = append(some, m)
		}
	}
	return some
}

// tryAll tries mutants, two at a time.
func tryAll(ctx context.Context, dir string, some []mutant) []verdict {
	verdicts := make([]verdict, len(some))
	var wg sync.WaitGroup
	turn := make(chan struct{}, 2)
	for i, m := range some {
		wg.Go(func() {
			turn <- struct{}{}
			verdicts[i] = m.try(ctx, filepath.Join(dir, fmt.Sprint(i)))
			<-turn
		})
	}
	wg.Wait()
	return verdicts
}

// try compiles the histories on the mutant and plays them until one is breached.
func (m mutant) try(ctx context.Context, dir string) verdict {
	v := verdict{mutant: m}
	overlay, err := m.overlay(dir)
	if err != nil {
		v.err = err
		return v
	}
	binary := filepath.Join(dir, "sim.test")
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", binary, "-overlay="+overlay, ".").CombinedOutput(); err != nil {
		v.err = fmt.Errorf("compile: %w\n%s", err, out)
		return v
	}
	defer func() { _ = os.Remove(binary) }() // 20 MB each
	run := exec.CommandContext(ctx, binary, "-test.run=^TestHistories$", "-test.timeout=10m")
	run.Env = append(os.Environ(), fmt.Sprint("SEEDS=", number("OUTOF", outOf)), "FROM=0", "GOMAXPROCS=1")
	out, err := run.CombinedOutput()
	switch how := found.FindSubmatch(out); {
	case how != nil:
		v.seed, v.breach = string(how[1]), string(how[2])
	case err != nil:
		v.err = fmt.Errorf("run: %w\n%s", err, out)
	}
	return v
}

// overlay writes the changed file and the list that tells the compiler of it.
func (m mutant) overlay(dir string) (list string, err error) {
	path, err := filepath.Abs(filepath.Join("..", m.file))
	if err != nil {
		return "", err
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	text := string(src)
	for i := 0; i < len(m.edits); i += 2 {
		if n := strings.Count(text, m.edits[i]); n != 1 {
			return "", fmt.Errorf("%s holds %d times what it should hold once:\n%s", m.file, n, m.edits[i])
		}
		text = strings.Replace(text, m.edits[i], m.edits[i+1], 1)
	}
	changed := filepath.Join(dir, m.file)
	names, err := json.Marshal(map[string]any{"Replace": map[string]string{path: changed}})
	if err != nil {
		return "", err
	}
	list = filepath.Join(dir, "overlay.json")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	if err := os.WriteFile(changed, []byte(text), 0o600); err != nil {
		return "", err
	}
	return list, os.WriteFile(list, names, 0o600)
}

// withBroken tries a store that breaks its contract.
func withBroken(t *testing.T, name string, breaks func(*Setup)) verdict {
	v := verdict{mutant: mutant{name: name, file: "the store"}}
	for seed := range uint64(outOf) {
		setup := setupOf(t, seed)
		breaks(&setup)
		if _, breach := survive(seed, setup); breach != "" {
			v.seed, v.breach = fmt.Sprint(seed), breach
			break
		}
	}
	return v
}

// publish writes the table between its marks in a page.
func publish(page, table string) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	const begin, end = "<!-- mutants -->\n", "<!-- /mutants -->"
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return fmt.Errorf("%s has no place for the table, between %s and %s", page, strings.TrimSpace(begin), end)
	}
	return os.WriteFile(page, []byte(before+begin+table+end+after), 0o644)
}
