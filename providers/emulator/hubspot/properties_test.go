package hubspot

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

const dealProperties = "/crm/v3/properties/deals"

func newProperty(name, rest string) string {
	return fmt.Sprintf(`{"groupName":"dealinformation","name":%q,"label":"x","type":"string","fieldType":"text"%s}`, name, rest)
}

func TestCreateProperty(t *testing.T) {
	a := open(t, Config{})
	want := `{"name":"outside_id","label":"x","type":"string","fieldType":"text","groupName":"dealinformation","description":"","options":[],"displayOrder":0,
		"hasUniqueValue":true,"hidden":false,"formField":false,"externalOptions":false,"calculated":false,"archived":false,
		"createdAt":"` + noon + `","updatedAt":"` + noon + `","modificationMetadata":{"archivable":true,"readOnlyDefinition":false,"readOnlyValue":false}}`
	require.JSONEq(t, want, a.must(201, "POST", dealProperties, newProperty("outside_id", `,"hasUniqueValue":true`)))
	require.JSONEq(t, want, a.must(200, "GET", dealProperties+"/outside_id", ""))
	require.JSONEq(t, want, a.must(200, "GET", "/crm/properties/2026-03/0-3/outside_id", ""))
	a.must(200, "POST", "/crm/v3/objects/deals/batch/upsert", `{"inputs":[{"id":"A","idProperty":"outside_id","properties":{"dealname":"A"}}]}`)
	require.Equal(t, "A", a.server.Objects(testPortal, "deals")[0].Properties["outside_id"])
}

func TestPropertyRefusals(t *testing.T) {
	tests := []struct {
		name, body string
		status     int
		message    string
	}{
		{"there already", newProperty("dealname", ""), 409, "A property named 'dealname' already exists"},
		{"bad name", newProperty("Deal-Name", ""), 400, `Property name "Deal-Name" is not valid. Use lower-case letters, digits and underscores, starting with a letter, at most 100`},
		{"no label", `{"name":"x"}`, 400, "Some required fields were not set: [label]"},
		{"no group", `{"name":"x","label":"x"}`, 400, "Some required fields were not set: [groupName]"},
		{"bad type", newProperty("x", `,"type":"text"`), 400, `"text" is not a valid property type. Valid types: [string number date datetime enumeration bool]`},
		{"bad field type", newProperty("x", `,"fieldType":"line"`), 400, `"line" is not a valid field type. Valid field types: [textarea text date file number select radio checkbox booleancheckbox phonenumber html calculation_equation]`},
		{"unique date", newProperty("x", `,"type":"date","hasUniqueValue":true`), 400, `Property "x" of type date can not have unique values`},
		{"no options", newProperty("x", `,"type":"enumeration","fieldType":"select"`), 400, `Enumeration property "x" needs options`},
		{"wrong JSON type", newProperty("x", `,"hidden":1`), 400, "Invalid input JSON on line 1, column 99: Cannot deserialize value of type `bool` from number value"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var answer errorBody
			a := open(t, Config{})
			require.NoError(t, json.Unmarshal([]byte(a.must(test.status, "POST", dealProperties, test.body)), &answer))
			require.Equal(t, test.message, answer.Message)
		})
	}
}

func TestUniquePropertyLimit(t *testing.T) {
	a := open(t, Config{}) // crmsync_id is the first one
	for i := range maxUnique - 1 {
		require.NoError(t, a.server.CreateProperty(testPortal, "deals", Property{
			Name: fmt.Sprintf("id_%d", i), Label: "x", Type: "string", FieldType: "text", GroupName: "g", HasUniqueValue: true,
		}))
	}
	require.JSONEq(t, `{"status":"error","message":"deals can have at most 10 properties with unique values","correlationId":"…","category":"VALIDATION_ERROR"}`,
		a.must(400, "POST", dealProperties, newProperty("eleventh", `,"hasUniqueValue":true`)))
	a.must(201, "POST", dealProperties, newProperty("eleventh", ""))
	err := a.server.CreateProperty(1, "deals", Property{Name: "x"})
	require.ErrorIs(t, err, ErrUnknownPortal)
	require.EqualError(t, err, "create property x of deals in portal 1: unknown portal: add it first")
	require.ErrorIs(t, a.server.CreateProperty(testPortal, "leads", Property{Name: "x"}), ErrUnknownObjectType)
}

// TestStandardProperties keeps the list honest: every name that the emulator
// relies on is there, and the definitions are valid.
func TestStandardProperties(t *testing.T) {
	all := kinds()
	schemas, err := standardSchemas(all, newClock(t).Now())
	require.NoError(t, err)
	for _, k := range all {
		t.Run(k.name, func(t *testing.T) {
			s := schemas[k]
			names := append(append(append([]string{k.modified, "hs_object_id", "createdate"}, k.shown...), k.oneOf...), k.needs...)
			for _, name := range append(names, k.searched...) {
				require.GreaterOrEqual(t, s.slot(name), 0, name)
			}
			for _, p := range s.props {
				if !p.ReadOnly && !p.ExternalOptions {
					require.Empty(t, p.fault(), p.Name)
				}
			}
			require.Len(t, s.slots, len(s.props), "a name is there twice")
		})
	}
}

func TestListProperties(t *testing.T) {
	a := open(t, Config{})
	var answer struct{ Results []propertyAnswer }
	require.NoError(t, json.Unmarshal([]byte(a.must(200, "GET", "/crm/v3/properties/0-1", "")), &answer))
	byName := map[string]propertyAnswer{}
	for _, p := range answer.Results {
		byName[p.Name] = p
	}
	require.True(t, byName["createdate"].ModificationMetadata.ReadOnlyValue)
	require.True(t, byName["email"].HasUniqueValue)
	require.True(t, byName["crmsync_id"].HasUniqueValue)
	require.Equal(t, "marketingqualifiedlead", byName["lifecyclestage"].Options[2].Value)
	require.JSONEq(t, `{"status":"error","message":"Property \"nosuch\" does not exist","correlationId":"…","category":"OBJECT_NOT_FOUND"}`,
		a.must(404, "GET", "/crm/v3/properties/contacts/nosuch", ""))
}
