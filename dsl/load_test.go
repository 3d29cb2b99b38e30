package dsl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/dsl/document"
)

// lines returns the diagnostics one a line, as Oneline prints them.
func lines(ds document.Diagnostics) []string {
	if len(ds) == 0 {
		return nil
	}
	return strings.Split(ds.Error(), "\n")
}

func TestLoadConnections(t *testing.T) {
	set, ds := loadFiles(map[string]string{
		"acme/org.yaml":                "version: 1\nconnections:\n  us: {provider: hubspot, credential: c-us, plan: starter, paused: true}\n  eu: {provider: hubspot, credential: c-eu}\n",
		"_global/hubspot/contact.yaml": sampleFallback,
	})
	require.Empty(t, ds)
	require.Equal(t, []string{"acme"}, set.Orgs())
	require.Equal(t, []crmsync.Connection{
		{ID: crmsync.ConnectionID{Org: "acme", Name: "eu"}, Provider: "hubspot", Credential: "c-eu"},
		{ID: crmsync.ConnectionID{Org: "acme", Name: "us"}, Provider: "hubspot", Credential: "c-us", Plan: "starter", Paused: true},
	}, set.Connections("acme"))
	require.Nil(t, set.Connections("nobody"))
}

func TestResumed(t *testing.T) {
	set, ds := loadFiles(map[string]string{
		"acme/org.yaml": "version: 1\nconnections:\n  hubspot: {provider: hubspot, credential: c, paused: true}\n",
		sampleGlobal:    sampleFallback,
	})
	require.Empty(t, ds)
	resumed := set.Resumed()
	require.False(t, resumed.Connections("acme")[0].Paused)
	require.True(t, set.Connections("acme")[0].Paused, "the set itself is as it was")
	require.Equal(t, set.Program(set.Connections("acme")[0], "contact"), resumed.Program(resumed.Connections("acme")[0], "contact"))
}

func TestSnippetsOfAFolderAtHand(t *testing.T) {
	files := inFields("  email: record.emial\n").Files
	for _, dir := range []string{".", "/", "a/b", "../x"} {
		_, ds := loadFiles(files, func(o *Options) { o.Dir = dir })
		require.Len(t, ds, 1)
		require.Equal(t, files[sampleMapping], string(Sources(sampleFS(Sample{Files: files}), dir, ds)(ds[0].File)), dir)
	}
}

func TestResolution(t *testing.T) {
	conn := "version: 1\nconnections:\n  hubspot: {provider: hubspot, credential: c}\n"
	mapping := func(provider, record string) string {
		return "version: 1\nrecord_type: " + record + "\nprovider: " + provider + "\nobject: things\n" + sampleMatch + "fields:\n  a: record_id\n"
	}
	set, ds := loadFiles(map[string]string{
		"own/org.yaml": conn, "own/hubspot/contact.yaml": mapping("hubspot", "contact"), "own/_any/company.yaml": mapping("_any", "company"),
		"bare/org.yaml":                conn,
		"_global/hubspot/contact.yaml": mapping("hubspot", "contact"),
		"_global/hubspot/company.yaml": mapping("hubspot", "company"),
		"_global/_any/deal.yaml":       mapping("_any", "deal"),
	})
	require.Empty(t, ds)
	cases := []struct{ org, record, want string }{
		{"own", "contact", "mappings/own/hubspot/contact.yaml"},
		{"own", "company", "mappings/own/_any/company.yaml"},
		{"own", "deal", "mappings/_global/_any/deal.yaml"},
		{"bare", "contact", "mappings/_global/hubspot/contact.yaml"},
		{"bare", "company", "mappings/_global/hubspot/company.yaml"},
	}
	for _, c := range cases {
		t.Run(c.org+" "+c.record, func(t *testing.T) {
			p := set.Program(set.Connections(c.org)[0], c.record)
			require.NotNil(t, p)
			require.Equal(t, c.want, p.File())
		})
	}
	require.Nil(t, set.Program(set.Connections("own")[0], "invoice"))
	require.Nil(t, set.Program(crmsync.Connection{ID: crmsync.ConnectionID{Org: "own"}, Provider: "pipedrive"}, "contact"))
}

