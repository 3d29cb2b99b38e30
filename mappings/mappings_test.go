package mappings_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync/dsl"
)

// load loads this folder as the command line does.
func load(t *testing.T) *dsl.Set {
	t.Helper()
	set, ds := dsl.Load(os.DirFS("."), dsl.Options{Schemas: os.DirFS("../schemas"), Providers: []string{"hubspot"}, RequireTests: true})
	require.Empty(t, ds, "%v", ds)
	return set
}

func TestMappingsAreClean(t *testing.T) {
	set := load(t)
	require.Equal(t, []string{"acme", "birch", "cedar", "dune", "elm", "fir"}, set.Orgs())
	for _, org := range set.Orgs() {
		for _, c := range set.Connections(org) {
			for _, record := range []string{"contact", "company", "deal"} {
				require.NotNil(t, set.Program(c, record), "%s %s", c.ID, record)
			}
		}
	}
}

func TestMappingsPassTheirTests(t *testing.T) {
	report, err := load(t).RunTests()
	require.NoError(t, err)
	for _, r := range report.Results {
		t.Run(r.File+" "+r.Name, func(t *testing.T) {
			require.Empty(t, r.Differences, "%s:%d", r.File, r.Line)
		})
	}
	require.GreaterOrEqual(t, len(report.Results), 40)
	require.Empty(t, report.Coverage.Missed, "parts of mappings that no test exercises")
}
