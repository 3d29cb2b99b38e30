package hubspot

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDocumentedSamples compares whole answers with those that HubSpot
// documents or that were recorded from it.
func TestDocumentedSamples(t *testing.T) {
	const (
		contacts = "/crm/v3/objects/contacts"
		times    = `"createdAt":"` + noon + `","updatedAt":"` + noon + `","archived":false`
		span     = `"startedAt":"` + noon + `","completedAt":"` + noon + `"`
		exists   = `Contact already exists. Existing ID: 501`
		unknown  = `[{\"isValid\":false,\"message\":\"Property \\\"testproperty\\\" does not exist\",\"error\":\"PROPERTY_DOESNT_EXIST\",\"name\":\"testproperty\",\"localizedErrorMessage\":\"Property \\\"testproperty\\\" does not exist\",\"portalId\":44237313}]`
		unknowns = `"errors":[{"message":"Property \"testproperty\" does not exist","code":"PROPERTY_DOESNT_EXIST","context":{"propertyName":["testproperty"]}}]`
		email    = `"hs_object_id":"502","lastmodifieddate":"` + noon + `","createdate":"` + noon + `"`
	)
	tests := []struct {
		name, method, path, body string
		status                   int
		want                     string
	}{
		{
			"create", "POST", contacts, `{"properties":{"email":"Example@HubSpot.com","firstname":"Jane"}}`, 201,
			`{"id":"502","properties":{"createdate":"` + noon + `","email":"example@hubspot.com","firstname":"Jane","hs_object_id":"502","lastmodifieddate":"` + noon + `"},` +
				times + `,"url":"https://app.hubspot.com/contacts/44237313/record/0-1/502"}`,
		},
		{
			"create what exists", "POST", contacts, `{"properties":{"email":"ADA@example.com"}}`, 409,
			`{"status":"error","message":"` + exists + `","correlationId":"…","category":"CONFLICT"}`,
		},
		{
			"create with an unknown property", "POST", contacts, `{"properties":{"email":"a@b.co","testproperty":"x"}}`, 400,
			`{"status":"error","message":"Property values were not valid: ` + unknown + `","correlationId":"…",` + unknowns + `,"category":"VALIDATION_ERROR"}`,
		},
		{
			"update an unknown record", "PATCH", contacts + "/9999", `{"properties":{"firstname":"X"}}`, 404,
			`{"status":"error","message":"Object not found.  objectId are usually numeric.","correlationId":"…","context":{"id":["9999"]},"category":"OBJECT_NOT_FOUND"}`,
		},
		{
			"update by e-mail", "PATCH", contacts + "/Ada@Example.com?idProperty=email", `{"properties":{"firstname":"Ada"}}`, 200,
			`{"id":"501","properties":{"createdate":"` + noon + `","email":"ada@example.com","firstname":"Ada","hs_object_id":"501","lastmodifieddate":"` + noon + `"},` + times + `}`,
		},
		{
			"update clears with an empty text", "PATCH", contacts + "/501", `{"properties":{"firstname":""}}`, 200,
			`{"id":"501","properties":{"createdate":"` + noon + `","firstname":null,"hs_object_id":"501","lastmodifieddate":"` + noon + `"},` + times + `}`,
		},
		{
			"read with an unset and an undefined property", "GET", contacts + "/501?properties=email,lastname&properties=nosuch", "", 200,
			`{"id":"501","properties":{"createdate":"` + noon + `","email":"ada@example.com","hs_object_id":"501","lastmodifieddate":"` + noon + `","lastname":null},` + times + `}`,
		},
		{
			"read an unknown record", "GET", contacts + "/77", "", 404,
			`{"status":"error","message":"Object not found.  objectId are usually numeric.","correlationId":"…","context":{"id":["77"]},"category":"OBJECT_NOT_FOUND"}`,
		},
		{"archive what never was", "DELETE", contacts + "/9999", "", 204, ""},
		{"archive", "DELETE", contacts + "/501", "", 204, ""},
		{
			"batch create, partial", "POST", contacts + "/batch/create",
			`{"inputs":[{"objectWriteTraceId":"0","properties":{"email":"ada@example.com"}},{"objectWriteTraceId":"1","properties":{"email":"siena.dyer@hubspot.com","firstname":"Siena"}}]}`, 207,
			`{"status":"COMPLETE",` + span + `,"results":[{"id":"503","properties":{"createdate":"` + noon + `","email":"siena.dyer@hubspot.com","firstname":"Siena","hs_object_id":"503","lastmodifieddate":"` + noon + `"},` + times + `}],` +
				`"numErrors":1,"errors":[{"status":"error","category":"CONFLICT","message":"` + exists + `","context":{"objectWriteTraceId":["0"],"existingId":["501"]}}]}`,
		},
		{
			"batch create without trace ids", "POST", contacts + "/batch/create",
			`{"inputs":[{"properties":{"email":"new@example.com"}},{"properties":{"email":"ada@example.com"}}]}`, 409,
			`{"status":"error","message":"Contact already exists","correlationId":"…","category":"CONFLICT"}`,
		},
		{
			"batch create with an unknown property and no trace ids", "POST", contacts + "/batch/create",
			`{"inputs":[{"properties":{"email":"new@example.com"}},{"properties":{"email":"b@example.com","testproperty":"x"}}]}`, 400,
			`{"status":"error","message":"Property values were not valid: ` + unknown + `","correlationId":"…",` + unknowns + `,"category":"VALIDATION_ERROR"}`,
		},
		{
			"batch create, all good", "POST", contacts + "/batch/create", `{"inputs":[{"properties":{"email":"new@example.com"}}]}`, 201,
			`{"status":"COMPLETE",` + span + `,"results":[{"id":"502","properties":{"email":"new@example.com",` + email + `},` + times + `}]}`,
		},
		{
			"batch update, partial", "POST", contacts + "/batch/update",
			`{"inputs":[{"id":"501","properties":{"firstname":"Siena"}},{"id":"unknownIdentifier888","properties":{"firstname":"X"}},{"id":"9","properties":{}}]}`, 207,
			`{"status":"COMPLETE",` + span + `,"results":[{"id":"501","properties":{"createdate":"` + noon + `","firstname":"Siena","hs_object_id":"501","lastmodifieddate":"` + noon + `"},` + times + `}],` +
				`"numErrors":1,"errors":[{"status":"error","category":"OBJECT_NOT_FOUND","message":"Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid.","context":{"ids":["unknownIdentifier888","9"]}}]}`,
		},
		{
			"batch update of a record twice", "POST", contacts + "/batch/update",
			`{"inputs":[{"objectWriteTraceId":"a","id":"123456","properties":{"firstname":"A"}},{"objectWriteTraceId":"b","id":"123456","properties":{"firstname":"B"}}]}`, 400,
			`{"status":"error","message":"Duplicate IDs found in batch input: [123456]. IDs must be unique","correlationId":"…","context":{"ids":["123456"]},"category":"VALIDATION_ERROR"}`,
		},
		{
			"batch update with an unknown property, trace ids or not", "POST", contacts + "/batch/update",
			`{"inputs":[{"objectWriteTraceId":"a","id":"501","properties":{"testproperty":"A"}}]}`, 400,
			`{"status":"error","message":"Property values were not valid: ` + unknown + `","correlationId":"…",` + unknowns + `,"category":"VALIDATION_ERROR"}`,
		},
		{
			"wrong type in the body", "POST", contacts + "/batch/update", "{\"inputs\":[\n{\"id\":\"501\",\n\"properties\":[]}]}", 400,
			`{"status":"error","message":"Invalid input JSON on line 3, column 14: Cannot deserialize value of type ` + "`java.util.LinkedHashMap<java.lang.String,java.lang.String>` from Array value (token `JsonToken.START_ARRAY`)" + `","correlationId":"…"}`,
		},
		{
			"upsert a deal", "POST", "/crm/v3/objects/deals/batch/upsert",
			`{"inputs":[{"id":"SRC-1","idProperty":"crmsync_id","objectWriteTraceId":"0","properties":{"dealname":"A","amount":"1500.00"}}]}`, 200,
			`{"status":"COMPLETE",` + span + `,"results":[{"id":"502","new":true,"properties":{"amount":"1500.00","createdate":"` + noon + `","crmsync_id":"SRC-1","dealname":"A","hs_lastmodifieddate":"` + noon + `","hs_object_id":"502","pipeline":"default"},` + times + `}]}`,
		},
		{
			"upsert by a property that is not unique", "POST", "/crm/v3/objects/0-3/batch/upsert",
			`{"inputs":[{"id":"A","idProperty":"dealname","properties":{"dealname":"A"}}]}`, 400,
			`{"status":"error","message":"Unable to perform update/upsert by non-unique 0-3 property dealname","correlationId":"…","category":"VALIDATION_ERROR"}`,
		},
		{
			"upsert of a record twice", "POST", contacts + "/batch/upsert", upsert(true, "c-1", "a@b.co", "c-1", "b@b.co"), 400,
			`{"status":"error","message":"Duplicate IDs found in batch input: [c-1]. IDs must be unique","correlationId":"…","context":{"ids":["c-1"]},"category":"VALIDATION_ERROR"}`,
		},
		{
			"batch read, one missing", "POST", contacts + "/batch/read", `{"properties":["email"],"idProperty":"email","inputs":[{"id":"ada@example.com"},{"id":"no@example.com"}]}`, 207,
			`{"status":"COMPLETE",` + span + `,"results":[{"id":"501","properties":{"createdate":"` + noon + `","email":"ada@example.com","hs_object_id":"501","lastmodifieddate":"` + noon + `"},` + times + `}],` +
				`"numErrors":1,"errors":[{"status":"error","category":"OBJECT_NOT_FOUND","message":"Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid.","context":{"ids":["no@example.com"]}}]}`,
		},
		{"batch archive", "POST", contacts + "/batch/archive", `{"inputs":[{"id":"501"},{"id":"9999"}]}`, 204, ""},
		{
			"search", "POST", contacts + "/search",
			`{"filterGroups":[{"filters":[{"propertyName":"lastmodifieddate","operator":"GTE","value":"1579514400000"}]}],"sorts":[{"propertyName":"lastmodifieddate","direction":"ASCENDING"}],"properties":["email","lastmodifieddate"],"limit":200,"after":"0"}`, 200,
			`{"total":1,"results":[{"id":"501","properties":{"createdate":"` + noon + `","email":"ada@example.com","hs_object_id":"501","lastmodifieddate":"` + noon + `"},` + times + `}]}`,
		},
		{
			"list", "GET", contacts + "?limit=1&properties=email", "", 200,
			`{"results":[{"id":"501","properties":{"createdate":"` + noon + `","email":"ada@example.com","hs_object_id":"501","lastmodifieddate":"` + noon + `"},` + times + `}]}`,
		},
		{
			"another version and type id", "GET", "/crm/objects/2026-03/0-1/501?properties=email", "", 200,
			`{"id":"501","properties":{"createdate":"` + noon + `","email":"ada@example.com","hs_object_id":"501","lastmodifieddate":"` + noon + `"},` + times + `}`,
		},
		{
			"unknown type", "GET", "/crm/v3/objects/leads/1", "", 400,
			`{"status":"error","message":"Unable to infer object type from: leads","correlationId":"…","category":"VALIDATION_ERROR"}`,
		},
		{"unknown path", "POST", contacts + "/merge", "{}", 404, `{"status":"error","message":"resource not found","correlationId":"…"}`},
		{"unknown version", "GET", "/crm/objects/2024-01/contacts/1", "", 404, `{"status":"error","message":"resource not found","correlationId":"…"}`},
		{"wrong method", "PUT", contacts + "/501", "{}", 405, `{"status":"error","message":"method PUT is not allowed here","correlationId":"…"}`},
		{
			"an association", "POST", contacts, `{"properties":{"email":"x@y.zz"},"associations":[{"to":{"id":"1"}}]}`, 400,
			`{"status":"error","message":"associations are not part of this emulator","correlationId":"…","category":"VALIDATION_ERROR"}`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := open(t, Config{})
			require.Equal(t, "501", a.contact("ada@example.com"))
			status, body := a.call(test.method, test.path, test.body)
			require.Equal(t, test.status, status, body)
			if test.want == "" {
				require.Empty(t, body)
				return
			}
			require.JSONEq(t, test.want, body)
			require.Equal(t, "application/json;charset=utf-8", a.header.Get("Content-Type"))
		})
	}
}

// TestCustomUniqueClash: the message is the only place that names the holder.
func TestCustomUniqueClash(t *testing.T) {
	a := open(t, Config{})
	a.must(200, "POST", "/crm/v3/objects/companies/batch/upsert", `{"inputs":[{"id":"A","idProperty":"crmsync_id","properties":{"name":"A"}}]}`)
	a.must(200, "POST", "/crm/v3/objects/companies/batch/upsert", `{"inputs":[{"id":"B","idProperty":"crmsync_id","properties":{"name":"B"}}]}`)
	body := a.must(http.StatusBadRequest, "PATCH", "/crm/v3/objects/companies/502", `{"properties":{"crmsync_id":"A"}}`)
	require.JSONEq(t, `{"status":"error","message":"Cannot set PropertyValueCoordinates{portalId=44237313, objectTypeId=ObjectTypeId{legacyObjectType=COMPANY}, propertyName=crmsync_id, value=A} on 502. 501 already has that value.",
		"correlationId":"…","category":"VALIDATION_ERROR"}`, body)
}
