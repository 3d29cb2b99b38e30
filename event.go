package crmsync

import (
	"fmt"
	"strings"
	"time"
)

// Op is what happened to a record. All but Deleted are treated alike: the link
// decides whether the CRM's object is created or updated.
type Op uint8

// The ops of an event, named in its JSON as create, update, delete and upsert.
const (
	Upserted Op = iota
	Created
	Updated
	Deleted
)

var opNames = [...]string{Upserted: "upsert", Created: "create", Updated: "update", Deleted: "delete"}

// String returns the op as it stands in an event's JSON.
func (o Op) String() string {
	if int(o) < len(opNames) {
		return opNames[o]
	}
	return fmt.Sprintf("op(%d)", uint8(o))
}

// ParseOp returns the op of that name; ok is false for any other text.
func ParseOp(name string) (op Op, ok bool) {
	for i, n := range opNames {
		if n == name {
			return Op(i), true
		}
	}
	return 0, false
}

// RecordKey names one record of one org. Events of one key are handled in order.
type RecordKey struct{ Org, Type, ID string }

// String returns "org/type/id", which is also the key of its Kafka messages.
func (k RecordKey) String() string { return k.Org + "/" + k.Type + "/" + k.ID }

// ParseRecordKey reads what String writes. Org and type hold no slash, so an
// id may. It fails when a part is missing.
func ParseRecordKey(s string) (RecordKey, error) {
	org, rest, _ := strings.Cut(s, "/")
	kind, id, _ := strings.Cut(rest, "/")
	if org == "" || kind == "" || id == "" {
		return RecordKey{}, fmt.Errorf("record key must read org/type/id")
	}
	return RecordKey{Org: org, Type: kind, ID: id}, nil
}

// Hash returns the 64-bit FNV-1a hash of the key, the same in every process.
func (k RecordKey) Hash() uint64 {
	h := uint64(14695981039346656037)
	for _, part := range [...]string{k.Org, k.Type, k.ID} {
		for i := range len(part) {
			h = (h ^ uint64(part[i])) * 1099511628211
		}
		h = (h ^ 0xff) * 1099511628211 // no byte of UTF-8: parts can't run together
	}
	return h
}

// Event is one change of one record. Data is the full record after the change,
// which is what makes it sound to leave out a version that a newer one follows.
type Event struct {
	ID         string
	Key        RecordKey
	Version    int64 // rises with each change of the record; at least 1
	Op         Op
	OccurredAt time.Time
	Data       []byte   // a JSON object; nil where a delete brings none
	Changed    []string // optional: names of the fields that changed
	// Hash tells a repeat of the event from another one with its version: it is of
	// op and data, in any order of the data's fields. 0: unknown.
	Hash uint64
}
