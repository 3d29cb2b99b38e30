package hubspot

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStoredValues(t *testing.T) {
	property := func(kind, field string, options ...string) *Property {
		p := &Property{Name: "p", Type: kind, FieldType: field}
		for _, o := range options {
			p.Options = append(p.Options, Option{Value: o})
		}
		return p
	}
	text, number := property("string", "text"), property("number", "number")
	date, datetime := property("date", "date"), property("datetime", "date")
	one, many := property("enumeration", "select", "a", "b"), property("enumeration", "checkbox", "a", "b", "c")
	owner := property("enumeration", "select")
	owner.ExternalOptions = true
	readOnly := property("number", "number")
	readOnly.ReadOnly = true
	tests := []struct {
		name    string
		p       *Property
		email   bool
		value   string
		want    string
		code    string
		message string
	}{
		{name: "text", p: text, value: " Ada ", want: " Ada "},
		{name: "longest text", p: text, value: strings.Repeat("é", maxText), want: strings.Repeat("é", maxText)},
		{name: "too long", p: text, value: strings.Repeat("a", maxText+1), code: "INVALID_LENGTH", message: `Property value of "p" is too long: at most 65536 characters are allowed`},
		{name: "e-mail", p: text, email: true, value: " Ada@Example.COM", want: "ada@example.com"},
		{name: "no e-mail", p: text, email: true, value: "x", code: "INVALID_EMAIL", message: `Property value "x" is not a valid email`},
		{name: "amount keeps its zeros", p: number, value: "1500.00", want: "1500.00"},
		{name: "negative", p: number, value: "-.5", want: "-.5"},
		{name: "two points", p: number, value: "1.2.3", code: "INVALID_INTEGER", message: "1.2.3 was not a valid number."},
		{name: "exponent", p: number, value: "1e3", code: "INVALID_INTEGER", message: "1e3 was not a valid number."},
		{name: "true", p: property("bool", "booleancheckbox"), value: "true", want: "true"},
		{name: "yes", p: property("bool", "booleancheckbox"), value: "yes", code: "INVALID_OPTION", message: "yes was not one of the allowed options: [true, false]"},
		{name: "option", p: one, value: "b", want: "b"},
		{name: "label of another case", p: one, value: "B", code: "INVALID_OPTION", message: "B was not one of the allowed options: [a, b]"},
		{name: "list where one is allowed", p: one, value: "a;b", code: "INVALID_OPTION", message: "a;b was not one of the allowed options: [a, b]"},
		{name: "list", p: many, value: "a;c", want: "a;c"},
		{name: "list to append", p: many, value: ";c", want: ";c"},
		{name: "unknown in a list", p: many, value: "a;x", code: "INVALID_OPTION", message: "x was not one of the allowed options: [a, b, c]"},
		{name: "owner", p: owner, value: "4711", want: "4711"},
		{name: "owner by name", p: owner, value: "Ada", code: "INVALID_OPTION", message: "Ada was not one of the allowed options: []"},
		{name: "date", p: date, value: "2026-02-28", want: "2026-02-28"},
		{name: "no such day", p: date, value: "2026-02-30", code: "INVALID_DATE", message: "2026-02-30 was not a valid date."},
		{name: "midnight", p: date, value: "1772236800000", want: "2026-02-28"},
		{name: "not midnight", p: date, value: "1772236800001", code: "INVALID_DATE", message: "1772236800001 is at 00:00:00.001 UTC, not midnight!"},
		{name: "instant in UTC", p: datetime, value: "2026-02-28T10:00:00Z", want: "2026-02-28T10:00:00Z"},
		{name: "instant elsewhere", p: datetime, value: "2026-02-28T10:00:00+02:00", want: "2026-02-28T08:00:00.000Z"},
		{name: "instant in milliseconds", p: datetime, value: "1772236800001", want: "2026-02-28T00:00:00.001Z"},
		{name: "day for an instant", p: datetime, value: "2026-02-28", code: "INVALID_LONG", message: "2026-02-28 was not a valid long."},
		{name: "empty clears any", p: date, value: "", want: ""},
		{name: "read only", p: readOnly, value: "1", code: "READ_ONLY_VALUE", message: `"p" is a read only property; its value cannot be set.`},
		{name: "read only, cleared", p: readOnly, value: "", code: "READ_ONLY_VALUE", message: `"p" is a read only property; its value cannot be set.`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, fault := test.p.stored(test.value, test.email)
			if test.code != "" {
				require.Equal(t, &invalid{"p", test.code, test.message}, fault)
				return
			}
			require.Nil(t, fault)
			require.Equal(t, test.want, got)
		})
	}
}

