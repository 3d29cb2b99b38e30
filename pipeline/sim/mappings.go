package sim

import (
	"archive/zip"
	"bytes"
	"fmt"
	"maps"
	"slices"

	"crmsync"
	"crmsync/dsl"
)

// The two CRMs of this world: one updates or creates by a key of ours, the
// other can only create, and sees in a search what it has made a while ago.
const (
	atlas  = "atlas"
	basalt = "basalt"
)

// deletion is what becomes of an object when its record is deleted.
type deletion uint8

const (
	archives deletion = iota
	marks             // the object stays, and says that its record is gone
	ignores
)

// policy is what the mapping of a record type at a CRM says, as far as the
// promise depends on it.
type policy struct {
	provider, recordType, object string
	onDelete                     deletion
	recreates                    bool
}

var policies = [...]policy{
	{atlas, "person", "people", archives, false},
	{atlas, "firm", "firms", marks, true},
	{atlas, "offer", "offers", ignores, false},
	{basalt, "person", "people", archives, true},
	{basalt, "firm", "firms", marks, false},
	{basalt, "offer", "offers", ignores, true},
}

// policyOf returns what holds for a record type at a CRM; nil: there is no mapping.
func policyOf(provider, recordType string) *policy {
	for i := range policies {
		if p := &policies[i]; p.provider == provider && p.recordType == recordType {
			return p
		}
	}
	return nil
}

// accounts are the connections of this world. Acme has two.
var accounts = [...]crmsync.Connection{
	{ID: crmsync.ConnectionID{Org: "acme", Name: atlas}, Provider: atlas, Credential: "key", Plan: "small"},
	{ID: crmsync.ConnectionID{Org: "acme", Name: basalt}, Provider: basalt, Credential: "token", Plan: "small"},
	{ID: crmsync.ConnectionID{Org: "beta", Name: basalt}, Provider: basalt, Credential: "token", Plan: "small"},
}

// accountOf returns the connection of that name, nil if there is none.
func accountOf(id crmsync.ConnectionID) *crmsync.Connection {
	for i := range accounts {
		if accounts[i].ID == id {
			return &accounts[i]
		}
	}
	return nil
}

// text returns the policy's mapping. extra is a line that makes another program of it.
func (p *policy) text(extra string) string {
	deletes := [...]string{archives: "archive", marks: "{set: {status: gone}}", ignores: "ignore"}[p.onDelete]
	missing := map[bool]string{true: "recreate", false: "fail"}[p.recreates]
	return fmt.Sprintf(`version: 1
record_type: %s
provider: %s
object: %s
when: record.status != "internal"
match: {field: key, value: record_id}
on_delete: %s
on_missing: %s
fields:
  value: record.value
  life: record.life
  flaw: record.flaw
  email: lower(record.email)
  status: "'active'"
%s`, p.recordType, p.provider, p.object, deletes, missing, extra)
}

// variant is one state of the folder of mappings.
type variant struct {
	trouble Trouble // that has come when it is in force
	paused  crmsync.ConnectionID
	gone    *policy
	extra   string
}

// variants are all of them. The first is the one that all is well with.
var variants = [...]variant{
	{},
	{trouble: OtherProgram, extra: "  tag: \"'other'\"\n"},
	{trouble: ConnectionPaused, paused: accounts[0].ID},
	{trouble: ConnectionPaused, paused: accounts[1].ID},
	{trouble: ConnectionPaused, paused: accounts[2].ID},
	{trouble: MappingGone, gone: &policies[0]},
	{trouble: MappingGone, gone: &policies[4]},
	{trouble: MappingGone, gone: &policies[3]},
}

// lacks says whether the variant has no mapping for a record type at a CRM.
func (v *variant) lacks(provider, recordType string) bool {
	p := policyOf(provider, recordType)
	return p == nil || p == v.gone
}

// files returns the folder of the variant.
func (v *variant) files() map[string]string {
	files := map[string]string{}
	for i := range policies {
		if p := &policies[i]; p != v.gone {
			files["_global/"+p.provider+"/"+p.recordType+".yaml"] = p.text(v.extra)
		}
	}
	for _, c := range accounts {
		name := c.ID.Org + "/org.yaml"
		if files[name] == "" {
			files[name] = "version: 1\nconnections:\n"
		}
		files[name] += fmt.Sprintf("  %s: {provider: %s, credential: %s, plan: %s, paused: %t}\n", c.ID.Name, c.Provider, c.Credential, c.Plan, c.ID == v.paused)
	}
	return files
}

// shape is what records of every type look like.
const shape = `{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {
  "value": {"type": "integer"}, "life": {"type": "integer"}, "flaw": {"type": "string"},
  "email": {"type": "string"}, "status": {"type": "string"}
}}`

// shapes returns the folder of schemas.
func shapes() map[string]string {
	files := map[string]string{}
	for i := range policies {
		files["records/"+policies[i].recordType+".schema.json"] = shape
	}
	return files
}

// Sets are the mappings of this world, compiled. All histories share them.
type Sets struct{ sets [len(variants)]*dsl.Set }

// Compile returns the mappings of this world. An error is a mistake in this package.
func Compile() (*Sets, error) {
	schemas, err := archive(shapes())
	if err != nil {
		return nil, err
	}
	s := &Sets{}
	for i := range variants {
		folder, err := archive(variants[i].files())
		if err != nil {
			return nil, err
		}
		set, found := dsl.Load(folder, dsl.Options{Schemas: schemas})
		if set == nil {
			return nil, fmt.Errorf("compile the mappings of the simulation: %s", found.Error())
		}
		s.sets[i] = set
	}
	return s, nil
}

// archive makes a folder of files.
func archive(files map[string]string) (*zip.Reader, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := w.Create(name)
		if err != nil {
			return nil, fmt.Errorf("pack %s: %w", name, err)
		}
		if _, err := f.Write([]byte(files[name])); err != nil {
			return nil, fmt.Errorf("pack %s: %w", name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pack the mappings of the simulation: %w", err)
	}
	return zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
}