func TestExtends(t *testing.T) {
	base := sampleHead + "when: record.status != 'internal'\n" + sampleMatch + "on_delete: archive\nvars: {region: EMEA, tier: 1}\nfields:\n  email: record.email\n  phone: record.phone\n  country: vars.region\n"
	set, ds := loadFiles(map[string]string{
		sampleOrg: sampleConnection, sampleGlobal: base,
		sampleMapping: "version: 1\nrecord_type: contact\nprovider: hubspot\nextends: global\nvars: {region: APAC}\nfields:\n  phone: null\n  email: lower(record.email)\n  firstname: record.first_name\n",
	})
	require.Empty(t, ds)
	p := set.Program(set.Connections("acme")[0], "contact")
	require.Equal(t, "contacts", p.Object())
	require.Equal(t, "contact", p.RecordType())
	var r Renderer
	call, ok, err := r.Render(p, event(crmsync.Updated, `{"email":"A@B.example","phone":"1","first_name":"Ada"}`), nil)
	require.NoError(t, err)
	require.True(t, ok)
	requireFields(t, `{"country":"APAC","email":"a@b.example","firstname":"Ada"}`, call)
	require.Equal(t, crmsync.Match{Field: "crmsync_id", Value: "c-1"}, call.Match)
	_, ok, err = r.Render(p, event(crmsync.Updated, `{"status":"internal"}`), nil)
	require.NoError(t, err)
	require.False(t, ok, "when is inherited")
	op, act := p.Operation(crmsync.Deleted, &crmsync.Link{ExternalID: "1"})
	require.True(t, act)
	require.Equal(t, crmsync.Archive, op)
	require.Equal(t, "mappings/_global/hubspot/contact.yaml:12:12", p.Where("country"))
	require.Equal(t, "mappings/acme/hubspot/contact.yaml:8:10", p.Where("email"))
	require.Equal(t, "mappings/acme/hubspot/contact.yaml", p.Where("nothing"))
}

func TestVarsCanBreakWhatIsInherited(t *testing.T) {
	base := sampleHead + sampleMatch + "vars: {region: EMEA}\nfields:\n  email: record.email\n  country: lower(vars.region)\n"
	set, ds := loadFiles(map[string]string{
		sampleOrg: sampleConnection, sampleGlobal: base,
		sampleMapping: "version: 1\nrecord_type: contact\nprovider: hubspot\nextends: global\nvars: {region: 7}\n",
	})
	require.Nil(t, set)
	require.Len(t, ds, 1, "%v", ds)
	require.Equal(t, "mappings/acme/hubspot/contact.yaml", ds[0].File)
	require.Equal(t, "5:1", ds[0].Range.Start.String())
	require.Contains(t, ds[0].Message, "with these vars the inherited fields/country is wrong: ")
	require.Equal(t, []string{"it stands at mappings/_global/hubspot/contact.yaml:9:12"}, ds[0].Notes)
}

func TestAllFaultsInOneRun(t *testing.T) {
	_, ds := loadFiles(inFile(sampleHead + sampleMatch + "feilds: {}\nfields:\n  email: record.emial\n  phone: lowr(record.phone)\n  lifecyclestage: {value: record.stage, map: {won: custmer}, default: other}\n").Files)
	require.Equal(t, []string{
		`mappings/acme/hubspot/contact.yaml:6:1: error: unknown key "feilds" [CM102]`,
		`mappings/acme/hubspot/contact.yaml:8:17: error: contact has no field "emial" [CM201]`,
		`mappings/acme/hubspot/contact.yaml:9:10: error: there is no function "lowr" [CM202]`,
		`mappings/acme/hubspot/contact.yaml:10:52: error: lifecyclestage does not take "custmer" [CM304]`,
	}, stripHelp(ds))
	require.Equal(t, "acme", ds[1].Org)
	require.Equal(t, "hubspot", ds[1].Provider)
	require.Equal(t, "contact", ds[1].Object)
	require.Equal(t, "/fields/email", ds[1].Pointer)
}

