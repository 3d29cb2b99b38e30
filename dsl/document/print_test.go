package document

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/stretchr/testify/require"
)

const (
	contactFile = "mappings/acme/salesforce/contact.yaml"
	companyFile = "mappings/_global/hubspot/company.yaml"
)

// samples are diagnostics of every shape, and the files that they are of.
func samples() (Diagnostics, Sources) {
	files := map[string]string{
		contactFile: "version: 1\nfields:\n  Email: record.emial\n  Naïve 漢字: record.email.lowerAscii()\n\tTab: x\n",
		companyFile: "version: 1\nprovider: hubspot\nfeilds:\n  name: |\n    record.name +\n    record.x\n" + strings.Repeat("# \n", 994) + "  " + strings.Repeat("a + ", 60) + "emial" + strings.Repeat(" + b", 60) + "\n",
	}
	ds := Diagnostics{
		{Code: "CM201", Rule: "unknown-record-field", Message: `contact has no field "emial"`, Help: "did you mean \"email\"?  fields: email, first_name, … (14)\nthey stand in schemas/records/contact.schema.json",
			File: contactFile, Range: at(3, 17, 3, 22), Pointer: "/fields/Email", Org: "acme", Provider: "salesforce", Object: "Contact",
			Fix: &Fix{Range: at(3, 17, 3, 22), Text: "email"}},
		{Severity: Warning, Code: "CM211", Rule: "possibly-null", Message: `"email" may be null here; lowerAscii() fails on null`, Help: "lower(record.email)   (takes null, gives null)",
			File: contactFile, Range: at(4, 13, 4, 25), Pointer: "/fields/Naïve 漢字", Org: "acme", Provider: "salesforce", Object: "Contact"},
		{Code: "CM101", Rule: "yaml-syntax", Message: "tab in the indentation", File: contactFile, Range: at(5, 1, 5, 2)},
		{Code: "CM102", Rule: "unknown-key", Message: `unknown key "feilds"`, Help: `did you mean "fields"?`, File: companyFile, Range: at(3, 1, 3, 7), Pointer: "/feilds",
			Notes: []string{"fallback mapping: used by 37 orgs"}},
		{Code: "CM203", Rule: "type-mismatch", Message: "no + of text and number", File: companyFile, Range: at(5, 17, 6, 13), Pointer: "/fields/name"},
		{Code: "CM201", Rule: "unknown-record-field", Message: `company has no field "emial"`, File: companyFile, Range: at(1001, 243, 1001, 248)},
		{Severity: Warning, Code: "CM403", Rule: "no-test", Message: "the mapping has no test", Help: "50% of it: a, b\ninitial", File: "a:b,c.yaml"},
		{Code: "CM103", Rule: "missing-key", Message: "missing key \"\x1b[31mversion\"", File: contactFile, Range: at(1, 1, 1, 1)},
	}
	return ds, func(file string) []byte {
		if src, ok := files[file]; ok {
			return []byte(src)
		}
		return nil
	}
}

func TestText(t *testing.T) {
	ds, sources := samples()
	var b strings.Builder
	require.NoError(t, Text(&b, ds, sources, false))
	require.Equal(t, `mappings/acme/salesforce/contact.yaml:3:17: error: contact has no field "emial" [CM201 unknown-record-field]
   |
 3 |   Email: record.emial
   |                 ^~~~~
   = help: did you mean "email"?  fields: email, first_name, … (14)
           they stand in schemas/records/contact.schema.json

mappings/acme/salesforce/contact.yaml:4:13: warning: "email" may be null here; lowerAscii() fails on null [CM211 possibly-null]
   |
 4 |   Naïve 漢字: record.email.lowerAscii()
   |               ^~~~~~~~~~~~
   = help: lower(record.email)   (takes null, gives null)

mappings/acme/salesforce/contact.yaml:5:1: error: tab in the indentation [CM101 yaml-syntax]
   |
 5 | 	Tab: x
   | ^

mappings/_global/hubspot/company.yaml:3:1: error: unknown key "feilds" [CM102 unknown-key]
   |
 3 | feilds:
   | ^~~~~~
   = help: did you mean "fields"?
   = note: fallback mapping: used by 37 orgs

mappings/_global/hubspot/company.yaml:5:17: error: no + of text and number [CM203 type-mismatch]
   |
 5 |     record.name +
   |                 ^

mappings/_global/hubspot/company.yaml:1001:243: error: company has no field "emial" [CM201 unknown-record-field]
     |
1001 | … a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + emial + b + b + b + b + b + b + b + b + b + b + b + b + b +  …
     |                                                               ^~~~~

a:b,c.yaml: warning: the mapping has no test [CM403 no-test]
   = help: 50% of it: a, b
           initial

mappings/acme/salesforce/contact.yaml:1:1: error: missing key "�[31mversion" [CM103 missing-key]
   |
 1 | version: 1
   | ^
`, b.String())
}

