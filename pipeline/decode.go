package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"crmsync"
)

// Bounds of an event. Larger ones are dead letters.
const (
	maxEventBytes = 1 << 20
	maxAsideBytes = 256 << 10 // of a message's key and headers
	maxEventDepth = 32
	maxIDBytes    = 512
	maxChanged    = 1000
	maxInterned   = 10_000
)

// VersionFrom says where an event's version stands.
type VersionFrom string

// The places of a version.
const (
	VersionField      VersionFrom = "version"     // the envelope's field
	VersionOccurredAt VersionFrom = "occurred_at" // microseconds since 1970: producers' clocks decide who wins
	VersionOffset     VersionFrom = "offset"      // the log's order decides; a topic made again starts over
)

// Decoder reads the envelope of events, and leaves the record in it alone: the
// event's Data are the message's own bytes. It keeps texts that recur, so one
// decoder must not be used by two callers at the same time.
type Decoder struct {
	From  VersionFrom
	names map[string]string
}

// Decode answers the message's event. A fault is of kind Rejected, and its code
// is the reason code of the dead letter.
func (d *Decoder) Decode(m *crmsync.Message) (crmsync.Event, *crmsync.Fault) {
	if aside(m) > maxAsideBytes {
		return crmsync.Event{}, refuse("too_large", "the message's key and headers have more than %d bytes", maxAsideBytes)
	}
	if m.Value == nil {
		return d.tombstone(m)
	}
	var env envelope
	if f := env.take(m.Value); f != nil {
		return crmsync.Event{}, f
	}
	if env.specversion != nil {
		if f := env.unwrap(); f != nil {
			return crmsync.Event{}, f
		}
	}
	return d.event(&env, m)
}

// aside is how many bytes stand beside a message's value, and about what each
// header takes.
func aside(m *crmsync.Message) int {
	n := len(m.Key)
	for _, h := range m.Headers {
		n += len(h.Key) + len(h.Value) + 64
	}
	return n
}

// decode is Decode, but for a panic, which costs the event and not the process.
func (d *Decoder) decode(m *crmsync.Message) (ev crmsync.Event, f *crmsync.Fault) {
	defer func() {
		if v := recover(); v != nil {
			ev, f = crmsync.Event{}, panicked("read the event", v)
		}
	}()
	return d.Decode(m)
}

// isReplay says whether the message was a dead letter and is sent again.
func isReplay(m *crmsync.Message) bool {
	_, ok := m.Header(crmsync.HeaderReplay)
	return ok
}

func refuse(code, format string, args ...any) *crmsync.Fault {
	return &crmsync.Fault{Kind: crmsync.Rejected, Code: code, Message: fmt.Sprintf(format, args...)}
}

// event reads the values of an envelope.
func (d *Decoder) event(env *envelope, m *crmsync.Message) (ev crmsync.Event, f *crmsync.Fault) {
	r := reader{d: d}
	ev.ID = r.text("event_id", env.eventID, false)
	ev.Key = crmsync.RecordKey{
		Org:  r.text("org_id", env.org, true),
		Type: r.text("record_type", env.recordType, true),
		ID:   r.text("record_id", env.recordID, false),
	}
	ev.Op = r.op(env.op)
	ev.OccurredAt = r.time(env.occurredAt)
	ev.Data = r.object(env.data, ev.Op)
	ev.Changed = r.changed(env.changed)
	ev.Version = r.version(env.version, d.From, ev.OccurredAt, m)
	if r.fault == nil {
		ev.Hash = hashOf(ev.Op, ev.Data)
	}
	return ev, r.fault
}

// tombstone is the delete that a message without value stands for. Its key
// names the record.
func (d *Decoder) tombstone(m *crmsync.Message) (ev crmsync.Event, f *crmsync.Fault) {
	key, err := crmsync.ParseRecordKey(string(m.Key))
	if err != nil || !utf8.Valid(m.Key) || bytes.IndexByte(m.Key, 0) >= 0 {
		return ev, refuse("bad_key", "a tombstone's key must read org/type/id")
	}
	if longest := max(len(key.Org), len(key.Type), len(key.ID)); longest > maxIDBytes {
		return ev, refuse("too_long", "a part of the tombstone's key has %d bytes, at most %d are taken", longest, maxIDBytes)
	}
	ev = crmsync.Event{
		ID:  fmt.Sprintf("%s/%d/%d", m.Topic, m.Partition, m.Offset),
		Key: key, Op: crmsync.Deleted, OccurredAt: m.Time, Hash: hashOf(crmsync.Deleted, nil),
	}
	if ev.Version, f = stated(m); f != nil || ev.Version > 0 {
		return ev, f
	}
	switch d.From {
	case VersionOccurredAt:
		ev.Version = m.Time.UnixMicro()
	case VersionOffset:
		ev.Version = m.Offset + 1
	default:
		return ev, refuse("missing_version", "a tombstone needs its version in the header %s", crmsync.HeaderVersion)
	}
	return ev, nil
}

