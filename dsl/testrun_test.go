package dsl

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	runMapping = "version: 1\nrecord_type: contact\nprovider: hubspot\nobject: things\n" + sampleMatch +
		"when: record.status != 'internal'\non_delete: archive\nfields:\n" +
		"  email: lower(record.email)\n" +
		"  country: countryName(record.country)\n" +
		"  stage: {value: record.stage, map: {lead: L, won: W}, default: X}\n" +
		"  score: record.score\n"
	runFile = "acme/hubspot/contact_test.yaml"
)

// tested loads the mapping with a file of tests.
func tested(t *testing.T, tests string) *Set {
	t.Helper()
	set, ds := loadFiles(map[string]string{sampleOrg: sampleConnection, sampleMapping: runMapping, runFile: "version: 1\ntests:\n" + tests})
	require.NotNil(t, set, "%v", ds)
	return set
}

func runTests(t *testing.T, tests string) *TestReport {
	t.Helper()
	report, err := tested(t, tests).RunTests()
	require.NoError(t, err)
	return report
}

func TestRunTestsDifferences(t *testing.T) {
	cases := []struct {
		name, test string
		want       []Difference
	}{
		{"exact fields hold", "{event: {record: {email: A}}, expect: {fields: {email: a}}}", nil},
		{"a value differs", "{event: {record: {email: A, country: GB}}, expect: {fields: {email: b, country: Britain}}}", []Difference{{"fields.country", `"Britain"`, `"United Kingdom"`}, {"fields.email", `"b"`, `"a"`}}},
		{"one is missing", "{event: {record: {}}, expect: {fields: {email: a}}}", []Difference{{"fields.email", `"a"`, ""}}},
		{"one is too much", "{event: {record: {email: A}}, expect: {fields: {}}}", []Difference{{"fields.email", "", `"a"`}}},
		{"null is not missing", "{event: {record: {email: null}}, expect: {fields: {}}}", []Difference{{"fields.email", "", "null"}}},
		{"numbers are compared by value", "{event: {record: {score: 5}}, expect: {fields: {score: 5.0}}}", nil},
		{"text is no number", "{event: {record: {score: 5}}, expect: {fields: {score: \"5\"}}}", []Difference{{"fields.score", `"5"`, "5"}}},
		{"some fields", "{event: {record: {email: A, score: 1}}, expect: {fields_include: {score: 1}, fields_omit: [country]}}", nil},
		{"omitted is there", "{event: {record: {email: A}}, expect: {fields_omit: [email]}}", []Difference{{"fields.email", "", `"a"`}}},
		{"operation and object and id", "{event: {record: {}}, link: {external_id: \"51\"}, expect: {operation: upsert, object: others, external_id: \"52\"}}", []Difference{{"operation", `"upsert"`, `"update"`}, {"object", `"others"`, `"things"`}, {"external_id", `"52"`, `"51"`}}},
		{"match", "{event: {record: {}}, expect: {match: {field: id, value: r-2}}}", []Difference{{"match.field", `"id"`, `"crmsync_id"`}, {"match.value", `"r-2"`, `"r-1"`}}},
		{"filtered", "{event: {record: {status: internal}}, expect: {outcome: filtered}}", nil},
		{"not filtered", "{event: {record: {}}, expect: {outcome: filtered}}", []Difference{{"outcome", `"filtered"`, "a call: upsert things"}}},
		{"filtered instead of a call", "{event: {record: {status: internal}}, expect: {operation: upsert}}", []Difference{{"operation", `"upsert"`, `"filtered"`}}},
		{"an error instead of a call", "{event: {record: {score: x}}, expect: {fields: {}}}", []Difference{{"operation", "a call", "error cel_error of score: "}}},
		{"the error that was expected", "{event: {record: {country: Narnia}}, expect: {error: {code: cel_error, field: country}}}", nil},
		{"another error", "{event: {record: {country: Narnia}}, expect: {error: {code: unlisted_value, field: email, message: nothing of it}}}", []Difference{{"error.code", `"unlisted_value"`, `"cel_error"`}, {"error.field", `"email"`, `"country"`}, {"error.message", `"nothing of it"`, ""}}},
		{"no error at all", "{event: {record: {}}, expect: {error: {code: cel_error}}}", []Difference{{"error.code", `"cel_error"`, "a call: upsert things"}}},
		{"a delete", "{event: {op: delete}, link: {external_id: \"51\"}, expect: {operation: archive, external_id: \"51\"}}", nil},
		{"what a test leaves out is filled in", "{event: {op: create, record: {}, record_id: c-9, version: 4, occurred_at: \"2026-01-02T00:00:00Z\", changed: [email], event_id: x, org_id: birch}, expect: {match: {field: crmsync_id, value: c-9}}}", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			report := runTests(t, "  - "+strings.Replace(c.test, "{", "{name: "+c.name+", ", 1)+"\n")
			require.Len(t, report.Results, 1)
			got := report.Results[0]
			require.Equal(t, "mappings/"+runFile, got.File)
			require.Equal(t, 3, got.Line)
			require.Equal(t, c.name, got.Name)
			require.Equal(t, c.want == nil, got.Passed)
			require.Len(t, got.Differences, len(c.want), "%v", got.Differences)
			for i, d := range got.Differences {
				if strings.HasPrefix(c.want[i].Got, "error cel_error") || c.want[i].Path == "error.message" {
					require.Contains(t, d.Got, c.want[i].Got) // the words are expr's
					d.Got = c.want[i].Got
				}
				require.Equal(t, c.want[i], d)
			}
		})
	}
}

