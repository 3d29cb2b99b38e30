package pipeline

import (
	"unicode/utf8"

	"github.com/valyala/fastjson"

	"crmsync"
)

// envelope is the raw members that crmsync reads.
type envelope struct {
	specversion, id, eventID, time, org, recordType, recordID, version, op, occurredAt, data, changed []byte

	twice []byte // a name that stands there twice
}

// take picks the members out of a message. What bounds it comes before what
// parses it, and both before what it says.
func (env *envelope) take(b []byte) *crmsync.Fault {
	switch {
	case len(b) > maxEventBytes:
		return refuse("too_large", "the event has %d bytes, at most %d are taken", len(b), maxEventBytes)
	case !utf8.Valid(b):
		return refuse("not_utf8", "the event is not UTF-8")
	}
	object := members(b, env)
	if !object && tooDeep(b) {
		return refuse("too_deep", "the event nests deeper than %d levels", maxEventDepth)
	}
	if err := fastjson.ValidateBytes(b); err != nil {
		return refuse("invalid_json", "the event is not JSON")
	}
	return env.sound(object)
}

// sound says what is wrong with the members of valid JSON.
func (env *envelope) sound(object bool) *crmsync.Fault {
	switch {
	case !object:
		return refuse("wrong_type", "the event must be a JSON object")
	case env.twice != nil:
		return refuse("duplicate_field", "the event has %q twice", env.twice)
	}
	return nil
}

// set keeps a member that crmsync reads.
func (env *envelope) set(name, value []byte) {
	slot := env.slot(name)
	switch {
	case slot == nil || string(value) == "null":
	case *slot != nil:
		env.twice = name
	default:
		*slot = value
	}
}

func (env *envelope) slot(name []byte) *[]byte {
	switch string(name) {
	case "specversion":
		return &env.specversion
	case "id":
		return &env.id
	case "time":
		return &env.time
	case "event_id":
		return &env.eventID
	case "org_id":
		return &env.org
	case "record_type":
		return &env.recordType
	case "record_id":
		return &env.recordID
	case "version":
		return &env.version
	case "op":
		return &env.op
	case "occurred_at":
		return &env.occurredAt
	case "data":
		return &env.data
	case "changed":
		return &env.changed
	}
	return nil
}

// unwrap replaces a CloudEvents envelope (1.0, structured) by what its data hold.
func (env *envelope) unwrap() *crmsync.Fault {
	outer := *env
	if v := string(outer.specversion); v != `"1.0"` {
		return refuse("unknown_specversion", "CloudEvents %s is not supported, only \"1.0\"", v)
	}
	*env = envelope{}
	if outer.data == nil {
		return refuse("missing_field", "the CloudEvent has no data")
	}
	if f := env.sound(members(outer.data, env)); f != nil {
		return f
	}
	env.eventID = outer.id
	if outer.time != nil {
		env.occurredAt = outer.time
	}
	return nil
}