// stripHelp returns one line per diagnostic, without allowed values in
// parentheses: those are the other packages' to word.
func stripHelp(ds document.Diagnostics) []string {
	var out []string
	for _, l := range lines(ds) {
		if i, j := strings.Index(l, " (allowed"), strings.LastIndex(l, " ["); i > 0 {
			l = l[:i] + l[j:]
		}
		out = append(out, l)
	}
	return out
}

func TestPositionsInEveryScalar(t *testing.T) {
	cases := []struct{ name, value, want string }{
		{"plain", "record.emial", "7:17"},
		{"single quotes", "'record.emial'", "7:18"},
		{"double quotes", `"record.emial"`, "7:18"},
		{"double quotes with an escape", `"'\u00e9' + record.emial"`, "7:29"},
		{"literal", "|\n    lower(\n      record.emial)", "9:14"},
		{"folded", ">-\n    lower(\n\n    record.emial)", "10:12"},
		{"after wide characters", `"'日本' + record.emial"`, "7:25"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, ds := loadFiles(inFields("  email: " + c.value + "\n").Files)
			require.NotEmpty(t, ds)
			require.Equal(t, "CM201", ds[0].Code, "%v", ds)
			require.Equal(t, c.want, ds[0].Range.Start.String())
			require.NotNil(t, ds[0].Fix)
			require.Equal(t, "email", ds[0].Fix.Text)
		})
	}
}

func TestPlannedPartsAreRefusedByName(t *testing.T) {
	_, ds := loadFiles(inMapping("refs: {company: {record_type: company, id: record.company_id}}\nfields:\n  email: record.email\n").Files)
	require.Equal(t, []string{"CM102"}, codes(ds))
	require.Equal(t, "refs is not there yet: ids of other records can't be looked up in this version", ds[0].Help)
	_, ds = loadFiles(inFields("  email: {value: record.email, write: if_empty}\n").Files)
	require.Equal(t, []string{"CM104"}, codes(ds))
	require.Equal(t, "if_empty is not there yet: this version writes always, on_create or on_update", ds[0].Help)
	require.Nil(t, ds[0].Fix)
}

func TestFallbackDiagnosticsSayWhomTheyConcern(t *testing.T) {
	_, ds := loadFiles(map[string]string{
		"acme/org.yaml": sampleConnection, "cedar/org.yaml": sampleConnection,
		sampleGlobal: sampleHead + sampleMatch + "fields:\n  email: record.emial\n",
	})
	require.Len(t, ds, 1)
	require.Equal(t, []string{"fallback mapping: used by 2 orgs"}, ds[0].Notes)
}

func TestPlacesOfFiles(t *testing.T) {
	cases := []struct{ name, file, message string }{
		{"a mapping without a provider", "acme/contact.yaml", "this file is not read here"},
		{"a file at the top", "contact.yaml", "no file is read from this folder itself"},
		{"the other ending", "acme/hubspot/deal.yml", "a mapping's name ends in .yaml"},
		{"an org's name", "a cme/org.yaml", `"a cme" is no name of an org`},
		{"a provider's name", "acme/HubSpot/contact.yaml", `"HubSpot" is no name of a provider`},
		{"a record type's name", "acme/hubspot/Contact.yaml", `"Contact" is no name of a record type`},
		{"a folder too deep", "acme/hubspot/old/contact.yaml", "folders are not read here"},
		{"connections of all", "_global/org.yaml", "the fallback for all orgs has no connections of its own"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := inFields("  email: record.email\n").with(c.file, sampleConnection)
			_, ds := loadSample(s)
			require.Equal(t, []string{"CM107"}, codes(ds), "%v", ds)
			require.Equal(t, c.message, ds[0].Message)
		})
	}
	set, ds := loadSample(inFields("  email: record.email\n").with("README.md", "x").with(".git/config.yaml", "x").with("acme/.hidden.yaml", "x"))
	require.Empty(t, ds)
	require.NotNil(t, set)
}