func TestRunTestsSaysWhy(t *testing.T) {
	report := runTests(t, "  - name: countries\n    event: {record: {country: GB}}\n    expect:\n      fields: {country: Britain}\n")
	require.Equal(t, 1, report.Failed())
	because := report.Results[0].Because
	require.Len(t, because, 1)
	require.Equal(t, "country", because[0].Name)
	require.Equal(t, "mappings/acme/hubspot/contact.yaml:10:12", because[0].Where)
	require.Equal(t, "countryName(record.country)", because[0].Expression)
	require.NotEmpty(t, because[0].Steps)
	require.Equal(t, `"United Kingdom"`, because[0].JSON)

	report = runTests(t, "  - {name: skipped, event: {record: {status: internal}}, expect: {fields: {}}}\n")
	require.Equal(t, "when", report.Results[0].Because[0].Name)
	report = runTests(t, "  - {name: no country, event: {record: {country: Narnia}}, expect: {fields: {}}}\n")
	require.Equal(t, "country", report.Results[0].Because[0].Name)
	require.Equal(t, "cel_error", report.Results[0].Because[0].Fault.Code)
}

func TestRunTestsChoosesFiles(t *testing.T) {
	set := tested(t, "  - {name: one, event: {record: {}}, expect: {fields: {}}}\n")
	for _, name := range []string{"mappings", "mappings/acme/", "mappings/acme/hubspot/contact.yaml", "mappings/acme/hubspot/contact_test.yaml"} {
		report, err := set.RunTests(name, name)
		require.NoError(t, err, name)
		require.Len(t, report.Results, 1, name)
	}
	_, err := set.RunTests("mappings/birch")
	require.EqualError(t, err, "no tests at mappings/birch: name a mapping, its _test.yaml, or a folder below mappings that has some")
}

func TestOnlyTests(t *testing.T) {
	set := tested(t, "  - {name: one, event: {record: {email: A}}, expect: {fields: {}}}\n  - {name: two, event: {record: {email: A}}, expect: {fields: {}}}\n")
	two := set.OnlyTests(func(name string) bool { return name == "two" })
	report, err := two.RunTests()
	require.NoError(t, err)
	require.Len(t, report.Results, 1)
	require.Equal(t, "two", report.Results[0].Name)
	updates, err := two.UpdateTests()
	require.NoError(t, err)
	require.Len(t, updates, 1)
	require.Equal(t, 1, updates[0].Changed)
	require.Equal(t, "version: 1\ntests:\n  - {name: one, event: {record: {email: A}}, expect: {fields: {}}}\n  - {name: two, event: {record: {email: A}}, expect: {fields: {email: a}}}\n", string(updates[0].Source))
	report, err = set.RunTests()
	require.NoError(t, err)
	require.Len(t, report.Results, 2, "the set itself is as it was")
}