// stated returns the version in the message's header, 0 if there is none.
func stated(m *crmsync.Message) (int64, *crmsync.Fault) {
	text, ok := m.Header(crmsync.HeaderVersion)
	if !ok {
		return 0, nil
	}
	v, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || v < 1 {
		return 0, refuse("bad_version", "the header %s must be a whole number of at least 1", crmsync.HeaderVersion)
	}
	return v, nil
}

// reader reads values and keeps the first fault.
type reader struct {
	d     *Decoder
	fault *crmsync.Fault
}

func (r *reader) fail(code, format string, args ...any) {
	if r.fault == nil {
		r.fault = refuse(code, format, args...)
	}
}

// text reads a required text. Those that recur are kept once.
func (r *reader) text(name string, raw []byte, recurs bool) string {
	if raw == nil {
		r.fail("missing_field", "the event has no %s", name)
		return ""
	}
	if raw[0] != '"' {
		r.fail("wrong_type", "%s must be a text", name)
		return ""
	}
	if len(raw) > maxIDBytes {
		r.fail("too_long", "%s has %d bytes, at most %d are taken", name, len(raw), maxIDBytes)
		return ""
	}
	s := r.unquote(raw, recurs)
	switch {
	case s == "":
		r.fail("missing_field", "%s is empty", name)
	case recurs && strings.IndexByte(s, '/') >= 0: // of what it says, not of how it is written
		r.fail("bad_name", "%s must not hold a slash", name)
	case strings.IndexByte(s, 0) >= 0:
		r.fail("bad_name", "%s must not hold a NUL character", name)
	}
	return s
}

func (r *reader) unquote(raw []byte, recurs bool) string {
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') >= 0 {
		var s string
		_ = json.Unmarshal(raw, &s) // it is valid JSON
		return s
	}
	if !recurs {
		return string(inner)
	}
	if s, ok := r.d.names[string(inner)]; ok {
		return s
	}
	if r.d.names == nil || len(r.d.names) >= maxInterned {
		r.d.names = make(map[string]string)
	}
	s := string(inner)
	r.d.names[s] = s
	return s
}

func (r *reader) op(raw []byte) crmsync.Op {
	if raw == nil {
		r.fail("missing_field", "the event has no op")
		return 0
	}
	op, ok := crmsync.ParseOp(string(bytes.Trim(raw, `"`)))
	if !ok || raw[0] != '"' {
		r.fail("unknown_op", "op must be create, update, delete or upsert")
	}
	return op
}

func (r *reader) time(raw []byte) time.Time {
	if raw == nil {
		r.fail("missing_field", "the event has no occurred_at")
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, string(bytes.Trim(raw, `"`)))
	if err != nil || raw[0] != '"' {
		r.fail("bad_time", "occurred_at must be a time like 2026-11-22T10:00:00Z")
	}
	return t
}

func (r *reader) object(raw []byte, op crmsync.Op) []byte {
	switch {
	case raw == nil && op != crmsync.Deleted:
		r.fail("missing_field", "the event has no data")
	case raw != nil && raw[0] != '{':
		r.fail("wrong_type", "data must be an object")
	}
	return raw
}

// changed reads a list of field names, which recur.
func (r *reader) changed(raw []byte) (names []string) {
	if raw == nil {
		return nil
	}
	wrong := raw[0] != '['
	for i := 1; !wrong && raw[i] != ']'; {
		if i = space(raw, i); raw[i] == ',' {
			i = space(raw, i+1)
		}
		if raw[i] == ']' {
			break
		}
		end := endOfValue(raw, i)
		if wrong = raw[i] != '"' || len(names) == maxChanged; !wrong {
			names = append(names, r.unquote(raw[i:end], true))
		}
		i = end
	}
	if wrong {
		r.fail("wrong_type", "changed must be a list of at most %d texts", maxChanged)
		return nil
	}
	return names
}

// version reads the version. A message that is sent again has another offset
// than at first, so it states what its version was.
func (r *reader) version(raw []byte, from VersionFrom, at time.Time, m *crmsync.Message) int64 {
	if isReplay(m) {
		v, f := stated(m)
		if f != nil && r.fault == nil {
			r.fault = f
		}
		if v > 0 {
			return v
		}
	}
	switch from {
	case VersionOccurredAt:
		return at.UnixMicro()
	case VersionOffset:
		return m.Offset + 1
	}
	if raw == nil {
		r.fail("missing_field", "the event has no version")
		return 0
	}
	v, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || v < 1 {
		r.fail("bad_version", "version must be a whole number of at least 1")
	}
	return v
}