func TestWidth(t *testing.T) {
	for text, want := range map[string]int{"": 0, "abc": 3, "é": 1, "e\u0301": 1, "日本": 4, "a\u200db": 2} {
		require.Equal(t, want, Width(text), text)
	}
}

func TestTextColor(t *testing.T) {
	ds, sources := samples()
	var b strings.Builder
	require.NoError(t, Text(&b, ds[:2], sources, true))
	require.Equal(t, strings.NewReplacer("<b>", "\x1b[1m", "<r>", "\x1b[1;31m", "<y>", "\x1b[1;33m", "<l>", "\x1b[1;34m", "</>", "\x1b[0m").Replace(
		`<b>mappings/acme/salesforce/contact.yaml:3:17:</> <r>error:</> <b>contact has no field "emial"</> [CM201 unknown-record-field]
   <l>|</>
<l> 3</> <l>|</>   Email: record.emial
   <l>|</>                 <r>^~~~~</>
   <l>=</> <b>help:</> did you mean "email"?  fields: email, first_name, … (14)
           they stand in schemas/records/contact.schema.json

<b>mappings/acme/salesforce/contact.yaml:4:13:</> <y>warning:</> <b>"email" may be null here; lowerAscii() fails on null</> [CM211 possibly-null]
   <l>|</>
<l> 4</> <l>|</>   Naïve 漢字: record.email.lowerAscii()
   <l>|</>               <y>^~~~~~~~~~~~</>
   <l>=</> <b>help:</> lower(record.email)   (takes null, gives null)
`), b.String())
}

// TestTextWithoutSource: a file that is not to be had, or no longer as long.
func TestTextWithoutSource(t *testing.T) {
	d := Diagnostic{Code: "CM101", Rule: "yaml-syntax", Message: "gone", File: "f.yaml", Range: at(9, 1, 9, 2)}
	const want = "f.yaml:9:1: error: gone [CM101 yaml-syntax]\n"
	for name, sources := range map[string]Sources{
		"no sources": nil,
		"no file":    func(string) []byte { return nil },
		"shorter":    func(string) []byte { return []byte("a: 1\n") },
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			require.NoError(t, Text(&b, Diagnostics{d}, sources, false))
			require.Equal(t, want, b.String())
		})
	}
}

func TestTextShowsNoControls(t *testing.T) {
	var b strings.Builder
	d := Diagnostic{Code: "CM101", Rule: "yaml-syntax", Message: "control character U+001B", File: "f.yaml", Range: at(1, 2, 1, 3)}
	require.NoError(t, Text(&b, Diagnostics{d}, func(string) []byte { return []byte("a\x1b[31m\tb\xff") }, false))
	require.Equal(t, "f.yaml:1:2: error: control character U+001B [CM101 yaml-syntax]\n   |\n 1 | a\ufffd[31m\tb\ufffd\n   |  ^\n", b.String())
}

func TestOneline(t *testing.T) {
	ds, _ := samples()
	var b strings.Builder
	require.NoError(t, Oneline(&b, ds))
	const want = `mappings/acme/salesforce/contact.yaml:3:17: error: contact has no field "emial" [CM201]
mappings/acme/salesforce/contact.yaml:4:13: warning: "email" may be null here; lowerAscii() fails on null [CM211]
mappings/acme/salesforce/contact.yaml:5:1: error: tab in the indentation [CM101]
mappings/_global/hubspot/company.yaml:3:1: error: unknown key "feilds" [CM102]
mappings/_global/hubspot/company.yaml:5:17: error: no + of text and number [CM203]
mappings/_global/hubspot/company.yaml:1001:243: error: company has no field "emial" [CM201]
a:b,c.yaml: warning: the mapping has no test [CM403]
mappings/acme/salesforce/contact.yaml:1:1: error: missing key "�[31mversion" [CM103]
`
	require.Equal(t, want, b.String())
	require.EqualError(t, ds.Err(), strings.TrimSuffix(want, "\n"))
}

func TestGitHub(t *testing.T) {
	ds, _ := samples()
	var b strings.Builder
	require.NoError(t, GitHub(&b, ds))
	require.Equal(t, `::error file=mappings/acme/salesforce/contact.yaml,line=3,col=17,endColumn=22,title=CM201 unknown-record-field::contact has no field "emial" (did you mean "email"?  fields: email, first_name, … (14))
::warning file=mappings/acme/salesforce/contact.yaml,line=4,col=13,endColumn=25,title=CM211 possibly-null::"email" may be null here; lowerAscii() fails on null (lower(record.email)   (takes null, gives null))
::error file=mappings/acme/salesforce/contact.yaml,line=5,col=1,endColumn=2,title=CM101 yaml-syntax::tab in the indentation
::error file=mappings/_global/hubspot/company.yaml,line=3,col=1,endColumn=7,title=CM102 unknown-key::unknown key "feilds" (did you mean "fields"?)
::error file=mappings/_global/hubspot/company.yaml,line=5,col=17,endLine=6,title=CM203 type-mismatch::no + of text and number
::error file=mappings/_global/hubspot/company.yaml,line=1001,col=243,endColumn=248,title=CM201 unknown-record-field::company has no field "emial"
::warning file=a%3Ab%2Cc.yaml,title=CM403 no-test::the mapping has no test (50%25 of it: a, b)
::error file=mappings/acme/salesforce/contact.yaml,line=1,col=1,title=CM103 missing-key::missing key "�[31mversion"
`, b.String())
}