func TestCoverage(t *testing.T) {
	report := runTests(t, "  - {name: one, event: {record: {email: A, stage: lead, country: null}}, expect: {fields_include: {email: a}}}\n")
	const at = "mappings/acme/hubspot/contact.yaml"
	require.Equal(t, Coverage{
		Fields: 4, FieldsHit: 3, Branches: 5, BranchesHit: 2,
		Missed: []string{at + `:11:18: stage, default`, at + `:11:18: stage, map of "won"`, at + `:12:10: score`, at + `:6:7: when is false`},
	}, report.Coverage)

	report = runTests(t, "  - {name: a, event: {record: {email: A, stage: lead, country: GB, score: 1}}, expect: {operation: upsert}}\n  - {name: b, event: {record: {stage: won}}, expect: {operation: upsert}}\n  - {name: c, event: {record: {stage: sql}}, expect: {operation: upsert}}\n  - {name: d, event: {record: {status: internal}}, expect: {outcome: filtered}}\n")
	require.Equal(t, Coverage{Fields: 4, FieldsHit: 4, Branches: 5, BranchesHit: 5}, report.Coverage)
}

func TestUpdateTests(t *testing.T) {
	cases := []struct{ name, before, after string }{
		{
			"a value in place",
			"  - name: one # the first\n    event: {record: {email: A, country: GB}}\n    expect:\n      fields:\n        # as the law says\n        email: \"b\" # why\n        country: Britain\n",
			"  - name: one # the first\n    event: {record: {email: A, country: GB}}\n    expect:\n      fields:\n        # as the law says\n        email: a # why\n        country: United Kingdom\n",
		},
		{
			"fields that come and go",
			"  - name: one\n    event: {record: {email: A}}\n    expect:\n      operation: upsert\n      fields:\n        country: Britain\n  # what follows\n  - {name: two, event: {record: {}}, expect: {fields: {}}}\n",
			"  - name: one\n    event: {record: {email: A}}\n    expect:\n      operation: upsert\n      fields:\n        email: a\n  # what follows\n  - {name: two, event: {record: {}}, expect: {fields: {}}}\n",
		},
		{
			"one in a line",
			"  - {name: one, event: {record: {email: A, score: 1.5}}, expect: {fields: {email: b}}}\n  - {name: two, event: {record: {email: \"x: y\"}}, expect: {fields: {email: z}}}\n",
			"  - {name: one, event: {record: {email: A, score: 1.5}}, expect: {fields: {email: a, score: 1.5}}}\n  - {name: two, event: {record: {email: \"x: y\"}}, expect: {fields: {email: \"x: y\"}}}\n",
		},
		{
			"a call that was skipped before",
			"  - name: one\n    event: {record: {email: A}}\n    expect: {outcome: filtered}\n",
			"  - name: one\n    event: {record: {email: A}}\n    expect: {operation: upsert, match: {field: crmsync_id, value: r-1}, fields: {email: a}}\n",
		},
		{
			"an error",
			"  - name: one\n    event: {record: {country: Narnia}}\n    expect:\n      fields:\n        country: Narnia\n",
			"  - name: one\n    event: {record: {country: Narnia}}\n    expect:\n      error: {code: cel_error, field: country}\n",
		},
		{
			"some fields stay some",
			"  - name: one\n    event: {record: {email: A, score: 1}}\n    expect:\n      fields_include: {email: a, country: Britain}\n",
			"  - name: one\n    event: {record: {email: A, score: 1}}\n    expect:\n      fields_include:\n        email: a\n      fields_omit: [\"country\"]\n",
		},
		{
			"skipped now",
			"  - name: one\n    event: {record: {status: internal}}\n    expect:\n      fields: {}\n",
			"  - name: one\n    event: {record: {status: internal}}\n    expect:\n      outcome: filtered\n",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			updates, err := tested(t, c.before).UpdateTests()
			require.NoError(t, err)
			require.Len(t, updates, 1)
			require.Equal(t, runFile, updates[0].Path)
			require.Equal(t, "mappings/"+runFile, updates[0].File)
			require.Equal(t, "version: 1\ntests:\n"+c.after, string(updates[0].Source))
			require.Zero(t, runTests(t, c.after).Failed())
			none, err := tested(t, c.after).UpdateTests()
			require.NoError(t, err)
			require.Empty(t, none, "nothing is left to do")
		})
	}
}
