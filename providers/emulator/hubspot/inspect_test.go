package hubspot

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestInspectionOfPortals drives everything that HubSpot adds to the
// inspection API.
func TestInspectionOfPortals(t *testing.T) {
	a := open(t, Config{})
	tests := []struct {
		name, method, path, body string
		status                   int
		want                     string
	}{
		{"portal", "POST", "portals", `{"id":9,"token":"nine","unique_property":"crmsync_id","limits":{"ten_secondly":-1}}`, 201, ""},
		{"the same token again", "POST", "portals", `{"id":9,"token":"nine"}`, 400, `{"error":"add portal 9: token belongs to a portal already: give it another one"}` + "\n"},
		{"property", "POST", "properties", `{"portal":9,"object_type":"deals","property":{"name":"x","label":"x","groupName":"g","type":"string","fieldType":"text"}}`, 201, ""},
		{"property of an unknown portal", "POST", "properties", `{"portal":8,"object_type":"deals","property":{"name":"x"}}`, 400, `{"error":"create property x of deals in portal 8: unknown portal: add it first"}` + "\n"},
		{"limits", "PUT", "limits", `{"token":"nine","limits":{"ten_secondly":2}}`, 204, ""},
		{"limits of nobody", "PUT", "limits", `{"token":"ten"}`, 400, `{"error":"set limits of a token: unknown token: add its portal first"}` + "\n"},
		{"denial", "POST", "denials", `{"token":"nine","for":"30s"}`, 204, ""},
		{"denial for no time", "POST", "denials", `{"token":"nine","for":"x"}`, 400, `{"error":"for is \"x\": give a duration such as 30s"}` + "\n"},
		{"objects of an unknown portal", "GET", "objects?account=8&type=deals", "", 404, `{"error":"account \"8\": unknown portal"}` + "\n"},
		{"objects of an unknown type", "GET", "objects?account=9&type=leads", "", 404, `{"error":"type \"leads\": unknown object type: choose contacts, companies or deals"}` + "\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, body := a.call(test.method, "/_emulator/"+test.path, test.body)
			require.Equal(t, test.want, body)
			require.Equal(t, test.status, status)
		})
	}
	require.Empty(t, a.server.Log(), "the inspection API is not in the log")

	a.token = "nine"
	a.must(401, "GET", getPath, "")
	a.clock.forward(30 * time.Second)
	a.must(200, "POST", "/crm/v3/objects/deals/batch/upsert", `{"inputs":[{"id":"D","idProperty":"crmsync_id","properties":{"dealname":"D","x":"y"}}]}`)
	a.must(404, "GET", getPath, "")
	a.must(429, "GET", getPath, "")
	require.JSONEq(t, `{"objects":[{"id":"501","type":"deals","archived":false,"created_at":"2025-11-03T23:36:43.632Z","updated_at":"2025-11-03T23:36:43.632Z",
		"properties":{"createdate":"2025-11-03T23:36:43.632Z","crmsync_id":"D","dealname":"D","hs_lastmodifieddate":"2025-11-03T23:36:43.632Z","hs_object_id":"501","pipeline":"default","x":"y"}}]}`,
		a.must(200, "GET", "/_emulator/objects?account=9&type=deals&property=crmsync_id&value=D", ""))
}