// both is what JSON prints of the first two samples.
const both = `{
  "format_version": "1.0",
  "valid": false,
  "error_count": 1,
  "warning_count": 1,
  "diagnostics": [
    {
      "severity": "error",
      "code": "CM201",
      "rule": "unknown-record-field",
      "message": "contact has no field \"emial\"",
      "help": "did you mean \"email\"?  fields: email, first_name, … (14)\nthey stand in schemas/records/contact.schema.json",
      "file": "mappings/acme/salesforce/contact.yaml",
      "range": {
        "start": {
          "line": 3,
          "column": 17
        },
        "end": {
          "line": 3,
          "column": 22
        }
      },
      "pointer": "/fields/Email",
      "org": "acme",
      "provider": "salesforce",
      "object": "Contact",
      "fix": {
        "range": {
          "start": {
            "line": 3,
            "column": 17
          },
          "end": {
            "line": 3,
            "column": 22
          }
        },
        "text": "email"
      }
    },
    {
      "severity": "warning",
      "code": "CM211",
      "rule": "possibly-null",
      "message": "\"email\" may be null here; lowerAscii() fails on null",
      "help": "lower(record.email)   (takes null, gives null)",
      "file": "mappings/acme/salesforce/contact.yaml",
      "range": {
        "start": {
          "line": 4,
          "column": 13
        },
        "end": {
          "line": 4,
          "column": 25
        }
      },
      "pointer": "/fields/Naïve 漢字",
      "org": "acme",
      "provider": "salesforce",
      "object": "Contact"
    }
  ]
}
`

func TestJSON(t *testing.T) {
	ds, _ := samples()
	var b strings.Builder
	require.NoError(t, JSON(&b, ds[:2]))
	require.Empty(t, diff.Diff("want", []byte(both), "got", []byte(b.String())), "byte for byte, with the order of the keys")
	b.Reset()
	require.NoError(t, JSON(&b, nil))
	require.JSONEq(t, `{"format_version": "1.0", "valid": true, "error_count": 0, "warning_count": 0, "diagnostics": []}`, b.String())
	b.Reset()
	require.NoError(t, JSON(&b, ds))
	require.True(t, json.Valid([]byte(b.String())))
}

// full is a writer that takes nothing.
type full struct{}

var errFull = errors.New("disk full")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestPrintersTellOfWriteErrors(t *testing.T) {
	ds, sources := samples()
	require.ErrorIs(t, Text(full{}, ds, sources, true), errFull)
	require.ErrorIs(t, Oneline(full{}, ds), errFull)
	require.ErrorIs(t, GitHub(full{}, ds), errFull)
	require.ErrorIs(t, JSON(full{}, ds), errFull)
}

func TestDiagnostics(t *testing.T) {
	ds, _ := samples()
	require.Equal(t, "6 errors, 2 warnings", ds.Summary())
	require.Equal(t, "1 error, 1 warning", ds[:2].Summary())
	require.Equal(t, "1 warning", ds[1:2].Summary())
	require.Equal(t, "no errors", Diagnostics{}.Summary())
	require.True(t, ds.HasErrors())
	require.False(t, ds[1:2].HasErrors())
	require.NoError(t, ds[1:2].Err())
	require.NoError(t, Diagnostics(nil).Err())
	ds.Sort()
	var order []string
	for _, d := range ds {
		order = append(order, fmt.Sprintf("%s:%v %s", d.File[len(d.File)-8:], d.Range.Start, d.Code))
	}
	require.Equal(t, []string{"b,c.yaml:0:0 CM403", "any.yaml:3:1 CM102", "any.yaml:5:17 CM203", "any.yaml:1001:243 CM201",
		"act.yaml:1:1 CM103", "act.yaml:3:17 CM201", "act.yaml:4:13 CM211", "act.yaml:5:1 CM101"}, order)
}

func TestApply(t *testing.T) {
	src := []byte("é: ab\r\nb: c\n")
	require.Equal(t, "é: XYb\r\nb: c\n", string(Fix{at(1, 4, 1, 5), "XY"}.Apply(src)))
	require.Equal(t, "é: ab: c\n", string(Fix{at(1, 6, 2, 2), ""}.Apply(src)), "over a line's end")
	require.Equal(t, "é: ab\r\nb: !c\n", string(Fix{at(2, 4, 2, 4), "!"}.Apply(src)), "put in")
	require.Equal(t, "é: ab\r\nb: c\n", string(src), "the source stays")
}
