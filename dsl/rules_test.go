package dsl

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"crmsync/dsl/document"
)

// loadFiles loads a folder held in memory, with the catalogues of testdata.
func loadFiles(files map[string]string, change ...func(*Options)) (*Set, document.Diagnostics) {
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	opt := Options{Schemas: os.DirFS("testdata/schemas"), Providers: []string{"hubspot", "pipedrive"}, Tests: true}
	for _, c := range change {
		c(&opt)
	}
	return Load(fsys, opt)
}

func loadSample(s Sample) (*Set, document.Diagnostics) {
	return loadFiles(s.Files, func(o *Options) { o.RequireTests = s.RequireTests })
}

// codes returns the codes of the diagnostics, each once.
func codes(ds document.Diagnostics) []string {
	out := []string{}
	for i := range ds {
		out = append(out, ds[i].Code)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestRulesSamples(t *testing.T) {
	for _, r := range Rules() {
		t.Run(r.ID+" "+r.Slug, func(t *testing.T) {
			require.NotEmpty(t, r.Bad)
			require.NotEmpty(t, r.Good)
			for _, s := range r.Bad {
				_, ds := loadSample(s)
				require.Equal(t, []string{r.ID}, codes(ds), "bad sample:\n%s\n%v", s.Text, ds)
				require.Len(t, ds, 1, "bad sample:\n%s\n%v", s.Text, ds)
				require.Equal(t, r.Slug, ds[0].Rule)
				checkFix(t, s, ds[0])
			}
			for _, s := range r.Good {
				set, ds := loadSample(s)
				require.Empty(t, ds, "good sample:\n%s\n%v", s.Text, ds)
				require.NotNil(t, set)
			}
		})
	}
}

// checkFix makes the edit that a diagnostic proposes: what it reports must be
// gone, and nothing else wrong instead.
func checkFix(t *testing.T, s Sample, d document.Diagnostic) {
	t.Helper()
	if d.Fix == nil {
		return
	}
	file, ok := strings.CutPrefix(d.File, "mappings/")
	require.True(t, ok, d.File)
	fixed := s.with(file, string(ApplyFix([]byte(s.Files[file]), *d.Fix)))
	_, ds := loadSample(fixed)
	require.Empty(t, ds, "fixed:\n%s\n%v", fixed.Files[file], ds)
}

func TestRulesAreSortedAndComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules() {
		require.Regexp(t, `^CM\d{3}$`, r.ID)
		require.Regexp(t, `^[a-z]+(-[a-z]+)*$`, r.Slug)
		require.False(t, seen[r.ID] || seen[r.Slug], r.ID)
		seen[r.ID], seen[r.Slug] = true, true
		require.NotEmpty(t, r.Title)
		require.NotEmpty(t, r.Why)
		found, ok := FindRule(r.Slug)
		require.True(t, ok)
		require.Equal(t, r.ID, found.ID)
	}
	for _, id := range []string{"CM101", "CM109", "CM201", "CM213", "CM301", "CM303", "CM401", "CM405"} {
		require.True(t, seen[id], id)
	}
	_, ok := FindRule("CM999")
	require.False(t, ok)
}
