package hubspot

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const searchPath = "/crm/v3/objects/contacts/search"

// found returns the ids that a search returns, and how many there are in all.
func (a *account) found(path, body string) (ids []string, total int) {
	a.t.Helper()
	var answer struct {
		Total   int
		Results []struct{ ID string }
	}
	require.NoError(a.t, json.Unmarshal([]byte(a.must(200, "POST", path, body)), &answer))
	for _, r := range answer.Results {
		ids = append(ids, r.ID)
	}
	return ids, answer.Total
}

func where(property, operator, rest string) string {
	return fmt.Sprintf(`{"filterGroups":[{"filters":[{"propertyName":%q,"operator":%q%s}]}]}`, property, operator, rest)
}

func TestSearchLag(t *testing.T) {
	const lag = 3 * time.Second
	a := open(t, Config{SearchLag: lag})
	id := a.contact("ada@example.com")
	byEmail := where("email", "EQ", `,"value":"ADA@example.com"`)
	look := func(query string) []string { ids, _ := a.found(searchPath, query); return ids }
	require.Empty(t, look(byEmail))
	a.clock.forward(lag - 1)
	require.Empty(t, look(byEmail))
	a.clock.forward(1)
	require.Equal(t, []string{id}, look(byEmail))

	a.must(200, "PATCH", "/crm/v3/objects/contacts/"+id, `{"properties":{"email":"new@example.com"}}`)
	require.Equal(t, []string{id}, look(byEmail), "the old value is still found")
	require.Empty(t, look(where("email", "EQ", `,"value":"new@example.com"`)))
	a.clock.forward(lag)
	require.Empty(t, look(byEmail))
	require.Equal(t, []string{id}, look(where("email", "EQ", `,"value":"new@example.com"`)))

	a.must(204, "DELETE", "/crm/v3/objects/contacts/"+id, "")
	require.Empty(t, look(`{}`), "archived records never appear")
}

func TestSearchFilters(t *testing.T) {
	a := open(t, Config{})
	deal := func(name, amount, stage, closes string) string {
		a.must(201, "POST", "/crm/v3/objects/deals", fmt.Sprintf(
			`{"properties":{"dealname":%q,"amount":%q,"dealstage":%q,"closedate":%q}}`, name, amount, stage, closes))
		return a.server.Objects(testPortal, "deals")[len(a.server.Objects(testPortal, "deals"))-1].ID
	}
	one := deal("Big Acme renewal", "1000", "closedwon", "2026-01-01T00:00:00Z")
	two := deal("small acme", "200", "closedlost", "2026-02-01T00:00:00Z")
	three := deal("Other", "", "contractsent", "")
	tests := []struct {
		name, query string
		want        []string
	}{
		{"number, not text", where("amount", "GT", `,"value":"300"`), []string{one}},
		{"between", where("amount", "BETWEEN", `,"value":"200","highValue":"300"`), []string{two}},
		{"text in any case", where("dealname", "EQ", `,"value":"OTHER"`), []string{three}},
		{"not equal", where("dealstage", "NEQ", `,"value":"closedwon"`), []string{two, three}},
		{"enumeration keeps its case", where("dealstage", "EQ", `,"value":"ClosedWon"`), nil},
		{"in", where("dealname", "IN", `,"values":["other","x"]`), []string{three}},
		{"capitals in a list never match", where("dealname", "IN", `,"values":["Other"]`), nil},
		{"not in", where("dealstage", "NOT_IN", `,"values":["closedwon","closedlost"]`), []string{three}},
		{"has", where("amount", "HAS_PROPERTY", ""), []string{one, two}},
		{"has not", where("amount", "NOT_HAS_PROPERTY", ""), []string{three}},
		{"token", where("dealname", "CONTAINS_TOKEN", `,"value":"acme"`), []string{one, two}},
		{"token with a star", where("dealname", "CONTAINS_TOKEN", `,"value":"ren*al"`), []string{one}},
		{"no token", where("dealname", "NOT_CONTAINS_TOKEN", `,"value":"acme"`), []string{three}},
		{"time in milliseconds", where("closedate", "LT", `,"value":"1769000000000"`), []string{one}},
		{"id", where("hs_object_id", "EQ", `,"value":"`+two+`"`), []string{two}},
		{"and", `{"filterGroups":[{"filters":[{"propertyName":"amount","operator":"GTE","value":"200"},{"propertyName":"dealname","operator":"CONTAINS_TOKEN","value":"big"}]}]}`, []string{one}},
		{"or", `{"filterGroups":[{"filters":[{"propertyName":"amount","operator":"LTE","value":"200"}]},{"filters":[{"propertyName":"dealname","operator":"EQ","value":"other"}]}]}`, []string{two, three}},
		{"sorted down, unset last", `{"sorts":[{"propertyName":"amount","direction":"DESCENDING"}]}`, []string{one, two, three}},
		{"sorted up by name alone", `{"sorts":["amount"]}`, []string{two, one, three}},
		{"words anywhere", `{"query":"ACME small"}`, []string{two}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, total := a.found("/crm/v3/objects/deals/search", test.query)
			require.Equal(t, test.want, got)
			require.Equal(t, len(test.want), total)
		})
	}
}

func TestSearchPages(t *testing.T) {
	a := open(t, Config{})
	for i := range 3 {
		a.contact(fmt.Sprintf("c%d@example.com", i))
	}
	first := a.must(200, "POST", searchPath, `{"limit":2,"properties":["email"]}`)
	require.Contains(t, first, `"paging":{"next":{"after":"2"}}`)
	ids, total := a.found(searchPath, `{"limit":2,"after":"2"}`)
	require.Equal(t, []string{"503"}, ids)
	require.Equal(t, 3, total)
}

func TestSearchRefusals(t *testing.T) {
	filters := strings.Repeat(`{"propertyName":"email","operator":"HAS_PROPERTY"},`, 7)
	groups := strings.Repeat(`{"filters":[]},`, 6)
	tests := []struct{ name, body, message string }{
		{"too long", `{"query":"` + strings.Repeat("a", searchBody) + `"}`, "The request body is over 3000 characters"},
		{"page too long", `{"limit":201}`, "limit must be a number from 0 to 200"},
		{"too far", `{"after":"9990","limit":11}`, "Paging past 10000 results is not supported"},
		{"after is no number", `{"after":"x"}`, `after must be an integer: "x"`},
		{"two sorts", `{"sorts":["email","city"]}`, "Only one sort is supported"},
		{"sort by nothing known", `{"sorts":["nosuch"]}`, `There was a problem with the request: property "nosuch" does not exist`},
		{"unknown property", where("nosuch", "EQ", ""), `There was a problem with the request: property "nosuch" does not exist`},
		{"unknown operator", where("email", "LIKE", ""), `"LIKE" is not a valid operator`},
		{"text for a number", where("associatedcompanyid", "EQ", `,"value":"x"`), `x is not a valid value of property "associatedcompanyid"`},
		{"seven filters", `{"filterGroups":[{"filters":[` + strings.TrimSuffix(filters, ",") + `]}]}`, "At most 6 filters in a group and 18 in all are supported"},
		{"six groups", `{"filterGroups":[` + strings.TrimSuffix(groups, ",") + `]}`, "At most 5 filter groups are supported"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := open(t, Config{})
			var answer errorBody
			require.NoError(t, json.Unmarshal([]byte(a.must(400, "POST", searchPath, test.body)), &answer))
			require.Equal(t, test.message, answer.Message)
		})
	}
}
