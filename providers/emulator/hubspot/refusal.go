package hubspot

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// refusal is why a request, or one input of a batch, was not carried out.
type refusal struct {
	status   int
	category string
	message  string
	// summary is what the answer says instead of message when the refusal of
	// one input fails a whole batch.
	summary string
	context map[string][]string
	// invalid are the values that were refused, when that is the reason.
	invalid []invalid
}

// refused is a plain 400 VALIDATION_ERROR.
func refused(message string) *refusal {
	return &refusal{status: http.StatusBadRequest, category: "VALIDATION_ERROR", message: message}
}

// invalidProperties is the refusal for values or names that are not valid,
// of one input or of a whole batch. Its message holds a JSON list in a JSON
// string.
func invalidProperties(portal int64, values []invalid) *refusal {
	type line struct {
		IsValid   bool   `json:"isValid"`
		Message   string `json:"message"`
		Error     string `json:"error"`
		Name      string `json:"name"`
		Localized string `json:"localizedErrorMessage"`
		PortalID  int64  `json:"portalId"`
	}
	lines := make([]line, len(values))
	for i, v := range values {
		lines[i] = line{false, v.message, v.code, v.property, v.message, portal}
	}
	r := refused("Property values were not valid: " + string(encoded(lines)))
	r.invalid = values
	return r
}

// unknownProperty is the fault of naming a property that is not defined.
func unknownProperty(name string) invalid {
	return invalid{name, codeUnknownProperty, fmt.Sprintf("Property %q does not exist", name)}
}

const codeUnknownProperty = "PROPERTY_DOESNT_EXIST"

// alreadyExists is the conflict of a contact whose e-mail another one has. A
// whole batch that fails by it does not tell the id.
func alreadyExists(k *kind, holder string) *refusal {
	return &refusal{
		status: http.StatusConflict, category: "CONFLICT",
		message: fmt.Sprintf("%s already exists. Existing ID: %s", k.singular, holder),
		summary: k.singular + " already exists",
		context: map[string][]string{"existingId": {holder}},
	}
}

// alreadyHeld is the clash of a custom unique property.
func alreadyHeld(portal int64, k *kind, property, value, id, holder string) *refusal {
	return refused(fmt.Sprintf(
		"Cannot set PropertyValueCoordinates{portalId=%d, objectTypeId=ObjectTypeId{legacyObjectType=%s}, propertyName=%s, value=%s} on %s. %s already has that value.",
		portal, k.legacy, property, value, id, holder))
}

// notFound is the 404 for one record.
func notFound(id string) *refusal {
	return &refusal{
		status: http.StatusNotFound, category: "OBJECT_NOT_FOUND",
		message: "Object not found.  objectId are usually numeric.", // the two spaces are HubSpot's
		context: map[string][]string{"id": {id}},
	}
}

// someNotFound is the item error of a batch for all records that are not
// there.
func someNotFound(k *kind, ids []string) *refusal {
	return &refusal{
		status: http.StatusNotFound, category: "OBJECT_NOT_FOUND",
		message: fmt.Sprintf("Could not get some %s objects, they may be deleted or not exist. Check that ids are valid.", k.legacy),
		context: map[string][]string{"ids": ids},
	}
}

// duplicateIDs refuses a batch that names a record twice.
func duplicateIDs(ids []string) *refusal {
	r := refused(fmt.Sprintf("Duplicate IDs found in batch input: [%s]. IDs must be unique", strings.Join(ids, ", ")))
	r.context = map[string][]string{"ids": ids}
	return r
}

// notUnique refuses to find records by a property without unique values.
func notUnique(k *kind, property string) *refusal {
	return refused(fmt.Sprintf("Unable to perform update/upsert by non-unique %s property %s", k.typeID, property))
}

// missingScope is the 403 of a token that may not do this.
func missingScope(scopes []string) *answer {
	const page = "https://developers.hubspot.com/scopes"
	return failure(http.StatusForbidden, errorBody{
		Message:  "This app hasn't been granted all required scopes to make this call. Read more about required scopes here: " + page + ".",
		Category: "MISSING_SCOPES",
		Errors: []errorDetail{{
			Message: "One or more of the following scopes are required.",
			Context: map[string][]string{"requiredGranularScopes": scopes},
		}},
		Links: map[string]string{"scopes": page},
	})
}

// errorDetail is one line of the errors of an error answer.
type errorDetail struct {
	Message string              `json:"message"`
	Code    string              `json:"code,omitempty"`
	Context map[string][]string `json:"context,omitempty"`
}

// errorBody is every error answer: which fields are there depends on the
// error, as with HubSpot.
type errorBody struct {
	Status        string              `json:"status"`
	Message       string              `json:"message"`
	CorrelationID string              `json:"correlationId,omitempty"`
	Context       map[string][]string `json:"context,omitempty"`
	Errors        []errorDetail       `json:"errors,omitempty"`
	Links         map[string]string   `json:"links,omitempty"`
	Category      string              `json:"category,omitempty"`
	ErrorType     string              `json:"errorType,omitempty"`
	PolicyName    string              `json:"policyName,omitempty"`
	GroupName     string              `json:"groupName,omitempty"`
	RequestID     string              `json:"requestId,omitempty"`
}

// answer is what a request gets: either ready bytes, or an error body that
// still lacks its correlation id.
type answer struct {
	status     int
	body       []byte
	failure    *errorBody
	retryAfter int  // seconds; 0 for none
	text       bool // plain text, as from a proxy on the way
}

func failure(status int, body errorBody) *answer {
	body.Status = "error"
	return &answer{status: status, failure: &body}
}

// answer turns the refusal of a whole request into its answer.
func (r *refusal) answer() *answer {
	body := errorBody{Message: r.message, Category: r.category, Context: r.context}
	for _, v := range r.invalid {
		body.Errors = append(body.Errors, errorDetail{v.message, v.code, map[string][]string{"propertyName": {v.property}}})
	}
	if r.status == http.StatusConflict {
		body.Context = nil // the id stands in the message alone
	}
	return failure(r.status, body)
}

// whole turns the refusal of one input into the answer of its batch.
func (r *refusal) whole() *answer {
	a := r.answer()
	if r.summary != "" {
		a.failure.Message = r.summary
	}
	return a
}

// encoded is v as JSON without the escapes that HTML wants.
func encoded(v any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil { // only our own plain structs come here
		return []byte(strconv.Quote(err.Error()))
	}
	return bytes.TrimRight(out.Bytes(), "\n")
}