func TestJoinedLists(t *testing.T) {
	p := &Property{Type: "enumeration", FieldType: "checkbox"}
	require.Equal(t, "a;b;c", p.joined("a;b", ";b;c"))
	require.Equal(t, "c", p.joined("a;b", "c"))
	require.Equal(t, "c", p.joined("", ";c"))
	require.Equal(t, ";c", (&Property{Type: "string"}).joined("a", ";c"), "only lists are added to")
}

func TestLifecycle(t *testing.T) {
	const path = "/crm/v3/objects/contacts/501"
	stage := func(a *account, to string) string {
		a.must(200, "PATCH", path, `{"properties":{"lifecyclestage":"`+to+`"}}`)
		return a.server.Objects(testPortal, "contacts")[0].Properties["lifecyclestage"]
	}
	a := open(t, Config{})
	a.contact("ada@example.com")
	require.Equal(t, "customer", stage(a, "customer"))
	require.Equal(t, "customer", stage(a, "lead"), "it does not go back")
	require.Empty(t, a.last().Records[0].Properties, "what was not written is not in the log")
	require.Empty(t, stage(a, ""))
	require.Equal(t, "lead", stage(a, "lead"), "after it was cleared it does")

	b := open(t, Config{AnyLifecycle: true})
	b.contact("ada@example.com")
	require.Equal(t, "customer", stage(b, "customer"))
	require.Equal(t, "lead", stage(b, "lead"))
}

func TestRequiredOnCreate(t *testing.T) {
	required := func(name string) string {
		return `{"status":"error","message":"Property values were not valid: [{\"isValid\":false,\"message\":\"Property \\\"` + name +
			`\\\" is required\",\"error\":\"REQUIRED_FIELD\",\"name\":\"` + name + `\",\"localizedErrorMessage\":\"Property \\\"` + name +
			`\\\" is required\",\"portalId\":44237313}]","correlationId":"…","errors":[{"message":"Property \"` + name +
			`\" is required","code":"REQUIRED_FIELD","context":{"propertyName":["` + name + `"]}}],"category":"VALIDATION_ERROR"}`
	}
	tests := []struct{ name, object, body, lacks string }{
		{"contact without any name", "contacts", `{"phone":"1"}`, "email"},
		{"contact with an empty name", "contacts", `{"firstname":""}`, "email"},
		{"contact with a last name", "contacts", `{"lastname":"L"}`, ""},
		{"company without a name", "companies", `{"city":"Y"}`, "name"},
		{"company with a domain", "companies", `{"domain":"y.test"}`, ""},
		{"deal without a stage", "deals", `{"dealname":"D"}`, "dealstage"},
		{"deal", "deals", `{"dealname":"D","dealstage":"closedwon"}`, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := open(t, Config{})
			status, body := a.call("POST", "/crm/v3/objects/"+test.object, `{"properties":`+test.body+`}`)
			if test.lacks == "" {
				require.Equal(t, 201, status, body)
				return
			}
			require.JSONEq(t, required(test.lacks), body)
		})
	}
}

func TestStrictValues(t *testing.T) {
	const body = `{"properties":{"email":"a@b.co","firstname":7,"lastname":null,"company":true}}`
	a := open(t, Config{})
	a.must(201, "POST", "/crm/v3/objects/contacts", body)
	o := a.server.Objects(testPortal, "contacts")[0]
	require.Equal(t, []string{"7", "", "true"}, []string{o.Properties["firstname"], o.Properties["lastname"], o.Properties["company"]})

	b := open(t, Config{StrictValues: true})
	require.JSONEq(t, "{\"status\":\"error\",\"message\":\"Invalid input JSON on line 1, column 45: Cannot deserialize value of type `java.lang.String` from Integer value (token `JsonToken.VALUE_NUMBER_INT`)\",\"correlationId\":\"…\"}",
		b.must(400, "POST", "/crm/v3/objects/contacts", body))
}