func TestHashFollowsContent(t *testing.T) {
	one, _ := loadSample(inFields("  email: record.email\n"))
	same, _ := loadSample(inFields("  email: record.email\n"))
	other, _ := loadSample(inFields("  email: lower(record.email)\n"))
	tests, _ := loadSample(inFields("  email: record.email\n").with("acme/hubspot/contact_test.yaml", "version: 1\ntests:\n  - {name: one, event: {record: {}}, expect: {fields: {}}}\n"))
	require.Len(t, one.Hash(), 32)
	require.Equal(t, one.Hash(), same.Hash())
	require.NotEqual(t, one.Hash(), other.Hash())
	require.Equal(t, one.Hash(), tests.Hash(), "tests change nothing that runs")
}

func TestBadFilesAreRefusedQuickly(t *testing.T) {
	deep := strings.Repeat("{a: ", 3000) + "1" + strings.Repeat("}", 3000)
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
	cases := map[string]string{
		"5 MB": strings.Repeat("- abcdefgh\n", 500_000), "depth 3,000": deep, "aliases": bomb,
		"second document": "version: 1\n---\nversion: 1\n", "byte order mark": "\ufeffversion: 1\n", "tabs": "version: 1\nfields:\n\temail: x\n",
		"not UTF-8": "version: \xff\n", "nothing": "", "a list": "- 1\n",
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			set, ds := loadSample(inFile(text))
			require.Less(t, time.Since(start), 2*time.Second) // generous: the machine may be busy
			require.Nil(t, set)
			require.NotEmpty(t, ds)
			require.LessOrEqual(t, len(ds), 200)
			for _, d := range ds {
				require.Equal(t, "mappings/"+sampleMapping, d.File)
				require.Positive(t, d.Range.Start.Line)
			}
		})
	}
}

func TestSymbolicLinksAreFollowed(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "..2026")
	for name, text := range inFields("  email: record.email\n").Files {
		file := filepath.Join(data, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	}
	require.NoError(t, os.Symlink("..2026", filepath.Join(dir, "..data")))
	require.NoError(t, os.Symlink("..data/acme", filepath.Join(dir, "acme")))
	set, ds := Load(os.DirFS(dir), Options{})
	require.Empty(t, ds)
	require.Equal(t, []string{"acme"}, set.Orgs())
}

func TestOneMistakeIsToldOnce(t *testing.T) {
	cases := map[string]struct{ fields, want string }{
		"a list for a table": {"fields: [email]\n", `mappings/acme/hubspot/contact.yaml:6:9: error: "fields" must be a mapping, but is a list [CM104]`},
		"a tag":              {"fields:\n  email: !!str record.email\n", `mappings/acme/hubspot/contact.yaml:7:10: error: tag !!str is not allowed [CM101]`},
		"a merge key":        {"fields:\n  phone: record.phone\n  <<: {email: record.email}\n", `mappings/acme/hubspot/contact.yaml:8:3: error: merge key << is not allowed [CM101]`},
		"a number for a key": {"fields:\n  email: record.email\n  1: record.phone\n", `mappings/acme/hubspot/contact.yaml:8:3: error: key 1 is a number, not text [CM106]`},
		"a long expression":  {"fields:\n  email: \"" + strings.Repeat("record.email + ", 700) + "''\"\n", `mappings/acme/hubspot/contact.yaml:7:11: error: the expression is longer than 4096 characters [CM209]`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, ds := loadSample(inMapping(c.fields))
			require.Equal(t, []string{c.want}, lines(ds))
		})
	}
}
