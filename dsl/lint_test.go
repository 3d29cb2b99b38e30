package dsl

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"crmsync/dsl/document"
)

func TestSecretsAreNotRepeated(t *testing.T) {
	const token = "pat-na1-0f3c2d1e-aaaa-bbbb-cccc-1234567890ab"
	cases := map[string]Sample{
		"a credential":   inOrg("version: 1\nconnections:\n  hubspot: {provider: hubspot, credential: " + token + "}\n"),
		"a var":          inMapping("vars: {auth: " + token + "}\nfields:\n  email: record.email\n"),
		"a field":        inFields("  email: \"'" + token + "'\"\n"),
		"a random text":  inMapping("vars: {x: aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF}\nfields:\n  email: record.email\n"),
		"a url":          inOrg("version: 1\nconnections:\n  hubspot: {provider: hubspot, credential: \"https://me:" + token + "@example.com\"}\n"),
		"a bearer token": inMapping("vars: {h: \"Bearer " + token + "\"}\nfields:\n  email: record.email\n"),
	}
	for name, s := range cases {
		t.Run(name, func(t *testing.T) {
			_, ds := loadSample(s)
			require.Equal(t, []string{"CM405"}, codes(ds), "%v", ds)
			var b strings.Builder
			require.NoError(t, document.Text(&b, ds, Sources(sampleFS(s), "mappings", ds), false))
			require.NotContains(t, b.String(), token)
			require.NotContains(t, b.String(), "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF")
		})
	}
}

func sampleFS(s Sample) fs.FS {
	fsys := fstest.MapFS{}
	for name, text := range s.Files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

func TestCatalogOverlay(t *testing.T) {
	birch := func(fields string) map[string]string {
		return map[string]string{"birch/org.yaml": sampleConnection, "birch/hubspot/contact.yaml": sampleHead + sampleMatch + "fields:\n" + fields}
	}
	_, ds := loadFiles(birch("  email: record.email\n  loyalty_tier: {value: record.source, map: {a: gold}, default: silver}\n"))
	require.Empty(t, ds, "what the overlay lists is known")
	_, ds = loadFiles(birch("  email: record.email\n"))
	require.Equal(t, []string{`mappings/birch/hubspot/contact.yaml:6:1: error: contacts are not created without "loyalty_tier", which no field sets [CM303]`}, lines(ds))
	_, ds = loadFiles(birch("  firstname: truncate(record.first_name, 20)\n  loyalty_tier: {value: record.source, map: {a: iron}, default: silver}\n"))
	require.Equal(t, []string{`mappings/birch/hubspot/contact.yaml:8:49: error: loyalty_tier does not take "iron" [CM304]`}, lines(ds))
}

func TestAnAccountMayNeedMoreThanTheFallback(t *testing.T) {
	_, ds := loadFiles(map[string]string{"acme/org.yaml": sampleConnection, "birch/org.yaml": sampleConnection, sampleGlobal: sampleFallback})
	require.Equal(t, []string{`mappings/birch/org.yaml:3:23: error: contacts of this account are not created without "loyalty_tier", which the fallback mapping does not set [CM303]`}, lines(ds))
	require.Equal(t, "write a mapping that extends mappings/_global/hubspot/contact.yaml and sets it", ds[0].Help)
}

func TestBrokenCatalogIsReported(t *testing.T) {
	_, ds := loadFiles(inFields("  email: record.email\n").Files, func(o *Options) {
		o.Schemas = fstest.MapFS{"providers/hubspot/contacts.json": {Data: []byte(`{"object": "contacts", "fields": {"email": {"typ": "string"}}}`)}}
	})
	require.NotEmpty(t, ds)
	require.Equal(t, "schemas/providers/hubspot/contacts.json", ds[0].File)
	require.True(t, ds.HasErrors())
}

func TestAFileHasAtMost500Fields(t *testing.T) {
	var fields strings.Builder
	for i := range 501 {
		fields.WriteString("  f" + letters(i) + ": record.email\n")
	}
	_, ds := loadSample(inFile(uncatalogued + sampleMatch + "fields:\n" + fields.String()))
	require.Equal(t, []string{"CM104"}, codes(ds), "%v", ds)
	require.Equal(t, "/fields", ds[0].Pointer)
}
